/* One call of the CPU backend, and the steps' tasks that serve it. A task reads and writes memory of its own only, so
 * the order in which tasks run, and on which thread, changes nothing. */
#ifndef CLNORM_SRC_CPU_CALL_H
#define CLNORM_SRC_CPU_CALL_H

#include "cpu_kernels.h"
#include "plan.h"

/* What one execution works on: pointers are NULL where the caller gave nothing or the pass has none. */
typedef struct clnorm__cpu_call {
  const clnorm_plan *plan;
  const clnorm_args *args; /* of the whole structure, whatever the caller's has */
  const clnorm__cpu_kernels *kernels;
  const clnorm__cpu_kernels *floats; /* the same for tensors of floats */
  size_t element;                    /* bytes of one of x, dy, residual, y, dx and dresidual */
  const void *x, *dy, *residual;
  void *y, *dx, *dresidual;
  const float *gamma, *beta;
  float *dgamma, *dbeta;
  float *running_mean, *running_var;
  float *mean, *inv_std;                 /* the caller's: written by training */
  float *own_mean, *own_inv_std;         /* the workspace's */
  const float *read_mean, *read_inv_std; /* what backward uses: the caller's or the workspace's */
  double *partials;
  float *coefficients;
  void *moments; /* of each statistic, see plan.h */
  double weight; /* of the new value in the running statistics */
  int stream;    /* 1: y or dx is too large for the cache and is better written past it */
  clnorm__cpu_bend bend;
  int bends;    /* 1: there is an activation, and sums are of what its derivative leaves of dy */
  int is_fused; /* 1: element-wise steps have more to do than y from x or dx from x and dy */
  int has_z;    /* backward: merge_stats has put the coefficients of z into the workspace */
} clnorm__cpu_call;

/* Element i of a tensor. */
static inline const void *clnorm__cpu_in(const clnorm__cpu_call *call, const void *tensor, size_t i)
{
  return (const char *)tensor + i * call->element;
}

static inline void *clnorm__cpu_out(const clnorm__cpu_call *call, void *tensor, size_t i)
{
  return (char *)tensor + i * call->element;
}

/* The tensors from element i on. */
static inline clnorm__cpu_fused clnorm__cpu_fused_at(const clnorm__cpu_call *call, size_t i)
{
  void *out = call->dy != NULL ? call->dx : call->y;
  return (clnorm__cpu_fused){
      clnorm__cpu_in(call, call->x, i),
      call->dy != NULL ? clnorm__cpu_in(call, call->dy, i) : NULL,
      call->residual != NULL ? clnorm__cpu_in(call, call->residual, i) : NULL,
      out != NULL ? clnorm__cpu_out(call, out, i) : NULL,
      call->dresidual != NULL ? clnorm__cpu_out(call, call->dresidual, i) : NULL,
  };
}

/* 1 if a backward pass has an element-wise part. */
static inline int clnorm__cpu_writes_tensors(const clnorm__cpu_call *call)
{
  return call->dx != NULL || (call->is_fused && call->dresidual != NULL);
}

/* 1 if a backward pass is asked for gradients of parameters. */
static inline int clnorm__cpu_wants_sums(const clnorm__cpu_call *call)
{
  return call->dgamma != NULL || call->dbeta != NULL;
}

/* A statistic of `count` values: the mean and the sum of squares about it. */
typedef struct clnorm__moments {
  double count, mean, m2;
} clnorm__moments;

/* Sums of g, g * (x - mean) and x - mean. */
typedef struct clnorm__sums {
  double g, gd, d;
} clnorm__sums;

/* Coefficients of a forward and of a backward pass, see plan.h. */
#define CLNORM__FORWARD_COEFFICIENTS 3
#define CLNORM__BACKWARD_COEFFICIENTS 4

/* Of a backward pass with something fused: scale and shift of z follow. */
#define CLNORM__FUSED_COEFFICIENTS 6

/* The most: where weights follow too, see clnorm__cpu_bend. */
#define CLNORM__WEIGHTED_COEFFICIENTS 7

/* ---- tasks: one function a role (cpu_rows.c, cpu_columns.c, cpu_general.c, cpu_finish.c) --------------------------------------- */

typedef void clnorm__cpu_task(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task);

clnorm__cpu_task clnorm__cpu_rows_train, clnorm__cpu_rows_backward, clnorm__cpu_rows_frozen, clnorm__cpu_rows_stats,
    clnorm__cpu_rows_apply, clnorm__cpu_rows_gradients, clnorm__cpu_rows_dx, clnorm__cpu_columns_train,
    clnorm__cpu_columns_backward, clnorm__cpu_columns_frozen, clnorm__cpu_columns_stats, clnorm__cpu_columns_apply,
    clnorm__cpu_columns_gradients, clnorm__cpu_columns_dx, clnorm__cpu_merge_stats, clnorm__cpu_merge_gradients,
    clnorm__cpu_samples_forward, clnorm__cpu_samples_backward, clnorm__cpu_samples_merge, clnorm__cpu_merge_running,
    clnorm__cpu_general_forward, clnorm__cpu_general_running, clnorm__cpu_general_mask, clnorm__cpu_general_moments,
    clnorm__cpu_general_parameters, clnorm__cpu_general_dx;

/* Tasks [begin, end) of a step with whole rows in one go, if that pays: each statistic is written while the next one is summed, with
 * the same bits. Returns 0, with nothing done, if it does not. */
