#include <stdlib.h>
#include <string.h>

#include "descriptor.h"
#include "error.h"
#include "layer_state.h"
#include "strides.h"

static const struct {
  const char *name;
  float start;
} values[CLNORM__LAYER_VALUES] = {
#define VALUE_ROW(name, member, start, extent) [CLNORM_VALUE_##name] = {#member, start},
    CLNORM__LAYER_VALUE_TABLE(VALUE_ROW)
#undef VALUE_ROW
};

/* ---- making ------------------------------------------------------------------------------------------------- */

float clnorm__layer_start(clnorm_layer_value value) { return values[value].start; }

/* What needs arguments beside the layer's own and x, dy, y and dx; or statistics that N has part in. */
static clnorm_status check_kind(const clnorm_desc *desc)
{
  clnorm_desc two = *desc;
  two.dims[0] = 2; /* of one sample any distance between samples is dense */
  if ((desc->flags & ~CLNORM_PER_ACTIVATION) != 0) {
    return clnorm__fail(CLNORM_UNSUPPORTED, "desc.flags: a layer takes CLNORM_PER_ACTIVATION (0x1) alone, got 0x%x",
                        (unsigned)desc->flags);
  }
  if (desc->length_axis != 0 || !clnorm__strides_are_dense(&two)) {
    return clnorm__fail(CLNORM_UNSUPPORTED, "desc.%s: a layer expects dense tensors without padding",
                        desc->length_axis != 0 ? "length_axis" : "strides");
  }
  if (desc->dtype == CLNORM_F64) {
    return clnorm__fail(CLNORM_UNSUPPORTED,
                        "desc.dtype: a layer's values are float, expected CLNORM_F32, F16 or BF16, got CLNORM_F64");
  }
  if ((desc->op == CLNORM_LAYER || desc->op == CLNORM_RMS) && desc->axis == 0) {
    return clnorm__fail(CLNORM_UNSUPPORTED,
                        "desc.axis: a layer, whose N changes from call to call, expects at least 1, got 0");
  }
  return CLNORM_SUCCESS;
}

clnorm_status clnorm__layer_init(clnorm_layer *layer, const clnorm_desc *desc, const clnorm__layer_backend *backend)
{
  clnorm_status status;
  clnorm__geometry geometry;
  memset(layer, 0, sizeof *layer);
  clnorm_desc sample;
  CLNORM__TRY(clnorm__descriptor_copy(desc, &sample));
  sample.dims[0] = 1;
  CLNORM__TRY(clnorm__descriptor_read(&sample, &layer->desc, &geometry));
  CLNORM__TRY(check_kind(&layer->desc));
  const struct {
    size_t parameters, running, saved;
  } counts = {.parameters = (size_t)geometry.parameters,
              .running = clnorm__op_has_running(sample.op) ? (size_t)geometry.parameters : 0,
              .saved = sample.op == CLNORM_BATCH ? (size_t)geometry.statistics : 0};
#define VALUE_COUNT(name, member, start, extent) layer->counts[CLNORM_VALUE_##name] = counts.extent;
  CLNORM__LAYER_VALUE_TABLE(VALUE_COUNT)
#undef VALUE_COUNT
  layer->backend = backend;
  layer->mode = CLNORM_MODE_TRAIN;
  layer->trainable = CLNORM__VALUE_BIT(GAMMA) | CLNORM__VALUE_BIT(BETA);
done:
  return status;
}

static void drop_plan(clnorm_layer *layer, clnorm__layer_plan *entry)
{
  if (entry->plan != NULL) {
    layer->backend->plan_destroy(entry->plan);
    entry->plan = NULL;
  }
}

void clnorm_layer_destroy(clnorm_layer *layer)
{
  if (layer == NULL) {
    return;
  }
  for (int i = 0; i < CLNORM__LAYER_PLANS; i++) {
    drop_plan(layer, &layer->plans[i]);
  }
  layer->backend->destroy(layer);
}

/* ---- what every function checks ----------------------------------------------------------------------------- */

static clnorm_status check_layer(const clnorm_layer *layer)
{
  if (layer == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "layer: expected a layer, got NULL");
  }
  return CLNORM_SUCCESS;
}

clnorm_status clnorm__layer_check_backend(const clnorm_layer *layer, const clnorm__layer_backend *backend,
                                          const char *use)
{
  clnorm_status status;
  CLNORM__TRY(check_layer(layer));
  if (layer->backend != backend) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "layer: expected one %s, got one %s; call %s for it", backend->where,
                        layer->backend->where, use);
  }
  CLNORM__TRY(backend->check(layer));
