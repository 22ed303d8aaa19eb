/* The backward loops over samples. A part of cpu_sweeps.h, which includes it. */

/* A window into zeros, W lanes of ones and zeros: from FIRST(n) on it shows n lanes and hides the others, from LAST(n) on it
 * shows the last n. */
#define FIRST(n) (2 * W - (n))
#define LAST(n) (n)
#define ALL LAST((size_t)W)

static inline vf keep_lanes(vf v, size_t from)
{
  static const int32_t lanes[3 * VECTOR] = {
    [W] = -1,
    -1,
    -1,
    -1,
#if W > 4
    -1,
    -1,
    -1,
    -1,
#endif
#if W > 8
    -1,
    -1,
    -1,
    -1,
    -1,
    -1,
    -1,
    -1,
#endif
  };
  vi mask;
  memcpy(&mask, lanes + from, sizeof mask);
  return (vf)((vi)v & mask);
}

typedef struct backward_sample {
  vf mean, inv_std, off, h, h_xh;
} backward_sample;

/* With h and h_xh as they are subtracted. */
static inline clnorm__sample negative_of(const clnorm__sample *s)
{
  clnorm__sample made = *s;
  made.h = -s->h, made.h_xh = -s->h_xh;
  return made;
}

static inline backward_sample spread_sample(const clnorm__sample *negative)
{
  return (backward_sample){all_f(negative->mean), all_f(negative->inv_std), all_f(negative->off), all_f(negative->h),
                           all_f(negative->h_xh)};
}

static inline backward_sample backward_sample_of(const clnorm__sample *s)
{
  const clnorm__sample negative = negative_of(s);
  return spread_sample(&negative);
}

/* xh and dx of one element; h and h_xh are negative. Range: inv_std is multiplied last, everything before is of dy's size. */
#define XH(x, mean, inv_std, off) (((x) - (mean)) * (inv_std) - (off))
#define SAMPLE_DX(dy, xh, gamma, h, h_xh, inv_std) (((dy) * (gamma) + ((xh) * (h_xh) + (h))) * (inv_std))

/* An upper or lower half of a vector of dy * gamma. */
ALWAYS_INLINE vd weighted(const element *dy, size_t i, const int upper, parameters gamma)
{
#if D == 8
  const size_t at = upper ? i + D : i;
  return wide_of(load_few(dy + at) * few_parameters_at(gamma, at));
#else
  const vf h = load_e(dy + i) * parameters_at(gamma, i);
  return upper ? upper_half(h) : lower_half(h);
#endif
}

/* h = gamma * dy, sums[0] += h, [1] += h * (x - mean), [2] += x - mean. Of floats the last sum would be too far off for an xh near
 * 0. */
static void sample_sums(const void *x_at, const void *dy_at, size_t n, size_t ahead, const float *gamma, float mean,
                        double sums[3])
{
  const element *const x = x_at, *const dy = dy_at;
  const parameters g = parameters_or(gamma, ones);
  const vd one = opaque_one(), k = all_d(mean);
  vd h0 = {0}, h1 = {0}, p0 = {0}, p1 = {0}, d0 = {0}, d1 = {0};
  size_t i = 0;
  for (; i + W <= n; i += W) {
    LOOK_AHEAD(x + i, W, ahead)
    const vd a = load_wide_e(x + i) - k, b = load_wide_e(x + i + D) - k;
    const vd ha = weighted(dy, i, 0, g), hb = weighted(dy, i, 1, g);
    h0 = ADD(h0, ha), h1 = ADD(h1, hb);
    p0 += ha * a, p1 += hb * b;
    d0 = ADD(d0, a), d1 = ADD(d1, b);
  }
  for (; i < n && n >= W; i = n) {
    const size_t at = n - W;
    const vf h = keep_lanes(load_e(dy + at) * parameters_at(g, at), LAST(n - i));
    const vf d = load_e(x + at);
    const vd ha = lower_half(h), hb = upper_half(h);
    vd a = lower_half(d) - k, b = upper_half(d) - k;
    a = keep_last(a, n - i < D ? 0 : n - i - D), b = keep_last(b, n - i < D ? n - i : D);
    h0 += ha, h1 += hb;
    p0 += ha * a, p1 += hb * b;
    d0 += a, d1 += b;
  }
  sums[0] = sum_of(h0 + h1), sums[1] = sum_of(p0 + p1), sums[2] = sum_of(d0 + d1);
  for (; i < n; i++) {
    const double d = (double)load_one(x + i) - (double)mean;
    const double h = (double)(load_one(dy + i) * parameter_at(g, i));
    sums[0] += h;
    sums[1] += h * d;
    sums[2] += d;
  }
}

