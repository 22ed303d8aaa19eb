/* The loops behind cpu_kernels.h, written once; cpu_sweeps_*.c include this file, each compiled for its instruction
 * set and its storage type. Not a header of declarations: it defines SWEEPS_TABLE, with names of its own in every inclusion. */
#include <math.h>
#include <string.h>

#include "cpu_kernels.h"
#include "cpu_storage.h"
#include "cpu_vectors.h"

/* Rows of a matrix that are summed together: loads and stores of the sums are shared by so many. Of two tensors fewer, 0.94 of
 * the time of 8. */
#define BLOCK_ROWS 8
#define SUM_ROWS 6

/* sum + value, by a multiplication with one that the compiler does not see: exact like an addition, but not one of the
 * units that subtractions and conversions wait for already. 6 to 9 % faster where fused multiply-adds exist. */
#if defined(__FMA__)
#define ADD(sum, value) ((value)*one + (sum))
#else
#define ADD(sum, value) ((void)one, (sum) + (value))
#endif

static inline vd opaque_one(void)
{
  vd one = all_d(1.0);
#if defined(__FMA__)
  __asm__("" : "+x"(one));
#endif
  return one;
}

#include "cpu_sweeps_storage.h"

static void drain(void)
{
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

/* Elements until p is aligned to a vector. */
static inline size_t until_aligned(const element *p) { return (size_t)(-((uintptr_t)p / sizeof *p) % W); }

/* An end of what is written in aligned vectors, as a vector at p that overlaps these in all lanes but [skip, skip + count). Where
 * the aligned ones go past the caches no more than these lanes are stored: a line that is written both ways waits for the
 * memory. */
static inline void store_end(element *p, vf v, size_t skip, size_t count, int stream)
{
  if (!stream) {
    store_e(p, v);
    return;
  }
  element lanes[W];
  store_e(lanes, v);
  memcpy(p + skip, lanes + skip, count * sizeof *p);
}

/* The first `count` lanes, before the aligned vectors. */
static inline void store_first(element *p, vf v, size_t count, int stream) { store_end(p, v, 0, count, stream); }

/* The last ones, behind them. */
static inline void store_last(element *p, vf v, size_t count, int stream) { store_end(p, v, W - count, count, stream); }

/* The last vector of a run may begin in the one before; this keeps the lanes that no vector has had yet. */
static inline vd keep_last(vd v, size_t lanes)
{
  static const int64_t masks[2 * D] = {
    [D] = -1,
    -1,
#if D > 2
    -1,
    -1,
#endif
#if D > 4
    -1,
    -1,
    -1,
    -1
#endif
  };
  vm mask;
  memcpy(&mask, masks + lanes, sizeof mask);
  return (vd)((vm)v & mask);
}

/* Elements of a cache line. */
#define LINE (64 / sizeof(element))

/* Prefetches are macros: GCC takes a function that does nothing else for one without effect, and drops its calls. */
#define PREFETCH(address, locality) __builtin_prefetch((const void *)(address), 0, locality)

/* Prefetches the `count` elements that are `ahead` elements from p. */
#define LOOK_AHEAD(p, count, ahead)                                     \
  for (size_t line = 0; (ahead) != 0 && line < (count); line += LINE) { \
    PREFETCH((uintptr_t)(p) + ((ahead) + line) * sizeof(element), 2);   \
  }

/* y and dx of one element, see plan.h; of floats and of vectors. */
#define APPLY(x, mean, scale, shift) (((x) - (mean)) * (scale) + (shift))
#define GRADIENT(x, dy, mean, a, b, c) (((dy) + (((x) - (mean)) * (b) + (c))) * (a))

#include "cpu_sweeps_columns.h"
#include "cpu_sweeps_fused.h"
#include "cpu_sweeps_runs.h"
#include "cpu_sweeps_samples.h"
#include "cpu_sweeps_samples_gradients.h"
#include "cpu_sweeps_slopes.h"

static void scales(const float *gamma, const float *variance, double epsilon, size_t n, float *scale)
{
  for (size_t i = 0; i < n; i++) {
    scale[i] = (float)((double)gamma[i] / sqrt((double)variance[i] + epsilon));
  }
}

static void roots(const double *variance, double epsilon, size_t n, double *inv_std)
{
  for (size_t i = 0; i < n; i++) {
    inv_std[i] = 1.0 / sqrt(variance[i] + epsilon);
  }
}

const clnorm__cpu_kernels SWEEPS_TABLE = {
    .moments_about_0 = MOMENTS_ABOUT_0,
    .run_stats = run_stats,
    .run_sums = run_sums,
    .runs_apply = runs_apply,
    .runs_dx = runs_dx,
    .run_apply_stats = run_apply_stats,
    .run_fused_stats = run_fused_stats,
    .run_dx_sums = run_dx_sums,
    .run_apply_sums = run_apply_sums,
    .matrix_stats = matrix_stats,
    .matrix_sums = matrix_sums,
    .matrix_apply_sums = matrix_apply_sums,
    .cycle_apply = cycle_apply,
    .cycle_dx = cycle_dx,
    .runs_fused = runs_fused,
    .cycle_fused = cycle_fused,
    .run_slopes = run_slopes,
    .matrix_slopes = matrix_slopes,
    .samples_sums = samples_sums,
    .samples_apply = samples_apply,
    .sample_flow = sample_flow,
    .sample_sums = sample_sums,
    .sample_dx = sample_dx,
    .sample_runs_dx = sample_runs_dx,
    .samples_gradients = samples_gradients,
    .sample_slopes = sample_slopes,
    .floats_to = floats_to,
    .scales = scales,
    .roots = roots,
    .drain = drain,
};