done:
  return status;
}

static clnorm_status check_value(const clnorm_layer *layer, clnorm_layer_value value, const float *data, size_t count)
{
  clnorm_status status;
  CLNORM__TRY(check_layer(layer));
  if ((int)value < 1 || (int)value >= CLNORM__LAYER_VALUES) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "value: expected a clnorm_layer_value (1 to %d), got %d",
                        CLNORM__LAYER_VALUES - 1, (int)value);
  }
  if (data == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "data: expected %zu floats of %s, got NULL", layer->counts[value],
                        values[value].name);
  }
  if (count != layer->counts[value]) {
    return clnorm__fail(CLNORM_BUFFER_TOO_SMALL, "count: expected %zu, the floats of %s, got %zu", layer->counts[value],
                        values[value].name, count);
  }
  CLNORM__TRY(layer->backend->check(layer));
done:
  return status;
}

/* ---- state -------------------------------------------------------------------------------------------------- */

clnorm_status clnorm_layer_set_mode(clnorm_layer *layer, clnorm_layer_mode mode)
{
  clnorm_status status;
  clnorm__error_begin();
  CLNORM__TRY(check_layer(layer));
  if (mode != CLNORM_MODE_TRAIN && mode != CLNORM_MODE_INFER && mode != CLNORM_MODE_FROZEN) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "mode: expected a clnorm_layer_mode (1 to 3), got %d", (int)mode);
  }
  layer->mode = mode;
done:
  return status;
}

clnorm_layer_mode clnorm_layer_get_mode(const clnorm_layer *layer)
{
  return layer == NULL ? (clnorm_layer_mode)0 : layer->mode;
}

clnorm_status clnorm_layer_set_trainable(clnorm_layer *layer, int gamma, int beta)
{
  clnorm_status status;
  clnorm__error_begin();
  CLNORM__TRY(check_layer(layer));
  layer->trainable = (gamma ? CLNORM__VALUE_BIT(GAMMA) : 0u) | (beta ? CLNORM__VALUE_BIT(BETA) : 0u);
done:
  return status;
}

clnorm_status clnorm_layer_set_averaging(clnorm_layer *layer, clnorm_averaging averaging, double average_factor)
{
  clnorm_status status;
  clnorm_desc read;
  clnorm__geometry geometry;
  clnorm__error_begin();
  CLNORM__TRY(check_layer(layer));
  clnorm_desc wanted = layer->desc;
  wanted.averaging = averaging;
  wanted.average_factor = average_factor;
  CLNORM__TRY(clnorm__descriptor_read(&wanted, &read, &geometry));
  layer->desc = read;
  for (int i = 0; i < CLNORM__LAYER_PLANS; i++) {
    if (layer->plans[i].pass == CLNORM_TRAIN) {
      drop_plan(layer, &layer->plans[i]);
    }
  }
done:
  return status;
}

clnorm_status clnorm_layer_count_parameters(const clnorm_layer *layer, size_t *all, size_t *trainable)
{
  clnorm_status status;
  clnorm__error_begin();
  CLNORM__TRY(check_layer(layer));
  const size_t affine = layer->counts[CLNORM_VALUE_GAMMA];
  if (all != NULL) {
    *all = 2 * affine + 2 * layer->counts[CLNORM_VALUE_RUNNING_MEAN];
  }
  if (trainable != NULL) {
    *trainable = (layer->trainable & CLNORM__VALUE_BIT(GAMMA) ? affine : 0) +
                 (layer->trainable & CLNORM__VALUE_BIT(BETA) ? affine : 0);
  }
done:
  return status;
}

size_t clnorm_layer_value_count(const clnorm_layer *layer, clnorm_layer_value value)
{
  return layer == NULL || (int)value < 1 || (int)value >= CLNORM__LAYER_VALUES ? 0 : layer->counts[value];
}

uint64_t clnorm_layer_batches(const clnorm_layer *layer) { return layer == NULL ? 0 : layer->batches; }

clnorm_status clnorm_layer_set_batches(clnorm_layer *layer, uint64_t batches)
{
  clnorm_status status;
  clnorm__error_begin();
  CLNORM__TRY(check_layer(layer));
  layer->batches = batches;
done:
  return status;
}

clnorm_status clnorm_layer_read(clnorm_layer *layer, clnorm_layer_value value, float *data, size_t count)
{
  clnorm_status status;
  clnorm__error_begin();
  CLNORM__TRY(check_value(layer, value, data, count));
  if (count != 0) {
    CLNORM__TRY(layer->backend->read(layer, value, data));
  }
done:
  return status;
}