static inline vf sample_dx_at(const element *x, const element *dy, parameters gamma, const backward_sample *s, size_t i)
{
  const vf xh = XH(load_e(x + i), s->mean, s->inv_std, s->off);
  return SAMPLE_DX(load_e(dy + i), xh, parameters_at(gamma, i), s->h, s->h_xh, s->inv_std);
}

static inline void sample_dx_of(const element *x, const element *dy, element *dx, size_t n, parameters gamma,
                                const clnorm__sample *sample, int stream)
{
  const backward_sample s = backward_sample_of(sample);
  if (n < W) {
    for (size_t i = 0; i < n; i++) {
      const float xh = XH(load_one(x + i), sample->mean, sample->inv_std, sample->off);
      store_one(dx + i,
                SAMPLE_DX(load_one(dy + i), xh, parameter_at(gamma, i), -sample->h, -sample->h_xh, sample->inv_std));
    }
    return;
  }
  const vf first = sample_dx_at(x, dy, gamma, &s, 0), last = sample_dx_at(x, dy, gamma, &s, n - W);
  size_t i = until_aligned(dx);
  if (stream) {
    for (; i + W <= n; i += W) {
      stream_e(dx + i, sample_dx_at(x, dy, gamma, &s, i));
    }
  } else {
    for (; i + W <= n; i += W) {
      store_e(dx + i, sample_dx_at(x, dy, gamma, &s, i));
    }
  }
  if (until_aligned(dx) != 0) {
    store_first(dx, first, until_aligned(dx), stream);
  }
  if (i < n) {
    store_last(dx + n - W, last, n - i, stream);
  }
}

static void sample_dx(const void *x, const void *dy, void *dx, size_t n, const float *gamma,
                      const clnorm__sample *sample, int stream)
{
  sample_dx_of(x, dy, dx, n, parameters_or(gamma, ones), sample, stream);
}

static void sample_runs_dx(const void *x_at, const void *dy_at, void *dx_at, size_t count, size_t run,
                           const float *gamma, const clnorm__sample *sample, int stream)
{
  const element *const x = x_at, *const dy = dy_at;
  element *const dx = dx_at;
  float same[VECTOR];
  for (size_t r = 0; r < count; r++) {
    for (size_t i = 0; i < W; i++) {
      same[i] = gamma == NULL ? 1.0f : gamma[r];
    }
    sample_dx_of(x + r * run, dy + r * run, dx + r * run, run, (parameters){same, 0}, sample, stream);
  }
}

/* One vector of columns of a few rows: its terms of dgamma and dbeta are added, of the lanes that are shown, and dx is given.
 * Two terms of dgamma are added as floats, which costs one rounding of those that their bound has, and half of the
 * conversions. */
