/* A layer in the host's memory: arrays for its values, a workspace that grows, and clnorm_execute. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "layer_state.h"

/* Alignment of the values and of the workspace: a cache line, and the widest vector. */
#define ALIGNMENT 64

typedef struct cpu_layer {
  clnorm_layer layer; /* first: the backend's functions get a pointer to it */
  float *values[CLNORM__LAYER_VALUES];
  size_t rooms[CLNORM__LAYER_VALUES]; /* floats that each array can hold */
  void *workspace;
  size_t workspace_size;
} cpu_layer;

static void *allocate(size_t bytes)
{
  if (bytes > SIZE_MAX - 2 * ALIGNMENT) {
    return NULL;
  }
  return aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT);
}

static clnorm_status plan_create(clnorm_layer *layer, const clnorm_desc *desc, clnorm_pass pass, void **plan)
{
  clnorm_plan *made = NULL;
  (void)layer;
  const clnorm_status status = clnorm_plan_create(desc, pass, &made);
  *plan = made;
  return status;
}

static void plan_destroy(void *plan) { clnorm_plan_destroy(plan); }

static clnorm_status reserve(clnorm_layer *layer, const void *plan)
{
  cpu_layer *self = (cpu_layer *)layer;
  const size_t size = clnorm_plan_workspace_size(plan);
  if (size <= self->workspace_size) {
    return CLNORM_SUCCESS;
  }
  void *larger = allocate(size);
  if (larger == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "workspace: %zu bytes of host memory were refused", size);
  }
  free(self->workspace);
  self->workspace = larger;
  self->workspace_size = size;
  return CLNORM_SUCCESS;
}

static clnorm_status grow(clnorm_layer *layer, clnorm_layer_value value, size_t count)
{
  cpu_layer *self = (cpu_layer *)layer;
  if (count <= self->rooms[value]) {
    return CLNORM_SUCCESS;
  }
  float *larger = allocate(count * sizeof *larger);
  if (larger == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "layer: %zu floats of host memory were refused", count);
  }
  memcpy(larger, self->values[value], layer->counts[value] * sizeof *larger);
  free(self->values[value]);
  self->values[value] = larger;
  self->rooms[value] = count;
  return CLNORM_SUCCESS;
}

static clnorm_status read_value(clnorm_layer *layer, clnorm_layer_value value, float *data)
{
  memcpy(data, ((cpu_layer *)layer)->values[value], layer->counts[value] * sizeof *data);
  return CLNORM_SUCCESS;
}

static clnorm_status write_value(clnorm_layer *layer, clnorm_layer_value value, const float *data)
{
  memcpy(((cpu_layer *)layer)->values[value], data, layer->counts[value] * sizeof *data);
  return CLNORM_SUCCESS;
}

static clnorm_status execute(clnorm_layer *layer, const void *plan, void *call, unsigned uses, uint64_t batch_number)
{
  cpu_layer *self = (cpu_layer *)layer;
  clnorm_args *args = call;
#define ADD_VALUE(name, value_member, start, extent)                    \
  if (uses & CLNORM__VALUE_BIT(name)) {                                 \
    args->value_member.data = self->values[CLNORM_VALUE_##name];        \
    args->value_member.count = self->layer.counts[CLNORM_VALUE_##name]; \
  }
  CLNORM__LAYER_VALUE_TABLE(ADD_VALUE)
#undef ADD_VALUE
  args->workspace = (clnorm_output){self->workspace, self->workspace_size};
  args->batch_number = batch_number;
  return clnorm_execute(plan, args);
}

static void destroy(clnorm_layer *layer)
{
  cpu_layer *self = (cpu_layer *)layer;
  for (int i = 0; i < CLNORM__LAYER_VALUES; i++) {
    free(self->values[i]);
  }
  free(self->workspace);
  free(self);
}

static clnorm_status check(const clnorm_layer *layer)
{
  (void)layer;
  return CLNORM_SUCCESS;
}

static const clnorm__layer_backend cpu_backend = {
    .where = "on the CPU",
    .plan_create = plan_create,
    .plan_destroy = plan_destroy,
    .reserve = reserve,
    .grow = grow,
    .read = read_value,
    .write = write_value,
    .execute = execute,
    .destroy = destroy,
    .check = check,
};

static clnorm_status make_values(cpu_layer *self)
{
  for (int value = 1; value < CLNORM__LAYER_VALUES; value++) {
    const size_t count = self->layer.counts[value];
    float *made = allocate(count * sizeof *made);
    if (made == NULL) {
      return clnorm__fail(CLNORM_OUT_OF_MEMORY, "layer: %zu floats of host memory were refused", count);
    }
    for (size_t i = 0; i < count; i++) {
      made[i] = clnorm__layer_start((clnorm_layer_value)value);
    }
    self->values[value] = made;
    self->rooms[value] = count;
  }
  return CLNORM_SUCCESS;
}

clnorm_status clnorm_layer_create(const clnorm_desc *desc, clnorm_layer **layer)
{
  clnorm_status status;
  cpu_layer *made = NULL;
  clnorm__error_begin();
  if (layer == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "layer: expected a pointer to fill, got NULL");
  }
  made = calloc(1, sizeof *made);
  if (made == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "layer: %zu bytes of host memory were refused", sizeof *made);
  }
  CLNORM__TRY(clnorm__layer_init(&made->layer, desc, &cpu_backend));
  CLNORM__TRY(make_values(made));
  *layer = &made->layer;
  made = NULL;
done:
  if (made != NULL) {
    destroy(&made->layer);
  }
  return status;
}

float *clnorm_layer_data(clnorm_layer *layer, clnorm_layer_value value)
{
  if (layer == NULL || layer->backend != &cpu_backend || (int)value < 1 || (int)value >= CLNORM__LAYER_VALUES) {
    return NULL;
  }
  return ((cpu_layer *)layer)->values[value];
}

clnorm_status clnorm_layer_forward(clnorm_layer *layer, size_t batch, clnorm_input x, clnorm_output y)
{
  clnorm_status status;
  clnorm_args args = {.size = sizeof args, .x = x, .y = y};
  clnorm__error_begin();
  CLNORM__TRY(clnorm__layer_check_backend(layer, &cpu_backend, "clnorm_cl_layer_forward"));
  CLNORM__TRY(clnorm__layer_forward(layer, batch, &args));
done:
  return status;
}

clnorm_status clnorm_layer_backward(clnorm_layer *layer, size_t batch, clnorm_input x, clnorm_input dy,
                                    clnorm_output dx)
{
  clnorm_status status;
  clnorm_args args = {.size = sizeof args, .x = x, .dy = dy, .dx = dx};
  clnorm__error_begin();
  CLNORM__TRY(clnorm__layer_check_backend(layer, &cpu_backend, "clnorm_cl_layer_backward"));
  CLNORM__TRY(clnorm__layer_backward(layer, batch, &args));
done:
  return status;
}