clnorm_status clnorm_layer_write(clnorm_layer *layer, clnorm_layer_value value, const float *data, size_t count)
{
  clnorm_status status;
  clnorm__error_begin();
  CLNORM__TRY(check_value(layer, value, data, count));
  if (count != 0) {
    CLNORM__TRY(layer->backend->write(layer, value, data));
  }
done:
  return status;
}

static clnorm_status write_start(clnorm_layer *layer, clnorm_layer_value value, float *scratch)
{
  for (size_t i = 0; i < layer->counts[value]; i++) {
    scratch[i] = clnorm__layer_start(value);
  }
  return clnorm_layer_write(layer, value, scratch, layer->counts[value]);
}

clnorm_status clnorm_layer_reset_statistics(clnorm_layer *layer)
{
  clnorm_status status;
  float *scratch = NULL;
  clnorm__error_begin();
  CLNORM__TRY(check_layer(layer));
  const size_t count = layer->counts[CLNORM_VALUE_RUNNING_MEAN];
  scratch = malloc((count + 1) * sizeof *scratch);
  if (scratch == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "layer: %zu floats of host memory were refused", count);
  }
  CLNORM__TRY(write_start(layer, CLNORM_VALUE_RUNNING_MEAN, scratch));
  CLNORM__TRY(write_start(layer, CLNORM_VALUE_RUNNING_VAR, scratch));
  layer->batches = 0;
done:
  free(scratch);
  return status;
}

/* ---- passes ------------------------------------------------------------------------------------------------- */

/* The free entry, or the one whose last use is longest ago. */
static clnorm__layer_plan *entry_to_fill(clnorm_layer *layer)
{
  clnorm__layer_plan *oldest = &layer->plans[0];
  for (int i = 0; i < CLNORM__LAYER_PLANS; i++) {
    clnorm__layer_plan *entry = &layer->plans[i];
    if (entry->plan == NULL) {
      return entry;
    }
    if (entry->used < oldest->used) {
      oldest = entry;
    }
  }
  return oldest;
}

static clnorm_status get_plan(clnorm_layer *layer, clnorm_pass pass, size_t batch, const clnorm__layer_plan **found)
{
  clnorm_status status;
  clnorm_desc read;
  clnorm__geometry geometry;
  void *made = NULL;
  for (int i = 0; i < CLNORM__LAYER_PLANS; i++) {
    clnorm__layer_plan *entry = &layer->plans[i];
    if (entry->plan != NULL && entry->pass == pass && entry->batch == batch) {
      entry->used = ++layer->clock;
      *found = entry;
      return CLNORM_SUCCESS;
    }
  }
  clnorm_desc desc = layer->desc;
  desc.dims[0] = batch;
  CLNORM__TRY(clnorm__descriptor_read(&desc, &read, &geometry));
  CLNORM__TRY(layer->backend->plan_create(layer, &desc, pass, &made));
  status = layer->backend->reserve(layer, made);
  if (status != CLNORM_SUCCESS) {
    layer->backend->plan_destroy(made);
    return status;
  }
  clnorm__layer_plan *entry = entry_to_fill(layer);
  drop_plan(layer, entry);
  *entry = (clnorm__layer_plan){
      .pass = pass, .batch = batch, .statistics = (size_t)geometry.statistics, .used = ++layer->clock, .plan = made};
  *found = entry;
done:
  return status;
}

static clnorm_pass forward_pass(const clnorm_layer *layer)
{
  return layer->mode == CLNORM_MODE_TRAIN ? CLNORM_TRAIN : CLNORM_INFER;
}

/* Without running statistics there is nothing that could be frozen: x's own are computed again. */
static clnorm_pass backward_pass(const clnorm_layer *layer)
{
  const int is_frozen = layer->mode != CLNORM_MODE_TRAIN && clnorm__op_has_running(layer->desc.op);
  return is_frozen ? CLNORM_BACKWARD_FROZEN : CLNORM_BACKWARD;
}

