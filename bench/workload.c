#include "workload.h"

#include <generate.h>
#include <math.h>
#include <stdlib.h>
#include <storage_type.h>
#include <string.h>

/* Pages, so that no copy or pass meets a tensor that another one has better aligned. */
#define ALIGNMENT 4096

/* Random numbers take longer than everything else; from here on they repeat. A prime, so that no shape sees its period. */
#define GENERATED ((size_t)16777213)

enum { SEED_X = 11, SEED_DY, SEED_GAMMA, SEED_BETA, SEED_RUNNING_MEAN, SEED_RUNNING_VAR, SEED_RESIDUAL };

/* ---- memory ------------------------------------------------------------------------------------------------- */

static clnorm_dtype number_type(const workload *w) { return storage_number(w->desc.dtype); }

size_t workload_tensor_bytes(const workload *w) { return w->counts.elements * storage_size(w->desc.dtype); }

size_t workload_parameter_bytes(const workload *w) { return w->counts.parameters * storage_size(number_type(w)); }

size_t workload_statistic_bytes(const workload *w) { return w->counts.statistics * storage_size(number_type(w)); }

static void *new_array(workload *w, size_t count, size_t size)
{
  if (count > (SIZE_MAX - ALIGNMENT) / size) {
    return NULL;
  }
  void *array = aligned_alloc(ALIGNMENT, (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  if (array != NULL) {
    w->arrays[w->used++] = array;
  }
  return array;
}

static int allocate_all(workload *w, void **const *arrays, size_t arrays_count, size_t count, size_t size)
{
  for (size_t i = 0; i < arrays_count; i++) {
    if ((*arrays[i] = new_array(w, count, size)) == NULL) {
      return -1;
    }
  }
  return 0;
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static int allocate(workload *w)
{
  void **const tensors[] = {&w->x, &w->dy, &w->out.tensor, &w->residual, &w->out.dresidual};
  void **const parameters[] = {&w->gamma,      &w->beta,      &w->running_mean,     &w->running_var,
                               &w->out.dgamma, &w->out.dbeta, &w->out.running_mean, &w->out.running_var};
  void **const statistics[] = {&w->mean, &w->inv_std, &w->var, &w->out.mean, &w->out.inv_std};
  const size_t number = storage_size(number_type(w));
  const size_t most = w->desc.flags & CLNORM_RESIDUAL ? COUNT(tensors) : COUNT(tensors) - 2;
  return allocate_all(w, tensors, most, w->counts.elements, storage_size(w->desc.dtype)) != 0 ||
                 allocate_all(w, parameters, COUNT(parameters), w->counts.parameters, number) != 0 ||
                 allocate_all(w, statistics, COUNT(statistics), w->counts.statistics, number) != 0
             ? -1
             : 0;
}

/* ---- inputs ------------------------------------------------------------------------------------------------- */

static void store(clnorm_dtype dtype, void *to, size_t first, const float *from, size_t count)
{
  if (dtype == CLNORM_F32) {
    memcpy((float *)to + first, from, count * sizeof(float));
    return;
  }
  for (size_t i = 0; i < count; i++) {
    storage_store(dtype, to, (int64_t)(first + i), from[i]);
  }
}

/* Fills what follows the first `period` elements with them, over and over. */
static void repeat(void *array, size_t count, size_t period, size_t size)
{
  for (size_t i = period; i < count; i += period) {
    const size_t left = count - i;
    memcpy((char *)array + i * size, array, (left < period ? left : period) * size);
  }
}

static int fill_normal(const workload *w, void *tensor, uint64_t seed)
{
  const size_t count = w->counts.elements;
  const size_t made = count < GENERATED ? count : GENERATED;
  if (w->desc.dtype == CLNORM_F32) {
    generate_normal(tensor, made, seed, 0.0, 1.0);
  } else {
    float *numbers = malloc(made * sizeof *numbers + 1);
    if (numbers == NULL) {
      return -1;
    }
    generate_normal(numbers, made, seed, 0.0, 1.0);
    store(w->desc.dtype, tensor, 0, numbers, made);
    free(numbers);
  }
  repeat(tensor, count, made, storage_size(w->desc.dtype));
  return 0;
}

static void fill_data(const workload *w, const bench_data *data)
{
  const size_t made = w->counts.elements < data->count ? w->counts.elements : data->count;
  store(w->desc.dtype, w->x, 0, data->values, made);
  repeat(w->x, w->counts.elements, made, storage_size(w->desc.dtype));
}

static int fill_uniform(const workload *w, void *array, uint64_t seed, double low, double high)
{
  const size_t count = w->counts.parameters;
  float *numbers = malloc(count * sizeof *numbers + 1);
  if (numbers == NULL) {
    return -1;
  }
  generate_uniform(numbers, count, seed, low, high);
  store(number_type(w), array, 0, numbers, count);
  free(numbers);
  return 0;
}

static int fill_inputs(workload *w, const bench_data *data)
{
  int failed = 0;
  if (data == NULL) {
    failed |= fill_normal(w, w->x, SEED_X);
  } else {
    fill_data(w, data);
  }
  failed |= fill_normal(w, w->dy, SEED_DY);
  if (w->residual != NULL) {
    failed |= fill_normal(w, w->residual, SEED_RESIDUAL);
  }
  failed |= fill_uniform(w, w->gamma, SEED_GAMMA, 0.5, 1.5);
  failed |= fill_uniform(w, w->beta, SEED_BETA, -1.0, 1.0);
  failed |= fill_uniform(w, w->running_mean, SEED_RUNNING_MEAN, -0.5, 0.5);
  return failed | fill_uniform(w, w->running_var, SEED_RUNNING_VAR, 0.5, 1.5);
}

/* ---- saved statistics --------------------------------------------------------------------------------------- */

workload_arguments workload_arguments_of(const clnorm_desc *desc, clnorm_pass pass)
{
  const int forward = pass == CLNORM_TRAIN || pass == CLNORM_INFER;
  const int saved = pass == CLNORM_TRAIN || pass == CLNORM_BACKWARD;
  const int derives = desc->activation != CLNORM_ACTIVATION_NONE;
  const int residual = (desc->flags & CLNORM_RESIDUAL) != 0;
  const int has_running = desc->op == CLNORM_BATCH || desc->op == CLNORM_INSTANCE;
  return (workload_arguments){.forward = forward,
                              .beta = forward || derives,
                              .residual = residual && (forward || derives),
                              .dresidual = residual && !forward,
                              .running = has_running && pass != CLNORM_BACKWARD,
                              .mean = saved && desc->op != CLNORM_RMS,
                              .inv_std = saved};
}

static void set_variances(workload *w)
{
  for (size_t k = 0; k < w->counts.statistics; k++) {
    const double inv_std = storage_load(number_type(w), w->inv_std, (int64_t)k);
    const double var = 1.0 / (inv_std * inv_std) - w->desc.epsilon;
    storage_store(number_type(w), w->var, (int64_t)k, var > 0.0 ? var : 0.0);
  }
}

/* The saved statistics that the backward pass reads. Every result is compared with a reference that works them out by
 * itself, so it is no matter who computes them here. */
static clnorm_status compute_statistics(workload *w)
{
  clnorm_plan *plan = NULL;
  void *workspace = NULL;
  clnorm_status status = clnorm_plan_create(&w->desc, CLNORM_TRAIN, &plan);
  if (status != CLNORM_SUCCESS) {
    return status;
  }
  const size_t bytes = clnorm_plan_workspace_size(plan);
  if (bytes != 0 && (workspace = aligned_alloc(64, (bytes + 63) / 64 * 64)) == NULL) {
    status = CLNORM_OUT_OF_MEMORY;
    goto done;
  }
  status = clnorm_execute(plan, &(clnorm_args){.size = sizeof(clnorm_args),
                                               .x = {w->x},
                                               .y = {w->out.tensor},
                                               .mean = {w->desc.op == CLNORM_RMS ? NULL : w->mean},
                                               .inv_std = {w->inv_std},
                                               .workspace = {workspace, bytes},
                                               .residual = {w->residual}});
  if (status == CLNORM_SUCCESS) {
    set_variances(w);
  }
done:
  free(workspace);
  clnorm_plan_destroy(plan);
  return status;
}

/* ---- all of it ---------------------------------------------------------------------------------------------- */

clnorm_status workload_create(workload *w, const clnorm_desc *desc, const bench_data *data)
{
  *w = (workload){.desc = *desc};
  clnorm_status status = clnorm_desc_counts(desc, &w->counts);
  if (status == CLNORM_SUCCESS && (allocate(w) != 0 || fill_inputs(w, data) != 0)) {
    status = CLNORM_OUT_OF_MEMORY;
  }
  if (status == CLNORM_SUCCESS) {
    status = compute_statistics(w);
  }
  if (status != CLNORM_SUCCESS) {
    workload_destroy(w);
  }
  return status;
}

void workload_destroy(workload *w)
{
  for (size_t i = 0; i < w->used; i++) {
    free(w->arrays[i]);
  }
  *w = (workload){0};
}

/* All bits set are NaN in every storage type. */
static void spoil(void *array, size_t bytes)
{
  if (array != NULL) {
    memset(array, 0xff, bytes);
  }
}

void workload_clear_results(workload *w)
{
  const size_t parameters = workload_parameter_bytes(w);
  spoil(w->out.tensor, workload_tensor_bytes(w));
  spoil(w->out.dresidual, workload_tensor_bytes(w));
  spoil(w->out.mean, workload_statistic_bytes(w));
  spoil(w->out.inv_std, workload_statistic_bytes(w));
  spoil(w->out.dgamma, parameters);
  spoil(w->out.dbeta, parameters);
  memcpy(w->out.running_mean, w->running_mean, parameters);
  memcpy(w->out.running_var, w->running_var, parameters);
}
