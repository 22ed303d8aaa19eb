/* The loops over matrices. A part of cpu_sweeps.h, which includes it. */

/* ---- sums over columns -------------------------------------------------------------------------------------- */

/* D columns over a few rows; lanes < D: only the last so many of them count. */
static inline void columns_stats(const element *x, size_t rows, size_t stride, const float *shift, double *sum,
                                 double *squares, size_t lanes)
{
  const vd k = load_wide(shift);
  vd s = load_d(sum), q = load_d(squares);
  for (size_t r = 0; r < rows; r++) {
    vd d = about(load_wide_e(x + r * stride), k);
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
#define LOOK_DOWN(x, rows, j, stride, down)                                          \
  for (size_t row = 0; (j) % LINE == 0 && row < (rows); row++) {                     \
    PREFETCH((uintptr_t)(x) + (row * (stride) + (j) + (down)) * sizeof(element), 2); \
  }

/* Elements that a narrow matrix is prefetched ahead. */
#define AHEAD (4096 / sizeof(element))

/* The next block, or of narrow matrices one that is far enough ahead. */
static inline size_t down_of(size_t rows, size_t columns, size_t stride)
{
  const size_t block = rows * columns;
  return (block < AHEAD ? (AHEAD + block - 1) / block : 1) * rows * stride;
}

static inline void block_stats(const element *x, size_t rows, size_t columns, size_t stride, const float *shift,
                               double *sum, double *squares, size_t down)
{
  const vd one = opaque_one();
  size_t j = 0;
  for (; j + W <= columns; j += W) {
    LOOK_DOWN(x, rows, j, stride, down)
    const vd k0 = load_wide(shift + j), k1 = load_wide(shift + j + D);
    vd s0 = load_d(sum + j), s1 = load_d(sum + j + D);
    vd q0 = load_d(squares + j), q1 = load_d(squares + j + D);
    for (size_t r = 0; r < rows; r++) {
      const vd d0 = about(load_wide_e(x + r * stride + j), k0);
      const vd d1 = about(load_wide_e(x + r * stride + j + D), k1);
      s0 = ADD(s0, d0), s1 = ADD(s1, d1);
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

static void matrix_stats(const void *x_at, size_t rows, size_t columns, size_t stride, const float *shift, double *sum,
                         double *squares)
{
  const element *const x = x_at;
  if (columns < D) {
    for (size_t r = 0; r < rows; r++) {
      for (size_t j = 0; j < columns; j++) {
        const double d = (double)load_one(x + r * stride + j) - (double)shift[j];
        sum[j] += d;
        squares[j] += d * d;
      }
    }
    return;
  }
  const size_t down = down_of(BLOCK_ROWS, columns, stride);
  size_t r = 0;
  for (; r + BLOCK_ROWS <= rows; r += BLOCK_ROWS) {
    block_stats(x + r * stride, BLOCK_ROWS, columns, stride, shift, sum, squares, down);
  }
  if (r < rows) {
    block_stats(x + r * stride, rows - r, columns, stride, shift, sum, squares, 0);
  }
}

/* D columns over a few rows; lanes < D: only the last so many of them count. */
static inline void columns_sums(const element *x, const element *dy, size_t rows, size_t stride, const float *mean,
                                double *sum_g, double *sum_gd, double *sum_d, size_t lanes)
{
  const vd k = load_wide(mean);
  vd g = load_d(sum_g), p = load_d(sum_gd), d = load_d(sum_d);
  for (size_t r = 0; r < rows; r++) {
    vd a = load_wide_e(x + r * stride) - k, b = load_wide_e(dy + r * stride);
    if (lanes < D) {
      a = keep_last(a, lanes);
      b = keep_last(b, lanes);
    }
    g += b;
    p += b * a;
    d += a;
  }
  store_d(sum_g, g);
  store_d(sum_gd, p);
  store_d(sum_d, d);
}

static inline void block_sums(const element *x, const element *dy, size_t rows, size_t columns, size_t stride,
                              const float *mean, double *sum_g, double *sum_gd, double *sum_d, size_t down)
{
  const vd one = opaque_one();
  size_t j = 0;
  for (; j + W <= columns; j += W) {
    LOOK_DOWN(x, rows, j, stride, down)
    LOOK_DOWN(dy, rows, j, stride, down)
    const vd k0 = load_wide(mean + j), k1 = load_wide(mean + j + D);
    vd g0 = load_d(sum_g + j), g1 = load_d(sum_g + j + D);
    vd p0 = load_d(sum_gd + j), p1 = load_d(sum_gd + j + D);
    vd d0 = load_d(sum_d + j), d1 = load_d(sum_d + j + D);
    for (size_t r = 0; r < rows; r++) {
      const size_t at = r * stride + j;
      const vd a0 = load_wide_e(x + at) - k0, a1 = load_wide_e(x + at + D) - k1;
      const vd b0 = load_wide_e(dy + at), b1 = load_wide_e(dy + at + D);
      g0 = ADD(g0, b0), g1 = ADD(g1, b1);
      p0 += b0 * a0, p1 += b1 * a1;
      d0 = ADD(d0, a0), d1 = ADD(d1, a1);
    }
    store_d(sum_g + j, g0), store_d(sum_g + j + D, g1);
    store_d(sum_gd + j, p0), store_d(sum_gd + j + D, p1);
    store_d(sum_d + j, d0), store_d(sum_d + j + D, d1);
  }
  for (; j < columns; j += D) {
    const size_t lanes = columns - j, at = lanes < D ? columns - D : j;
    columns_sums(x + at, dy + at, rows, stride, mean + at, sum_g + at, sum_gd + at, sum_d + at, lanes);
  }
}

static void matrix_sums(const void *x_at, const void *dy_at, size_t rows, size_t columns, size_t stride,
                        const float *mean, double *sum_g, double *sum_gd, double *sum_d)
{
  const element *const x = x_at;
  const element *const dy = dy_at;
  if (columns < D) {
    for (size_t r = 0; r < rows; r++) {
      for (size_t j = 0; j < columns; j++) {
        const double d = (double)load_one(x + r * stride + j) - (double)mean[j], g = load_one(dy + r * stride + j);
        sum_g[j] += g;
        sum_gd[j] += g * d;
        sum_d[j] += d;
      }
    }
    return;
  }
  const size_t down = down_of(SUM_ROWS, columns, stride);
  size_t r = 0;
  for (; r + SUM_ROWS <= rows; r += SUM_ROWS) {
    block_sums(x + r * stride, dy + r * stride, SUM_ROWS, columns, stride, mean, sum_g, sum_gd, sum_d, down);
  }
  if (r < rows) {
    block_sums(x + r * stride, dy + r * stride, rows - r, columns, stride, mean, sum_g, sum_gd, sum_d, 0);
  }
}

/* ---- element-wise over columns ------------------------------------------------------------------------------ */

/* Rows further apart than a page (of 4096 bytes) are walked in pairs, which share the loads of the coefficients. Rows on
 * one page would then be fetched in an order that the processor's prefetching does not know: outside of the cache that
 * takes two to three times as long. */
#define PAGE_ELEMENTS (4096 / sizeof(element))

/* Coefficients of one vector. */
typedef struct forward_vectors {
  vf mean, scale, shift;
} forward_vectors;

typedef struct backward_vectors {
  vf mean, a, b, c;
} backward_vectors;

static inline forward_vectors forward_at(clnorm__cycle k, size_t place)
{
  const float *c = k.c + place;
  return (forward_vectors){load_f(c), load_f(c + k.pitch), load_f(c + 2 * k.pitch)};
}

static inline backward_vectors backward_at(clnorm__cycle k, size_t place)
{
  const float *c = k.c + place;
  return (backward_vectors){load_f(c), load_f(c + k.pitch), load_f(c + 2 * k.pitch), load_f(c + 3 * k.pitch)};
}

static inline vf apply_at(const element *x, forward_vectors k) { return APPLY(load_e(x), k.mean, k.scale, k.shift); }

static inline vf gradient_at(const element *x, const element *dy, backward_vectors k)
{
  return GRADIENT(load_e(x), load_e(dy), k.mean, k.a, k.b, k.c);
}

static inline void put(element *p, vf v, int stream)
{
  if (stream) {
    stream_e(p, v);
  } else {
    store_e(p, v);
  }
}

/* block_sums of whole vectors, and dx of the same elements. `stream` is a constant in each use. */
static inline __attribute__((always_inline)) void block_apply_sums(const element *x, const element *dy, element *dx,
                                                                   size_t rows, size_t columns, size_t stride,
                                                                   const float *scale, const float *mean,
                                                                   double *const sums[3], size_t down, const int stream)
{
  const vd one = opaque_one();
  for (size_t j = 0; j < columns; j += W) {
    LOOK_DOWN(x, rows, j, stride, down)
    LOOK_DOWN(dy, rows, j, stride, down)
    const vf own = load_f(scale + j);
    const vd k0 = load_wide(mean + j), k1 = load_wide(mean + j + D);
    vd g0 = load_d(sums[0] + j), g1 = load_d(sums[0] + j + D);
    vd p0 = load_d(sums[1] + j), p1 = load_d(sums[1] + j + D);
    vd d0 = load_d(sums[2] + j), d1 = load_d(sums[2] + j + D);
    for (size_t r = 0; r < rows; r++) {
      const size_t at = r * stride + j;
      const vd a0 = load_wide_e(x + at) - k0, a1 = load_wide_e(x + at + D) - k1;
      const vd b0 = load_wide_e(dy + at), b1 = load_wide_e(dy + at + D);
      g0 = ADD(g0, b0), g1 = ADD(g1, b1);
      p0 += b0 * a0, p1 += b1 * a1;
      d0 = ADD(d0, a0), d1 = ADD(d1, a1);
      put(dx + at, load_e(dy + at) * own, stream);
    }
    store_d(sums[0] + j, g0), store_d(sums[0] + j + D, g1);
    store_d(sums[1] + j, p0), store_d(sums[1] + j + D, p1);
    store_d(sums[2] + j, d0), store_d(sums[2] + j + D, d1);
  }
}

static void matrix_apply_sums(const void *x_at, const void *dy_at, void *dx_at, size_t rows, size_t columns,
                              size_t stride, const float *scale, const float *mean, double *const sums[3], int stream)
{
  const element *const x = x_at;
  const element *const dy = dy_at;
  element *const dx = dx_at;
  const size_t down = down_of(SUM_ROWS, columns, stride);
  for (size_t r = 0; r < rows; r += SUM_ROWS) {
    const size_t at = r * stride, some = rows - r < SUM_ROWS ? rows - r : SUM_ROWS, next = some < SUM_ROWS ? 0 : down;
    if (stream) {
      block_apply_sums(x + at, dy + at, dx + at, some, columns, stride, scale, mean, sums, next, 1);
    } else {
      block_apply_sums(x + at, dy + at, dx + at, some, columns, stride, scale, mean, sums, next, 0);
    }
  }
}

/* Where in a cycle the coefficients of element i are. */
static inline size_t place_of(clnorm__cycle k, size_t i) { return (i % k.columns + k.columns - k.lead) % k.columns; }

/* `rows` and `stream` are constants in each use, and the rows equally aligned. As of runs first and last vectors are
 * computed first and written last. */
static inline __attribute__((always_inline)) void rows_apply(const element *x, element *y, const size_t rows, size_t n,
                                                             size_t stride, const clnorm__cycle k, size_t ahead,
                                                             const int stream)
{
  vf first[2], last[2];
  for (size_t r = 0; r < rows; r++) {
    first[r] = apply_at(x + r * stride, forward_at(k, place_of(k, 0)));
    last[r] = apply_at(x + r * stride + n - W, forward_at(k, place_of(k, n - W)));
  }
  size_t i = until_aligned(y), j = place_of(k, i);
  for (; i + W <= n; j -= k.columns) {
    for (; j < k.columns && i + W <= n; i += W, j += W) {
      const forward_vectors c = forward_at(k, j);
      vf value[2];
      for (size_t r = 0; r < rows; r++) {
        LOOK_AHEAD(x + r * stride + i, W, ahead)
        value[r] = apply_at(x + r * stride + i, c);
      }
      for (size_t r = 0; r < rows; r++) {
        put(y + r * stride + i, value[r], stream);
      }
    }
  }
  for (size_t r = 0; r < rows; r++) {
    if (until_aligned(y) != 0) {
      store_first(y + r * stride, first[r], until_aligned(y), stream);
    }
    if (i < n) {
      store_last(y + r * stride + n - W, last[r], n - i, stream);
    }
  }
}

static inline __attribute__((always_inline)) void rows_dx(const element *x, const element *dy, element *dx,
                                                          const size_t rows, size_t n, size_t stride,
                                                          const clnorm__cycle k, size_t ahead, const int stream)
{
  vf first[2], last[2];
  for (size_t r = 0; r < rows; r++) {
    const size_t begin = r * stride, end = begin + n - W;
    first[r] = gradient_at(x + begin, dy + begin, backward_at(k, place_of(k, 0)));
    last[r] = gradient_at(x + end, dy + end, backward_at(k, place_of(k, n - W)));
  }
  size_t i = until_aligned(dx), j = place_of(k, i);
  for (; i + W <= n; j -= k.columns) {
    for (; j < k.columns && i + W <= n; i += W, j += W) {
      const backward_vectors c = backward_at(k, j);
      vf value[2];
      for (size_t r = 0; r < rows; r++) {
        const size_t at = r * stride + i;
        LOOK_AHEAD(x + at, W, ahead)
        LOOK_AHEAD(dy + at, W, ahead)
        value[r] = gradient_at(x + at, dy + at, c);
      }
      for (size_t r = 0; r < rows; r++) {
        put(dx + r * stride + i, value[r], stream);
      }
    }
  }
  for (size_t r = 0; r < rows; r++) {
    if (until_aligned(dx) != 0) {
      store_first(dx + r * stride, first[r], until_aligned(dx), stream);
    }
    if (i < n) {
      store_last(dx + r * stride + n - W, last[r], n - i, stream);
    }
  }
}

/* Rows of which only a part is walked are prefetched so many ahead: the processor's own prefetching begins anew with each. */
#define ROWS_AHEAD 4

static inline size_t rows_ahead(size_t left, size_t n, size_t stride)
{
  return stride != n && left > ROWS_AHEAD + 1 ? ROWS_AHEAD * stride : 0;
}

static inline int takes_pairs(size_t stride) { return stride >= PAGE_ELEMENTS && stride % W == 0; }

static void cycle_apply(const void *x_at, void *y_at, size_t rows, size_t n, size_t stride, const clnorm__cycle *cycle,
                        int stream)
{
  const element *const x = x_at;
  element *const y = y_at;
  const clnorm__cycle k = *cycle; /* a copy, that no store may change for all the compiler knows */
  size_t r = 0;
  if (n < W || k.columns < W) {
    for (; r < rows; r++) {
      for (size_t i = 0; i < n; i++) {
        const float *c = k.c + place_of(k, i);
        store_one(y + r * stride + i, APPLY(load_one(x + r * stride + i), c[0], c[k.pitch], c[2 * k.pitch]));
      }
    }
    return;
  }
  for (; takes_pairs(stride) && !stream && r + 2 <= rows; r += 2) {
    rows_apply(x + r * stride, y + r * stride, 2, n, stride, k, rows_ahead(rows - r, n, stride), 0);
  }
  for (; r < rows; r++) {
    if (stream) {
      rows_apply(x + r * stride, y + r * stride, 1, n, stride, k, rows_ahead(rows - r, n, stride), 1);
    } else {
      rows_apply(x + r * stride, y + r * stride, 1, n, stride, k, rows_ahead(rows - r, n, stride), 0);
    }
  }
}

static inline size_t gradient_ahead(size_t left, size_t n, size_t stride, clnorm__cycle k)
{
  return left == 1 && n > k.columns && k.columns >= PAGE_ELEMENTS ? ROWS_AHEAD * k.columns
                                                                  : rows_ahead(left, n, stride);
}

static void cycle_dx(const void *x_at, const void *dy_at, void *dx_at, size_t rows, size_t n, size_t stride,
                     const clnorm__cycle *cycle, int stream)
{
  const element *const x = x_at;
  const element *const dy = dy_at;
  element *const dx = dx_at;
  const clnorm__cycle k = *cycle;
  size_t r = 0;
  if (n < W || k.columns < W) {
    for (; r < rows; r++) {
      for (size_t i = 0; i < n; i++) {
        const float *c = k.c + place_of(k, i);
        const size_t at = r * stride + i;
        const float value =
            GRADIENT(load_one(x + at), load_one(dy + at), c[0], c[k.pitch], c[2 * k.pitch], c[3 * k.pitch]);
        store_one(dx + at, value);
      }
    }
    return;
  }
  for (; takes_pairs(stride) && !stream && r + 2 <= rows; r += 2) {
    rows_dx(x + r * stride, dy + r * stride, dx + r * stride, 2, n, stride, k, gradient_ahead(rows - r, n, stride, k),
            0);
  }
  for (; r < rows; r++) {
    const size_t at = r * stride;
    if (stream) {
      rows_dx(x + at, dy + at, dx + at, 1, n, stride, k, gradient_ahead(rows - r, n, stride, k), 1);
    } else {
      rows_dx(x + at, dy + at, dx + at, 1, n, stride, k, gradient_ahead(rows - r, n, stride, k), 0);
    }
  }
}
