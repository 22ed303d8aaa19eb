/* Activations that bend, and their derivatives, of vectors of floats: the loops behind the curves of cpu_kernels.h, written once;
 * cpu_curves_*.c include this file, each compiled for its instruction set. It defines CURVES_TABLE.
 * Formulas: clnorm_activation in clnorm.h; what no difference may take away: cpu_activation.h, which does the same in double. */
#include "cpu_kernels.h"
#include "cpu_vectors.h"

#define SQRT_HALF 0.70710678f
#define SQRT_2_BY_PI 0.79788456f
#define INV_SQRT_2_PI 0.39894228f
#define GELU_CUBIC 0.044715f

/* From here on 0 or 1 whatever follows, in floats. */
#define FAR 100.0f

/* ---- exp -------------------------------------------------------------------------------------------------------- */

/* Below, exp is less than half of the least float. */
#define EXP_LEAST (-104.0f)

/* log2(e), and log(2) as two floats of which the first has so few digits that its products with whole numbers are exact. */
#define LOG2_E 1.44269504f
#define LN2_HIGH 0.693359375f
#define LN2_LOW (-2.12194440e-4f)

/* Adding it leaves the nearest whole number in the lowest bits. */
#define WHOLE 12582912.0f

/* x = n * ln2 + r: exp(x) = 2^n * (1 + rest). Of x <= 0. */
typedef struct power {
  vf n;    /* whole; the upper bits are those of WHOLE */
  vf rest; /* exp(r) - 1, to a few 2^-25 of itself */
} power;

static inline power power_of(vf x)
{
  /* A NaN stays one. */
  const vf least = all_f(EXP_LEAST), within = if_less(x, least, least, x);
  const vf shifted = within * LOG2_E + WHOLE, n = shifted - WHOLE;
  const vf r = (within - n * LN2_HIGH) - n * LN2_LOW;
  /* (exp(r) - 1 - r) / r^2, interpolated where Chebyshev's polynomial is 0: 0.2 * 2^-24 of exp(r), |r| <= ln(2) / 2. */
  vf q = r * 1.39262680e-3f + 8.36324667e-3f;
  q = q * r + 4.16665541e-2f;
  q = q * r + 1.66665766e-1f;
  q = q * r + 0.5f;
  return (power){shifted, r + r * r * q};
}

/* 2^n for n from -126 on. */
static inline vf two_to(vi n) { return (vf)((n + 127) << 23); }

static inline vi whole_of(power p) { return (vi)p.n - (vi)all_f(WHOLE); }

/* exp(x) of x <= 0, denormals too. */
static inline vf exp_of(vf x)
{
  const power p = power_of(x);
#if defined(__AVX512F__)
  return (vf)_mm512_scalef_ps((__m512)(p.rest + 1.0f), (__m512)(p.n - WHOLE));
#else
  /* In two steps, since 2^n may be less than any normal number. */
  const vi n = whole_of(p), half = n >> 1;
  return (p.rest + 1.0f) * two_to(half) * two_to(n - half);
#endif
}

/* exp(x) - 1 of x <= 0, near 0 too. */
static inline vf expm1_of(vf x)
{
  const power p = power_of(x);
  /* Of less than -126 nothing is left beside 1 either. */
  const vi n = whole_of(p), is_little = n < -126;
  const vf scale = two_to((is_little & -126) | (~is_little & n));
  return p.rest * scale + (scale - 1.0f);
}

/* ---- gates ------------------------------------------------------------------------------------------------------ */

/* sigmoid(u) and sigmoid(-u); neither loses what is small. */
typedef struct gate {
  vf open, closed;
} gate;

static inline gate gate_of(vf u)
{
  const vf e = exp_of(-absolute_f(u)), large = 1.0f / (1.0f + e), little = e * large, zero = all_f(0.0f);
  return (gate){if_less(u, zero, little, large), if_less(u, zero, large, little)};
}

/* z where a product with 0 is meant to be 0, and with 1 itself. */
static inline vf bounded(vf z)
{
  const vf far = all_f(FAR);
  return if_less(far, z, far, if_less(z, -far, -far, z));
}

/* Not -infinity, of which nothing is left. */
static inline vf finite_below(vf z)
{
  const vf least = all_f(-3.40282347e38f);
  return if_less(z, least, least, z);
}

/* (1 + tanh(v)) / 2 is sigmoid(2v). */
static inline gate gelu_tanh_gate(vf z) { return gate_of(z * (2.0f * SQRT_2_BY_PI) * (z * z * GELU_CUBIC + 1.0f)); }

/* The normal distribution at z, |z| <= FAR, and its density times sqrt(2 pi). */
typedef struct normal {
  vf below, density;
} normal;

