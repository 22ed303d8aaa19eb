#include "descriptor.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "error.h"
#include "strides.h"

/* What a caller has who was compiled before the members from `axis` on existed. */
#define FIRST_SIZE offsetof(clnorm_desc, axis)

static const char *const ops[] = {"batch", "layer", "instance", "group", "rms"};

const char *clnorm__op_name(clnorm_op op) { return ops[op - CLNORM_BATCH]; }

int clnorm__op_has_running(clnorm_op op) { return op == CLNORM_BATCH || op == CLNORM_INSTANCE; }

/* Layer and RMS normalization know no channels. */
static int has_channels(const clnorm_desc *desc) { return desc->op != CLNORM_LAYER && desc->op != CLNORM_RMS; }

int clnorm__desc_is_lean(const clnorm_desc *desc)
{
  static const uint32_t lean =
      CLNORM_PER_ACTIVATION | CLNORM_RESIDUAL | CLNORM_ACCUMULATE_DGAMMA | CLNORM_ACCUMULATE_DBETA;
  return (desc->flags & ~lean) == 0 && desc->length_axis == 0 && clnorm__strides_are_dense(desc);
}

int clnorm__desc_fuses_nothing(const clnorm_desc *desc)
{
  return desc->op == CLNORM_BATCH && clnorm__desc_is_lean(desc) && (desc->flags & CLNORM_RESIDUAL) == 0 &&
         desc->activation == CLNORM_ACTIVATION_NONE;
}

size_t clnorm__dtype_size(clnorm_dtype dtype)
{
  switch (dtype) {
    case CLNORM_F16:
    case CLNORM_BF16:
      return 2;
    case CLNORM_F64:
      return 8;
    case CLNORM_F32:
      break;
  }
  return 4;
}

size_t clnorm__number_size(clnorm_dtype dtype) { return dtype == CLNORM_F64 ? sizeof(double) : sizeof(float); }

clnorm_status clnorm_desc_init(clnorm_desc *desc, size_t size, clnorm_op op, clnorm_preset preset)
{
  clnorm__error_begin();
  if (desc == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc: expected a descriptor, got NULL");
  }
  if (size != sizeof *desc && size != FIRST_SIZE) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "size: expected sizeof(clnorm_desc) = %zu, got %zu", sizeof *desc,
                        size);
  }
  if (op < CLNORM_BATCH || op > CLNORM_RMS) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "op: expected a clnorm_op (1 to 5), got %d", (int)op);
  }
  clnorm_desc made = {.size = size, .op = op, .layout = CLNORM_CHANNELS_FIRST, .dtype = CLNORM_F32, .axis = 1};
  made.averaging = CLNORM_AVERAGE_EXPONENTIAL;
  switch (preset) {
    case CLNORM_PRESET_TORCH:
      made.epsilon = 1e-5, made.average_factor = 0.1, made.running_variance = CLNORM_VARIANCE_UNBIASED;
      break;
    case CLNORM_PRESET_KERAS:
      made.epsilon = 1e-3, made.average_factor = 0.01, made.running_variance = CLNORM_VARIANCE_POPULATION;
      break;
    case CLNORM_PRESET_ONNX:
      made.epsilon = 1e-5, made.average_factor = 0.1, made.running_variance = CLNORM_VARIANCE_POPULATION;
      break;
    default:
      return clnorm__fail(CLNORM_INVALID_ARGUMENT, "preset: expected a clnorm_preset (1 to 3), got %d", (int)preset);
  }
  memcpy(desc, &made, size);
  return CLNORM_SUCCESS;
}

static clnorm_status check_enums(const clnorm_desc *desc)
{
  if (desc->op < CLNORM_BATCH || desc->op > CLNORM_RMS) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.op: expected a clnorm_op (1 to 5), got %d", (int)desc->op);
  }
  if (desc->layout != CLNORM_CHANNELS_FIRST && desc->layout != CLNORM_CHANNELS_LAST) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.layout: expected a clnorm_layout (1 or 2), got %d",
                        (int)desc->layout);
  }
  if (desc->dtype < CLNORM_F32 || desc->dtype > CLNORM_F64) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.dtype: expected a clnorm_dtype (1 to 4), got %d",
                        (int)desc->dtype);
  }
  if (desc->activation < CLNORM_ACTIVATION_NONE || desc->activation > CLNORM_ACTIVATION_GELU_TANH) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.activation: expected a clnorm_activation (0 to 9), got %d",
                        (int)desc->activation);
  }
  if (desc->averaging != CLNORM_AVERAGE_EXPONENTIAL && desc->averaging != CLNORM_AVERAGE_CUMULATIVE) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.averaging: expected a clnorm_averaging (1 or 2), got %d",
                        (int)desc->averaging);
  }
  if (desc->running_variance != CLNORM_VARIANCE_UNBIASED && desc->running_variance != CLNORM_VARIANCE_POPULATION) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.running_variance: expected a clnorm_variance (1 or 2), got %d",
                        (int)desc->running_variance);
  }
  return CLNORM_SUCCESS;
}

