/* The sums of a backward pass whose dy goes through an activation's derivative first: of g = dy * act'(z), g * (x - mean) and
 * x - mean. A part of cpu_sweeps.h, which includes it. Coefficients here: mean, scale and shift of z. */

/* Adds the last `lanes` of W elements. */
ALWAYS_INLINE void add_vector(half_sums *to, const element *x, vf g, vd k0, vd k1, vd one, size_t lanes)
{
  add_halves(to, load_wide_e(x) - k0, load_wide_e(x + D) - k1, lower_half(g), upper_half(g), one, lanes);
}

/* ---- runs ------------------------------------------------------------------------------------------------------- */

/* Fewer elements than a vector has, or columns: slopes[i] times dy is what is summed. */
static __attribute__((noinline)) void few_slopes(const fused *f, size_t n, const float *c, size_t pitch, size_t next,
                                                 float *g)
{
  for (size_t i = 0; i < n; i++) {
    g[i] = APPLY(load_one(f->x + i), c[i * next], c[pitch + i * next], c[2 * pitch + i * next]);
    g[i] += f->residual != NULL ? load_one(f->residual + i) : 0.0f;
  }
  bend_few(f->bend, g, 1);
  for (size_t i = 0; i < n; i++) {
    g[i] *= load_one(f->dy + i);
  }
}

ALWAYS_INLINE void run_slopes_of(const fused *f, size_t n, size_t ahead, const float *c, const int curved,
                                 double sums[3][CLNORM__SUM_LANES])
{
  const vd k = all_d(c[0]), one = opaque_one();
  half_sums to = {{load_d(sums[0])}, {load_d(sums[1])}, {load_d(sums[2])}};
  vf g[BLOCK];
  size_t i = 0;
  for (; i + BLOCK * W <= n; i += BLOCK * W) {
    LOOK_AHEAD_FUSED(f, i, ahead)
    slopes_at(f, i, BLOCK, c, 1, 1, 0, curved, g);
    for (size_t v = 0; v < BLOCK; v++) {
      add_vector(&to, f->x + i + v * W, g[v], k, k, one, W);
    }
  }
  for (; i < n; i += W) {
    const size_t at = n - i < W ? n - W : i;
    slopes_at(f, at, 1, c, 1, 1, 0, curved, g);
    add_vector(&to, f->x + at, g[0], k, k, one, n - i);
  }
  store_d(sums[0], to.g[0] + to.g[1]);
  store_d(sums[1], to.gd[0] + to.gd[1]);
  store_d(sums[2], to.d[0] + to.d[1]);
}

static __attribute__((noinline)) void run_line_slopes(const fused *f, size_t n, size_t ahead, const float *c,
                                                      double sums[3][CLNORM__SUM_LANES])
{
  run_slopes_of(f, n, ahead, c, 0, sums);
}

static __attribute__((noinline)) void run_curve_slopes(const fused *f, size_t n, size_t ahead, const float *c,
                                                       double sums[3][CLNORM__SUM_LANES])
{
  run_slopes_of(f, n, ahead, c, 1, sums);
}

static void run_slopes(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, size_t n, size_t ahead,
                       const float c[3], double sums[3][CLNORM__SUM_LANES])
{
  const fused f = fused_at(bend, at);
  float g[CLNORM__CURVE_FLOATS] = {0};
  if (n >= W) {
    (bend->curve != NULL ? run_curve_slopes : run_line_slopes)(&f, n, ahead, c, sums);
    return;
  }
  few_slopes(&f, n, c, 1, 0, g);
  for (size_t i = 0; i < n; i++) {
    const double d = (double)load_one(f.x + i) - (double)c[0];
    sums[0][i % D] += (double)g[i];
    sums[1][i % D] += (double)g[i] * d;
    sums[2][i % D] += d;
  }
}

/* ---- columns ---------------------------------------------------------------------------------------------------- */