static inline normal normal_of(vf z)
{
  const vf x = absolute_f(z) * SQRT_HALF, zero = all_f(0.0f), half = z * z * -0.5f;
  const vf density = exp_of(half);
  /* exp(x^2) * erfc(x) / t with t = 3 / (3 + x), about t = 1/2, interpolated where Chebyshev's polynomial is 0: 0.14 * 2^-24
   * of itself. */
  const vf t = 3.0f / (x + 3.0f), m = t - 0.5f;
  vf q = m * 5.66379216e-2f - 4.21229612e-2f;
  q = q * m - 1.31505959e-1f;
  q = q * m - 2.59829028e-2f;
  q = q * m + 2.86280482e-1f;
  q = q * m + 6.37476824e-1f;
  q = q * m + 8.27910226e-1f;
  q = q * m + 7.86971308e-1f;
  q = q * m + 5.88929646e-1f;
  q = q * m + 3.58002302e-1f;
  const vf tail = t * q * density * 0.5f;
  return (normal){if_less(zero, z, 1.0f - tail, tail), density};
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static inline vf elu(vf z, float alpha)
{
  const vf zero = all_f(0.0f);
  return if_less(zero, z, z, expm1_of(z) * alpha);
}

static inline vf sigmoid(vf z, float alpha) { return (void)alpha, gate_of(z).open; }

static inline vf tanh_of(vf z, float alpha)
{
  const vf e = expm1_of(absolute_f(z) * -2.0f), value = -e / (e + 2.0f);
  return (void)alpha, (vf)((vi)absolute_f(value) | ((vi)z & INT32_MIN));
}

static inline vf silu(vf z, float alpha) { return (void)alpha, finite_below(z) * gate_of(z).open; }
static inline vf gelu(vf z, float alpha) { return (void)alpha, finite_below(z) * normal_of(bounded(z)).below; }
static inline vf gelu_tanh(vf z, float alpha) { return (void)alpha, finite_below(z) * gelu_tanh_gate(z).open; }

/* ---- derivatives ------------------------------------------------------------------------------------------------ */

static inline vf elu_slope(vf z, float alpha)
{
  const vf zero = all_f(0.0f);
  return if_less(zero, z, all_f(1.0f), exp_of(z) * alpha);
}

static inline vf sigmoid_slope(vf z, float alpha)
{
  const gate g = gate_of(z);
  return (void)alpha, g.open * g.closed;
}

static inline vf tanh_slope(vf z, float alpha)
{
  const gate g = gate_of(z * 2.0f);
  return (void)alpha, g.open * g.closed * 4.0f;
}

static inline vf silu_slope(vf z, float alpha)
{
  const gate g = gate_of(z);
  return (void)alpha, g.open * (bounded(z) * g.closed + 1.0f);
}

static inline vf gelu_slope(vf z, float alpha)
{
  const vf near = bounded(z);
  const normal n = normal_of(near);
  return (void)alpha, near * n.density * INV_SQRT_2_PI + n.below;
}

static inline vf gelu_tanh_slope(vf z, float alpha)
{
  const vf near = bounded(z), inner = near * near * (3.0f * GELU_CUBIC * SQRT_2_BY_PI) + SQRT_2_BY_PI;
  const gate g = gelu_tanh_gate(near);
  return (void)alpha, g.open + near * 2.0f * g.open * g.closed * inner;
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

/* Every function of vectors as one of arrays, in place. */
#define CURVE(name)                                       \
  static void name##_all(float *z, size_t n, float alpha) \
  {                                                       \
    for (size_t i = 0; i < n; i += W) {                   \
      store_f(z + i, name(load_f(z + i), alpha));         \
    }                                                     \
  }

CURVE(elu)
CURVE(sigmoid)
CURVE(tanh_of)
CURVE(silu)
CURVE(gelu)
CURVE(gelu_tanh)
CURVE(elu_slope)
CURVE(sigmoid_slope)
CURVE(tanh_slope)
CURVE(silu_slope)
CURVE(gelu_slope)
CURVE(gelu_tanh_slope)

const clnorm__cpu_curves CURVES_TABLE = {
    .value =
        {
            [CLNORM_ACTIVATION_ELU] = elu_all,
            [CLNORM_ACTIVATION_SIGMOID] = sigmoid_all,
            [CLNORM_ACTIVATION_TANH] = tanh_of_all,
            [CLNORM_ACTIVATION_SILU] = silu_all,
            [CLNORM_ACTIVATION_GELU] = gelu_all,
            [CLNORM_ACTIVATION_GELU_TANH] = gelu_tanh_all,
        },
    .slope =
        {
            [CLNORM_ACTIVATION_ELU] = elu_slope_all,
            [CLNORM_ACTIVATION_SIGMOID] = sigmoid_slope_all,
            [CLNORM_ACTIVATION_TANH] = tanh_slope_all,
            [CLNORM_ACTIVATION_SILU] = silu_slope_all,
            [CLNORM_ACTIVATION_GELU] = gelu_slope_all,
            [CLNORM_ACTIVATION_GELU_TANH] = gelu_tanh_slope_all,
        },
};
