/* The loops over samples, whose elements have parameters of their own. A part of cpu_sweeps.h, which includes it. */

/* ---- parameters ------------------------------------------------------------------------------------------------- */

/* One number an element; or the same for all of them, of which a vector is kept and every index becomes 0. */
typedef struct parameters {
  const float *at;
  size_t mask;
} parameters;

static const float ones[LINE] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

/* Adding -0 changes no number. */
static const float zeros[LINE] = {-0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f,
                                  -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f};

static inline parameters parameters_or(const float *given, const float *otherwise)
{
  return given == NULL ? (parameters){otherwise, 0} : (parameters){given, SIZE_MAX};
}

static inline vf parameters_at(parameters p, size_t i) { return load_f(p.at + (i & p.mask)); }
static inline float parameter_at(parameters p, size_t i) { return p.at[i & p.mask]; }

/* ---- sums ------------------------------------------------------------------------------------------------------- */

static inline double sum_of(vd v)
{
  double lanes[D], sum = 0.0;
  store_d(lanes, v);
#if D == 8
  sum = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
#else
  for (int i = 0; i < D; i++) {
    sum += lanes[i];
  }
#endif
  return sum;
}

/* As they are: what is subtracted first (run_stats) costs as much again as both sums. */
static inline void sum_sample(const float *x, size_t n, size_t ahead, double *sum, double *squares)
{
  const vd one = opaque_one();
  vd s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, q0 = {0}, q1 = {0}, q2 = {0}, q3 = {0};
  size_t i = 0;
  for (; i + 4 * D <= n; i += 4 * D) {
    LOOK_AHEAD(x + i, 4 * D, ahead)
    const vd a = load_wide(x + i), b = load_wide(x + i + D);
    const vd c = load_wide(x + i + 2 * D), d = load_wide(x + i + 3 * D);
    s0 = ADD(s0, a), s1 = ADD(s1, b), s2 = ADD(s2, c), s3 = ADD(s3, d);
    q0 += a * a, q1 += b * b, q2 += c * c, q3 += d * d;
  }
  for (; i + D <= n; i += D) {
    const vd a = load_wide(x + i);
    s0 = ADD(s0, a);
    q0 += a * a;
  }
  if (i < n) {
    const vd a = keep_last(load_wide(x + n - D), n - i);
    s1 = ADD(s1, a);
    q1 += a * a;
  }
  *sum = sum_of((s0 + s1) + (s2 + s3));
  *squares = sum_of((q0 + q1) + (q2 + q3));
}

