/* The bent parts of activations and their derivatives, of one number (general_*) or of a vector, without branches: exp, sigmoid,
 * tanh, silu, gelu and gelu-tanh. src/cpu_activation.h has the formulas. A NaN stays one everywhere.
 *
 * For floats all is written out: a device's own exp or erf may be a call for each lane, and cost more than the memory does. */

#if STORAGE == 4
typedef double nums;
#else
typedef vec nums;
#endif

#define NUMS(value) ((nums)((num)(value)))
#define ONE ((num)(1.0f))
#define ZERO ((num)(0.0f))

/* a where the condition holds, else b. */
#if WIDTH == 1
#define CHOOSE(condition, a, b) ((condition) ? (a) : (b))
#else
#define CHOOSE(condition, a, b) select((b), (a), (condition))
#endif

#if STORAGE == 4

/* ---- doubles: the device's own functions --------------------------------------------------------------------------- */

#define SQRT_2_BY_PI 0.79788456080286535588
#define INV_SQRT_2_PI 0.39894228040143267794
#define GELU_CUBIC 0.044715

static inline nums exp_below_0(nums z) { return exp(z); }
static inline nums expm1_below_0(nums z) { return expm1(z); }

/* sigmoid(z), and sigmoid(-z) in *opposite. Neither overflows, and neither loses bits where it is small. */
static inline nums sigmoids(nums z, nums *opposite)
{
  const nums e = exp(-fabs(z)), large = 1.0 / (e + 1.0), small = e * large;
  *opposite = z >= 0.0 ? small : large;
  return z >= 0.0 ? large : small;
}

static inline nums silu(nums z)
{
  nums beside;
  return z == -INFINITY ? -0.0 : z * sigmoids(z, &beside);
}

static inline nums silu_slope(nums z)
{
  nums opposite;
  const nums s = sigmoids(z, &opposite);
  return isinf(z) ? s : s * (z * opposite + 1.0);
}

static inline nums gelu_gate(nums z) { return 0.5 * erfc(z * -0.70710678118654752440); }
static inline nums gelu(nums z) { return z == -INFINITY ? -0.0 : z * gelu_gate(z); }

static inline nums gelu_slope(nums z)
{
  return isinf(z) ? gelu_gate(z) : gelu_gate(z) + z * exp(-0.5 * z * z) * INV_SQRT_2_PI;
}

/* (1 + tanh(u)) / 2 = sigmoid(2u) loses nothing where tanh is near -1. */
static inline nums gelu_tanh_gates(nums z, nums *opposite)
{
  return sigmoids(2.0 * SQRT_2_BY_PI * z * (z * z * GELU_CUBIC + 1.0), opposite);
}

static inline nums gelu_tanh(nums z)
{
  nums beside;
  return z == -INFINITY ? -0.0 : z * gelu_tanh_gates(z, &beside);
}

static inline nums gelu_tanh_slope(nums z)
{
  nums opposite;
  const nums s = gelu_tanh_gates(z, &opposite);
  const nums inner = 2.0 * SQRT_2_BY_PI * (z * z * (3.0 * GELU_CUBIC) + 1.0);
  /* Far out the product is 0, of which `inner` might be infinite. */
  return fabs(z) > 64.0 ? s : s + z * s * opposite * inner;
}

#else

/* ---- floats: exp and what is made of it ----------------------------------------------------------------------------- */

#define LOG2_E 1.44269504f
/* ln 2 in two pieces; the first has 9 bits, so that its products with exponents are exact. */
#define LN_2_HIGH 0.693359375f
#define LN_2_LOW -2.12194440e-4f
/* Added to a number below 2^22 it leaves the nearest integer in the last bits. */
#define ROUNDER 12582912.0f
/* exp of it is below 2^-126, and taken for 0. */
#define LEAST_EXPONENT -88.0f
/* Up to here the smaller side of a sigmoid is not below 2^-126. */
#define SIGMOID_FAR 87.336f

/* The number up to `far` from 0 that is nearest to z. */
static inline nums within(nums z, float far)
{
  const nums from = CHOOSE(z < NUMS(-far), NUMS(-far), z);
  return CHOOSE(from > NUMS(far), NUMS(far), from);
}

/* exp(z) = whole * (1 + part), whole a power of two, of abs(z) <= 88. With z = n * ln 2 + r, abs(r) <= ln 2 / 2: expm1(r) as a
 * polynomial, its own error 1.5e-8 of r (minimax). */
static inline void split_exp(nums z, nums *whole, nums *part)
{
  const nums shifted = MULTIPLY_ADD(z, NUMS(LOG2_E), NUMS(ROUNDER));
  const nums n = shifted - NUMS(ROUNDER);
  const nums r = MULTIPLY_ADD(n, NUMS(-LN_2_LOW), MULTIPLY_ADD(n, NUMS(-LN_2_HIGH), z));
  nums q = MULTIPLY_ADD(NUMS(0.00139471469f), r, NUMS(0.00836700760f));
  q = MULTIPLY_ADD(q, r, NUMS(0.0416662768f));
  q = MULTIPLY_ADD(q, r, NUMS(0.166665405f));
  q = MULTIPLY_ADD(q, r, NUMS(0.5f));
  *whole = OF_WIDTH(as_float)((OF_WIDTH(as_uint)(shifted) + 127u) << 23);
  *part = MULTIPLY_ADD(r * r, q, r);
}

