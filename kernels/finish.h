/* The end of a reduction, for one statistic: what is stored, and the coefficients of the element-wise step.
 * Formulas: Ioffe and Szegedy 2015, Algorithm 1 and the gradients that follow it. */

/* y = ((x - hi) - lo) * scale + shift */
typedef struct forward_coefficients {
  float hi, lo, scale, shift;
} forward_coefficients;

/* dx = a * (dy - b - ((x - hi) - lo) * c) */
typedef struct backward_coefficients {
  float hi, lo, a, b, c;
} backward_coefficients;

/* From sum and M2 (about the mean) over n values. running_* and mean, inv_std may be NULL; they start at the statistic 0.
 * weight is that of the new value in the running statistics, keep = 1 - weight. */
static inline forward_coefficients finish_statistics(pair mean, pair m2, ulong n, ulong statistic, float epsilon, float weight,
                                              float keep, ulong divisor, __global float *running_mean,
                                              __global float *running_var, __global float *saved_mean,
                                              __global float *saved_inv_std)
{
  const pair variance = pair_divide(m2, pair_from_count(n));
  const float inv_std = pair_inverse_sqrt(pair_add(variance, pair_of(epsilon, 0.0f)));
  if (running_mean) {
    running_mean[statistic] = MULTIPLY_ADD(weight, mean.hi, keep * running_mean[statistic]);
  }
  if (running_var) {
    const pair stored = pair_divide(m2, pair_from_count(divisor));
    running_var[statistic] = MULTIPLY_ADD(weight, stored.hi, keep * running_var[statistic]);
  }
  if (saved_mean) {
    saved_mean[statistic] = mean.hi;
  }
  if (saved_inv_std) {
    saved_inv_std[statistic] = inv_std;
  }
  const forward_coefficients made = {mean.hi, mean.lo, inv_std, 0.0f};
  return made;
}

static inline float inv_std_of(float variance, float epsilon)
{
  return pair_inverse_sqrt(pair_add(pair_of(variance, 0.0f), pair_of(epsilon, 0.0f)));
}

/* From the sums over n values. frozen: mean and inv_std are constants, so nothing flows back through them. Otherwise the sum
 * of x - mean tells by how much the saved mean was rounded, and the rounding is taken out again. */
static inline backward_coefficients finish_gradients(pair g, pair gd, pair d, ulong n, ulong statistic, int frozen, float mean,
                                              float inv_std, float gamma, __global float *dgamma, __global float *dbeta)
{
  backward_coefficients made = {mean, 0.0f, gamma * inv_std, 0.0f, 0.0f};
  if (!frozen) {
    const pair rest = pair_divide(d, pair_from_count(n));
    made.lo = rest.hi;
    gd = pair_add(gd, pair_minus(pair_multiply(rest, g)));
  }
  const pair scaled = pair_multiply(gd, pair_of(inv_std, 0.0f));
  if (dgamma) {
    dgamma[statistic] = scaled.hi;
  }
  if (dbeta) {
    dbeta[statistic] = g.hi + g.lo;
  }
  if (!frozen) {
    made.b = pair_divide(g, pair_from_count(n)).hi;
    made.c = inv_std * pair_divide(scaled, pair_from_count(n)).hi;
  }
  return made;
}
