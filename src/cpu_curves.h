/* Activations that bend, and their derivatives, of vectors of floats: the loops behind the curves of cpu_kernels.h, written once;
 * cpu_curves_*.c include this file, each compiled for its instruction set. It defines CURVES_TABLE.
 * Formulas: clnorm_activation in clnorm.h; cpu_activation.h has them in double. */
#include "cpu_kernels.h"
#include "cpu_vectors.h"

/* ---- exp -------------------------------------------------------------------------------------------------------- */

/* Below, exp is less than half of the least float. */
#define EXP_LEAST (-104.0f)

/* log2(e), and log(2) as two floats of which the first has so few digits that its products with whole numbers are exact. */
#define LOG2_E 1.44269504f
#define LN2_HIGH 0.693359375f
#define LN2_LOW (-2.12194440e-4f)

/* Adding it leaves the nearest whole number in the lowest bits. */
#define WHOLE 12582912.0f

/* x = n * ln2 + r: exp(x) = 2^n * (1 + rest). Of x from EXP_LEAST to 88. */
typedef struct power {
  vf n;    /* whole; the upper bits are those of WHOLE */
  vf rest; /* exp(r) - 1, to a few 2^-25 of itself */
} power;

/* A NaN stays one, here and below. */
static inline vf not_below(vf x, float least) { return if_less(x, all_f(least), all_f(least), x); }

static inline power power_of(vf x)
{
  const vf shifted = x * LOG2_E + WHOLE, n = shifted - WHOLE;
  const vf r = (x - n * LN2_HIGH) - n * LN2_LOW;
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

/* exp(x) of what power_of takes, denormals too. */
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
  const power p = power_of(not_below(x, EXP_LEAST));
  /* Of less than -126 nothing is left beside 1 either. */
  const vi n = whole_of(p), is_little = n < -126;
  const vf scale = two_to((is_little & -126) | (~is_little & n));
  return p.rest * scale + (scale - 1.0f);
}

/* ---- gates ------------------------------------------------------------------------------------------------------ */

/* Up to here the smaller side of a sigmoid is not below 2^-126. */
#define SIGMOID_FAR 87.336f

/* The number up to `far` from 0 that is nearest to z. */
static inline vf within(vf z, float far)
{
  const vf most = all_f(far), from = not_below(z, -far);
  return if_less(most, from, most, from);
}

/* sigmoid(u) and sigmoid(-u); neither loses what is small, and below 2^-126 it is 0. */
typedef struct gate {
  vf open, closed;
} gate;

static inline gate gate_of(vf u)
{
  const vf e = exp_of(-within(u, SIGMOID_FAR)), open = 1.0f / (1.0f + e), zero = all_f(0.0f), far = all_f(SIGMOID_FAR);
  return (gate){if_less(u, -far, zero, open), if_less(far, u, zero, e * open)};
}

/* Gelus are z times a gate. Gates and slopes are 1/2 + z * q(z^2), q a polynomial (minimax for z * q), up to `far`, and from
 * there on 0 or 1. The numbers, and what they are off by, are those of kernels/curves.h. */
#define GELU_FAR 5.3f
#define GELU_TANH_FAR 5.0f

/* z^2 as -1 at 0 and 1 at `far`: about the middle terms are small. */
static inline vf square_within(vf z, float far)
{
  const vf square = z * z, most = all_f(far * far);
  return if_less(most, square, most, square) * (2.0f / (far * far)) - 1.0f;
}

static inline vf gated(vf z, vf q, float far)
{
  const vf end = if_less(all_f(0.0f), z, z, all_f(-0.0f));
  return if_less(all_f(far * far), z * z, end, z * (z * q + 0.5f));
}