static inline __attribute__((always_inline)) void gradient_columns(const element *x, const element *dy,
                                                                   const size_t rows, size_t stride, vf gamma,
                                                                   const clnorm__sample *negative, double *dgamma,
                                                                   double *dbeta, size_t lanes, vf *dx)
{
  const vd one = opaque_one();
  vd p0 = load_d(dgamma), p1 = load_d(dgamma + D), g0 = load_d(dbeta), g1 = load_d(dbeta + D);
  vf p = {0};
  for (size_t r = 0; r < rows; r++) {
    const backward_sample s = spread_sample(&negative[r]);
    const vf xh = XH(load_e(x + r * stride), s.mean, s.inv_std, s.off);
    vf g = load_e(dy + r * stride);
    dx[r] = SAMPLE_DX(g, xh, gamma, s.h, s.h_xh, s.inv_std);
    p = r % 2 == 0 ? g * xh : g * xh + p;
    if (lanes != ALL) {
      g = keep_lanes(g, lanes), p = keep_lanes(p, lanes);
    }
    if (lanes != ALL) {
      g0 += lower_half(g), g1 += upper_half(g);
    } else {
      vd a, b;
      widen(dy + r * stride, g, &a, &b);
      g0 = ADD(g0, a), g1 = ADD(g1, b);
    }
    if (r % 2 == 1 || r + 1 == rows) {
      p0 = ADD(p0, lower_half(p)), p1 = ADD(p1, upper_half(p));
    }
  }
  store_d(dgamma, p0), store_d(dgamma + D, p1);
  store_d(dbeta, g0), store_d(dbeta + D, g1);
}

/* Rows whose sums of columns are loaded and stored together. */
#define GRADIENT_ROWS 4

/* Shorter rows are not worth the alignment of their stores. */
#define ALIGNED_ROW 256

/* `rows` and `stores` (0: no dx, 1: in the cache, 2: past it) are constants in each use. */
static inline __attribute__((always_inline)) void gradient_rows(const element *x, const element *dy, element *dx,
                                                                const size_t rows, size_t n, size_t stride,
                                                                parameters gamma, const clnorm__sample *samples,
                                                                double *dgamma, double *dbeta, size_t ahead,
                                                                const int stores)
{
  vf first[GRADIENT_ROWS] = {{0}}, last[GRADIENT_ROWS] = {{0}}, value[GRADIENT_ROWS];
  clnorm__sample negative[GRADIENT_ROWS];
  for (size_t r = 0; r < rows; r++) {
    negative[r] = negative_of(&samples[r]);
  }
  const size_t begin = stores && n >= ALIGNED_ROW ? until_aligned(dx) : 0, rest = (n - begin) % W;
  size_t i = begin;
  if (begin != 0) {
    gradient_columns(x, dy, rows, stride, parameters_at(gamma, 0), negative, dgamma, dbeta, FIRST(begin), first);
  }
  if (rest != 0) {
    const size_t at = n - W;
    gradient_columns(x + at, dy + at, rows, stride, parameters_at(gamma, at), negative, dgamma + at, dbeta + at,
                     LAST(rest), last);
  }
  for (; i + W <= n; i += W) {
    for (size_t r = 0; r < rows; r++) {
      LOOK_AHEAD(dy + r * stride + i, W, ahead)
    }
    gradient_columns(x + i, dy + i, rows, stride, parameters_at(gamma, i), negative, dgamma + i, dbeta + i, ALL, value);
    for (size_t r = 0; stores && r < rows; r++) {
      put(dx + r * stride + i, value[r], stores == 2);
    }
  }
  for (size_t r = 0; stores && r < rows; r++) {
    if (begin != 0) {
      store_first(dx + r * stride, first[r], begin, stores == 2);
    }
    if (rest != 0) {
      store_last(dx + r * stride + n - W, last[r], rest, stores == 2);
    }
  }
}

static void narrow_gradients(const element *x, const element *dy, element *dx, size_t rows, size_t n, size_t stride,
                             parameters gamma, const clnorm__sample *samples, double *dgamma, double *dbeta)
{
  for (size_t r = 0; r < rows; r++) {
    const clnorm__sample s = samples[r];
    for (size_t i = 0; i < n; i++) {
      const float g = load_one(dy + r * stride + i);
      const float xh = XH(load_one(x + r * stride + i), s.mean, s.inv_std, s.off);
      dgamma[i] += (double)(g * xh);
      dbeta[i] += (double)g;
      if (dx != NULL) {
        store_one(dx + r * stride + i, SAMPLE_DX(g, xh, parameter_at(gamma, i), -s.h, -s.h_xh, s.inv_std));
      }
    }
  }
}

