/* The loops over runs. A part of cpu_sweeps.h, which includes it. */

/* ---- sums over runs ----------------------------------------------------------------------------------------- */

static void run_stats(const void *x_at, size_t n, size_t ahead, float shift, double sums[2][CLNORM__SUM_LANES])
{
  const element *const x = x_at;
  if (n < D) {
    for (size_t i = 0; i < n; i++) {
      const double d = (double)load_one(x + i) - (double)shift;
      sums[0][i] += d;
      sums[1][i] += d * d;
    }
    return;
  }
  const vd k = all_d(shift), one = opaque_one();
  vd s0 = load_d(sums[0]), q0 = load_d(sums[1]);
  vd s1 = {0}, s2 = {0}, s3 = {0}, q1 = {0}, q2 = {0}, q3 = {0};
  size_t i = 0;
  for (; i + 4 * D <= n; i += 4 * D) {
    LOOK_AHEAD(x + i, 4 * D, ahead)
    const vd d0 = load_wide_e(x + i) - k, d1 = load_wide_e(x + i + D) - k;
    const vd d2 = load_wide_e(x + i + 2 * D) - k, d3 = load_wide_e(x + i + 3 * D) - k;
    s0 = ADD(s0, d0), s1 = ADD(s1, d1), s2 = ADD(s2, d2), s3 = ADD(s3, d3);
    q0 += d0 * d0, q1 += d1 * d1, q2 += d2 * d2, q3 += d3 * d3;
  }
  for (; i + D <= n; i += D) {
    const vd d = load_wide_e(x + i) - k;
    s0 += d;
    q0 += d * d;
  }
  if (i < n) {
    const vd d = keep_last(load_wide_e(x + n - D) - k, n - i);
    s1 += d;
    q1 += d * d;
  }
  store_d(sums[0], (s0 + s1) + (s2 + s3));
  store_d(sums[1], (q0 + q1) + (q2 + q3));
}

static void run_sums(const void *x_at, const void *dy_at, size_t n, size_t ahead, float mean,
                     double sums[3][CLNORM__SUM_LANES])
{
  const element *const x = x_at;
  const element *const dy = dy_at;
  if (n < D) {
    for (size_t i = 0; i < n; i++) {
      const double d = (double)load_one(x + i) - (double)mean, g = load_one(dy + i);
      sums[0][i] += g;
      sums[1][i] += g * d;
      sums[2][i] += d;
    }
    return;
  }
  const vd k = all_d(mean), one = opaque_one();
  vd g0 = load_d(sums[0]), p0 = load_d(sums[1]), d0 = load_d(sums[2]);
  vd g1 = {0}, p1 = {0}, d1 = {0};
  size_t i = 0;
  for (; i + 2 * D <= n; i += 2 * D) {
    LOOK_AHEAD(x + i, 2 * D, ahead)
    LOOK_AHEAD(dy + i, 2 * D, ahead)
    const vd a = load_wide_e(x + i) - k, b = load_wide_e(x + i + D) - k;
    const vd ga = load_wide_e(dy + i), gb = load_wide_e(dy + i + D);
    g0 = ADD(g0, ga), g1 = ADD(g1, gb);
    p0 += ga * a, p1 += gb * b;
    d0 = ADD(d0, a), d1 = ADD(d1, b);
  }
  for (; i + D <= n; i += D) {
    const vd a = load_wide_e(x + i) - k, ga = load_wide_e(dy + i);
    g0 += ga;
    p0 += ga * a;
    d0 += a;
  }
  if (i < n) {
    const vd a = keep_last(load_wide_e(x + n - D) - k, n - i), ga = keep_last(load_wide_e(dy + n - D), n - i);
    g1 += ga;
    p1 += ga * a;
    d1 += a;
  }
  store_d(sums[0], g0 + g1);
  store_d(sums[1], p0 + p1);
  store_d(sums[2], d0 + d1);
}

/* ---- element-wise over runs --------------------------------------------------------------------------------- */

/* A run of at least W elements is written as whole aligned vectors; stores that cross cache lines take twice as long. Its
 * first and last vectors overlap them: computed before the first store, written after the last, they are right in place
 * too. */
static inline void run_apply(const element *x, element *y, size_t n, const float *c, size_t pitch, int stream)
{
  const float c0 = c[0], c1 = c[pitch], c2 = c[2 * pitch];
  if (n < W) {
    for (size_t i = 0; i < n; i++) {
      store_one(y + i, APPLY(load_one(x + i), c0, c1, c2));
    }
    return;
  }
  const vf mean = all_f(c0), scale = all_f(c1), shift = all_f(c2);
  const vf first = APPLY(load_e(x), mean, scale, shift), last = APPLY(load_e(x + n - W), mean, scale, shift);
  size_t i = until_aligned(y);
  if (stream) {
    for (; i + W <= n; i += W) {
      stream_e(y + i, APPLY(load_e(x + i), mean, scale, shift));
    }
  } else {
    for (; i + W <= n; i += W) {
      store_e(y + i, APPLY(load_e(x + i), mean, scale, shift));
    }
  }
  if (until_aligned(y) != 0) {
    store_e(y, first);
  }
  if (i < n) {
    store_e(y + n - W, last);
  }
}

static void runs_apply(const void *x_at, void *y_at, size_t count, size_t run, const float *c, size_t pitch, int stream)
{
  const element *const x = x_at;
  element *const y = y_at;
  for (size_t i = 0; i < count; i++) {
    run_apply(x + i * run, y + i * run, run, c + i, pitch, stream);
  }
}

static inline void run_dx(const element *x, const element *dy, element *dx, size_t n, const float *c, size_t pitch,
                          int stream)
{
  const float c0 = c[0], c1 = c[pitch], c2 = c[2 * pitch], c3 = c[3 * pitch];
  if (n < W) {
    for (size_t i = 0; i < n; i++) {
      store_one(dx + i, GRADIENT(load_one(x + i), load_one(dy + i), c0, c1, c2, c3));
    }
    return;
  }
  const vf mean = all_f(c0), a = all_f(c1), b = all_f(c2), k = all_f(c3);
  const vf first = GRADIENT(load_e(x), load_e(dy), mean, a, b, k);
  const vf last = GRADIENT(load_e(x + n - W), load_e(dy + n - W), mean, a, b, k);
  size_t i = until_aligned(dx);
  if (stream) {
    for (; i + W <= n; i += W) {
      stream_e(dx + i, GRADIENT(load_e(x + i), load_e(dy + i), mean, a, b, k));
    }
  } else {
    for (; i + W <= n; i += W) {
      store_e(dx + i, GRADIENT(load_e(x + i), load_e(dy + i), mean, a, b, k));
    }
  }
  if (until_aligned(dx) != 0) {
    store_e(dx, first);
  }
  if (i < n) {
    store_e(dx + n - W, last);
  }
}

static void runs_dx(const void *x_at, const void *dy_at, void *dx_at, size_t count, size_t run, const float *c,
                    size_t pitch, int stream)
{
  const element *const x = x_at;
  const element *const dy = dy_at;
  element *const dx = dx_at;
  for (size_t i = 0; i < count; i++) {
    run_dx(x + i * run, dy + i * run, dx + i * run, run, c + i, pitch, stream);
  }
}
