/* The end of a reduction, for one statistic: what is stored, and the coefficients of the element-wise step.
 * Formulas: Ioffe and Szegedy 2015, Algorithm 1 and the gradients that follow it.
 *
 * Axes:
 *   ACTIVATION   0 to 9 (clnorm_activation); 0: none
 *   RESIDUAL     0, 1   a tensor is added before the activation; backward its gradient may be asked for */

#if ACTIVATION < 0 || ACTIVATION > 9
#error "ACTIVATION has to be 0 to 9"
#endif
#if RESIDUAL != 0 && RESIDUAL != 1
#error "RESIDUAL has to be 0 or 1"
#endif

/* Backward passes need z, and with it gamma, beta and the residual, for the activation's derivative only. */
#define DERIVES (ACTIVATION != 0)

/* Blocks of up to BLOCK vectors, `stride` apart, of which `count` there are; each has `width` <= WIDTH elements. */
static inline ulong add_vectors(lane_stats *s, ulong seen, const __global storage *p, ulong count, ulong stride,
                                uint width)
{
  for (ulong i = 0; i < count; i += BLOCK) {
    vec x[BLOCK];
    const uint size = (uint)min(count - i, (ulong)BLOCK);
    if (LOCAL == 1 && (size < BLOCK || width < WIDTH)) {
      lane_stats own = *s; /* so that it stays in registers */
      for (uint j = 0; j < size; j++) {
        stats_add_one(&own, seen + j, tensor_load_most(p + (i + j) * stride, width, 0.0f));
      }
      *s = own;
      seen += size;
      continue;
    }
    if (size == BLOCK && width == WIDTH) {
      UNROLL_BLOCK for (uint j = 0; j < BLOCK; j++) { x[j] = tensor_load(p + (i + j) * stride); }
    } else {
      UNROLL_BLOCK for (uint j = 0; j < BLOCK; j++)
      {
        x[j] = j < size ? tensor_load_most(p + (i + j) * stride, width, 0.0f) : (vec)(0.0f);
      }
    }
    stats_add(s, seen, x, size);
    seen += size;
  }
  return seen;
}

/* The mean as two floats. */
typedef struct finished_statistics {
  float hi, lo, inv_std;
} finished_statistics;

/* y = (x - mean) * scale + shift */
typedef struct forward_coefficients {
  float mean, scale, shift;
} forward_coefficients;

/* dx = a * (g + ((x - mean) * b + c)), g = dy * act'(z), z = (x - mean) * a + shift. Where gamma differs within a statistic it is a
 * weight: of g in dx, of a in z. */
typedef struct backward_coefficients {
  float mean, a, b, c, shift, weight;
} backward_coefficients;

/* z, y, g and dx of vectors, the coefficients of each statistic or of each element in all lanes. `added` is the residual's. */
static inline vec normalized(vec x, vec mean, vec scale, vec shift) { return MULTIPLY_ADD(x - mean, scale, shift); }

static inline vec activated(vec z, vec added, float alpha)
{
  return activate(ACTIVATION, RESIDUAL ? z + added : z, alpha);
}

/* dy after the activation's derivative. */
static inline vec through_activation(vec dy, vec z, vec added, float alpha)
{
  return dy * activation_slope(ACTIVATION, RESIDUAL ? z + added : z, alpha);
}

static inline vec derived(vec x, vec dy, vec added, vec mean, vec scale, vec shift, float alpha)
{
  return DERIVES ? through_activation(dy, normalized(x, mean, scale, shift), added, alpha) : dy;
}

static inline vec differentiated(vec x, vec g, vec mean, vec a, vec b, vec c)
{
  return FROM_RUNNING ? a * g : a * (g + MULTIPLY_ADD(x - mean, b, c));
}

/* Elements of the residual from i on, 0 where there is none or it is not needed. */
static inline vec addend(const __global storage *residual, ulong i, int needed)
{
  return RESIDUAL && needed ? tensor_load(residual + i) : (vec)(0.0f);
}

static inline vec addend_unsorted(const __global storage *residual, ulong i, int needed)
{
  return RESIDUAL && needed ? tensor_load_unsorted(residual + i) : (vec)(0.0f);
}

static inline vec addend_most(const __global storage *residual, ulong i, uint count, int needed)
{
  return RESIDUAL && needed ? tensor_load_most(residual + i, count, 0.0f) : (vec)(0.0f);
}