static inline vf gated_slope(vf z, vf q, float far)
{
  const vf zero = all_f(0.0f), end = if_less(zero, z, all_f(1.0f), zero);
  return if_less(all_f(far * far), z * z, end, z * q + 0.5f);
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

/* Not -infinity * 0. */
static inline vf silu(vf z, float alpha)
{
  return (void)alpha, if_less(z, all_f(-SIGMOID_FAR), all_f(-0.0f), z * gate_of(z).open);
}

static inline vf gelu(vf z, float alpha)
{
  const vf m = square_within(z, GELU_FAR);
  vf q = m * 0.000285615941f - 0.00076633133f;
  q = q * m + 0.000726380909f;
  q = q * m - 0.0010910125f;
  q = q * m + 0.00314121437f;
  q = q * m - 0.00585479615f;
  q = q * m + 0.00882482715f;
  q = q * m - 0.0131828338f;
  q = q * m + 0.0189267155f;
  q = q * m - 0.0252989363f;
  q = q * m + 0.0320794173f;
  q = q * m - 0.0395888649f;
  q = q * m + 0.0492641665f;
  q = q * m - 0.0665185079f;
  q = q * m + 0.133392558f;
  return (void)alpha, gated(z, q, GELU_FAR);
}

static inline vf gelu_tanh(vf z, float alpha)
{
  const vf m = square_within(z, GELU_TANH_FAR);
  vf q = m * 0.000507326797f - 0.000537194428f;
  q = q * m - 0.00165156636f;
  q = q * m + 0.00238928059f;
  q = q * m + 4.90342136e-05f;
  q = q * m + 0.000429051841f;
  q = q * m - 0.00434890203f;
  q = q * m + 0.00712803146f;
  q = q * m - 0.0100358305f;
  q = q * m + 0.0156214908f;
  q = q * m - 0.0230893176f;
  q = q * m + 0.0314081162f;
  q = q * m - 0.0405360311f;
  q = q * m + 0.0516539142f;
  q = q * m - 0.0703659505f;
  q = q * m + 0.141378537f;
  return (void)alpha, gated(z, q, GELU_TANH_FAR);
}

/* ---- derivatives ------------------------------------------------------------------------------------------------ */

static inline vf elu_slope(vf z, float alpha)
{
  const vf zero = all_f(0.0f);
  return if_less(zero, z, all_f(1.0f), exp_of(not_below(z, EXP_LEAST)) * alpha);
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
  return (void)alpha, g.open * (within(z, SIGMOID_FAR) * g.closed + 1.0f);
}

static inline vf gelu_slope(vf z, float alpha)
{
  const vf m = square_within(z, GELU_FAR), mm = m * m;
  vf even = mm * 0.00655243173f + 0.00551725132f;
  even = even * mm + 0.0367787853f;
  even = even * mm + 0.0586668365f;
  even = even * mm + 0.0787569955f;
  even = even * mm + 0.0680535063f;
  even = even * mm + 0.0580379814f;
  even = even * mm + 0.133748233f;
  vf odd = mm * -0.00251480821f - 0.00483353203f;
  odd = odd * mm - 0.0204869192f;
  odd = odd * mm - 0.0462250002f;
  odd = odd * mm - 0.0726448894f;
  odd = odd * mm - 0.0759327635f;
  odd = odd * mm - 0.0601177737f;
  odd = odd * mm - 0.0690164268f;
  return (void)alpha, gated_slope(z, odd * m + even, GELU_FAR);
}

static inline vf gelu_tanh_slope(vf z, float alpha)
{
  const vf m = square_within(z, GELU_TANH_FAR), mm = m * m;
  vf even = mm * -0.0081965467f + 0.028121395f;
  even = even * mm - 0.0218544547f;
  even = even * mm + 0.0400672518f;
  even = even * mm + 0.0385960042f;
  even = even * mm + 0.0804918408f;
  even = even * mm + 0.0829784498f;
  even = even * mm + 0.0667136163f;
  even = even * mm + 0.142025158f;
  vf odd = mm * 0.00641114824f - 0.0194000714f;
  odd = odd * mm + 0.0157491211f;
  odd = odd * mm - 0.0266303848f;
  odd = odd * mm - 0.0261713155f;
  odd = odd * mm - 0.064347364f;
  odd = odd * mm - 0.086436525f;
  odd = odd * mm - 0.073274605f;
  odd = odd * mm - 0.0748423934f;
  return (void)alpha, gated_slope(z, odd * m + even, GELU_TANH_FAR);
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