static inline nums exp_below_0(nums z)
{
  nums whole, part;
  split_exp(CHOOSE(z < NUMS(LEAST_EXPONENT), NUMS(LEAST_EXPONENT), z), &whole, &part);
  return MULTIPLY_ADD(whole, part, whole);
}

static inline nums expm1_below_0(nums z)
{
  nums whole, part;
  split_exp(CHOOSE(z < NUMS(LEAST_EXPONENT), NUMS(LEAST_EXPONENT), z), &whole, &part);
  return MULTIPLY_ADD(whole, part, whole - ONE);
}

/* sigmoid(z), and sigmoid(-z) in *opposite. Neither loses bits where it is small; below 2^-126 it is 0. */
static inline nums sigmoids(nums z, nums *opposite)
{
  nums whole, part;
  split_exp(-within(z, SIGMOID_FAR), &whole, &part);
  const nums e = MULTIPLY_ADD(whole, part, whole), s = NUMS(1.0f) / (e + ONE);
  *opposite = CHOOSE(z > NUMS(SIGMOID_FAR), NUMS(0.0f), e * s);
  return CHOOSE(z < NUMS(-SIGMOID_FAR), NUMS(0.0f), s);
}

static inline nums silu(nums z)
{
  nums beside;
  return CHOOSE(z < NUMS(-SIGMOID_FAR), NUMS(-0.0f), z * sigmoids(z, &beside));
}

static inline nums silu_slope(nums z)
{
  nums opposite;
  const nums s = sigmoids(z, &opposite);
  return s * MULTIPLY_ADD(within(z, SIGMOID_FAR), opposite, NUMS(1.0f));
}

/* ---- floats: gelus --------------------------------------------------------------------------------------------------- */

/* A gelu is z times a gate. Gates and slopes are 1/2 + z * q(z^2), q a polynomial (minimax for z * q), up to `far`, and from
 * there on 0 or 1. Their errors with float's roundings, in 2^-24: gates 2.6, slopes 5.2 of the larger of 1 and abs(z). With an
 * exponential and a division, which keep more of what is nearly 0, passes take up to 1.5 times as long. */
#define GELU_FAR 5.3f
#define GELU_TANH_FAR 5.0f

/* z^2 as -1 at 0 and 1 at `far`: about the middle terms are small. A NaN stays one. */
static inline nums square_within(nums z, float far)
{
  const nums square = z * z, most = NUMS(far * far);
  return MULTIPLY_ADD(CHOOSE(square > most, most, square), NUMS(2.0f / (far * far)), NUMS(-1.0f));
}

static inline nums gated(nums z, nums q, float far)
{
  const nums end = CHOOSE(z > ZERO, z, NUMS(-0.0f));
  return CHOOSE(z * z > NUMS(far * far), end, z * MULTIPLY_ADD(z, q, NUMS(0.5f)));
}

static inline nums gated_slope(nums z, nums q, float far)
{
  const nums end = CHOOSE(z > ZERO, NUMS(1.0f), NUMS(0.0f));
  return CHOOSE(z * z > NUMS(far * far), end, MULTIPLY_ADD(z, q, NUMS(0.5f)));
}

static inline nums gelu(nums z)
{
  const nums m = square_within(z, GELU_FAR);
  nums q = MULTIPLY_ADD(NUMS(0.000285615941f), m, NUMS(-0.00076633133f));
  q = MULTIPLY_ADD(q, m, NUMS(0.000726380909f));
  q = MULTIPLY_ADD(q, m, NUMS(-0.0010910125f));
  q = MULTIPLY_ADD(q, m, NUMS(0.00314121437f));
  q = MULTIPLY_ADD(q, m, NUMS(-0.00585479615f));
  q = MULTIPLY_ADD(q, m, NUMS(0.00882482715f));
  q = MULTIPLY_ADD(q, m, NUMS(-0.0131828338f));
  q = MULTIPLY_ADD(q, m, NUMS(0.0189267155f));
  q = MULTIPLY_ADD(q, m, NUMS(-0.0252989363f));
  q = MULTIPLY_ADD(q, m, NUMS(0.0320794173f));
  q = MULTIPLY_ADD(q, m, NUMS(-0.0395888649f));
  q = MULTIPLY_ADD(q, m, NUMS(0.0492641665f));
  q = MULTIPLY_ADD(q, m, NUMS(-0.0665185079f));
  q = MULTIPLY_ADD(q, m, NUMS(0.133392558f));
  return gated(z, q, GELU_FAR);
}

