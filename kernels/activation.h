/* Activations and their derivatives, of one number (general_*) or of a vector, without branches. src/cpu_activation.h has the
 * same formulas.
 *
 * exp is written out for floats: a device's own may be a call for each lane, which costs more than the memory does. Below
 * 2^-126 it is 0. */

#if STORAGE == 4
typedef double nums;
#define LITERAL(digits) digits
#else
typedef vec nums;
#define LITERAL(digits) PASTE(digits, f)
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

/* ---- exp of what is not above 0 ---------------------------------------------------------------------------------- */

#if STORAGE == 4
static inline nums exp_below_0(nums z) { return exp(z); }
static inline nums expm1_below_0(nums z) { return expm1(z); }
#else
#define LOG2_E 1.44269504f
/* ln 2 in two pieces; the first has 9 bits, so that its products with exponents are exact. */
#define LN_2_HIGH 0.693359375f
#define LN_2_LOW -2.12194440e-4f
/* Added to a number below 2^22 it leaves the nearest integer in the last bits. */
#define ROUNDER 12582912.0f
/* exp of it is below 2^-126. */
#define LEAST_EXPONENT -88.0f

/* exp(z) = whole * (1 + part), whole a power of two. With z = n * ln 2 + r, abs(r) <= ln 2 / 2: expm1(r) as a polynomial, its
 * own error 1.5e-8 of r (minimax). */
static inline void split_exp(nums z, nums *whole, nums *part)
{
  const nums at = CHOOSE(z < NUMS(LEAST_EXPONENT), NUMS(LEAST_EXPONENT), z); /* a NaN stays one */
  const nums shifted = MULTIPLY_ADD(at, NUMS(LOG2_E), NUMS(ROUNDER));
  const nums n = shifted - NUMS(ROUNDER);
  const nums r = MULTIPLY_ADD(n, NUMS(-LN_2_LOW), MULTIPLY_ADD(n, NUMS(-LN_2_HIGH), at));
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
  split_exp(z, &whole, &part);
  return MULTIPLY_ADD(whole, part, whole);
}

static inline nums expm1_below_0(nums z)
{
  nums whole, part;
  split_exp(z, &whole, &part);
  return MULTIPLY_ADD(whole, part, whole - ONE);
}
#endif

/* ---- sigmoids ------------------------------------------------------------------------------------------------------ */

/* sigmoid(z), and sigmoid(-z) in *opposite. Neither overflows, and neither loses bits where it is small. */
static inline nums sigmoids(nums z, nums *opposite)
{
  const nums e = exp_below_0(-fabs(z)), large = NUMS(1.0f) / (e + ONE), small = e * large;
  *opposite = CHOOSE(z >= ZERO, small, large);
  return CHOOSE(z >= ZERO, large, small);
}

static inline nums tanh_of(nums z)
{
  const nums m = expm1_below_0(NUMS(-2.0f) * fabs(z));
  return copysign(m / (m + (num)(2.0f)), z);
}

#define SQRT_2_BY_PI LITERAL(0.79788456080286535588)
#define GELU_CUBIC LITERAL(0.044715)

/* (1 + tanh(u)) / 2 = sigmoid(2u) loses nothing where tanh is near -1. */
static inline nums gelu_gates(nums z, nums *opposite)
{
  return sigmoids(NUMS(2.0f * SQRT_2_BY_PI) * z * MULTIPLY_ADD(z * z, NUMS(GELU_CUBIC), NUMS(1.0f)), opposite);
}

/* ---- the normal distribution --------------------------------------------------------------------------------------- */

/* What lies below z, and the density without the factor 1 / sqrt(2 pi). */
#if STORAGE == 4
static inline nums normal_below(nums z, nums *density)
{
  *density = exp(-0.5 * z * z);
  return 0.5 * erfc(z * -0.70710678118654752440);
}
#else
/* What lies below -t is exp(-t^2 / 2) times a polynomial of 1 / (1 + 0.3 t), its own error 1.5e-7 of it up to t = 14, where
 * float ends (minimax). */
