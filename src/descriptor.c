#include "descriptor.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "error.h"

/* Ranks of batch normalization: (N, C) up to (N, C, D, H, W). */
#define BATCH_MIN_RANK 2
#define BATCH_MAX_RANK 5

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

clnorm_status clnorm_desc_init(clnorm_desc *desc, size_t size, clnorm_op op, clnorm_preset preset)
{
  clnorm__error_begin();
  if (desc == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc: expected a descriptor, got NULL");
  }
  if (size != sizeof *desc) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "size: expected sizeof(clnorm_desc) = %zu, got %zu", sizeof *desc,
                        size);
  }
  if (op != CLNORM_BATCH) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "op: expected CLNORM_BATCH (1), got %d", (int)op);
  }
  clnorm_desc made = {.size = size, .op = op, .layout = CLNORM_CHANNELS_FIRST, .dtype = CLNORM_F32};
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
  *desc = made;
  return CLNORM_SUCCESS;
}

static clnorm_status check_enums(const clnorm_desc *desc)
{
  if (desc->op != CLNORM_BATCH) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.op: expected CLNORM_BATCH (1), got %d", (int)desc->op);
  }
  if (desc->layout != CLNORM_CHANNELS_FIRST && desc->layout != CLNORM_CHANNELS_LAST) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.layout: expected a clnorm_layout (1 or 2), got %d",
                        (int)desc->layout);
  }
  if (desc->dtype < CLNORM_F32 || desc->dtype > CLNORM_F64) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.dtype: expected a clnorm_dtype (1 to 4), got %d",
                        (int)desc->dtype);
  }
  if (desc->dtype != CLNORM_F32) {
    return clnorm__fail(CLNORM_UNSUPPORTED, "desc.dtype: this version normalizes CLNORM_F32 (1) only, got %d",
                        (int)desc->dtype);
  }
  if ((desc->flags & ~CLNORM_PER_ACTIVATION) != 0) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.flags: expected 0 or CLNORM_PER_ACTIVATION, got 0x%x",
                        (unsigned)desc->flags);
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
  return CLNORM_SUCCESS;
}

static clnorm_status check_shape(const clnorm_desc *desc)
{
  if (desc->rank < BATCH_MIN_RANK || desc->rank > BATCH_MAX_RANK) {
    return clnorm__fail(CLNORM_INVALID_SHAPE, "desc.rank: expected %d to %d for batch normalization, got %u",
                        BATCH_MIN_RANK, BATCH_MAX_RANK, (unsigned)desc->rank);
  }
  const uint32_t channel_axis = desc->layout == CLNORM_CHANNELS_LAST ? desc->rank - 1 : 1;
  if (desc->dims[channel_axis] == 0) {
    return clnorm__fail(CLNORM_INVALID_SHAPE, "desc.dims[%u]: expected at least 1 channel, got 0",
                        (unsigned)channel_axis);
  }
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
  return CLNORM_SUCCESS;
}

clnorm_status clnorm__descriptor_read(const clnorm_desc *from, clnorm_desc *desc, clnorm__geometry *geometry)
{
  clnorm_status status;
  if (from == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc: expected a descriptor, got NULL");
  }
  if (from->size != sizeof *from) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "desc.size: expected sizeof(clnorm_desc) = %zu, got %zu", sizeof *from,
                        from->size);
  }
  *desc = *from;
  CLNORM__TRY(check_enums(desc));
  CLNORM__TRY(check_numbers(desc));
  CLNORM__TRY(check_shape(desc));
  clnorm__geometry_derive(desc, geometry);
done:
  return status;
}

clnorm_status clnorm__descriptor_allows(const clnorm_desc *desc, const clnorm__geometry *geometry, clnorm_pass pass)
{
  (void)desc;
  switch (pass) {
    case CLNORM_INFER:
    case CLNORM_BACKWARD_FROZEN:
      return CLNORM_SUCCESS;
    case CLNORM_TRAIN:
    case CLNORM_BACKWARD:
      break;
    default:
      return clnorm__fail(CLNORM_INVALID_ARGUMENT, "pass: expected a clnorm_pass (1 to 4), got %d", (int)pass);
  }
  if (geometry->elements == 0) {
    return clnorm__fail(CLNORM_INVALID_SHAPE,
                        "desc.dims: expected at least 2 values a statistic in training, got an empty tensor");
  }
  if (geometry->values == 1) {
    return clnorm__fail(CLNORM_TOO_FEW_VALUES, "desc.dims: expected at least 2 values a statistic in training, got 1");
  }
  return CLNORM_SUCCESS;
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
done:
  return status;
}
