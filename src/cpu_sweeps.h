/* The loops behind cpu_kernels.h, written once; cpu_sweeps_*.c include this file, each compiled for its instruction
 * set. Not a header of declarations: it defines SWEEPS_TABLE, with names of its own in every inclusion. */
#include <stdint.h>
#include <string.h>

#include <math.h>

#include "cpu_kernels.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* D doubles and W floats fill one register. */
#if defined(__AVX512F__)
#define D 8
#elif defined(__AVX__)
#define D 4
#else
#define D 2
#endif
#define W (2 * D)

/* Rows of a matrix that are summed together: loads and stores of the sums are shared by so many. */
#define BLOCK_ROWS 8

typedef double vd __attribute__((vector_size(8 * D)));
typedef float vf __attribute__((vector_size(4 * W)));
typedef int64_t vm __attribute__((vector_size(8 * D)));

/* D floats as doubles. GCC 12 takes a generic conversion apart, so the instruction is named where there is one. */
static inline vd load_wide(const float *p)
{
#if defined(__AVX512F__)
  return (vd)_mm512_cvtps_pd(_mm256_loadu_ps(p));
#elif defined(__AVX__)
  return (vd)_mm256_cvtps_pd(_mm_loadu_ps(p));
#else
  typedef float vh __attribute__((vector_size(4 * D)));
  vh half;
  memcpy(&half, p, sizeof half);
  return __builtin_convertvector(half, vd);
#endif
}

