/* The loops over runs. A part of cpu_sweeps.h, which includes it. */

/* ---- sums over runs ----------------------------------------------------------------------------------------- */

/* The sums of x - shift and of their squares, in as many chains as addition needs; blocks of 4 * D elements fill them all. */
typedef struct run_moments {
  vd s[4], q[4];
} run_moments;

static inline run_moments moments_begin(double sums[2][CLNORM__SUM_LANES])
{
  return (run_moments){{load_d(sums[0])}, {load_d(sums[1])}};
}

static inline void moments_add(run_moments *m, const element *x, vd shift, vd one)
{
  vd d0, d1, d2, d3;
  load_both(x, &d0, &d1);
  load_both(x + W, &d2, &d3);
  d0 = about(d0, shift), d1 = about(d1, shift), d2 = about(d2, shift), d3 = about(d3, shift);
  m->s[0] = ADD(m->s[0], d0), m->s[1] = ADD(m->s[1], d1), m->s[2] = ADD(m->s[2], d2), m->s[3] = ADD(m->s[3], d3);
  m->q[0] += d0 * d0, m->q[1] += d1 * d1, m->q[2] += d2 * d2, m->q[3] += d3 * d3;
}

/* Elements [i, n) of a run of at least a vector: less than a block. */
static inline void moments_end(run_moments *m, const element *x, size_t i, size_t n, vd shift,
                               double sums[2][CLNORM__SUM_LANES])
{
  for (; i + D <= n; i += D) {
    const vd d = about(load_wide_e(x + i), shift);
    m->s[0] += d;
    m->q[0] += d * d;
  }
  if (i < n) {
    const vd d = keep_last(about(load_wide_e(x + n - D), shift), n - i);
    m->s[1] += d;
    m->q[1] += d * d;
  }
  store_d(sums[0], (m->s[0] + m->s[1]) + (m->s[2] + m->s[3]));
  store_d(sums[1], (m->q[0] + m->q[1]) + (m->q[2] + m->q[3]));
}

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
  run_moments m = moments_begin(sums);
  size_t i = 0;
  for (; i + 4 * D <= n; i += 4 * D) {
    LOOK_AHEAD(x + i, 4 * D, ahead)
    moments_add(&m, x + i, k, one);
  }
  moments_end(&m, x, i, n, k, sums);
}

/* The sums of dy, dy * (x - mean) and x - mean; blocks of 2 * D elements. */
typedef struct run_gradients {
  vd g[2], p[2], d[2];
} run_gradients;

static inline run_gradients gradients_begin(double sums[3][CLNORM__SUM_LANES])
{
  return (run_gradients){{load_d(sums[0])}, {load_d(sums[1])}, {load_d(sums[2])}};
}

static inline void gradients_add(run_gradients *m, const element *x, const element *dy, vd mean, vd one)
{
  vd a, b, ga, gb;
  load_both(x, &a, &b);
  load_both(dy, &ga, &gb);
  a -= mean, b -= mean;
  m->g[0] = ADD(m->g[0], ga), m->g[1] = ADD(m->g[1], gb);
  m->p[0] += ga * a, m->p[1] += gb * b;
  m->d[0] = ADD(m->d[0], a), m->d[1] = ADD(m->d[1], b);
}

