#include <stdlib.h>
#include <string.h>

#include "descriptor.h"
#include "error.h"
#include "layer_state.h"

static const struct {
  const char *name;
  float start;
} values[CLNORM__LAYER_VALUES] = {
#define VALUE_ROW(name, member, start, extent) [CLNORM_VALUE_##name] = {#member, start},
    CLNORM__LAYER_VALUE_TABLE(VALUE_ROW)
#undef VALUE_ROW
};

#define RUNNING (CLNORM__VALUE_BIT(RUNNING_MEAN) | CLNORM__VALUE_BIT(RUNNING_VAR))
#define SAVED (CLNORM__VALUE_BIT(MEAN) | CLNORM__VALUE_BIT(INV_STD))

/* ---- making ------------------------------------------------------------------------------------------------- */

float clnorm__layer_start(clnorm_layer_value value) { return values[value].start; }

clnorm_status clnorm__layer_init(clnorm_layer *layer, const clnorm_desc *desc, const clnorm__layer_backend *backend)
{
  clnorm_status status;
  clnorm__geometry counts;
  memset(layer, 0, sizeof *layer);
  clnorm_desc sample;
  const char *member;
  CLNORM__TRY(clnorm__descriptor_copy(desc, &sample));
  sample.dims[0] = 1;
  CLNORM__TRY(clnorm__descriptor_read(&sample, &layer->desc, &counts));
  if (!clnorm__desc_is_plain(&sample, &member)) {
    return clnorm__fail(CLNORM_UNSUPPORTED,
                        "desc.%s: a layer expects batch normalization of dense CLNORM_F32 with nothing fused", member);
  }
#define VALUE_COUNT(name, member, start, extent) layer->counts[CLNORM_VALUE_##name] = (size_t)counts.extent;
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

static clnorm_status get_plan(clnorm_layer *layer, clnorm_pass pass, size_t batch, const void **plan)
{
  clnorm_status status;
  void *made = NULL;
  for (int i = 0; i < CLNORM__LAYER_PLANS; i++) {
    clnorm__layer_plan *entry = &layer->plans[i];
    if (entry->plan != NULL && entry->pass == pass && entry->batch == batch) {
      entry->used = ++layer->clock;
      *plan = entry->plan;
      return CLNORM_SUCCESS;
    }
  }
  clnorm_desc desc = layer->desc;
  desc.dims[0] = batch;
  CLNORM__TRY(layer->backend->plan_create(layer, &desc, pass, &made));
  status = layer->backend->reserve(layer, made);
  if (status != CLNORM_SUCCESS) {
    layer->backend->plan_destroy(made);
    return status;
  }
  clnorm__layer_plan *entry = entry_to_fill(layer);
  drop_plan(layer, entry);
  *entry = (clnorm__layer_plan){.pass = pass, .batch = batch, .used = ++layer->clock, .plan = made};
  *plan = made;
done:
  return status;
}

static clnorm_pass forward_pass(const clnorm_layer *layer)
{
  return layer->mode == CLNORM_MODE_TRAIN ? CLNORM_TRAIN : CLNORM_INFER;
}

static clnorm_pass backward_pass(const clnorm_layer *layer)
{
  return layer->mode == CLNORM_MODE_TRAIN ? CLNORM_BACKWARD : CLNORM_BACKWARD_FROZEN;
}

/* Which of the layer's values the pass takes, see the table at clnorm_args. */
static unsigned values_of_pass(const clnorm_layer *layer, clnorm_pass pass)
{
  const unsigned affine = CLNORM__VALUE_BIT(GAMMA) | CLNORM__VALUE_BIT(BETA);
  const unsigned gradients = (layer->trainable & CLNORM__VALUE_BIT(GAMMA) ? CLNORM__VALUE_BIT(DGAMMA) : 0u) |
                             (layer->trainable & CLNORM__VALUE_BIT(BETA) ? CLNORM__VALUE_BIT(DBETA) : 0u);
  switch (pass) {
    case CLNORM_TRAIN:
      return affine | RUNNING | SAVED;
    case CLNORM_INFER:
      return affine | RUNNING;
    case CLNORM_BACKWARD:
      return CLNORM__VALUE_BIT(GAMMA) | SAVED | gradients;
    case CLNORM_BACKWARD_FROZEN:
      break;
  }
  return CLNORM__VALUE_BIT(GAMMA) | RUNNING | gradients;
}

clnorm_status clnorm_layer_prepare(clnorm_layer *layer, size_t batch)
{
  clnorm_status status;
  const void *plan;
  clnorm__error_begin();
  CLNORM__TRY(check_layer(layer));
  CLNORM__TRY(layer->backend->check(layer));
  CLNORM__TRY(get_plan(layer, forward_pass(layer), batch, &plan));
  if (layer->mode != CLNORM_MODE_INFER) {
    CLNORM__TRY(get_plan(layer, backward_pass(layer), batch, &plan));
  }
done:
  return status;
}

clnorm_status clnorm__layer_forward(clnorm_layer *layer, size_t batch, void *call)
{
  clnorm_status status;
  const void *plan;
  const clnorm_pass pass = forward_pass(layer);
  CLNORM__TRY(get_plan(layer, pass, batch, &plan));
  CLNORM__TRY(layer->backend->execute(layer, plan, call, values_of_pass(layer, pass), layer->batches + 1));
  if (pass == CLNORM_TRAIN) {
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
  const void *plan;
  const clnorm_pass pass = backward_pass(layer);
  CLNORM__TRY(check_backward(layer, batch));
  CLNORM__TRY(get_plan(layer, pass, batch, &plan));
  CLNORM__TRY(layer->backend->execute(layer, plan, call, values_of_pass(layer, pass), 0));
done:
  return status;
}
