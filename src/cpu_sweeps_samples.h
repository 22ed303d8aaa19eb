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

/* ---- forward ---------------------------------------------------------------------------------------------------- */

/* What a float has not of the mean is subtracted after it, so that a sample of equal values is exactly beta. */
#define NORMALIZE(x, mean, rest, scale, beta) ((((x) - (mean)) - (rest)) * (scale) + (beta))

typedef struct forward_sample {
  parameters gamma, beta;
  vf mean, rest, inv_std;
} forward_sample;

static inline vf normalize_at(const float *x, const forward_sample *s, size_t i)
{
  const vf scale = parameters_at(s->gamma, i) * s->inv_std;
  return NORMALIZE(load_f(x + i), s->mean, s->rest, scale, parameters_at(s->beta, i));
}

/* Vectors as in run_apply. */
static void sample_apply(const float *x, float *y, size_t n, const float *gamma, const float *beta,
                         const clnorm__sample *sample, int stream)
{
  const forward_sample s = {parameters_or(gamma, ones), parameters_or(beta, zeros), all_f(sample->mean),
                            all_f(sample->rest), all_f(sample->inv_std)};
  if (n < W) {
    for (size_t i = 0; i < n; i++) {
      const float scale = parameter_at(s.gamma, i) * sample->inv_std;
      y[i] = NORMALIZE(x[i], sample->mean, sample->rest, scale, parameter_at(s.beta, i));
    }
    return;
  }
  const vf first = normalize_at(x, &s, 0), last = normalize_at(x, &s, n - W);
  size_t i = until_aligned(y);
  if (stream) {
    for (; i + W <= n; i += W) {
      store_stream(y + i, normalize_at(x, &s, i));
    }
  } else {
    for (; i + W <= n; i += W) {
      store_f(y + i, normalize_at(x, &s, i));
    }
  }
  if (until_aligned(y) != 0) {
    store_f(y, first);
  }
  if (i < n) {
    store_f(y + n - W, last);
  }
}
