/* Derivations. u is the unit of rounding, OpenCL's limits are in ulps of at most 2u of the value: exp and expm1 3 ulp,
 * tanh 5, erf 16, division 2.5.
 *
 * Passing an error of z on. act(z) moves by at most the largest |act'| between z - error and z + error times the error.
 * Where act is made of straight lines that is the larger slope at both ends; elsewhere a slope inside exceeds those of the
 * ends by less than the largest |act''| times the error. act'' is at most 1 for sigmoid (0.1), tanh (0.77), silu (0.5) and
 * both gelu (0.8), and a for elu. The derivative moves by what it differs at the ends, which includes a kink between them,
 * and by the error squared times the largest |act'''|, at most 2 and a.
 *
 * The function's own error.
 *   relu                0.
 *   leaky, clipped      a rounded to float, the product, the store: 4u of y.
 *   elu                 expm1 6u, a and the product 2u, the store: 16u of y.
 *   sigmoid             exp 6u, the sum u, the division 5u: 16u of y. tanh: 10u: 16u of y.
 *   silu                sigmoid's and a product: 16u of y.
 *   gelu                1 + erf: 16 ulp of a number just below 1 are 16u, its argument and the sum 2u more, times |z|/2, and
 *                       the product's rounding: 16u of |z|. With tanh: 5u for tanh, 2.3u for its argument (slope 0.45 at most
 *                       times 5u), u for the sum: below that.
 * Its derivative's own error. Factors such as 1 - y^2 cancel: they are off by a few u of 1, not of themselves, and the gelus
 * and silu multiply them with z: 16u of max(1, |a|, |z|), |z| for those three alone. Slopes of straight lines: 2u for a rounded
 * to float. */
#include "family_activation.h"

#include <math.h>

/* sqrt(2/pi), 1/sqrt(2) and 1/sqrt(2*pi). */
#define GELU_SCALE 0.797884560802865355879892119868763737L
#define GELU_CUBIC 0.044715L
#define SQRT_HALF 0.707106781186547524400844362104849039L
#define NORMAL_PEAK 0.398942280401432677939946059934381868L

static long double sigmoid(long double z) { return 1.0L / (1.0L + expl(-z)); }

/* A product with an infinite number stays 0 where the other factor has become 0. */
static long double times(long double number, long double factor) { return factor == 0.0L ? 0.0L : number * factor; }

/* (1 + erf(z/sqrt(2))) / 2, also far below 0. */
static long double normal_below(long double z) { return 0.5L * erfcl(-z * SQRT_HALF); }

/* (1 + tanh(p)) / 2 = sigmoid(2p) of the cubic, and its derivative by z. */
static long double cubic_below(long double z) { return sigmoid(2.0L * GELU_SCALE * (z + GELU_CUBIC * z * z * z)); }

static long double cubic_slope(long double z)
{
  const long double s = cubic_below(z);
  return times(2.0L * GELU_SCALE * (1.0L + 3.0L * GELU_CUBIC * z * z), s * cubic_below(-z));
}

long double family_activate(clnorm_activation activation, double a, long double z)
{
  switch (activation) {
    case CLNORM_ACTIVATION_NONE:
      break;
    case CLNORM_ACTIVATION_RELU:
      return z > 0.0L || isnan(z) ? z : 0.0L;
    case CLNORM_ACTIVATION_LEAKY_RELU:
      return z < 0.0L ? a * z : z;
    case CLNORM_ACTIVATION_CLIPPED_RELU:
      return z > a ? (long double)a : z > 0.0L || isnan(z) ? z : 0.0L;
    case CLNORM_ACTIVATION_ELU:
      return z < 0.0L ? a * expm1l(z) : z;
    case CLNORM_ACTIVATION_SIGMOID:
      return sigmoid(z);
    case CLNORM_ACTIVATION_TANH:
      return tanhl(z);
    case CLNORM_ACTIVATION_SILU:
      return times(z, sigmoid(z));
    case CLNORM_ACTIVATION_GELU:
      return times(z, normal_below(z));
    case CLNORM_ACTIVATION_GELU_TANH:
      return times(z, cubic_below(z));
  }
  return z;
}

long double family_derive(clnorm_activation activation, double a, long double z)
{
  if (isnan(z)) {
    return z;
  }
  switch (activation) {
    case CLNORM_ACTIVATION_NONE:
      break;
    case CLNORM_ACTIVATION_RELU:
      return z > 0.0L ? 1.0L : 0.0L;
    case CLNORM_ACTIVATION_LEAKY_RELU:
      return z > 0.0L ? 1.0L : (long double)a;
    case CLNORM_ACTIVATION_CLIPPED_RELU:
      return z > 0.0L && z <= a ? 1.0L : 0.0L;
    case CLNORM_ACTIVATION_ELU:
      return z > 0.0L ? 1.0L : a * expl(z);
    case CLNORM_ACTIVATION_SIGMOID:
      return sigmoid(z) * sigmoid(-z);
    case CLNORM_ACTIVATION_TANH:
      return 4.0L * sigmoid(2.0L * z) * sigmoid(-2.0L * z);
    case CLNORM_ACTIVATION_SILU:
      return sigmoid(z) + times(z, sigmoid(z) * sigmoid(-z));
    case CLNORM_ACTIVATION_GELU:
      return normal_below(z) + times(z, NORMAL_PEAK * expl(-0.5L * z * z));
    case CLNORM_ACTIVATION_GELU_TANH:
      return cubic_below(z) + times(z, cubic_slope(z));
  }
  return 1.0L;
}

static int is_straight(clnorm_activation activation) { return activation <= CLNORM_ACTIVATION_CLIPPED_RELU; }

static int multiplies_by_z(clnorm_activation activation) { return activation >= CLNORM_ACTIVATION_SILU; }

static double own_error(clnorm_activation activation, double a, long double z)
{
  switch (activation) {
    case CLNORM_ACTIVATION_NONE:
    case CLNORM_ACTIVATION_RELU:
      return 0.0;
    case CLNORM_ACTIVATION_LEAKY_RELU:
    case CLNORM_ACTIVATION_CLIPPED_RELU:
      return 4.0 * fabs((double)family_activate(activation, a, z));
    case CLNORM_ACTIVATION_GELU:
    case CLNORM_ACTIVATION_GELU_TANH:
      return 16.0 * fabs((double)z);
    default:
      return 16.0 * fabs((double)family_activate(activation, a, z));
  }
}

static double curvature(clnorm_activation activation, double a)
{
  return is_straight(activation) ? 0.0 : fmax(1.0, fabs(a));
}

double family_activation_bound(clnorm_activation activation, double a, long double z, double error, double unit)
{
  const double low = fabs((double)family_derive(activation, a, z - error));
  const double high = fabs((double)family_derive(activation, a, z + error));
  return (fmax(low, high) + curvature(activation, a) * error) * error + unit * own_error(activation, a, z);
}

double family_derivative_bound(clnorm_activation activation, double a, long double z, double error, double unit)
{
  const long double here = family_derive(activation, a, z);
  const double low = (double)fabsl(family_derive(activation, a, z - error) - here);
  const double high = (double)fabsl(family_derive(activation, a, z + error) - here);
  double own = activation == CLNORM_ACTIVATION_LEAKY_RELU ? 2.0 * fabs(a) : 0.0;
  if (!is_straight(activation)) {
    own = 16.0 * fmax(curvature(activation, a), multiplies_by_z(activation) ? fabs((double)z) : 0.0);
  }
  return fmax(low, high) + 2.0 * curvature(activation, a) * error * error + unit * own;
}