static void samples_gradients(const void *x_at, const void *dy_at, void *dx_at, size_t rows, size_t n, size_t stride,
                              const float *gamma, const clnorm__sample *samples, double *dgamma, double *dbeta,
                              size_t ahead, int stream)
{
  const element *const x = x_at, *const dy = dy_at;
  element *const dx = dx_at;
  const parameters g = parameters_or(gamma, ones);
  size_t r = 0;
  if (n < W) {
    narrow_gradients(x, dy, dx, rows, n, stride, g, samples, dgamma, dbeta);
    return;
  }
#define GRADIENT_ROWS_AT(count, stores)                                                                    \
  gradient_rows(x + r * stride, dy + r * stride, dx == NULL ? NULL : dx + r * stride, count, n, stride, g, \
                samples + r, dgamma, dbeta, ahead, stores)
#define GRADIENT_BLOCKS(stores)                           \
  for (; r + GRADIENT_ROWS <= rows; r += GRADIENT_ROWS) { \
    GRADIENT_ROWS_AT(GRADIENT_ROWS, stores);              \
  }                                                       \
  for (; r + 2 <= rows; r += 2) {                         \
    GRADIENT_ROWS_AT(2, stores);                          \
  }                                                       \
  for (; r < rows; r++) {                                 \
    GRADIENT_ROWS_AT(1, stores);                          \
  }
  if (dx == NULL) {
    GRADIENT_BLOCKS(0)
  } else if (stream) {
    GRADIENT_BLOCKS(2)
  } else {
    GRADIENT_BLOCKS(1)
  }
#undef GRADIENT_BLOCKS
#undef GRADIENT_ROWS_AT
}

/* ---- backward, with an activation ------------------------------------------------------------------------------- */

/* Where g goes, x as floats (NULL: nobody needs it), and what g is multiplied with in the sums. */
typedef struct slopes_of {
  float *x, *g;
  parameters weights;
  vd mean;
} slopes_of;

/* g of `vectors` vectors from i on, of which the last `lanes` elements of each are added up. */
ALWAYS_INLINE void slope_samples(const fused *f, size_t i, const size_t vectors, const forward_sample *s,
                                 const slopes_of *to, const shape shape, const int summed, vd one, size_t lanes,
                                 half_sums *sums)
{
  float *const x_to = hidden_floats(to->x);
  vf x[BLOCK], g[BLOCK];
  for (size_t v = 0; v < vectors; v++) {
    x[v] = load_e(f->x + i + v * W);
    g[v] = normalize_at(x[v], s, i + v * W);
  }
  bend_samples(f, i, vectors, shape, 1, g);
  for (size_t v = 0; v < vectors; v++) {
    const size_t at = i + v * W;
    g[v] *= load_e(f->dy + at);
    store_f(to->g + at, g[v]);
    if (summed) {
#if D == 8
      const vd h0 = wide_of(load_n(to->g + at) * few_parameters_at(to->weights, at));
      const vd h1 = wide_of(load_n(to->g + at + D) * few_parameters_at(to->weights, at + D));
#else
      const vf h = g[v] * parameters_at(to->weights, at);
      const vd h0 = lower_half(h), h1 = upper_half(h);
#endif
      add_halves(sums, load_wide_e(f->x + at) - to->mean, load_wide_e(f->x + at + D) - to->mean, h0, h1, one, lanes);
    }
  }
  for (size_t v = 0; x_to != NULL && v < vectors; v++) {
    store_f(x_to + i + v * W, x[v]);
  }
}

