/* The tensors of one shape in one layout, in the host's memory: what every runner of it gets, and where results go. */
#ifndef CLNORM_BENCH_WORKLOAD_H
#define CLNORM_BENCH_WORKLOAD_H

#include <clnorm/clnorm.h>

/* A user's values that take the place of the synthetic x: repeated from the start until a shape is full. */
typedef struct bench_data {
  const float *values;
  size_t count;
} bench_data;

/* Inputs stay as they are. running_mean and running_var are the statistics of infer and backward-frozen and the old
 * values of train; mean, inv_std and var (population) belong to x. */
typedef struct workload {
  clnorm_desc desc;
  clnorm_counts counts;
  float *x, *dy, *gamma, *beta, *running_mean, *running_var, *mean, *inv_std, *var;
  /* Results of the last runner; NULL is never among them, whether or not a pass has such a result. */
  struct {
    float *tensor; /* y or dx */
    float *mean, *inv_std, *running_mean, *running_var, *dgamma, *dbeta;
  } out;
  float *arrays[32]; /* all of them, for workload_destroy */
  size_t used;
} workload;

/* Makes and fills it.
 *   data   NULL: synthetic, normal with mean 0 and deviation 1
 * Returns the status of the failing library call, or CLNORM_OUT_OF_MEMORY. */
clnorm_status workload_create(workload *w, const clnorm_desc *desc, const bench_data *data);

/* Of a created or zeroed workload. */
void workload_destroy(workload *w);

/* Results as they are before a run: NaN, the running statistics their old values. */
void workload_clear_results(workload *w);

/* Bytes of x. */
size_t workload_tensor_bytes(const workload *w);

#endif