static inline vd load_d(const double *p)
{
  vd v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline void store_d(double *p, vd v) { memcpy(p, &v, sizeof v); }

static inline vf load_f(const float *p)
{
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline void store_f(float *p, vf v) { memcpy(p, &v, sizeof v); }

/* Subtracting 0 keeps the sign of a zero, adding it would not. */
static inline vd all_d(double value) { return value - (vd){0}; }
static inline vf all_f(float value) { return value - (vf){0}; }

static inline void store_stream(float *p, vf v)
{
#if defined(__AVX512F__)
  _mm512_stream_ps(p, (__m512)v);
#elif defined(__AVX__)
  _mm256_stream_ps(p, (__m256)v);
#elif defined(__SSE2__)
  _mm_stream_ps(p, (__m128)v);
#else
  store_f(p, v);
#endif
}

static void drain(void)
{
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

/* Elements until p is aligned to a vector. */
static inline size_t until_aligned(const float *p) { return (size_t)(-((uintptr_t)p / sizeof(float)) % W); }

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

/* Runs lie far apart, often on pages of their own, and the processor's own prefetching stops at both; asking so many elements
 * ahead, over the gap to the next run, took a statistic of 32 x 3136 elements from 2.4 to 1.4 ms for 64 of them. */
#define AHEAD 1024
#define LINE 16

/* Prefetches are macros: GCC takes a function that does nothing else for one without effect, and drops its calls. */
#define PREFETCH(address, locality) __builtin_prefetch((const void *)(address), 0, locality)

/* Prefetches the elements [i, i + count) of AHEAD elements later. */
#define LOOK_AHEAD(x, i, count, ahead)                                                              \
  for (size_t line = (i) + AHEAD; line < (i) + AHEAD + (count); line += LINE) {                     \
    PREFETCH((uintptr_t)(x) + (line + (line < (ahead).left ? 0 : (ahead).gap)) * sizeof(float), 3); \
  }

/* ---- sums over runs ----------------------------------------------------------------------------------------- */

static void run_stats(const float *x, size_t n, clnorm__ahead ahead, float shift, double sums[2][CLNORM__SUM_LANES])
{
  if (n < D) {
    for (size_t i = 0; i < n; i++) {
      const double d = (double)x[i] - (double)shift;
      sums[0][i] += d;
      sums[1][i] += d * d;
    }
    return;
  }
  const vd k = all_d(shift);
  vd s0 = load_d(sums[0]), q0 = load_d(sums[1]);
  vd s1 = {0}, s2 = {0}, s3 = {0}, q1 = {0}, q2 = {0}, q3 = {0};
  size_t i = 0;
  for (; i + 4 * D <= n; i += 4 * D) {
    LOOK_AHEAD(x, i, 4 * D, ahead)
    const vd d0 = load_wide(x + i) - k, d1 = load_wide(x + i + D) - k;
    const vd d2 = load_wide(x + i + 2 * D) - k, d3 = load_wide(x + i + 3 * D) - k;
    s0 += d0, s1 += d1, s2 += d2, s3 += d3;
    q0 += d0 * d0, q1 += d1 * d1, q2 += d2 * d2, q3 += d3 * d3;
  }
  for (; i + D <= n; i += D) {
    const vd d = load_wide(x + i) - k;
    s0 += d;
    q0 += d * d;
  }
  if (i < n) {
    const vd d = keep_last(load_wide(x + n - D) - k, n - i);
    s1 += d;
    q1 += d * d;
  }
  store_d(sums[0], (s0 + s1) + (s2 + s3));
  store_d(sums[1], (q0 + q1) + (q2 + q3));
}

static void run_sums(const float *x, const float *dy, size_t n, clnorm__ahead ahead, float mean,
                     double sums[3][CLNORM__SUM_LANES])
{
  if (n < D) {
    for (size_t i = 0; i < n; i++) {
      const double d = (double)x[i] - (double)mean, g = dy[i];
      sums[0][i] += g;
      sums[1][i] += g * d;
      sums[2][i] += d;
    }
    return;
  }
  const vd k = all_d(mean);
  vd g0 = load_d(sums[0]), p0 = load_d(sums[1]), d0 = load_d(sums[2]);
  vd g1 = {0}, p1 = {0}, d1 = {0};
  size_t i = 0;
  for (; i + 2 * D <= n; i += 2 * D) {
    LOOK_AHEAD(x, i, 2 * D, ahead)
    LOOK_AHEAD(dy, i, 2 * D, ahead)
    const vd a = load_wide(x + i) - k, b = load_wide(x + i + D) - k;
    const vd ga = load_wide(dy + i), gb = load_wide(dy + i + D);
    g0 += ga, g1 += gb;
    p0 += ga * a, p1 += gb * b;
    d0 += a, d1 += b;
  }
  for (; i + D <= n; i += D) {
    const vd a = load_wide(x + i) - k, ga = load_wide(dy + i);
    g0 += ga;
    p0 += ga * a;
    d0 += a;
  }
  if (i < n) {
    const vd a = keep_last(load_wide(x + n - D) - k, n - i), ga = keep_last(load_wide(dy + n - D), n - i);
    g1 += ga;
    p1 += ga * a;
    d1 += a;
  }
  store_d(sums[0], g0 + g1);
  store_d(sums[1], p0 + p1);
  store_d(sums[2], d0 + d1);
}

/* ---- element-wise over runs --------------------------------------------------------------------------------- */

#define APPLY(x, hi, lo, scale, shift) ((((x) - (hi)) - (lo)) * (scale) + (shift))
#define GRADIENT(x, dy, hi, lo, a, b, c) ((a) * (((dy) - (b)) - (((x) - (hi)) - (lo)) * (c)))

static inline void run_apply(const float *x, float *y, size_t n, const float *c, size_t pitch, int stream)
{
  const float c0 = c[0], c1 = c[pitch], c2 = c[2 * pitch], c3 = c[3 * pitch];
  if (n < W) {
    for (size_t i = 0; i < n; i++) {
      y[i] = APPLY(x[i], c0, c1, c2, c3);
    }
    return;
  }
  const vf hi = all_f(c0), lo = all_f(c1), scale = all_f(c2), shift = all_f(c3);
  /* Computed before the first store, so that it is right in place too. */
  const vf last = APPLY(load_f(x + n - W), hi, lo, scale, shift);
  size_t i = 0;
  if (stream) {
    store_f(y, APPLY(load_f(x), hi, lo, scale, shift));
    for (i = until_aligned(y); i + W <= n; i += W) {
      store_stream(y + i, APPLY(load_f(x + i), hi, lo, scale, shift));
    }
  } else {
    for (; i + W <= n; i += W) {
      store_f(y + i, APPLY(load_f(x + i), hi, lo, scale, shift));
    }
  }
  if (i < n) {
    store_f(y + n - W, last);
  }
}

static void runs_apply(const float *x, float *y, size_t count, size_t run, const float *c, size_t pitch, int stream)
{
  for (size_t i = 0; i < count; i++) {
    run_apply(x + i * run, y + i * run, run, c + i, pitch, stream);
  }
}

static inline void run_dx(const float *x, const float *dy, float *dx, size_t n, const float *c, size_t pitch,
                          int stream)
{
  const float c0 = c[0], c1 = c[pitch], c2 = c[2 * pitch], c3 = c[3 * pitch], c4 = c[4 * pitch];
  if (n < W) {
    for (size_t i = 0; i < n; i++) {
      dx[i] = GRADIENT(x[i], dy[i], c0, c1, c2, c3, c4);
    }
    return;
  }
  const vf hi = all_f(c0), lo = all_f(c1), ka = all_f(c2), kb = all_f(c3), kc = all_f(c4);
  const vf last = GRADIENT(load_f(x + n - W), load_f(dy + n - W), hi, lo, ka, kb, kc);
  size_t i = 0;
  if (stream) {
    store_f(dx, GRADIENT(load_f(x), load_f(dy), hi, lo, ka, kb, kc));
    for (i = until_aligned(dx); i + W <= n; i += W) {
      store_stream(dx + i, GRADIENT(load_f(x + i), load_f(dy + i), hi, lo, ka, kb, kc));
    }
  } else {
    for (; i + W <= n; i += W) {
      store_f(dx + i, GRADIENT(load_f(x + i), load_f(dy + i), hi, lo, ka, kb, kc));
    }
  }
  if (i < n) {
    store_f(dx + n - W, last);
  }
}

static void runs_dx(const float *x, const float *dy, float *dx, size_t count, size_t run, const float *c, size_t pitch,
                    int stream)
{
  for (size_t i = 0; i < count; i++) {
    run_dx(x + i * run, dy + i * run, dx + i * run, run, c + i, pitch, stream);
  }
}

/* ---- sums over columns -------------------------------------------------------------------------------------- */

/* D columns over a few rows; lanes < D: only the last so many of them count. */
static inline void columns_stats(const float *x, size_t rows, size_t stride, const float *shift, double *sum,
                                 double *squares, size_t lanes)
{
  const vd k = load_wide(shift);
  vd s = load_d(sum), q = load_d(squares);
  for (size_t r = 0; r < rows; r++) {
    vd d = load_wide(x + r * stride) - k;
    if (lanes < D) {
      d = keep_last(d, lanes);
    }
    s += d;
    q += d * d;
  }
  store_d(sum, s);
  store_d(squares, q);
}

/* Prefetches the line of column j of a block's rows in the block that is `down` elements later, once for each line. */
#define LOOK_DOWN(x, rows, j, stride, down)                                        \
  for (size_t row = 0; (j) % LINE == 0 && row < (rows); row++) {                   \
    PREFETCH((uintptr_t)(x) + (row * (stride) + (j) + (down)) * sizeof(float), 2); \
  }

/* The next block, or of narrow matrices one that is as far ahead as a run's prefetch. */
static inline size_t down_of(size_t columns, size_t stride)
{
  const size_t block = BLOCK_ROWS * columns;
  return (block < AHEAD ? (AHEAD + block - 1) / block : 1) * BLOCK_ROWS * stride;
}

static inline void block_stats(const float *x, size_t rows, size_t columns, size_t stride, const float *shift,
                               double *sum, double *squares, size_t down)
{
  size_t j = 0;
  for (; j + W <= columns; j += W) {
    LOOK_DOWN(x, rows, j, stride, down)
    const vd k0 = load_wide(shift + j), k1 = load_wide(shift + j + D);
    vd s0 = load_d(sum + j), s1 = load_d(sum + j + D);
    vd q0 = load_d(squares + j), q1 = load_d(squares + j + D);
    for (size_t r = 0; r < rows; r++) {
      const vd d0 = load_wide(x + r * stride + j) - k0, d1 = load_wide(x + r * stride + j + D) - k1;
      s0 += d0, s1 += d1;
      q0 += d0 * d0, q1 += d1 * d1;
    }
    store_d(sum + j, s0), store_d(sum + j + D, s1);
    store_d(squares + j, q0), store_d(squares + j + D, q1);
  }
  for (; j + D <= columns; j += D) {
    columns_stats(x + j, rows, stride, shift + j, sum + j, squares + j, D);
  }
  if (j < columns) {
    const size_t at = columns - D;
    columns_stats(x + at, rows, stride, shift + at, sum + at, squares + at, columns - j);
  }
}

static void matrix_stats(const float *x, size_t rows, size_t columns, size_t stride, const float *shift, double *sum,
                         double *squares)
{
  if (columns < D) {
    for (size_t r = 0; r < rows; r++) {
      for (size_t j = 0; j < columns; j++) {
        const double d = (double)x[r * stride + j] - (double)shift[j];
        sum[j] += d;
        squares[j] += d * d;
      }
    }
    return;
  }
  const size_t down = down_of(columns, stride);
  size_t r = 0;
  for (; r + BLOCK_ROWS <= rows; r += BLOCK_ROWS) {
    block_stats(x + r * stride, BLOCK_ROWS, columns, stride, shift, sum, squares, down);
  }
  if (r < rows) {
    block_stats(x + r * stride, rows - r, columns, stride, shift, sum, squares, 0);
  }
}

static inline void block_sums(const float *x, const float *dy, size_t rows, size_t columns, size_t stride,
                              const float *mean, double *sum_g, double *sum_gd, double *sum_d, size_t down)
{
  for (size_t j = 0; j < columns; j += D) {
    LOOK_DOWN(x, rows, j, stride, down)
    LOOK_DOWN(dy, rows, j, stride, down)
    const size_t lanes = columns - j;
    const size_t at = lanes < D ? columns - D : j;
    const vd k = load_wide(mean + at);
    vd g = load_d(sum_g + at), p = load_d(sum_gd + at), d = load_d(sum_d + at);
    for (size_t r = 0; r < rows; r++) {
      vd a = load_wide(x + r * stride + at) - k, b = load_wide(dy + r * stride + at);
      if (lanes < D) {
        a = keep_last(a, lanes);
        b = keep_last(b, lanes);
      }
      g += b;
      p += b * a;
      d += a;
    }
    store_d(sum_g + at, g);
    store_d(sum_gd + at, p);
    store_d(sum_d + at, d);
  }
}

static void matrix_sums(const float *x, const float *dy, size_t rows, size_t columns, size_t stride, const float *mean,
                        double *sum_g, double *sum_gd, double *sum_d)
{
  if (columns < D) {
    for (size_t r = 0; r < rows; r++) {
      for (size_t j = 0; j < columns; j++) {
        const double d = (double)x[r * stride + j] - (double)mean[j], g = dy[r * stride + j];
        sum_g[j] += g;
        sum_gd[j] += g * d;
        sum_d[j] += d;
      }
    }
    return;
  }
  const size_t down = down_of(columns, stride);
  size_t r = 0;
  for (; r + BLOCK_ROWS <= rows; r += BLOCK_ROWS) {
    block_sums(x + r * stride, dy + r * stride, BLOCK_ROWS, columns, stride, mean, sum_g, sum_gd, sum_d, down);
  }
  if (r < rows) {
    block_sums(x + r * stride, dy + r * stride, rows - r, columns, stride, mean, sum_g, sum_gd, sum_d, 0);
  }
}

/* ---- element-wise over columns ------------------------------------------------------------------------------ */

/* Rows that share the loads of the coefficients. */
#define SHARED_ROWS 4

/* Coefficients of W columns. Loaded into registers before the first store, which might change them for all the compiler
 * knows. */
typedef struct coefficients {
  vf c[5];
} coefficients;

static inline coefficients load_coefficients(const float *c, size_t pitch, int count)
{
  coefficients k;
  for (int i = 0; i < count; i++) {
    k.c[i] = load_f(c + (size_t)i * pitch);
  }
  return k;
}

static inline vf apply_at(const float *x, const coefficients *k)
{
  return APPLY(load_f(x), k->c[0], k->c[1], k->c[2], k->c[3]);
}

static inline vf gradient_at(const float *x, const float *dy, const coefficients *k)
{
  return GRADIENT(load_f(x), load_f(dy), k->c[0], k->c[1], k->c[2], k->c[3], k->c[4]);
}

/* `rows` is a constant in each of its uses. If stream, all the rows have to be equally aligned. */
static inline __attribute__((always_inline)) void rows_apply(const float *x, float *y, const size_t rows, size_t n,
                                                             size_t stride, const float *c, size_t pitch, int stream)
{
  vf last[SHARED_ROWS];
  size_t j = 0;
  {
    const coefficients k = load_coefficients(c + n - W, pitch, 4);
    for (size_t r = 0; r < rows; r++) {
      last[r] = apply_at(x + r * stride + n - W, &k);
    }
  }
  if (stream) {
    const coefficients k = load_coefficients(c, pitch, 4);
    for (size_t r = 0; r < rows; r++) {
      store_f(y + r * stride, apply_at(x + r * stride, &k));
    }
    j = until_aligned(y);
  }
  for (; j + W <= n; j += W) {
    const coefficients k = load_coefficients(c + j, pitch, 4);
    for (size_t r = 0; r < rows; r++) {
      const vf value = apply_at(x + r * stride + j, &k);
      if (stream) {
        store_stream(y + r * stride + j, value);
      } else {
        store_f(y + r * stride + j, value);
      }
    }
  }
  if (j < n) {
    for (size_t r = 0; r < rows; r++) {
      store_f(y + r * stride + n - W, last[r]);
    }
  }
}

static void matrix_apply(const float *x, float *y, size_t rows, size_t columns, size_t stride, const float *c,
                         size_t pitch, int stream)
{
  if (columns < W) {
    for (size_t r = 0; r < rows; r++, x += stride, y += stride) {
      for (size_t j = 0; j < columns; j++) {
        y[j] = APPLY(x[j], c[j], c[pitch + j], c[2 * pitch + j], c[3 * pitch + j]);
      }
    }
    return;
  }
  size_t r = 0;
  if (!stream) {
    for (; r + SHARED_ROWS <= rows; r += SHARED_ROWS) {
      rows_apply(x + r * stride, y + r * stride, SHARED_ROWS, columns, stride, c, pitch, 0);
    }
  } else if (stride % W == 0) {
    for (; r + SHARED_ROWS <= rows; r += SHARED_ROWS) {
      rows_apply(x + r * stride, y + r * stride, SHARED_ROWS, columns, stride, c, pitch, 1);
    }
  }
  for (; r < rows; r++) {
    rows_apply(x + r * stride, y + r * stride, 1, columns, stride, c, pitch, stream);
  }
}

static inline __attribute__((always_inline)) void rows_dx(const float *x, const float *dy, float *dx, const size_t rows,
                                                          size_t n, size_t stride, const float *c, size_t pitch,
                                                          int stream)
{
  vf last[SHARED_ROWS];
  size_t j = 0;
  {
    const coefficients k = load_coefficients(c + n - W, pitch, 5);
    for (size_t r = 0; r < rows; r++) {
      last[r] = gradient_at(x + r * stride + n - W, dy + r * stride + n - W, &k);
    }
  }
  if (stream) {
    const coefficients k = load_coefficients(c, pitch, 5);
    for (size_t r = 0; r < rows; r++) {
      store_f(dx + r * stride, gradient_at(x + r * stride, dy + r * stride, &k));
    }
    j = until_aligned(dx);
  }
  for (; j + W <= n; j += W) {
    const coefficients k = load_coefficients(c + j, pitch, 5);
    for (size_t r = 0; r < rows; r++) {
      const vf value = gradient_at(x + r * stride + j, dy + r * stride + j, &k);
      if (stream) {
        store_stream(dx + r * stride + j, value);
      } else {
        store_f(dx + r * stride + j, value);
      }
    }
  }
  if (j < n) {
    for (size_t r = 0; r < rows; r++) {
      store_f(dx + r * stride + n - W, last[r]);
    }
  }
}

static void matrix_dx(const float *x, const float *dy, float *dx, size_t rows, size_t columns, size_t stride,
                      const float *c, size_t pitch, int stream)
{
  if (columns < W) {
    for (size_t r = 0; r < rows; r++, x += stride, dy += stride, dx += stride) {
      for (size_t j = 0; j < columns; j++) {
        dx[j] = GRADIENT(x[j], dy[j], c[j], c[pitch + j], c[2 * pitch + j], c[3 * pitch + j], c[4 * pitch + j]);
      }
    }
    return;
  }
  size_t r = 0;
  if (!stream) {
    for (; r + SHARED_ROWS <= rows; r += SHARED_ROWS) {
      rows_dx(x + r * stride, dy + r * stride, dx + r * stride, SHARED_ROWS, columns, stride, c, pitch, 0);
    }
  } else if (stride % W == 0) {
    for (; r + SHARED_ROWS <= rows; r += SHARED_ROWS) {
      rows_dx(x + r * stride, dy + r * stride, dx + r * stride, SHARED_ROWS, columns, stride, c, pitch, 1);
    }
  }
  for (; r < rows; r++) {
    rows_dx(x + r * stride, dy + r * stride, dx + r * stride, 1, columns, stride, c, pitch, stream);
  }
}

static void scales(const float *gamma, const float *variance, double epsilon, size_t n, float *scale)
{
  for (size_t i = 0; i < n; i++) {
    scale[i] = (float)((double)gamma[i] / sqrt((double)variance[i] + epsilon));
  }
}

const clnorm__cpu_kernels SWEEPS_TABLE = {
    .name = SWEEPS_NAME,
    .run_stats = run_stats,
    .run_sums = run_sums,
    .runs_apply = runs_apply,
    .runs_dx = runs_dx,
    .matrix_stats = matrix_stats,
    .matrix_sums = matrix_sums,
    .matrix_apply = matrix_apply,
    .matrix_dx = matrix_dx,
    .scales = scales,
    .drain = drain,
};
