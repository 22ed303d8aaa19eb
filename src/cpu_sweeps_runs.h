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

/* Runs beside each other are written as whole aligned vectors, wherever runs begin; stores that cross cache lines take twice
 * as long. A vector that two runs share has the coefficients of both. Only the first and the last vector of all overlap
 * others: computed before the first store, written after the last, they are right in place too. */

static inline vf joined(vf before, vf after, size_t lanes)
{
  return if_less(lane_index(), all_f((float)lanes), before, after);
}

static inline forward_vectors forward_of(const float *c, size_t pitch)
{
  return (forward_vectors){all_f(c[0]), all_f(c[pitch]), all_f(c[2 * pitch])};
}

/* Of the first lanes those of `a`. */
static inline forward_vectors forward_joined(forward_vectors a, forward_vectors b, size_t lanes)
{
  return (forward_vectors){joined(a.mean, b.mean, lanes), joined(a.scale, b.scale, lanes),
                           joined(a.shift, b.shift, lanes)};
}

static inline __attribute__((always_inline)) void joined_apply(const element *x, element *y, size_t count, size_t run,
                                                               const float *c, size_t pitch, const int stream)
{
  const size_t n = count * run;
  const vf first = apply_at(x, forward_of(c, pitch)), last = apply_at(x + n - W, forward_of(c + count - 1, pitch));
  size_t i = until_aligned(y);
  for (size_t r = 0; r < count; r++) {
    const size_t end = (r + 1) * run;
    const forward_vectors own = forward_of(c + r, pitch);
    for (; i + W <= end; i += W) {
      put(y + i, apply_at(x + i, own), stream);
    }
    if (i < end && i + W <= n) {
      put(y + i, apply_at(x + i, forward_joined(own, forward_of(c + r + 1, pitch), end - i)), stream);
      i += W;
    }
  }
  if (until_aligned(y) != 0) {
    store_first(y, first, until_aligned(y), stream);
  }
  if (i < n) {
    store_last(y + n - W, last, n - i, stream);
  }
}

static void runs_apply(const void *x_at, void *y_at, size_t count, size_t run, const float *c, size_t pitch, int stream)
{
  const element *const x = x_at;
  element *const y = y_at;
  if (run < W) {
    for (size_t i = 0; i < count * run; i++) {
      const float *own = c + i / run;
      store_one(y + i, APPLY(load_one(x + i), own[0], own[pitch], own[2 * pitch]));
    }
  } else if (stream) {
    joined_apply(x, y, count, run, c, pitch, 1);
  } else {
    joined_apply(x, y, count, run, c, pitch, 0);
  }
}

static inline backward_vectors backward_of(const float *c, size_t pitch)
{
  return (backward_vectors){all_f(c[0]), all_f(c[pitch]), all_f(c[2 * pitch]), all_f(c[3 * pitch])};
}

static inline backward_vectors backward_joined(backward_vectors a, backward_vectors b, size_t lanes)
{
  return (backward_vectors){joined(a.mean, b.mean, lanes), joined(a.a, b.a, lanes), joined(a.b, b.b, lanes),
                            joined(a.c, b.c, lanes)};
}

static inline __attribute__((always_inline)) void joined_dx(const element *x, const element *dy, element *dx,
                                                            size_t count, size_t run, const float *c, size_t pitch,
                                                            const int stream)
{
  const size_t n = count * run;
  const vf first = gradient_at(x, dy, backward_of(c, pitch));
  const vf last = gradient_at(x + n - W, dy + n - W, backward_of(c + count - 1, pitch));
  size_t i = until_aligned(dx);
  for (size_t r = 0; r < count; r++) {
    const size_t end = (r + 1) * run;
    const backward_vectors own = backward_of(c + r, pitch);
    for (; i + W <= end; i += W) {
      put(dx + i, gradient_at(x + i, dy + i, own), stream);
    }
    if (i < end && i + W <= n) {
      const backward_vectors both = backward_joined(own, backward_of(c + r + 1, pitch), end - i);
      put(dx + i, gradient_at(x + i, dy + i, both), stream);
      i += W;
    }
  }
  if (until_aligned(dx) != 0) {
    store_first(dx, first, until_aligned(dx), stream);
  }
  if (i < n) {
    store_last(dx + n - W, last, n - i, stream);
  }
}

static void runs_dx(const void *x_at, const void *dy_at, void *dx_at, size_t count, size_t run, const float *c,
                    size_t pitch, int stream)
{
  const element *const x = x_at;
  const element *const dy = dy_at;
  element *const dx = dx_at;
  if (run < W) {
    for (size_t i = 0; i < count * run; i++) {
      const float *k = c + i / run;
      store_one(dx + i, GRADIENT(load_one(x + i), load_one(dy + i), k[0], k[pitch], k[2 * pitch], k[3 * pitch]));
    }
  } else if (stream) {
    joined_dx(x, dy, dx, count, run, c, pitch, 1);
  } else {
    joined_dx(x, dy, dx, count, run, c, pitch, 0);
  }
}