/* Which of the layer's values the pass takes, see the table at clnorm_args. */
static unsigned values_of_pass(const clnorm_layer *layer, clnorm_pass pass)
{
  const unsigned affine = CLNORM__VALUE_BIT(GAMMA) | CLNORM__VALUE_BIT(BETA);
  const unsigned running =
      clnorm__op_has_running(layer->desc.op) ? CLNORM__VALUE_BIT(RUNNING_MEAN) | CLNORM__VALUE_BIT(RUNNING_VAR) : 0u;
  const unsigned saved = CLNORM__VALUE_BIT(INV_STD) | (layer->desc.op != CLNORM_RMS ? CLNORM__VALUE_BIT(MEAN) : 0u);
  const unsigned gradients = (layer->trainable & CLNORM__VALUE_BIT(GAMMA) ? CLNORM__VALUE_BIT(DGAMMA) : 0u) |
                             (layer->trainable & CLNORM__VALUE_BIT(BETA) ? CLNORM__VALUE_BIT(DBETA) : 0u);
  const unsigned read = layer->desc.activation == CLNORM_ACTIVATION_NONE ? CLNORM__VALUE_BIT(GAMMA) : affine;
  switch (pass) {
    case CLNORM_TRAIN:
      return affine | running | saved;
    case CLNORM_INFER:
      return affine | running;
    case CLNORM_BACKWARD:
      return read | (layer->mode == CLNORM_MODE_TRAIN ? saved : 0u) | gradients;
    case CLNORM_BACKWARD_FROZEN:
      break;
  }
  return read | running | gradients;
}

clnorm_status clnorm_layer_prepare(clnorm_layer *layer, size_t batch)
{
  clnorm_status status;
  const clnorm__layer_plan *found;
  clnorm__error_begin();
  CLNORM__TRY(check_layer(layer));
  CLNORM__TRY(layer->backend->check(layer));
  CLNORM__TRY(get_plan(layer, forward_pass(layer), batch, &found));
  if (layer->mode != CLNORM_MODE_INFER) {
    CLNORM__TRY(get_plan(layer, backward_pass(layer), batch, &found));
  }
done:
  return status;
}

/* Room for the statistics of a training call, whose number may follow from N. */
static clnorm_status set_saved(clnorm_layer *layer, size_t statistics)
{
  clnorm_status status;
  const size_t means = layer->desc.op != CLNORM_RMS ? statistics : 0;
  CLNORM__TRY(layer->backend->grow(layer, CLNORM_VALUE_MEAN, means));
  CLNORM__TRY(layer->backend->grow(layer, CLNORM_VALUE_INV_STD, statistics));
  layer->counts[CLNORM_VALUE_MEAN] = means;
  layer->counts[CLNORM_VALUE_INV_STD] = statistics;
done:
  return status;
}

clnorm_status clnorm__layer_forward(clnorm_layer *layer, size_t batch, void *call)
{
  clnorm_status status;
  const clnorm__layer_plan *found;
  const clnorm_pass pass = forward_pass(layer);
  const size_t saved[] = {layer->counts[CLNORM_VALUE_MEAN], layer->counts[CLNORM_VALUE_INV_STD]};
  CLNORM__TRY(get_plan(layer, pass, batch, &found));
  if (pass == CLNORM_TRAIN) {
    CLNORM__TRY(set_saved(layer, found->statistics));
  }
  status = layer->backend->execute(layer, found->plan, call, values_of_pass(layer, pass), layer->batches + 1);
  if (status != CLNORM_SUCCESS) {
    layer->counts[CLNORM_VALUE_MEAN] = saved[0];
    layer->counts[CLNORM_VALUE_INV_STD] = saved[1];
  } else if (pass == CLNORM_TRAIN) {
    layer->batches++;
    layer->has_saved = 1;
    layer->saved_batch = batch;
  }
done:
  return status;
}

static clnorm_status check_backward(const clnorm_layer *layer, size_t batch)
{
  if (layer->mode == CLNORM_MODE_INFER) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT,
                        "layer: a backward call expects mode train (1) or frozen (3), the mode is infer (2)");
  }
  if (layer->mode == CLNORM_MODE_TRAIN && !layer->has_saved) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT,
                        "layer: a backward call in mode train expects a forward call in that mode before it, got none");
  }
  if (layer->mode == CLNORM_MODE_TRAIN && layer->saved_batch != batch) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "batch: expected %zu as in the last training forward call, got %zu",
                        layer->saved_batch, batch);
  }
  return CLNORM_SUCCESS;
}

clnorm_status clnorm__layer_backward(clnorm_layer *layer, size_t batch, void *call)
{
  clnorm_status status;
  const clnorm__layer_plan *found;
  const clnorm_pass pass = backward_pass(layer);
  CLNORM__TRY(check_backward(layer, batch));
  CLNORM__TRY(get_plan(layer, pass, batch, &found));
  CLNORM__TRY(layer->backend->execute(layer, found->plan, call, values_of_pass(layer, pass), 0));
done:
  return status;
}