/* 1 if the residual's gradient is asked for. */
static inline int wants(const __global storage *dresidual) { return RESIDUAL && dresidual != 0; }

/* The residual's gradient, which is g, and dx; with a residual either may be NULL. */
static inline void store_gradients(vec g, vec value, __global storage *dx, __global storage *dresidual, ulong i,
                                   int streams)
{
  if (wants(dresidual)) {
    store_result(g, dresidual + i, streams);
  }
  if (!RESIDUAL || dx) {
    store_result(value, dx + i, streams);
  }
}

/* Of lanes [skip, skip + count) alone. */
static inline void store_gradients_lanes(vec g, vec value, __global storage *dx, __global storage *dresidual, ulong i,
                                         uint skip, uint count)
{
  if (wants(dresidual)) {
    tensor_store_lanes(g, dresidual + i, skip, count);
  }
  if (!RESIDUAL || dx) {
    tensor_store_lanes(value, dx + i, skip, count);
  }
}

static inline void store_gradients_most(vec g, vec value, __global storage *dx, __global storage *dresidual, ulong i,
                                        uint count)
{
  store_gradients_lanes(g, value, dx, dresidual, i, 0, count);
}

static inline int can_stream_both(const __global storage *dx, const __global storage *dresidual)
{
  return RESIDUAL ? (!dx || can_stream(dx)) && (!dresidual || can_stream(dresidual)) : can_stream(dx);
}

/* What a backward pass reads and writes; places that it has not, or that nobody asks for, are NULL. */
typedef struct backward_tensors {
  const __global storage *x, *dy, *residual;
  __global storage *dx, *dresidual;
} backward_tensors;

INLINE_LOCAL backward_tensors tensors_at(const backward_tensors *t, ulong i)
{
  const backward_tensors made = {t->x + i, t->dy + i, t->residual + i, t->dx ? t->dx + i : 0,
                                 wants(t->dresidual) ? t->dresidual + i : 0};
  return made;
}

/* Backward: a mean rounded to a float is off by 2^-24 of itself at most. Up to so many standard deviations that moves z by
 * less than its bound in docs/numerics.md; beyond, sums over x give back what the float has not. */
#define EXACT_MEANS 4.0f
static inline int mean_is_exact(float mean, float inv_std) { return !(fabs(mean) * inv_std > EXACT_MEANS); }

/* One component of partial results, hi and `plane` later lo, of the first `count` columns from p on. */
static inline vec_real partial_at(const __global float *p, ulong plane, uint count)
{
  return vec_real_of(load_most(p, count, 0.0f), load_most(p + plane, count, 0.0f));
}

/* The sums over `tiles` partial results of `count` neighbouring columns: components k (hi) and k + 1 (lo), `plane` apart. */
INLINE_LOCAL void partials_sum(vec_real *made, const __global float *p, ulong k, ulong plane, ulong columns,
                               ulong tiles, uint count)
{
  *made = partial_at(p + k * plane, plane, count);
  for (ulong t = 1; t < tiles; t++) {
    *made = vec_real_add(*made, partial_at(p + k * plane + t * columns, plane, count));
  }
}

/* Mean and squares about it (m2) of `values` numbers in `width` columns, from the partial statistics of their tiles:
 * mean = sum of sums / n; m2 = sum over tiles of (m2 of the tile + count * (mean of the tile - mean)^2). Exact merging (Chan,
 * Golub and LeVeque 1979) in a fixed order. Of `count` neighbouring statistics together, where width is 1. */
INLINE_LOCAL void partials_merge(vec_real *mean, vec_real *m2, const __global float *p, ulong plane, ulong columns,
                                 ulong width, ulong tiles, ulong values, uint count)
{
  vec_real sum = vec_real_of((vec)(0.0f), (vec)(0.0f)), column_sum = sum;
  *m2 = sum;
  for (ulong column = 0; column < width; column++) {
    partials_sum(&column_sum, p + column, 2, plane, columns, tiles, count);
    sum = vec_real_add(sum, column_sum);
  }
  *mean = vec_real_divide(sum, vec_real_from_count(values));
  for (ulong t = 0; t < tiles; t++) {
    for (ulong column = 0; column < width; column++) {
      const __global float *tile = p + t * columns + column;
      const vec_real seen = partial_at(tile, plane, count);
      const vec_real delta =
          vec_real_subtract(vec_real_divide(partial_at(tile + 2 * plane, plane, count), seen), *mean);
      *m2 = vec_real_add(*m2, partial_at(tile + 4 * plane, plane, count));
      *m2 = vec_real_add(*m2, vec_real_multiply(seen, vec_real_multiply(delta, delta)));
    }
  }
}