static clnorm_status check_flags(const clnorm_desc *desc)
{
  const uint32_t known = CLNORM_PER_ACTIVATION | CLNORM_RESIDUAL | CLNORM_RELU_MASK | CLNORM_ACCUMULATE_DX |
                         CLNORM_ACCUMULATE_DGAMMA | CLNORM_ACCUMULATE_DBETA;
  if ((desc->flags & ~known) != 0) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.flags: expected flags out of 0x%x, got 0x%x", (unsigned)known,
                        (unsigned)desc->flags);
  }
  if ((desc->flags & CLNORM_PER_ACTIVATION) != 0 && desc->op != CLNORM_BATCH) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.flags: CLNORM_PER_ACTIVATION expects CLNORM_BATCH, got op %d",
                        (int)desc->op);
  }
  if ((desc->flags & CLNORM_RELU_MASK) != 0 && desc->activation != CLNORM_ACTIVATION_RELU) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT,
                        "desc.flags: CLNORM_RELU_MASK expects CLNORM_ACTIVATION_RELU, got activation %d",
                        (int)desc->activation);
  }
  return CLNORM_SUCCESS;
}

static clnorm_status check_numbers(const clnorm_desc *desc)
{
  /* Kernels add epsilon in float, and a device may flush denormals to 0: with a variance of 0 that would divide by 0. */
  if (!(isfinite(desc->epsilon) && (float)desc->epsilon >= FLT_MIN && isfinite((float)desc->epsilon))) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.epsilon: expected a positive normal float, got %g",
                        desc->epsilon);
  }
  if (!(desc->average_factor >= 0.0 && desc->average_factor <= 1.0)) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.average_factor: expected a number in [0, 1], got %g",
                        desc->average_factor);
  }
  const int clipped = desc->activation == CLNORM_ACTIVATION_CLIPPED_RELU;
  if (!isfinite(desc->alpha) || !isfinite((float)desc->alpha) || (clipped && !((float)desc->alpha > 0.0f))) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.alpha: expected a %s float, got %g",
                        clipped ? "positive" : "finite", desc->alpha);
  }
  return CLNORM_SUCCESS;
}

static clnorm_status check_channels(const clnorm_desc *desc)
{
  const uint32_t channel_axis = desc->layout == CLNORM_CHANNELS_LAST ? desc->rank - 1 : 1;
  const size_t channels = desc->dims[channel_axis];
  if (channels == 0) {
    return clnorm__fail(CLNORM_INVALID_SHAPE, "desc.dims[%u]: expected at least 1 channel, got 0",
                        (unsigned)channel_axis);
  }
  if (desc->op == CLNORM_GROUP && (desc->groups == 0 || channels % desc->groups != 0)) {
    return clnorm__fail(CLNORM_INVALID_SHAPE, "desc.groups: expected a divisor of %zu channels, got %u", channels,
                        (unsigned)desc->groups);
  }
  if (desc->length_axis == channel_axis) {
    return clnorm__fail(CLNORM_INVALID_SHAPE, "desc.length_axis: expected an axis of positions, got %u, the channels",
                        (unsigned)channel_axis);
  }
  return CLNORM_SUCCESS;
}

static clnorm_status check_axes(const clnorm_desc *desc)
{
  const uint32_t least = has_channels(desc) ? 2 : 1;
  if (desc->rank < least || desc->rank > CLNORM_MAX_RANK) {
    return clnorm__fail(CLNORM_INVALID_SHAPE, "desc.rank: expected %u to %d for %s normalization, got %u",
                        (unsigned)least, CLNORM_MAX_RANK, clnorm__op_name(desc->op), (unsigned)desc->rank);
  }
  if (!has_channels(desc) && desc->axis >= desc->rank) {
    return clnorm__fail(CLNORM_INVALID_SHAPE, "desc.axis: expected less than the rank %u, got %u", (unsigned)desc->rank,
                        (unsigned)desc->axis);
  }
  if (desc->length_axis >= desc->rank) {
    return clnorm__fail(CLNORM_INVALID_SHAPE, "desc.length_axis: expected less than the rank %u, got %u",
                        (unsigned)desc->rank, (unsigned)desc->length_axis);
  }
  return has_channels(desc) ? check_channels(desc) : CLNORM_SUCCESS;
}