/* The last `lanes` of W columns from j on, over a few rows; rows <= SUM_ROWS. */
ALWAYS_INLINE void columns_slopes(const fused *f, size_t rows, size_t j, size_t stride, const float *const c[3],
                                  double *const sums[3], size_t lanes, const int curved)
{
  const vd k0 = load_wide(c[0] + j), k1 = load_wide(c[0] + j + D), one = opaque_one();
  const vf mean = load_f(c[0] + j), scale = load_f(c[1] + j), shift = load_f(c[2] + j);
  const element *const residual = hidden(f->residual);
  _Alignas(64) float z[SUM_ROWS * W];
  half_sums to;
  for (int h = 0; h < 2; h++) {
    to.g[h] = load_d(sums[0] + j + h * D), to.gd[h] = load_d(sums[1] + j + h * D),
    to.d[h] = load_d(sums[2] + j + h * D);
  }
  for (size_t r = 0; r < rows; r++) {
    store_f(z + r * W, APPLY(load_e(f->x + r * stride + j), mean, scale, shift));
  }
  for (size_t r = 0; residual != NULL && r < rows; r++) {
    store_f(z + r * W, load_f(z + r * W) + load_e(residual + r * stride + j));
  }
  if (curved) {
    f->bend->curve(z, rows * W, f->bend->alpha);
  }
  for (size_t r = 0; r < rows; r++) {
    const vf at = load_f(z + r * W), slope = curved ? at : line_slope(f->lines, at);
    const vf g = slope * load_e(f->dy + r * stride + j);
    add_vector(&to, f->x + r * stride + j, g, k0, k1, one, lanes);
  }
  for (int h = 0; h < 2; h++) {
    store_d(sums[0] + j + h * D, to.g[h]), store_d(sums[1] + j + h * D, to.gd[h]),
        store_d(sums[2] + j + h * D, to.d[h]);
  }
}

/* The same where rows or columns are left over: one function for all of these. */
static __attribute__((noinline)) void rest_slopes(const fused *f, size_t rows, size_t j, size_t stride,
                                                  const float *const c[3], double *const sums[3], size_t lanes)
{
  if (f->bend->curve != NULL) {
    columns_slopes(f, rows, j, stride, c, sums, lanes, 1);
  } else {
    columns_slopes(f, rows, j, stride, c, sums, lanes, 0);
  }
}

/* SUM_ROWS rows. */
ALWAYS_INLINE void block_slopes(const fused *f, size_t columns, size_t stride, const float *const c[3],
                                double *const sums[3], size_t down, const int curved)
{
  size_t j = 0;
  for (; j + W <= columns; j += W) {
    LOOK_DOWN(f->x, SUM_ROWS, j, stride, down)
    LOOK_DOWN(f->dy, SUM_ROWS, j, stride, down)
    if (hidden(f->residual) != NULL) {
      LOOK_DOWN(f->residual, SUM_ROWS, j, stride, down)
    }
    columns_slopes(f, SUM_ROWS, j, stride, c, sums, W, curved);
  }
  if (j < columns) {
    rest_slopes(f, SUM_ROWS, columns - W, stride, c, sums, columns - j);
  }
}

/* Fewer columns than a vector has. */
static void narrow_slopes(const fused *f, size_t rows, size_t columns, size_t stride, const float *const c[3],
                          double *const sums[3])
{
  float few[3][CLNORM__CURVE_FLOATS], g[CLNORM__CURVE_FLOATS] = {0};
  for (int k = 0; k < 3; k++) {
    memcpy(few[k], c[k], columns * sizeof few[k][0]);
  }
  for (size_t r = 0; r < rows; r++) {
    const fused row = moved(f, r * stride);
    few_slopes(&row, columns, few[0], CLNORM__CURVE_FLOATS, 1, g);
    for (size_t j = 0; j < columns; j++) {
      const double d = (double)load_one(row.x + j) - (double)c[0][j];
      sums[0][j] += (double)g[j];
      sums[1][j] += (double)g[j] * d;
      sums[2][j] += d;
    }
  }
}

ALWAYS_INLINE void matrix_slopes_of(const fused *f, size_t rows, size_t columns, size_t stride, const float *const c[3],
                                    double *const sums[3], const int curved)
{
  const size_t down = down_of(SUM_ROWS, columns, stride);
  size_t r = 0;
  for (; r + SUM_ROWS <= rows; r += SUM_ROWS) {
    const fused block = moved(f, r * stride);
    block_slopes(&block, columns, stride, c, sums, down, curved);
  }
  const fused rest = moved(f, r * stride);
  for (size_t j = 0; r < rows && j < columns; j += W) {
    const size_t left = columns - j;
    rest_slopes(&rest, rows - r, left < W ? columns - W : j, stride, c, sums, left < W ? left : W);
  }
}

static void matrix_slopes(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, size_t rows, size_t columns,
                          size_t stride, const float *const c[3], double *const sums[3])
{
  const fused f = fused_at(bend, at);
  if (columns < W) {
    narrow_slopes(&f, rows, columns, stride, c, sums);
  } else if (bend->curve != NULL) {
    matrix_slopes_of(&f, rows, columns, stride, c, sums, 1);
  } else {
    matrix_slopes_of(&f, rows, columns, stride, c, sums, 0);
  }
}