/* What the mean's float has not goes into the shift: it is small, so nothing is lost, and each element is spared an
 * instruction. */
static inline forward_coefficients affine(finished_statistics s, float gamma, float beta)
{
  const float scale = s.inv_std * gamma;
  const forward_coefficients made = {s.hi, scale, s.lo == 0.0f ? beta : MULTIPLY_ADD(-s.lo, scale, beta)};
  return made;
}

/* From mean and squares about it (m2) over n values. running_*, saved_* may be NULL; they start at statistic 0.
 * weight is that of the new value in the running statistics, keep = 1 - weight. */
static inline finished_statistics finish_statistics(real mean, real m2, ulong n, ulong statistic, float epsilon,
                                                    float weight, float keep, ulong divisor,
                                                    __global float *running_mean, __global float *running_var,
                                                    __global float *saved_mean, __global float *saved_inv_std)
{
  const real variance = real_divide(m2, real_from_count(n));
  const float inv_std = real_inverse_sqrt(real_add(variance, real_of(epsilon, 0.0f)));
  if (running_mean) {
    running_mean[statistic] = MULTIPLY_ADD(weight, real_hi(mean), keep * running_mean[statistic]);
  }
  if (running_var) {
    const real stored = real_divide(m2, real_from_count(divisor));
    running_var[statistic] = MULTIPLY_ADD(weight, real_hi(stored), keep * running_var[statistic]);
  }
  if (saved_mean) {
    saved_mean[statistic] = real_hi(mean);
  }
  if (saved_inv_std) {
    saved_inv_std[statistic] = inv_std;
  }
  const finished_statistics made = {real_hi(mean), real_lo(mean), inv_std};
  return made;
}

static inline float inv_std_of(float variance, float epsilon)
{
  return real_inverse_sqrt(real_add(real_of(variance, 0.0f), real_of(epsilon, 0.0f)));
}

/* What a parameter's gradient becomes: `value`, or the sum of it and what is there. */
static inline float gathered(float value, const __global float *to, int adds) { return adds ? *to + value : value; }

/* The same of lanes [skip, width) of neighbouring parameters. */
static inline void gather(vec value, __global float *to, uint skip, uint width, int adds)
{
  if (!adds) {
    store_most(value, to, width);
    return;
  }
  float lanes[WIDTH];
  VSTORE(value, lanes);
  for (uint i = skip; i < width; i++) {
    to[i] += lanes[i];
  }
}

/* From the sums over n values. frozen: mean and inv_std are constants, so nothing flows back through them. Otherwise the sum
 * of x - mean tells by how much the saved mean was rounded, and the rounding is taken out again. Sets all but shift and weight. */
static inline void finish_gradients(backward_coefficients *made, real g, real gd, real d, ulong n, ulong statistic,
                                    int frozen, float mean, float inv_std, float gamma, __global float *dgamma,
                                    __global float *dbeta)
{
  made->mean = mean;
  made->a = gamma * inv_std;
  made->b = made->c = 0.0f;
  const real count = real_from_count(n), rounding = frozen ? real_of(0.0f, 0.0f) : real_divide(d, count);
  if (!frozen) {
    gd = real_subtract(gd, real_multiply(rounding, g));
  }
  const real scaled = real_multiply(gd, real_of(inv_std, 0.0f));
  if (dgamma) {
    dgamma[statistic] = gathered(real_hi(scaled), dgamma + statistic, ADDS_DGAMMA);
  }
  if (dbeta) {
    dbeta[statistic] = gathered(real_hi(g), dbeta + statistic, ADDS_DBETA);
  }
  if (!frozen) {
    const real slope = real_multiply(real_divide(scaled, count), real_of(inv_std, 0.0f));
    made->b = -real_hi(slope);
    made->c = real_hi(real_subtract(real_multiply(rounding, slope), real_divide(g, count)));
  }
}