ALWAYS_INLINE void slopes_of_sample(const fused *f, size_t n, size_t ahead, const forward_sample *s,
                                    const slopes_of *to, const shape shape, const int summed, half_sums *sums)
{
  const vd one = opaque_one();
  size_t i = 0;
  for (; i + BLOCK * W <= n; i += BLOCK * W) {
    LOOK_AHEAD_FUSED(f, i, ahead)
    slope_samples(f, i, BLOCK, s, to, shape, summed, one, W, sums);
  }
  for (; i < n; i += W) {
    slope_samples(f, n - i < W ? n - W : i, 1, s, to, shape, summed, one, n - i, sums);
  }
}

#define SAMPLE_SLOPES(name, shape, summed)                                                                    \
  static __attribute__((noinline)) void name(const fused *f, size_t n, size_t ahead, const forward_sample *s, \
                                             const slopes_of *to, half_sums *sums)                            \
  {                                                                                                           \
    const fused own = *f;                                                                                     \
    const forward_sample same = *s;                                                                           \
    const slopes_of there = *to;                                                                              \
    half_sums more = {{{0}}};                                                                                 \
    slopes_of_sample(&own, n, ahead, &same, &there, shape, summed, &more);                                    \
    *sums = more;                                                                                             \
  }

SAMPLE_SLOPES(lines_summed, LINES, 1)
SAMPLE_SLOPES(curve_summed, CURVE, 1)
SAMPLE_SLOPES(lines_alone, LINES, 0)
SAMPLE_SLOPES(curve_alone, CURVE, 0)

/* The same of fewer elements than a vector has. */
static void slopes_of_few(const fused *f, size_t n, const clnorm__sample *sample, parameters gamma, parameters beta,
                          const slopes_of *to, double *sums)
{
  float slope[CLNORM__CURVE_FLOATS];
  few_samples(f, n, sample, gamma, beta, 1, slope);
  for (size_t i = 0; i < n; i++) {
    const float x = load_one(f->x + i), g = slope[i] * load_one(f->dy + i);
    to->g[i] = g;
    if (to->x != NULL) {
      to->x[i] = x;
    }
    if (sums != NULL) {
      const double d = (double)x - (double)sample->mean, h = (double)(g * parameter_at(to->weights, i));
      sums[0] += h;
      sums[1] += h * d;
      sums[2] += d;
    }
  }
}

static void sample_slopes(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, size_t n, size_t ahead,
                          const clnorm__slopes *slopes, const clnorm__sample *sample, double *sums)
{
  typedef void loop(const fused *, size_t, size_t, const forward_sample *, const slopes_of *, half_sums *);
  static loop *const loops[2][2] = {{lines_alone, curve_alone}, {lines_summed, curve_summed}};
  const fused f = fused_at(bend, at);
  parameters gamma = parameters_or(slopes->gamma, ones), beta = parameters_or(slopes->beta, zeros);
  float same[2][VECTOR];
  if (slopes->is_run) {
    for (size_t i = 0; i < VECTOR; i++) {
      same[0][i] = gamma.at[0], same[1][i] = beta.at[0];
    }
    gamma = (parameters){same[0], 0}, beta = (parameters){same[1], 0};
  }
  const parameters weights = slopes->is_run ? (parameters){ones, 0} : gamma;
  const slopes_of to = {slopes->x, slopes->g, weights, all_d(sample->mean)};
  if (n < W) {
    slopes_of_few(&f, n, sample, gamma, beta, &to, sums);
    return;
  }
  const forward_sample s = forward_sample_of(sample, gamma, beta);
  half_sums more;
  loops[sums != NULL][bend->curve != NULL](&f, n, ahead, &s, &to, &more);
  if (sums != NULL) {
    sums[0] += sum_of(more.g[0] + more.g[1]);
    sums[1] += sum_of(more.gd[0] + more.gd[1]);
    sums[2] += sum_of(more.d[0] + more.d[1]);
  }
}