/* Normalized axes of no place would leave statistics without values where the rest has places. */
static clnorm_status check_normalized(const clnorm_desc *desc)
{
  for (uint32_t axis = desc->axis; !has_channels(desc) && axis < desc->rank; axis++) {
    if (desc->dims[axis] == 0) {
      return clnorm__fail(CLNORM_INVALID_SHAPE, "desc.dims[%u]: expected at least 1 place to normalize over, got 0",
                          (unsigned)axis);
    }
  }
  return CLNORM_SUCCESS;
}

static clnorm_status check_shape(const clnorm_desc *desc)
{
  clnorm_status status;
  CLNORM__TRY(check_axes(desc));
  CLNORM__TRY(check_normalized(desc));
  /* A zero elsewhere makes the tensor empty, but the other dimensions still have to be sane: their products appear as
   * strides and counts of statistics. */
  uint64_t bytes = clnorm__dtype_size(desc->dtype);
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    const uint64_t dim = desc->dims[axis] != 0 ? desc->dims[axis] : 1;
    if (bytes > (uint64_t)INT64_MAX / dim) {
      return clnorm__fail(CLNORM_OVERFLOW,
                          "desc.dims: expected a tensor of less than 2^63 bytes, passed by desc.dims[%u] = %zu",
                          (unsigned)axis, desc->dims[axis]);
    }
    bytes *= dim;
  }
  CLNORM__TRY(clnorm__strides_check(desc));
done:
  return status;
}

clnorm_status clnorm__descriptor_copy(const clnorm_desc *from, clnorm_desc *desc)
{
  if (from == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc: expected a descriptor, got NULL");
  }
  if (from->size != sizeof *from && from->size != FIRST_SIZE) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.size: expected sizeof(clnorm_desc) = %zu, got %zu", sizeof *from,
                        from->size);
  }
  *desc = (clnorm_desc){.axis = 1};
  memcpy(desc, from, from->size);
  desc->size = sizeof *desc;
  return CLNORM_SUCCESS;
}

clnorm_status clnorm__descriptor_read(const clnorm_desc *from, clnorm_desc *desc, clnorm__geometry *geometry)
{
  clnorm_status status;
  CLNORM__TRY(clnorm__descriptor_copy(from, desc));
  CLNORM__TRY(check_enums(desc));
  CLNORM__TRY(check_flags(desc));
  CLNORM__TRY(check_numbers(desc));
  CLNORM__TRY(check_shape(desc));
  clnorm__geometry_derive(desc, geometry);
done:
  return status;
}

/* Batch and instance normalization of single values would make every y beta, and their running variance undefined: an error
 * with them, as their users expect. */
static clnorm_status check_values(const clnorm_desc *desc, const clnorm__geometry *geometry)
{
  if (!clnorm__op_has_running(desc->op)) {
    return CLNORM_SUCCESS;
  }
  if (geometry->elements == 0 && desc->op == CLNORM_BATCH) {
    return clnorm__fail(CLNORM_INVALID_SHAPE,
                        "desc.dims: expected at least 2 values a statistic in training, got an empty tensor");
  }
  if (geometry->values == 1) {
    return clnorm__fail(CLNORM_TOO_FEW_VALUES, "desc.dims: expected at least 2 values a statistic in training, got 1");
  }
  return CLNORM_SUCCESS;
}

clnorm_status clnorm__descriptor_allows(const clnorm_desc *desc, const clnorm__geometry *geometry, clnorm_pass pass)
{
  switch (pass) {
    case CLNORM_INFER:
      return CLNORM_SUCCESS;
    case CLNORM_BACKWARD_FROZEN:
      if (!clnorm__op_has_running(desc->op)) {
        return clnorm__fail(CLNORM_INVALID_ARGUMENT,
                            "pass: %s normalization has no running statistics, expected CLNORM_BACKWARD (3), got 4",
                            clnorm__op_name(desc->op));
      }
      return CLNORM_SUCCESS;
    case CLNORM_TRAIN:
    case CLNORM_BACKWARD:
      return check_values(desc, geometry);
  }
  return clnorm__fail(CLNORM_INVALID_ARGUMENT, "pass: expected a clnorm_pass (1 to 4), got %d", (int)pass);
}

clnorm_status clnorm_desc_counts(const clnorm_desc *desc, clnorm_counts *counts)
{
  clnorm_desc read;
  clnorm__geometry geometry;
  clnorm_status status;
  clnorm__error_begin();
  if (counts == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "counts: expected a structure to fill, got NULL");
  }
  CLNORM__TRY(clnorm__descriptor_read(desc, &read, &geometry));
  counts->elements = (size_t)geometry.elements;
  counts->statistics = (size_t)geometry.statistics;
  counts->parameters = (size_t)geometry.parameters;
  counts->values = (size_t)geometry.values;
  counts->mask_words = (size_t)((geometry.elements + 31) / 32);
done:
  return status;
}
