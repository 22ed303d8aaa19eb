/* The end of a reduction, for one statistic: what is stored, and the coefficients of the element-wise step.
 * Formulas: Ioffe and Szegedy 2015, Algorithm 1 and the gradients that follow it. */

/* Blocks of up to BLOCK vectors, `stride` apart, of which `count` there are; each has `width` <= WIDTH elements. */
static inline ulong add_vectors(lane_stats *s, ulong seen, const __global float *p, ulong count, ulong stride, uint width)
{
  for (ulong i = 0; i < count; i += BLOCK) {
    vec x[BLOCK];
    const uint size = (uint)min(count - i, (ulong)BLOCK);
    if (size == BLOCK && width == WIDTH) {
      UNROLL_BLOCK for (uint j = 0; j < BLOCK; j++) { x[j] = VLOAD(p + (i + j) * stride); }
    } else {
      UNROLL_BLOCK for (uint j = 0; j < BLOCK; j++)
      {
        x[j] = j < size ? load_most(p + (i + j) * stride, width, 0.0f) : (vec)(0.0f);
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

/* dx = a * (dy + ((x - mean) * b + c)) */
typedef struct backward_coefficients {
  float mean, a, b, c;
} backward_coefficients;

/* y and dx of vectors, the coefficients of each statistic or of each element in all lanes. */
static inline vec normalized(vec x, vec mean, vec scale, vec shift) { return MULTIPLY_ADD(x - mean, scale, shift); }

static inline vec differentiated(vec x, vec dy, vec mean, vec a, vec b, vec c)
{
  return FROM_RUNNING ? a * dy : a * (dy + MULTIPLY_ADD(x - mean, b, c));
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

/* From the sums over n values. frozen: mean and inv_std are constants, so nothing flows back through them. Otherwise the sum
 * of x - mean tells by how much the saved mean was rounded, and the rounding is taken out again. */
static inline backward_coefficients finish_gradients(real g, real gd, real d, ulong n, ulong statistic, int frozen,
                                                     float mean, float inv_std, float gamma, __global float *dgamma,
                                                     __global float *dbeta)
{
  backward_coefficients made = {mean, gamma * inv_std, 0.0f, 0.0f};
  const real count = real_from_count(n), rounding = frozen ? real_of(0.0f, 0.0f) : real_divide(d, count);
  if (!frozen) {
    gd = real_subtract(gd, real_multiply(rounding, g));
  }
  const real scaled = real_multiply(gd, real_of(inv_std, 0.0f));
  if (dgamma) {
    dgamma[statistic] = real_hi(scaled);
  }
  if (dbeta) {
    dbeta[statistic] = real_hi(g);
  }
  if (!frozen) {
    const real slope = real_multiply(real_divide(scaled, count), real_of(inv_std, 0.0f));
    made.b = -real_hi(slope);
    made.c = real_hi(real_subtract(real_multiply(rounding, slope), real_divide(g, count)));
  }
  return made;
}
