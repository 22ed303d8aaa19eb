/* The loops over samples, whose elements have parameters of their own; backward: cpu_sweeps_samples_gradients.h. A part of cpu_sweeps.h,
 * which includes it. */

/* ---- parameters ------------------------------------------------------------------------------------------------- */

/* Floats of the longest vectors. */
#define VECTOR 16

/* One number an element; or the same for all of them, of which a vector is kept and every index becomes 0. */
typedef struct parameters {
  const float *at;
  size_t mask;
} parameters;

static const float ones[VECTOR] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

/* Adding -0 changes no number. */
static const float zeros[VECTOR] = {-0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f,
                                    -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f};

static inline parameters parameters_or(const float *given, const float *otherwise)
{
  return given == NULL ? (parameters){otherwise, 0} : (parameters){given, SIZE_MAX};
}

static inline vf parameters_at(parameters p, size_t i) { return load_f(p.at + (i & p.mask)); }
static inline vn few_parameters_at(parameters p, size_t i) { return load_n(p.at + (i & p.mask)); }
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

/* Eight sums of D lanes each: four of elements, four of squares. As they are: what is subtracted first (run_stats) costs as much
 * again as both. */
typedef struct square_sums {
  vd s[4], q[4];
} square_sums;

ALWAYS_INLINE void add_squares(square_sums *f, const element *x)
{
  const vd one = opaque_one();
  vd a, b, c, d;
  load_both(x, &a, &b);
  load_both(x + W, &c, &d);
  f->s[0] = ADD(f->s[0], a), f->s[1] = ADD(f->s[1], b), f->s[2] = ADD(f->s[2], c), f->s[3] = ADD(f->s[3], d);
  f->q[0] += a * a, f->q[1] += b * b, f->q[2] += c * c, f->q[3] += d * d;
}

/* Elements from i on, fewer than two vectors. */
ALWAYS_INLINE void add_rest_squares(square_sums *f, const element *x, size_t i, size_t n)
{
  for (; i + D <= n; i += D) {
    const vd a = load_wide_e(x + i);
    f->s[0] += a;
    f->q[0] += a * a;
  }
  if (i < n) {
    const vd a = keep_last(load_wide_e(x + n - D), n - i);
    f->s[1] += a;
    f->q[1] += a * a;
  }
}

ALWAYS_INLINE void finish_squares(const square_sums *f, double *sum, double *squares)
{
  *sum = sum_of((f->s[0] + f->s[1]) + (f->s[2] + f->s[3]));
  *squares = sum_of((f->q[0] + f->q[1]) + (f->q[2] + f->q[3]));
}

static inline void sum_sample(const element *x, const element *next, size_t n, size_t ahead, double *sum,
                              double *squares)
{
  square_sums sums = {{{0}}, {{0}}};
  size_t i = 0;
  for (; i + 2 * W <= n; i += 2 * W) {
    LOOK_AHEAD(x + i, 2 * W, ahead)
    for (size_t line = 0; next != NULL && line < 2 * W; line += LINE) {
      PREFETCH((uintptr_t)(next + i + line), 2);
    }
    add_squares(&sums, x + i);
  }
  add_rest_squares(&sums, x, i, n);
  finish_squares(&sums, sum, squares);
}

