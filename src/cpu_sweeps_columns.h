/* The loops over matrices. A part of cpu_sweeps.h, which includes it. */

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