/* As moments_end. */
static inline void gradients_end(run_gradients *m, const element *x, const element *dy, size_t i, size_t n, vd mean,
                                 double sums[3][CLNORM__SUM_LANES])
{
  for (; i + D <= n; i += D) {
    const vd a = load_wide_e(x + i) - mean, ga = load_wide_e(dy + i);
    m->g[0] += ga;
    m->p[0] += ga * a;
    m->d[0] += a;
  }
  if (i < n) {
    const vd a = keep_last(load_wide_e(x + n - D) - mean, n - i), ga = keep_last(load_wide_e(dy + n - D), n - i);
    m->g[1] += ga;
    m->p[1] += ga * a;
    m->d[1] += a;
  }
  store_d(sums[0], m->g[0] + m->g[1]);
  store_d(sums[1], m->p[0] + m->p[1]);
  store_d(sums[2], m->d[0] + m->d[1]);
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
  run_gradients m = gradients_begin(sums);
  size_t i = 0;
  for (; i + 2 * D <= n; i += 2 * D) {
    LOOK_AHEAD(x + i, 2 * D, ahead)
    LOOK_AHEAD(dy + i, 2 * D, ahead)
    gradients_add(&m, x + i, dy + i, k, one);
  }
  gradients_end(&m, x, dy, i, n, k, sums);
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

/* ---- both at once ----------------------------------------------------------------------------------------------- */

/* What was read from memory is in the second cache when its turn comes. This far from it it is asked for once more, for the first
 * one: stores past the caches keep so many of the places in which the first cache waits for lines that few loads are under way. */
#define NEAR_BYTES 512

/* The `count` elements so far from p. */
#define LOOK_NEAR(p, count)                             \
  for (size_t line = 0; line < (count); line += LINE) { \
    PREFETCH((uintptr_t)((p) + line) + NEAR_BYTES, 3);  \
  }

static void run_apply_stats(const void *x_at, void *y_at, const void *later_at, size_t n, size_t ahead,
                            const float c[3], float shift, double sums[2][CLNORM__SUM_LANES])
{
  const element *const x = x_at, *const later = later_at;
  element *const y = y_at;
  const forward_vectors own = forward_of(c, 1);
  const vd k = all_d(shift), one = opaque_one();
  const size_t lead = until_aligned(y);
  const vf first = apply_at(x, own), last = apply_at(x + n - W, own);
  run_moments m = moments_begin(sums);
  size_t i = lead, j = 0;
  for (; i + 4 * D <= n; i += 4 * D, j += 4 * D) {
    LOOK_AHEAD(later + j, 4 * D, ahead)
    LOOK_NEAR(x + i, 4 * D)
    for (size_t v = 0; v < 4 * D; v += W) {
      put(y + i + v, apply_at(x + i + v, own), 1);
    }
    moments_add(&m, later + j, k, one);
  }
  for (; i + W <= n; i += W) {
    put(y + i, apply_at(x + i, own), 1);
  }
  for (; j + 4 * D <= n; j += 4 * D) {
    moments_add(&m, later + j, k, one);
  }
  moments_end(&m, later, j, n, k, sums);
  store_first(y, first, lead, 1);
  store_last(y + n - W, last, n - i, 1);
}

/* As run_apply_stats. `curved` is a constant in each use. */
ALWAYS_INLINE void flow_values(const fused *f, const element *later, size_t n, size_t ahead, clnorm__cycle c, vd shift,
                               const int curved, double sums[2][CLNORM__SUM_LANES])
{
  const vd one = opaque_one();
  const size_t lead = until_aligned(f->out);
  outputs first, last, block;
  compute(f, 0, 1, c.c, c.pitch, 0, 0, curved, &first);
  compute(f, n - W, 1, c.c, c.pitch, 0, 0, curved, &last);
  run_moments m = moments_begin(sums);
  size_t i = lead, j = 0;
  for (; i + BLOCK * W <= n; i += BLOCK * W, j += BLOCK * W) {
    LOOK_AHEAD(later + j, BLOCK * W, ahead)
    LOOK_NEAR(f->x + i, BLOCK * W)
    if (hidden(f->residual) != NULL) {
      LOOK_AHEAD(f->residual + i, BLOCK * W, ahead)
    }
    compute(f, i, BLOCK, c.c, c.pitch, 0, 0, curved, &block);
    write(f, i, BLOCK, 0, 1, &block);
    for (size_t v = 0; v < BLOCK * W; v += 4 * D) {
      moments_add(&m, later + j + v, shift, one);
    }
  }
  for (; i + W <= n; i += W) {
    compute(f, i, 1, c.c, c.pitch, 0, 0, curved, &block);
    write(f, i, 1, 0, 1, &block);
  }
  for (; j + 4 * D <= n; j += 4 * D) {
    moments_add(&m, later + j, shift, one);
  }
  moments_end(&m, later, j, n, shift, sums);
  write_end(f, 0, 0, lead, 0, 1, &first);
  write_end(f, n - W, W - (n - i), n - i, 0, 1, &last);
}

#define FLOW_VALUES(name, curved)                                                                          \
  static __attribute__((noinline)) void name(const fused *f, const element *later, size_t n, size_t ahead, \
                                             clnorm__cycle c, vd shift, double sums[2][CLNORM__SUM_LANES]) \
  {                                                                                                        \
    const fused own = *f; /* as WALK */                                                                    \
    flow_values(&own, later, n, ahead, c, shift, curved, sums);                                            \
  }

FLOW_VALUES(flow_line_values, 0)
FLOW_VALUES(flow_curve_values, 1)

static void run_fused_stats(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, const void *later, size_t n,
                            size_t ahead, const float c[3], float shift, double sums[2][CLNORM__SUM_LANES])
{
  const fused f = fused_at(bend, at);
  (bend->curve != NULL ? flow_curve_values : flow_line_values)(&f, later, n, ahead, (clnorm__cycle){c, 1, 1, 0},
                                                               all_d(shift), sums);
}

/* The loop of run_apply_sums; `stream` is a constant in each use. Past the cache dx goes in aligned vectors, and is not dy. */
static inline __attribute__((always_inline)) void apply_and_sum(const element *x, const element *dy, element *dx,
                                                                size_t n, size_t ahead, forward_vectors own, vd mean,
                                                                const int stream, double sums[3][CLNORM__SUM_LANES])
{
  const vd one = opaque_one();
  const size_t lead = stream ? until_aligned(dx) : 0;
  const vf first = apply_at(dy, own), last = apply_at(dy + n - W, own);
  run_gradients m = gradients_begin(sums);
  size_t i = lead, j = 0;
  for (; i + 2 * D <= n; i += 2 * D, j += 2 * D) {
    LOOK_AHEAD(x + j, 2 * D, ahead)
    LOOK_AHEAD(dy + j, 2 * D, ahead)
    gradients_add(&m, x + j, dy + j, mean, one);
    for (size_t v = 0; v < 2 * D; v += W) {
      put(dx + i + v, apply_at(dy + i + v, own), stream);
    }
  }
  for (; j + 2 * D <= n; j += 2 * D) {
    gradients_add(&m, x + j, dy + j, mean, one);
  }
  gradients_end(&m, x, dy, j, n, mean, sums);
  store_first(dx, first, lead, stream);
  store_last(dx + n - W, last, n - i, stream);
}

static void run_apply_sums(const void *x_at, const void *dy_at, void *dx_at, size_t n, size_t ahead, const float c[3],
                           float mean, double sums[3][CLNORM__SUM_LANES], int stream)
{
  const forward_vectors own = forward_of(c, 1);
  if (n < W) {
    run_sums(x_at, dy_at, n, ahead, mean, sums);
    runs_apply(dy_at, dx_at, 1, n, c, 1, stream);
  } else if (stream) {
    apply_and_sum(x_at, dy_at, dx_at, n, ahead, own, all_d(mean), 1, sums);
  } else {
    apply_and_sum(x_at, dy_at, dx_at, n, ahead, own, all_d(mean), 0, sums);
  }
}

static void run_dx_sums(const void *x_at, const void *dy_at, void *dx_at, const void *later_x_at,
                        const void *later_dy_at, size_t n, size_t ahead, const float c[4], float mean,
                        double sums[3][CLNORM__SUM_LANES])
{
  const element *const x = x_at, *const dy = dy_at, *const later_x = later_x_at, *const later_dy = later_dy_at;
  element *const dx = dx_at;
  const backward_vectors own = backward_of(c, 1);
  const vd k = all_d(mean), one = opaque_one();
  const size_t lead = until_aligned(dx);
  const vf first = gradient_at(x, dy, own), last = gradient_at(x + n - W, dy + n - W, own);
  run_gradients m = gradients_begin(sums);
  size_t i = lead, j = 0;
  for (; i + 2 * D <= n; i += 2 * D, j += 2 * D) {
    LOOK_AHEAD(later_x + j, 2 * D, ahead)
    LOOK_AHEAD(later_dy + j, 2 * D, ahead)
    LOOK_NEAR(x + i, 2 * D)
    LOOK_NEAR(dy + i, 2 * D)
    LOOK_NEAR(later_x + j, 2 * D)
    LOOK_NEAR(later_dy + j, 2 * D)
    for (size_t v = 0; v < 2 * D; v += W) {
      put(dx + i + v, gradient_at(x + i + v, dy + i + v, own), 1);
    }
    gradients_add(&m, later_x + j, later_dy + j, k, one);
  }
  for (; i + W <= n; i += W) {
    put(dx + i, gradient_at(x + i, dy + i, own), 1);
  }
  for (; j + 2 * D <= n; j += 2 * D) {
    gradients_add(&m, later_x + j, later_dy + j, k, one);
  }
  gradients_end(&m, later_x, later_dy, j, n, k, sums);
  store_first(dx, first, lead, 1);
  store_last(dx + n - W, last, n - i, 1);
}