int clnorm__cpu_rows_flow(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t begin, uint64_t end);

/* 1 if it pays on this machine for calls of the plan that are not in place, and backward have nothing fused. */
int clnorm__cpu_flows(const clnorm_plan *plan);

/* Elements before which runs that are summed are asked for: `together` of them are read one after the other, then those `stride`
 * further on. */
size_t clnorm__cpu_rows_ahead(const clnorm__cpu_call *call, size_t together, size_t stride);

/* ---- the ends of reductions (cpu_finish.c) ---------------------------------------------------------------------- */

/* The sum over a run from those of its lanes. */
static inline double clnorm__cpu_total(const double lanes[CLNORM__SUM_LANES])
{
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/* What is subtracted first from the elements of a run: see SHIFT_ROWS in cpu_matrix.c. */
float clnorm__cpu_shift_of(const clnorm__cpu_call *call, const void *x, size_t n);

/* Of `statistics` of `count` values each: from sums of d = x - shift in mean[] and of d*d in m2[] to means and sums of
 * squares about them, in place. */
void clnorm__moments_from(double count, const float *shift, size_t statistics, double *restrict mean,
                          double *restrict m2);

/* Stores the mean, inv_std and running statistics of statistic c and gives the coefficients of y. */
void clnorm__cpu_finish_statistics(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t c,
                                   clnorm__moments moments, float coefficients[CLNORM__FORWARD_COEFFICIENTS]);

/* What a parameter's gradient becomes by a pass that makes `value` of it: that, or with the flag the sum of it and what is there. */
float clnorm__cpu_gathered(const clnorm__cpu_call *call, uint32_t flag, double value, const float *to);

/* Stores dgamma and dbeta of statistic c and gives the coefficients of dx. */
void clnorm__cpu_finish_gradients(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t c, clnorm__sums sums,
                                  float coefficients[CLNORM__BACKWARD_COEFFICIENTS]);

/* Scale and shift of z = (x - mean) * scale + shift in a backward pass, from the statistics that it reads.
 *   rest   what their mean, a float, has not of x's mean */
void clnorm__cpu_z_coefficients(const clnorm__cpu_call *call, uint64_t c, double rest, float *scale, float *shift);

/* 1 if the rest of one of these `count` means could be seen in z, so that x has to be asked for it. */
int clnorm__cpu_means_are_far(const clnorm__cpu_call *call, uint64_t first, size_t count);

/* Coefficients that come from the running statistics, of `count` statistics from `first` on, coefficient k of the i-th
 * at out[k * pitch + i]. Inference: of y from x. Frozen gradients: of dx from dy, by the same formula; with something fused
 * those of any other backward pass, CLNORM__FUSED_COEFFICIENTS. */
void clnorm__cpu_frozen_coefficients(const clnorm__cpu_call *call, uint64_t first, size_t count, float *out,
                                     size_t pitch);

/* ---- matrices (cpu_matrix.c), of at most CLNORM__MATRIX_COLUMNS columns ----------------------------------------- */

/* `rows` pieces of `columns` elements, `stride` apart. Statistics own `run` neighbouring columns each. */
typedef struct clnorm__matrix {
  size_t rows, columns, stride, run;
} clnorm__matrix;

/* Results: one for each of the columns / run statistics. Sums: of dy, dy * (x - mean) and x - mean. */
void clnorm__matrix_moments(const clnorm__cpu_call *call, const clnorm__matrix *matrix, const void *x, double *mean,
                            double *m2);
void clnorm__matrix_sums(const clnorm__cpu_call *call, const clnorm__matrix *matrix, const void *x, const void *dy,
                         const float *mean, double *const sums[3]);

/* Coefficient k of statistic i at c[k * pitch + i]. */
void clnorm__matrix_apply(const clnorm__cpu_call *call, const clnorm__matrix *matrix, const void *x, void *y,
                          const float *c, size_t pitch);
void clnorm__matrix_dx(const clnorm__cpu_call *call, const clnorm__matrix *matrix, const void *x, const void *dy,
                       void *dx, const float *c, size_t pitch);

/* Both with something fused, of the matrix that begins with the tensors' element `at`: coefficients as in runs_fused, and the sums
 * of g instead of dy; c: mean, scale and shift. */
void clnorm__matrix_fused(const clnorm__cpu_call *call, const clnorm__matrix *matrix, size_t at, const float *c,
                          size_t pitch);
void clnorm__matrix_slopes(const clnorm__cpu_call *call, const clnorm__matrix *matrix, size_t at,
                           const float *const c[3], double *const sums[3]);

/* Sums as above and dx of a frozen pass, in one sweep. c: those of clnorm__cpu_frozen_coefficients. */
void clnorm__matrix_frozen(const clnorm__cpu_call *call, const clnorm__matrix *matrix, size_t at, const float *c,
                           size_t pitch, const float *mean, double *const sums[3]);

/* ---- execution (cpu_execute.c) ---------------------------------------------------------------------------------- */

/* What parameters of a plan come to on this machine: results are written past the cache; one thread does all of it. */
int clnorm__cpu_exceeds_cache(const clnorm_plan *plan);
int clnorm__cpu_is_serial(const clnorm_plan *plan);

/* clnorm_execute() with loops of the caller's choice, so that tests reach each instruction set. */
clnorm_status clnorm__cpu_execute(const clnorm_plan *plan, const clnorm_args *args, const clnorm__cpu_set *set);

#endif
