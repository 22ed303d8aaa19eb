/* The inner loops of the CPU backend, one table of them for each instruction set and storage type that they were compiled for.
 *
 * A run is n contiguous elements of one statistic. A matrix is `rows` pieces of `columns` contiguous elements, `stride`
 * apart, in which every column has coefficients and sums of its own.
 * A sample is n contiguous elements of one statistic with parameters of their own.
 * x, y, dy and dx are of the table's storage type; strides and the like count elements. All sums are in double, and coefficients
 * are floats. No loop reads or writes a byte outside of what it is given. Output may be input (y = x,
 * dx = dy) unless `stream` is set, which writes past the cache; call drain() after the last such store of a task. */
#ifndef CLNORM_SRC_CPU_KERNELS_H
#define CLNORM_SRC_CPU_KERNELS_H

#include <stddef.h>

#include "clnorm/clnorm.h"

/* Lanes of double that a sum over runs is kept in; narrower instruction sets leave the upper ones 0. */
#define CLNORM__SUM_LANES 8

/* Coefficients of contiguous elements that repeat themselves every `columns` of them. The array begins with those of
 * element `lead` < columns and goes on past its end for a vector: coefficient k of element (lead + j) % columns is
 * c[k * pitch + j], j < columns + CLNORM__CYCLE_REST. Fastest if c is aligned to 64 bytes and `lead` is the element from
 * which the output is, too. */
#define CLNORM__CYCLE_REST 16
typedef struct clnorm__cycle {
  const float *c;
  size_t columns, pitch, lead;
} clnorm__cycle;

/* What the elements of a sample share. Forward: what the float mean has not of the mean is `rest`. Backward: xh = (x - mean) *
 * inv_std - off, and means over the sample of h = gamma * dy and of h * xh. */
typedef struct clnorm__sample {
  float mean, rest, inv_std;
  float off, h, h_xh;
} clnorm__sample;

/* What sample_slopes has and leaves: g, and if it is not NULL x as floats. Of a run its one gamma and beta are given, and the sums
 * are of g instead of gamma * g; else those of each element. */
typedef struct clnorm__slopes {
  const float *gamma, *beta;
  int is_run;
  float *x, *g;
} clnorm__slopes;

/* Activations that are not made of straight lines, and their derivatives: of the n floats at z, whole vectors of the
 * instruction set (all of them divide CLNORM__CURVE_FLOATS), in place. Alpha is the descriptor's. */
#define CLNORM__CURVE_FLOATS 16
typedef void clnorm__cpu_curve(float *z, size_t n, float alpha);

typedef struct clnorm__cpu_curves {
  clnorm__cpu_curve *value[CLNORM_ACTIVATION_GELU_TANH + 1]; /* by the activation; NULL: straight lines */
  clnorm__cpu_curve *slope[CLNORM_ACTIVATION_GELU_TANH + 1];
} clnorm__cpu_curves;

/* What an element-wise loop does between z and what is stored. Straight lines: low * z up to 0, z up to `top`, `top` from there
 * on. */
typedef struct clnorm__cpu_bend {
  clnorm__cpu_curve *curve; /* forward passes the value, backward ones the slope; NULL: straight lines */
  float alpha, low, top;
  int frozen;   /* backward: nothing flows back through the statistics */
  int weighted; /* backward in cycles: to dx flows c6 * g in place of g */
} clnorm__cpu_bend;

/* What a fused loop reads and writes: places that the pass has not, or that nobody asks for, are NULL. */
typedef struct clnorm__cpu_fused {
  const void *x, *dy, *residual;
  void *out; /* y, dx */
  void *dresidual;
} clnorm__cpu_fused;