static void samples_sums(const void *x_at, const void *next_at, size_t count, size_t run, size_t ahead, double *sum,
                         double *squares)
{
  const element *x = x_at, *const next = next_at;
  for (size_t r = 0; r < count; r++, x += run) {
    if (run >= D) {
      sum_sample(x, next == NULL ? NULL : next + r * run, run, ahead, &sum[r], &squares[r]);
      continue;
    }
    sum[r] = squares[r] = 0.0;
    for (size_t i = 0; i < run; i++) {
      const double value = (double)load_one(x + i);
      sum[r] += value;
      squares[r] += value * value;
    }
  }
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

/* What a float has not of the mean is subtracted after it, so that a sample of equal values is exactly beta. */
#define NORMALIZE(x, mean, rest, scale, beta) ((((x) - (mean)) - (rest)) * (scale) + (beta))

typedef struct forward_sample {
  vf mean, rest, inv_std;
  parameters gamma, beta;
} forward_sample;

static inline forward_sample forward_sample_of(const clnorm__sample *s, parameters gamma, parameters beta)
{
  return (forward_sample){all_f(s->mean), all_f(s->rest), all_f(s->inv_std), gamma, beta};
}

/* What happens to z: a constant in each use. */
typedef enum shape { PLAIN, LINES, CURVE } shape;

ALWAYS_INLINE vf normalize_at(vf x, const forward_sample *s, size_t i)
{
  return NORMALIZE(x, s->mean, s->rest, parameters_at(s->gamma, i) * s->inv_std, parameters_at(s->beta, i));
}

/* z + residual becomes act of it, or its derivative, of `vectors` <= BLOCK vectors from i on. */
ALWAYS_INLINE void bend_samples(const fused *f, size_t i, const size_t vectors, const shape shape, const int backward,
                                vf *z)
{
  const element *const residual = shape == PLAIN ? NULL : hidden(f->residual);
  if (residual != NULL) {
    for (size_t v = 0; v < vectors; v++) {
      z[v] += load_e(residual + i + v * W);
    }
  }
  if (shape == CURVE) {
    _Alignas(64) float room[BLOCK * W];
    for (size_t v = 0; v < vectors; v++) {
      store_f(room + v * W, z[v]);
    }
    f->bend->curve(room, vectors * W, f->bend->alpha);
    for (size_t v = 0; v < vectors; v++) {
      z[v] = load_f(room + v * W);
    }
  }
  for (size_t v = 0; shape == LINES && v < vectors; v++) {
    z[v] = backward ? line_slope(f->lines, z[v]) : line_value(f->lines, z[v]);
  }
}

ALWAYS_INLINE void apply_samples(const fused *f, size_t i, const size_t vectors, const forward_sample *s,
                                 const shape shape, vf *y)
{
  for (size_t v = 0; v < vectors; v++) {
    y[v] = normalize_at(load_e(f->x + i + v * W), s, i + v * W);
  }
  bend_samples(f, i, vectors, shape, 0, y);
}

/* Vectors as of runs. */
ALWAYS_INLINE void sample_apply(const fused *f, size_t n, const forward_sample *s, size_t ahead, int stream,
                                const shape shape)
{
  element *const y = f->out;
  const size_t lead = until_aligned(y);
  vf first, last, block[BLOCK];
  apply_samples(f, 0, 1, s, shape, &first);
  apply_samples(f, n - W, 1, s, shape, &last);
  size_t i = lead;
  for (; i + BLOCK * W <= n; i += BLOCK * W) {
    LOOK_AHEAD(f->x + i, BLOCK * W, ahead)
    apply_samples(f, i, BLOCK, s, shape, block);
    write_to(y + i, BLOCK, stream, block);
  }
  for (; i + W <= n; i += W) {
    apply_samples(f, i, 1, s, shape, block);
    write_to(y + i, 1, stream, block);
  }
  if (lead != 0) {
    store_first(y, first, lead, stream);
  }
  if (i < n) {
    store_last(y + n - W, last, n - i, stream);
  }
}

/* z, of fewer elements than a vector has, in the first of CLNORM__CURVE_FLOATS floats; act of them, or its derivative. */
static __attribute__((noinline)) void few_samples(const fused *f, size_t n, const clnorm__sample *s, parameters gamma,
                                                  parameters beta, int backward, float *z)
{
  for (size_t i = 0; i < CLNORM__CURVE_FLOATS; i++) {
    const float scale = i < n ? parameter_at(gamma, i) * s->inv_std : 0.0f;
    z[i] = i < n ? NORMALIZE(load_one(f->x + i), s->mean, s->rest, scale, parameter_at(beta, i)) : 0.0f;
    z[i] += i < n && f->residual != NULL ? load_one(f->residual + i) : -0.0f;
  }
  if (f->bend != NULL) {
    bend_few(f->bend, z, backward);
  }
}

/* One function each, as in cpu_sweeps_fused.h. */
#define SAMPLE_APPLY(name, shape)                                                                             \
  static __attribute__((noinline)) void name(const fused *f, size_t n, const forward_sample *s, size_t ahead, \
                                             int stream)                                                      \
  {                                                                                                           \
    const fused own = *f;                                                                                     \
    const forward_sample same = *s;                                                                           \
    sample_apply(&own, n, &same, ahead, stream, shape);                                                       \
  }

SAMPLE_APPLY(sample_plain, PLAIN)
SAMPLE_APPLY(sample_lines, LINES)
SAMPLE_APPLY(sample_curve, CURVE)

/* Without a bend there are no lines of it. */
static fused sample_fused(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at)
{
  static const clnorm__cpu_bend none = {.low = 1.0f, .top = INFINITY};
  fused f = fused_at(bend == NULL ? &none : bend, at);
  f.bend = bend;
  return f;
}

static void samples_apply(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, size_t count, size_t run,
                          const float *gamma, const float *beta, const clnorm__sample *samples, size_t ahead,
                          int stream)
{
  const parameters g = parameters_or(gamma, ones), b = parameters_or(beta, zeros);
  const fused whole = sample_fused(bend, at);
  for (size_t r = 0; r < count; r++) {
    const fused f = moved(&whole, r * run);
    if (run >= W) {
      const forward_sample s = forward_sample_of(&samples[r], g, b);
      (bend == NULL ? sample_plain : bend->curve != NULL ? sample_curve : sample_lines)(&f, run, &s, ahead, stream);
      continue;
    }
    float few[CLNORM__CURVE_FLOATS];
    few_samples(&f, run, &samples[r], g, b, 0, few);
    for (size_t i = 0; i < run; i++) {
      store_one(f.out + i, few[i]);
    }
  }
}

static void sample_flow(const clnorm__cpu_fused *at, const void *later_at, size_t run, const float *gamma,
                        const float *beta, const clnorm__sample *sample, size_t ahead, double *sum, double *square,
                        int stream)
{
  const fused f = sample_fused(NULL, at);
  const element *const later = later_at;
  const forward_sample s = forward_sample_of(sample, parameters_or(gamma, ones), parameters_or(beta, zeros));
  element *const y = f.out;
  const size_t lead = until_aligned(y);
  square_sums sums = {{{0}}, {{0}}};
  vf first, last, block[2];
  apply_samples(&f, 0, 1, &s, PLAIN, &first);
  apply_samples(&f, run - W, 1, &s, PLAIN, &last);
  size_t i = lead;
  for (; i + 2 * W <= run; i += 2 * W) {
    LOOK_AHEAD(later + (i - lead), 2 * W, ahead)
    apply_samples(&f, i, 2, &s, PLAIN, block);
    write_to(y + i, 2, stream, block);
    add_squares(&sums, later + (i - lead));
  }
  size_t j = i - lead;
  for (; i + W <= run; i += W) {
    apply_samples(&f, i, 1, &s, PLAIN, block);
    write_to(y + i, 1, stream, block);
  }
  for (; j + 2 * W <= run; j += 2 * W) {
    add_squares(&sums, later + j);
  }
  add_rest_squares(&sums, later, j, run);
  if (lead != 0) {
    store_first(y, first, lead, stream);
  }
  if (i < run) {
    store_last(y + run - W, last, run - i, stream);
  }
  finish_squares(&sums, sum, square);
}

/* ---- blocks of floats ------------------------------------------------------------------------------------------- */

static void floats_to(const float *z, void *out_at, size_t n, int stream)
{
  element *const out = out_at;
  size_t i = 0;
  for (; i < n && (i < until_aligned(out) || i + W > n); i++) {
    store_one(out + i, z[i]);
  }
  for (; i + W <= n; i += W) {
    const vf value = load_f(z + i);
    write_to(out + i, 1, stream, &value);
  }
  for (; i < n; i++) {
    store_one(out + i, z[i]);
  }
}
