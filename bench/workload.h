/* The tensors of one shape in one layout, in the host's memory: what every runner of it gets, and where results go. */
#ifndef CLNORM_BENCH_WORKLOAD_H
#define CLNORM_BENCH_WORKLOAD_H

#include <clnorm/clnorm.h>

/* A user's values that take the place of the synthetic x: repeated from the start until a shape is full. */
typedef struct bench_data {
  const float *values;
  size_t count;
} bench_data;

/* Tensors are of the descriptor's storage type. All else is float, for CLNORM_F64 double: gamma, beta and the running statistics
 * are [parameters], mean, inv_std and var [statistics].
 *
 * Inputs stay as they are. running_mean and running_var are the statistics of infer and backward-frozen and the old
 * values of train; mean, inv_std and var (population) belong to x. */
typedef struct workload {
  clnorm_desc desc;
  clnorm_counts counts;
  void *x, *dy, *residual; /* residual: NULL without CLNORM_RESIDUAL */
  void *gamma, *beta, *running_mean, *running_var, *mean, *inv_std, *var;
  /* Results of the last runner; only dresidual may be NULL, whether or not a pass has such a result. */
  struct {
    void *tensor;    /* y or dx */
    void *dresidual; /* NULL without CLNORM_RESIDUAL */
    void *mean, *inv_std, *running_mean, *running_var, *dgamma, *dbeta;
  } out;
  void *arrays[32]; /* all of them, for workload_destroy */
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

/* Bytes of x, of an array of one number a parameter, of one a statistic. */
size_t workload_tensor_bytes(const workload *w);
size_t workload_parameter_bytes(const workload *w);
size_t workload_statistic_bytes(const workload *w);

/* Which arguments a pass is run with, besides x and gamma, dy in backward passes, and its result. 1 or 0. */
typedef struct workload_arguments {
  int forward;        /* y is the result; else dx, with dgamma and dbeta */
  int beta, residual; /* inputs */
  int dresidual;      /* result */
  int running;        /* inputs, in train results */
  int mean, inv_std;  /* inputs, in train results */
} workload_arguments;
workload_arguments workload_arguments_of(const clnorm_desc *desc, clnorm_pass pass);

#endif