typedef struct clnorm__cpu_kernels {
  /* 1 for the half types: every shift of moments has to be 0. Squares of 8 or 11 bits leave so many of a double's 53 that sums of
   * them lose none that counts, however far the mean is from 0 (docs/numerics.md). */
  int moments_about_0;

  /* `ahead` is the distance in elements to what will be read some time later, for prefetching: a hint, 0 is none.
   * sums[0][...] += x - shift, sums[1][...] += (x - shift)^2 */
  void (*run_stats)(const void *x, size_t n, size_t ahead, float shift, double sums[2][CLNORM__SUM_LANES]);
  /* sums[0][...] += dy, sums[1][...] += dy * (x - mean), sums[2][...] += x - mean */
  void (*run_sums)(const void *x, const void *dy, size_t n, size_t ahead, float mean,
                   double sums[3][CLNORM__SUM_LANES]);
  /* y = (x - c0) * c1 + c2 over `count` runs beside each other, ck of the i-th at c[k * pitch + i]. */
  void (*runs_apply)(const void *x, void *y, size_t count, size_t run, const float *c, size_t pitch, int stream);
  /* dx = c1 * (dy + ((x - c0) * c2 + c3)) */
  void (*runs_dx)(const void *x, const void *dy, void *dx, size_t count, size_t run, const float *c, size_t pitch,
                  int stream);

  /* runs_apply and runs_dx of one run, past the cache, and meanwhile run_stats and run_sums of `later`, another of as many elements,
   * at least two vectors: memory is read while it is written. `ahead` is of `later`. */
  void (*run_apply_stats)(const void *x, void *y, const void *later, size_t n, size_t ahead, const float c[3],
                          float shift, double sums[2][CLNORM__SUM_LANES]);
  /* The same with something fused, as runs_fused. */
  void (*run_fused_stats)(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, const void *later, size_t n,
                          size_t ahead, const float c[3], float shift, double sums[2][CLNORM__SUM_LANES]);
  void (*run_dx_sums)(const void *x, const void *dy, void *dx, const void *later_x, const void *later_dy, size_t n,
                      size_t ahead, const float c[4], float mean, double sums[3][CLNORM__SUM_LANES]);

  /* run_sums and runs_apply of dy, which dx may be, at once. */
  void (*run_apply_sums)(const void *x, const void *dy, void *dx, size_t n, size_t ahead, const float c[3], float mean,
                         double sums[3][CLNORM__SUM_LANES], int stream);

  /* run_stats and what follows it with one shift, mean and sum a column. */
  void (*matrix_stats)(const void *x, size_t rows, size_t columns, size_t stride, const float *shift, double *sum,
                       double *squares);
  void (*matrix_sums)(const void *x, const void *dy, size_t rows, size_t columns, size_t stride, const float *mean,
                      double *sum_g, double *sum_gd, double *sum_d);
  /* matrix_sums, and dx = dy * scale, of columns that are whole vectors of CLNORM__CYCLE_REST elements and with `stream` aligned. */
  void (*matrix_apply_sums)(const void *x, const void *dy, void *dx, size_t rows, size_t columns, size_t stride,
                            const float *scale, const float *mean, double *const sums[3], int stream);
  /* y and dx of `rows` pieces of n contiguous elements, `stride` apart; within each the coefficients repeat themselves. */
  void (*cycle_apply)(const void *x, void *y, size_t rows, size_t n, size_t stride, const clnorm__cycle *cycle,
                      int stream);
  void (*cycle_dx)(const void *x, const void *dy, void *dx, size_t rows, size_t n, size_t stride,
                   const clnorm__cycle *cycle, int stream);

  /* Of `count` samples beside each other, [count]: sum = x, squares = x^2. `next` is what will be read of as many elements after
   * them, for prefetching, or NULL. */
  void (*samples_sums)(const void *x, const void *next, size_t count, size_t run, size_t ahead, double *sum,
                       double *squares);
  /* z = ((x - mean) - rest) * (inv_std * gamma) + beta; gamma and beta [run], NULL: 1 and 0. y = act(z + residual); without a
   * bend y = z. */
  void (*samples_apply)(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, size_t count, size_t run,
                        const float *gamma, const float *beta, const clnorm__sample *samples, size_t ahead, int stream);
  /* y of one sample without a bend, and meanwhile sum and square of `later`, another of as many elements, at least a vector: memory
   * is read while it is written. */
  void (*sample_flow)(const clnorm__cpu_fused *at, const void *later, size_t run, const float *gamma, const float *beta,
                      const clnorm__sample *sample, size_t ahead, double *sum, double *square, int stream);
  /* With h = gamma * dy: sums[0] = h, [1] = h * (x - mean), [2] = x - mean. `ahead` is of x alone, and below of dy. */
  void (*sample_sums)(const void *x, const void *dy, size_t n, size_t ahead, const float *gamma, float mean,
                      double sums[3]);
  /* dx = ((dy * gamma - xh * h_xh) - h) * inv_std */
  void (*sample_dx)(const void *x, const void *dy, void *dx, size_t n, const float *gamma, const clnorm__sample *sample,
                    int stream);
  /* The same with one gamma for each of `count` runs beside each other. */
  void (*sample_runs_dx)(const void *x, const void *dy, void *dx, size_t count, size_t run, const float *gamma,
                         const clnorm__sample *sample, int stream);
  /* Of `rows` samples, `stride` apart: dgamma[i] += dy * xh and dbeta[i] += dy; and dx, if it is not NULL. Stored past the
   * cache every row of it has to begin at a whole line. */
  void (*samples_gradients)(const void *x, const void *dy, void *dx, size_t rows, size_t n, size_t stride,
                            const float *gamma, const clnorm__sample *samples, double *dgamma, double *dbeta,
                            size_t ahead, int stream);
  /* g = dy * act'(z + residual), as floats; the loops above then work on them with the table of F32. sums, if it is not NULL: as
   * sample_sums adds of them, but to what is there. */
  void (*sample_slopes)(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, size_t n, size_t ahead,
                        const clnorm__slopes *slopes, const clnorm__sample *sample, double *sums);
  /* Elements from floats. */
  void (*floats_to)(const float *from, void *out, size_t n, int stream);
  /* With something fused. Forward: z = (x - c0) * c1 + c2 + residual, y = act(z). Backward: z = (x - c0) * c4 + c5 + residual,
   * dresidual = g = dy * act'(z), dx = c1 * (g + ((x - c0) * c2 + c3)); frozen: c1 * g. Only aligned outputs are streamed. */
  void (*runs_fused)(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, size_t count, size_t run,
                     const float *c, size_t pitch, int stream);
  void (*cycle_fused)(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, size_t rows, size_t n, size_t stride,
                      const clnorm__cycle *cycle, int stream);
  /* run_sums and matrix_sums of g: mean, scale and shift are c0, c4 and c5 of above. */
  void (*run_slopes)(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, size_t n, size_t ahead,
                     const float c[3], double sums[3][CLNORM__SUM_LANES]);
  void (*matrix_slopes)(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, size_t rows, size_t columns,
                        size_t stride, const float *const c[3], double *const sums[3]);

  /* scale = gamma / sqrt(variance + epsilon) */
  void (*scales)(const float *gamma, const float *variance, double epsilon, size_t n, float *scale);
  /* inv_std = 1 / sqrt(variance + epsilon) */
  void (*roots)(const double *variance, double epsilon, size_t n, double *inv_std);

  void (*drain)(void);
} clnorm__cpu_kernels;

/* The tables of one instruction set. */
typedef struct clnorm__cpu_set {
  const char *name;
  const clnorm__cpu_kernels *of[3]; /* F32, F16, BF16 */
  const clnorm__cpu_curves *curves;
} clnorm__cpu_set;

/* The table for a storage type; F64 has none and gets that of F32. */
static inline const clnorm__cpu_kernels *clnorm__cpu_kernels_of(const clnorm__cpu_set *set, clnorm_dtype dtype)
{
  return set->of[dtype == CLNORM_F16 ? 1 : dtype == CLNORM_BF16 ? 2 : 0];
}

/* The best set for the processor that is running. Cheap, and the same in every thread. */
const clnorm__cpu_set *clnorm__cpu_set_best(void);

/* Set number i that this processor can run, NULL past the last: for tests of each. */
const clnorm__cpu_set *clnorm__cpu_set_at(size_t i);

#endif