static inline nums normal_below(nums z, nums *density)
{
  const nums k = NUMS(1.0f) / MULTIPLY_ADD(fabs(z), NUMS(0.3f), NUMS(1.0f));
  const nums e = exp_below_0(NUMS(-0.5f) * z * z);
  nums q = MULTIPLY_ADD(NUMS(0.0356747806f), k, NUMS(-0.157203108f));
  q = MULTIPLY_ADD(q, k, NUMS(0.206353560f));
  q = MULTIPLY_ADD(q, k, NUMS(-0.0536836870f));
  q = MULTIPLY_ADD(q, k, NUMS(0.128561646f));
  q = MULTIPLY_ADD(q, k, NUMS(0.0999134853f));
  q = MULTIPLY_ADD(q, k, NUMS(0.120753959f));
  q = MULTIPLY_ADD(q, k, NUMS(0.119629301f));
  const nums tail = e * (k * q);
  *density = e;
  return CHOOSE(z > ZERO, ONE - tail, tail);
}
#endif

#define INV_SQRT_2_PI LITERAL(0.39894228040143267794)

/* ---- the activations ------------------------------------------------------------------------------------------------ */

/* `activation` is a clnorm_activation. Where it is a constant, what is not taken falls away. */
static inline nums activate(uint activation, nums z, num alpha)
{
  nums beside;
  switch (activation) {
    case 1:
      return CHOOSE(z <= ZERO, NUMS(0.0f), z); /* a NaN stays one */
    case 2:
      return CHOOSE(z <= ZERO, alpha * z, z);
    case 3:
      return CHOOSE(z <= ZERO, NUMS(0.0f), CHOOSE(z > alpha, NUMS(alpha), z));
    case 4:
      return CHOOSE(z <= ZERO, alpha * expm1_below_0(z), z);
    case 5:
      return sigmoids(z, &beside);
    case 6:
      return tanh_of(z);
    case 7:
      return CHOOSE(z == NUMS(-INFINITY), NUMS(-0.0f), z * sigmoids(z, &beside));
    case 8:
      return CHOOSE(z == NUMS(-INFINITY), NUMS(-0.0f), z * normal_below(z, &beside));
    case 9:
      return CHOOSE(z == NUMS(-INFINITY), NUMS(-0.0f), z * gelu_gates(z, &beside));
    default:
      return z;
  }
}

/* 1 - tanh^2 without the difference. */
static inline nums tanh_slope(nums z)
{
  nums opposite;
  const nums s = sigmoids(NUMS(2.0f) * z, &opposite);
  return NUMS(4.0f) * s * opposite;
}

static inline nums silu_slope(nums z)
{
  nums opposite;
  const nums s = sigmoids(z, &opposite);
  return CHOOSE(isinf(z), s, s * MULTIPLY_ADD(z, opposite, NUMS(1.0f)));
}

static inline nums gelu_slope(nums z)
{
  nums density;
  const nums below = normal_below(z, &density);
  return CHOOSE(isinf(z), below, MULTIPLY_ADD(z * density, NUMS(INV_SQRT_2_PI), below));
}

static inline nums gelu_tanh_slope(nums z)
{
  nums opposite;
  const nums s = gelu_gates(z, &opposite);
  const nums inner = MULTIPLY_ADD(z * z, NUMS(6.0f * SQRT_2_BY_PI * GELU_CUBIC), NUMS(2.0f * SQRT_2_BY_PI));
  /* Far out the product is 0, of which `inner` might be infinite. */
  return CHOOSE(fabs(z) > NUMS(64.0f), s, MULTIPLY_ADD(z * s * opposite, inner, s));
}

static inline nums activation_slope(uint activation, nums z, num alpha)
{
  nums s, opposite;
  switch (activation) {
    case 1:
      return CHOOSE(z <= ZERO, NUMS(0.0f), NUMS(1.0f));
    case 2:
      return CHOOSE(z <= ZERO, NUMS(alpha), NUMS(1.0f));
    case 3:
      return CHOOSE(z <= ZERO, NUMS(0.0f), CHOOSE(z > alpha, NUMS(0.0f), NUMS(1.0f)));
    case 4:
      return CHOOSE(z <= ZERO, alpha * exp_below_0(z), NUMS(1.0f));
    case 5:
      s = sigmoids(z, &opposite);
      return s * opposite;
    case 6:
      return tanh_slope(z);
    case 7:
      return silu_slope(z);
    case 8:
      return gelu_slope(z);
    case 9:
      return gelu_tanh_slope(z);
    default:
      return NUMS(1.0f);
  }
}