static inline nums gelu_slope(nums z)
{
  const nums m = square_within(z, GELU_FAR), mm = m * m;
  nums even = MULTIPLY_ADD(NUMS(0.00655243173f), mm, NUMS(0.00551725132f));
  even = MULTIPLY_ADD(even, mm, NUMS(0.0367787853f));
  even = MULTIPLY_ADD(even, mm, NUMS(0.0586668365f));
  even = MULTIPLY_ADD(even, mm, NUMS(0.0787569955f));
  even = MULTIPLY_ADD(even, mm, NUMS(0.0680535063f));
  even = MULTIPLY_ADD(even, mm, NUMS(0.0580379814f));
  even = MULTIPLY_ADD(even, mm, NUMS(0.133748233f));
  nums odd = MULTIPLY_ADD(NUMS(-0.00251480821f), mm, NUMS(-0.00483353203f));
  odd = MULTIPLY_ADD(odd, mm, NUMS(-0.0204869192f));
  odd = MULTIPLY_ADD(odd, mm, NUMS(-0.0462250002f));
  odd = MULTIPLY_ADD(odd, mm, NUMS(-0.0726448894f));
  odd = MULTIPLY_ADD(odd, mm, NUMS(-0.0759327635f));
  odd = MULTIPLY_ADD(odd, mm, NUMS(-0.0601177737f));
  odd = MULTIPLY_ADD(odd, mm, NUMS(-0.0690164268f));
  return gated_slope(z, MULTIPLY_ADD(odd, m, even), GELU_FAR);
}

static inline nums gelu_tanh(nums z)
{
  const nums m = square_within(z, GELU_TANH_FAR);
  nums q = MULTIPLY_ADD(NUMS(0.000507326797f), m, NUMS(-0.000537194428f));
  q = MULTIPLY_ADD(q, m, NUMS(-0.00165156636f));
  q = MULTIPLY_ADD(q, m, NUMS(0.00238928059f));
  q = MULTIPLY_ADD(q, m, NUMS(4.90342136e-05f));
  q = MULTIPLY_ADD(q, m, NUMS(0.000429051841f));
  q = MULTIPLY_ADD(q, m, NUMS(-0.00434890203f));
  q = MULTIPLY_ADD(q, m, NUMS(0.00712803146f));
  q = MULTIPLY_ADD(q, m, NUMS(-0.0100358305f));
  q = MULTIPLY_ADD(q, m, NUMS(0.0156214908f));
  q = MULTIPLY_ADD(q, m, NUMS(-0.0230893176f));
  q = MULTIPLY_ADD(q, m, NUMS(0.0314081162f));
  q = MULTIPLY_ADD(q, m, NUMS(-0.0405360311f));
  q = MULTIPLY_ADD(q, m, NUMS(0.0516539142f));
  q = MULTIPLY_ADD(q, m, NUMS(-0.0703659505f));
  q = MULTIPLY_ADD(q, m, NUMS(0.141378537f));
  return gated(z, q, GELU_TANH_FAR);
}

static inline nums gelu_tanh_slope(nums z)
{
  const nums m = square_within(z, GELU_TANH_FAR), mm = m * m;
  nums even = MULTIPLY_ADD(NUMS(-0.0081965467f), mm, NUMS(0.028121395f));
  even = MULTIPLY_ADD(even, mm, NUMS(-0.0218544547f));
  even = MULTIPLY_ADD(even, mm, NUMS(0.0400672518f));
  even = MULTIPLY_ADD(even, mm, NUMS(0.0385960042f));
  even = MULTIPLY_ADD(even, mm, NUMS(0.0804918408f));
  even = MULTIPLY_ADD(even, mm, NUMS(0.0829784498f));
  even = MULTIPLY_ADD(even, mm, NUMS(0.0667136163f));
  even = MULTIPLY_ADD(even, mm, NUMS(0.142025158f));
  nums odd = MULTIPLY_ADD(NUMS(0.00641114824f), mm, NUMS(-0.0194000714f));
  odd = MULTIPLY_ADD(odd, mm, NUMS(0.0157491211f));
  odd = MULTIPLY_ADD(odd, mm, NUMS(-0.0266303848f));
  odd = MULTIPLY_ADD(odd, mm, NUMS(-0.0261713155f));
  odd = MULTIPLY_ADD(odd, mm, NUMS(-0.064347364f));
  odd = MULTIPLY_ADD(odd, mm, NUMS(-0.086436525f));
  odd = MULTIPLY_ADD(odd, mm, NUMS(-0.073274605f));
  odd = MULTIPLY_ADD(odd, mm, NUMS(-0.0748423934f));
  return gated_slope(z, MULTIPLY_ADD(odd, m, even), GELU_TANH_FAR);
}
#endif

/* ---- both ------------------------------------------------------------------------------------------------------------ */

static inline nums tanh_of(nums z)
{
  const nums m = expm1_below_0(NUMS(-2.0f) * fabs(z));
  return copysign(m / (m + (num)(2.0f)), z);
}

/* 1 - tanh^2 without the difference. */
static inline nums tanh_slope(nums z)
{
  nums opposite;
  const nums s = sigmoids(NUMS(2.0f) * z, &opposite);
  return NUMS(4.0f) * s * opposite;
}
