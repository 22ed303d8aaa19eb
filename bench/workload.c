#include "workload.h"

#include <generate.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Pages, so that no copy or pass meets a tensor that another one has better aligned. */
#define ALIGNMENT 4096

/* Random numbers take longer than everything else; from here on they repeat. A prime, so that no shape sees its period. */
#define GENERATED ((size_t)16777213)

enum { SEED_X = 11, SEED_DY, SEED_GAMMA, SEED_BETA, SEED_RUNNING_MEAN, SEED_RUNNING_VAR };

static float *new_array(workload *w, size_t count)
{
  if (count > (SIZE_MAX - ALIGNMENT) / sizeof(float)) {
    return NULL;
  }
  const size_t bytes = (count * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  float *array = aligned_alloc(ALIGNMENT, bytes);
  if (array != NULL) {
    w->arrays[w->used++] = array;
  }
  return array;
}

static int allocate(workload *w)
{
  float **tensors[] = {&w->x, &w->dy, &w->out.tensor};
  float **small[] = {&w->gamma,
                     &w->beta,
                     &w->running_mean,
                     &w->running_var,
                     &w->mean,
                     &w->inv_std,
                     &w->var,
                     &w->out.mean,
                     &w->out.inv_std,
                     &w->out.dgamma,
                     &w->out.running_mean,
                     &w->out.running_var,
                     &w->out.dbeta};
  for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
    if ((*tensors[i] = new_array(w, w->counts.elements)) == NULL) {
      return -1;
    }
  }
  for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
    if ((*small[i] = new_array(w, w->counts.statistics)) == NULL) {
      return -1;
    }
  }
  return 0;
}

static void repeat(float *to, size_t count, const float *from, size_t period)
{
  for (size_t i = 0; i < count; i += period) {
    const size_t left = count - i;
    memcpy(to + i, from, (left < period ? left : period) * sizeof(float));
  }
}

static void fill_normal(float *tensor, size_t count, uint64_t seed)
{
  const size_t made = count < GENERATED ? count : GENERATED;
  generate_normal(tensor, made, seed, 0.0, 1.0);
  repeat(tensor + made, count - made, tensor, made);
}

static void fill_inputs(workload *w, const bench_data *data)
{
  const size_t n = w->counts.statistics;
  if (data == NULL) {
    fill_normal(w->x, w->counts.elements, SEED_X);
  } else {
    repeat(w->x, w->counts.elements, data->values, data->count);
  }
  fill_normal(w->dy, w->counts.elements, SEED_DY);
  generate_uniform(w->gamma, n, SEED_GAMMA, 0.5, 1.5);
  generate_uniform(w->beta, n, SEED_BETA, -1.0, 1.0);
  generate_uniform(w->running_mean, n, SEED_RUNNING_MEAN, -0.5, 0.5);
  generate_uniform(w->running_var, n, SEED_RUNNING_VAR, 0.5, 1.5);
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
                                               .mean = {w->mean},
                                               .inv_std = {w->inv_std},
                                               .workspace = {workspace, bytes}});
  for (size_t k = 0; status == CLNORM_SUCCESS && k < w->counts.statistics; k++) {
    const double inv_std = w->inv_std[k];
    const double var = 1.0 / (inv_std * inv_std) - w->desc.epsilon;
    w->var[k] = var > 0.0 ? (float)var : 0.0f;
  }
done:
  free(workspace);
  clnorm_plan_destroy(plan);
  return status;
}

clnorm_status workload_create(workload *w, const clnorm_desc *desc, const bench_data *data)
{
  *w = (workload){.desc = *desc};
  clnorm_status status = clnorm_desc_counts(desc, &w->counts);
  if (status == CLNORM_SUCCESS && allocate(w) != 0) {
    status = CLNORM_OUT_OF_MEMORY;
  }
  if (status == CLNORM_SUCCESS) {
    fill_inputs(w, data);
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

void workload_clear_results(workload *w)
{
  const size_t n = w->counts.statistics;
  float *const small[] = {w->out.mean, w->out.inv_std, w->out.dgamma, w->out.dbeta};
  for (size_t i = 0; i < w->counts.elements; i++) {
    w->out.tensor[i] = NAN;
  }
  for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
    for (size_t k = 0; k < n; k++) {
      small[i][k] = NAN;
    }
  }
  memcpy(w->out.running_mean, w->running_mean, n * sizeof(float));
  memcpy(w->out.running_var, w->running_var, n * sizeof(float));
}

size_t workload_tensor_bytes(const workload *w) { return w->counts.elements * sizeof(float); }
