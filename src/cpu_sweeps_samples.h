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
static inline void sample_sums(const float *x, size_t n, size_t ahead, double *sum, double *squares)
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
      sample_sums(x, run, ahead, &sum[r], &squares[r]);
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
                                const clnorm__sample *sample, int stream)
{
  const forward_sample s = {all_f(sample->mean), all_f(sample->rest), all_f(sample->inv_std)};
  const vf first = normalize_at(x, gamma, beta, &s, 0), last = normalize_at(x, gamma, beta, &s, n - W);
  size_t i = until_aligned(y);
  if (stream) {
    for (; i + W <= n; i += W) {
      store_stream(y + i, normalize_at(x, gamma, beta, &s, i));
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
                          const clnorm__sample *samples, int stream)
{
  const parameters g = parameters_or(gamma, ones), b = parameters_or(beta, zeros);
  for (size_t r = 0; r < count; r++, x += run, y += run) {
    const clnorm__sample s = samples[r];
    if (run >= W) {
      sample_apply(x, y, run, g, b, &s, stream);
      continue;
    }
    for (size_t i = 0; i < run; i++) {
      const float scale = parameter_at(g, i) * s.inv_std;
      y[i] = NORMALIZE(x[i], s.mean, s.rest, scale, parameter_at(b, i));
    }
  }
}