static void samples_sums(const float *x, size_t count, size_t run, size_t ahead, double *sum, double *squares)
{
  for (size_t r = 0; r < count; r++, x += run) {
    if (run >= D) {
      sum_sample(x, run, ahead, &sum[r], &squares[r]);
      continue;
    }
    sum[r] = squares[r] = 0.0;
    for (size_t i = 0; i < run; i++) {
      sum[r] += (double)x[i];
      squares[r] += (double)x[i] * (double)x[i];
    }
  }
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

/* What a float has not of the mean is subtracted after it, so that a sample of equal values is exactly beta. */
#define NORMALIZE(x, mean, rest, scale, beta) ((((x) - (mean)) - (rest)) * (scale) + (beta))

typedef struct forward_sample {
  vf mean, rest, inv_std;
} forward_sample;

static inline vf normalize_at(const float *x, parameters gamma, parameters beta, const forward_sample *s, size_t i)
{
  const vf scale = parameters_at(gamma, i) * s->inv_std;
  return NORMALIZE(load_f(x + i), s->mean, s->rest, scale, parameters_at(beta, i));
}

/* Vectors as in run_apply. */
static inline void sample_apply(const float *x, float *y, size_t n, parameters gamma, parameters beta,
                                const clnorm__sample *sample, size_t ahead, int stream)
{
  const forward_sample s = {all_f(sample->mean), all_f(sample->rest), all_f(sample->inv_std)};
  const vf first = normalize_at(x, gamma, beta, &s, 0), last = normalize_at(x, gamma, beta, &s, n - W);
  size_t i = until_aligned(y);
  if (stream) {
    for (; i + W <= n; i += W) {
      LOOK_AHEAD(x + i, W, ahead)
      stream_e(y + i, normalize_at(x, gamma, beta, &s, i));
    }
  } else {
    for (; i + W <= n; i += W) {
      store_f(y + i, normalize_at(x, gamma, beta, &s, i));
    }
  }
  if (until_aligned(y) != 0) {
    store_f(y, first);
  }
  if (i < n) {
    store_f(y + n - W, last);
  }
}

static void samples_apply(const float *x, float *y, size_t count, size_t run, const float *gamma, const float *beta,
                          const clnorm__sample *samples, size_t ahead, int stream)
{
  const parameters g = parameters_or(gamma, ones), b = parameters_or(beta, zeros);
  for (size_t r = 0; r < count; r++, x += run, y += run) {
    const clnorm__sample s = samples[r];
    if (run >= W) {
      sample_apply(x, y, run, g, b, &s, ahead, stream);
      continue;
    }
    for (size_t i = 0; i < run; i++) {
      const float scale = parameter_at(g, i) * s.inv_std;
      y[i] = NORMALIZE(x[i], s.mean, s.rest, scale, parameter_at(b, i));
    }
  }
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

/* D floats of a vector as doubles. */
static inline vd widen(vf v, const int upper)
{
#if defined(__AVX512F__)
  return (vd)_mm512_cvtps_pd(upper ? _mm512_extractf32x8_ps((__m512)v, 1) : _mm512_castps512_ps256((__m512)v));
#elif defined(__AVX__)
  return (vd)_mm256_cvtps_pd(upper ? _mm256_extractf128_ps((__m256)v, 1) : _mm256_castps256_ps128((__m256)v));
#else
  float lanes[W];
  store_f(lanes, v);
  return load_wide(lanes + (upper ? D : 0));
#endif
}

typedef int32_t vi __attribute__((vector_size(4 * W)));

/* A window into zeros, W lanes of ones and zeros: from FIRST(n) on it shows n lanes and hides the others, from LAST(n) on it
 * shows the last n. */
#define FIRST(n) (2 * W - (n))
#define LAST(n) (n)
#define ALL LAST((size_t)W)

static inline vf keep_lanes(vf v, size_t from)
{
  static const int32_t lanes[3 * LINE] = {
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

static inline backward_sample backward_sample_of(const clnorm__sample *s)
{
  return (backward_sample){all_f(s->mean), all_f(s->inv_std), all_f(s->off), all_f(-s->h), all_f(-s->h_xh)};
}

/* xh and dx of one element; h and h_xh are negative. Range: inv_std is multiplied last, everything before is of dy's size. */
#define XH(x, mean, inv_std, off) (((x) - (mean)) * (inv_std) - (off))
#define SAMPLE_DX(dy, xh, gamma, h, h_xh, inv_std) (((dy) * (gamma) + ((xh) * (h_xh) + (h))) * (inv_std))

/* h = gamma * dy, sums[0] += h, [1] += h * (x - mean), [2] += x - mean. Of floats the last sum would be too far off for an xh near
 * 0. */
static void sample_sums(const float *x, const float *dy, size_t n, size_t ahead, const float *gamma, float mean,
                        double sums[3])
{
  const parameters g = parameters_or(gamma, ones);
  const vd one = opaque_one(), k = all_d(mean);
  vd h0 = {0}, h1 = {0}, p0 = {0}, p1 = {0}, d0 = {0}, d1 = {0};
  size_t i = 0;
  for (; i + W <= n; i += W) {
    LOOK_AHEAD(x + i, W, ahead)
    const vf h = load_f(dy + i) * parameters_at(g, i);
    const vd a = load_wide(x + i) - k, b = load_wide(x + i + D) - k, ha = widen(h, 0), hb = widen(h, 1);
    h0 = ADD(h0, ha), h1 = ADD(h1, hb);
    p0 += ha * a, p1 += hb * b;
    d0 = ADD(d0, a), d1 = ADD(d1, b);
  }
  for (; i < n && n >= W; i = n) {
    const size_t at = n - W;
    const vf h = keep_lanes(load_f(dy + at) * parameters_at(g, at), LAST(n - i));
    const vf d = load_f(x + at);
    const vd ha = widen(h, 0), hb = widen(h, 1);
    vd a = widen(d, 0) - k, b = widen(d, 1) - k;
    a = keep_last(a, n - i < D ? 0 : n - i - D), b = keep_last(b, n - i < D ? n - i : D);
    h0 += ha, h1 += hb;
    p0 += ha * a, p1 += hb * b;
    d0 += a, d1 += b;
  }
  sums[0] = sum_of(h0 + h1), sums[1] = sum_of(p0 + p1), sums[2] = sum_of(d0 + d1);
  for (; i < n; i++) {
    const double d = (double)x[i] - (double)mean, h = (double)(dy[i] * parameter_at(g, i));
    sums[0] += h;
    sums[1] += h * d;
    sums[2] += d;
  }
}

static inline vf sample_dx_at(const float *x, const float *dy, parameters gamma, const backward_sample *s, size_t i)
{
  const vf xh = XH(load_f(x + i), s->mean, s->inv_std, s->off);
  return SAMPLE_DX(load_f(dy + i), xh, parameters_at(gamma, i), s->h, s->h_xh, s->inv_std);
}

static inline void sample_dx_of(const float *x, const float *dy, float *dx, size_t n, parameters gamma,
                                const clnorm__sample *sample, int stream)
{
  const backward_sample s = backward_sample_of(sample);
  if (n < W) {
    for (size_t i = 0; i < n; i++) {
      const float xh = XH(x[i], sample->mean, sample->inv_std, sample->off);
      dx[i] = SAMPLE_DX(dy[i], xh, parameter_at(gamma, i), -sample->h, -sample->h_xh, sample->inv_std);
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
      store_f(dx + i, sample_dx_at(x, dy, gamma, &s, i));
    }
  }
  if (until_aligned(dx) != 0) {
    store_f(dx, first);
  }
  if (i < n) {
    store_f(dx + n - W, last);
  }
}

static void sample_dx(const float *x, const float *dy, float *dx, size_t n, const float *gamma,
                      const clnorm__sample *sample, int stream)
{
  sample_dx_of(x, dy, dx, n, parameters_or(gamma, ones), sample, stream);
}

static void sample_runs_dx(const float *x, const float *dy, float *dx, size_t count, size_t run, const float *gamma,
                           const clnorm__sample *sample, int stream)
{
  float same[LINE];
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
static inline __attribute__((always_inline)) void gradient_columns(const float *x, const float *dy, const size_t rows,
                                                                   size_t stride, vf gamma,
                                                                   const clnorm__sample *samples, double *dgamma,
                                                                   double *dbeta, size_t lanes, vf *dx)
{
  const vd one = opaque_one();
  vd p0 = load_d(dgamma), p1 = load_d(dgamma + D), g0 = load_d(dbeta), g1 = load_d(dbeta + D);
  vf p = {0};
  for (size_t r = 0; r < rows; r++) {
    const backward_sample s = backward_sample_of(&samples[r]);
    const vf xh = XH(load_f(x + r * stride), s.mean, s.inv_std, s.off);
    vf g = load_f(dy + r * stride);
    dx[r] = SAMPLE_DX(g, xh, gamma, s.h, s.h_xh, s.inv_std);
    p = r % 2 == 0 ? g * xh : g * xh + p;
    if (lanes != ALL) {
      g = keep_lanes(g, lanes), p = keep_lanes(p, lanes);
    }
    g0 = ADD(g0, widen(g, 0)), g1 = ADD(g1, widen(g, 1));
    if (r % 2 == 1 || r + 1 == rows) {
      p0 = ADD(p0, widen(p, 0)), p1 = ADD(p1, widen(p, 1));
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
static inline __attribute__((always_inline)) void gradient_rows(const float *x, const float *dy, float *dx,
                                                                const size_t rows, size_t n, size_t stride,
                                                                parameters gamma, const clnorm__sample *samples,
                                                                double *dgamma, double *dbeta, size_t ahead,
                                                                const int stores)
{
  vf first[GRADIENT_ROWS] = {{0}}, last[GRADIENT_ROWS] = {{0}}, value[GRADIENT_ROWS];
  const size_t begin = stores && n >= ALIGNED_ROW ? until_aligned(dx) : 0, rest = (n - begin) % W;
  size_t i = begin;
  if (begin != 0) {
    gradient_columns(x, dy, rows, stride, parameters_at(gamma, 0), samples, dgamma, dbeta, FIRST(begin), first);
  }
  if (rest != 0) {
    const size_t at = n - W;
    gradient_columns(x + at, dy + at, rows, stride, parameters_at(gamma, at), samples, dgamma + at, dbeta + at,
                     LAST(rest), last);
  }
  for (; i + W <= n; i += W) {
    for (size_t r = 0; r < rows; r++) {
      LOOK_AHEAD(dy + r * stride + i, W, ahead)
    }
    gradient_columns(x + i, dy + i, rows, stride, parameters_at(gamma, i), samples, dgamma + i, dbeta + i, ALL, value);
    for (size_t r = 0; stores && r < rows; r++) {
      put(dx + r * stride + i, value[r], stores == 2);
    }
  }
  for (size_t r = 0; stores && r < rows; r++) {
    if (begin != 0) {
      store_f(dx + r * stride, first[r]);
    }
    if (rest != 0) {
      store_f(dx + r * stride + n - W, last[r]);
    }
  }
}

static void narrow_gradients(const float *x, const float *dy, float *dx, size_t rows, size_t n, size_t stride,
                             parameters gamma, const clnorm__sample *samples, double *dgamma, double *dbeta)
{
  for (size_t r = 0; r < rows; r++) {
    const clnorm__sample s = samples[r];
    for (size_t i = 0; i < n; i++) {
      const float g = dy[r * stride + i], xh = XH(x[r * stride + i], s.mean, s.inv_std, s.off);
      dgamma[i] += (double)(g * xh);
      dbeta[i] += (double)g;
      if (dx != NULL) {
        dx[r * stride + i] = SAMPLE_DX(g, xh, parameter_at(gamma, i), -s.h, -s.h_xh, s.inv_std);
      }
    }
  }
}

static void samples_gradients(const float *x, const float *dy, float *dx, size_t rows, size_t n, size_t stride,
                              const float *gamma, const clnorm__sample *samples, double *dgamma, double *dbeta,
                              size_t ahead, int stream)
{
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
