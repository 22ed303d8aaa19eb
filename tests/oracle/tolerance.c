/* Derivations. u = 2^-24 is the rounding of one float operation; one ulp is at most 2u of the value.
 *
 * y         4*2^-23*(|gamma*xh| + |beta|) + 1e-6*|gamma|. x - mean, its product with gamma*inv_std and the sum with
 * beta round three times, inv_std and its product with gamma a few times more: 8u covers them. 1e-6 is what the
 * rounding of the mean may leave: x is known to 2^-24*|x|, the mean is carried as two floats. mean      2 ulp. A mean
 * far smaller than the values cancels: two floats hold 48 bits of the sum, of which 8 are left to the arithmetic, so
 * 2^-40 of the mean of |x| is the floor. variance  4 ulp, 16 where outliers head the data: M2 is summed about a block's
 * mean and merged by Chan's formula. inv_std   1/sqrt(var + epsilon): half of the variance's relative error (4 ulp ->
 * 2, 16 -> 8), half an ulp for epsilon and its sum, 3 ulp for sqrt and 2.5 for the division as OpenCL allows them: 8
 * ulp, 14 with outliers. running   (1 - w)*old + w*new: w times the bound of the new value, and 4u of both terms for w
 * rounded to float, 1 - w, the products and the sum. The unbiased factor n/(n-1) adds one rounding: 1 ulp more of the
 * new value. dbeta     2 ulp and 2^-22 of the largest term, dgamma the same: the sums are carried as two floats, the
 * terms are rounded once or twice each. dx        8*2^-24*|gamma|*r*(|dy| + |mean(dy)| + |xh*mean(dy*xh)|): each term
 * goes through at most eight roundings. Below the normal numbers a rounding is 2^-149 whatever the value, and devices
 * may flush: 2^-126 is added to all. */
#include "tolerance.h"

#include <float.h>
#include <math.h>

#define MEAN_ULP 2.0
#define MEAN_FLOOR 0x1p-40
#define VARIANCE_ULP 4.0
#define VARIANCE_ULP_OUTLIERS 16.0
#define INV_STD_ULP 8.0
#define INV_STD_ULP_OUTLIERS 14.0
#define Y_RELATIVE (4.0 * 0x1p-23)
#define Y_ABSOLUTE 1e-6
#define DX_RELATIVE (8.0 * 0x1p-24)
#define SUM_ULP 2.0
#define SUM_LARGEST 0x1p-22
#define RUNNING_RELATIVE (4.0 * 0x1p-24)
#define TINY ((double)FLT_MIN)

const char *oracle_quantity_name(oracle_quantity quantity)
{
  static const char *const names[ORACLE_QUANTITIES] = {
      [ORACLE_Y] = "y",
      [ORACLE_MEAN] = "mean",
      [ORACLE_INV_STD] = "inv_std",
      [ORACLE_RUNNING_MEAN] = "running_mean",
      [ORACLE_RUNNING_VAR] = "running_var",
      [ORACLE_DX] = "dx",
      [ORACLE_DGAMMA] = "dgamma",
      [ORACLE_DBETA] = "dbeta",
  };
  return names[quantity];
}

static int is_tensor(oracle_quantity quantity) { return quantity == ORACLE_Y || quantity == ORACLE_DX; }

uint64_t oracle_quantity_count(const oracle *o, oracle_quantity quantity)
{
  return is_tensor(quantity) ? o->elements : o->statistics;
}

double oracle_ulp(double value)
{
  int exponent;
  (void)frexp(fabs(value), &exponent);
  const double ulp = ldexp(1.0, exponent - FLT_MANT_DIG);
  return value == 0.0 || ulp < 0x1p-149 ? 0x1p-149 : ulp;
}

static double y_bound(const oracle *o, uint64_t k, uint64_t i)
{
  const double gamma = fabs((double)oracle_gamma(o, k));
  const double xh = fabs((double)oracle_xh_in(o, k, i));
  return Y_RELATIVE * (gamma * xh + fabs((double)oracle_beta(o, k))) + Y_ABSOLUTE * gamma;
}

static double dx_bound(const oracle *o, uint64_t k, uint64_t i)
{
  const double factor = fabs((double)(oracle_gamma(o, k) * o->inv_std[k]));
  double sum = fabs((double)o->in.dy[i]);
  if (o->pass == CLNORM_BACKWARD) {
    const double n = (double)o->values;
    sum += fabs((double)o->dbeta[k]) / n + fabs((double)(oracle_xh_in(o, k, i) * o->dgamma[k])) / n;
  }
  return DX_RELATIVE * factor * sum;
}

static double mean_bound(const oracle *o, uint64_t k)
{
  return MEAN_ULP * oracle_ulp((double)o->mean[k]) + MEAN_FLOOR * (double)o->mean_abs[k];
}

static double running_bound(const oracle *o, double old, double updated, double error)
{
  const double kept = fabs((1.0 - o->in.weight) * old);
  const double added = fabs(updated - (1.0 - o->in.weight) * old);
  return o->in.weight * error + RUNNING_RELATIVE * (kept + added);
}

static double running_mean_bound(const oracle *o, uint64_t k)
{
  const double old = o->in.running_mean == NULL ? 0.0 : (double)o->in.running_mean[k];
  return running_bound(o, old, (double)o->running_mean[k], mean_bound(o, k));
}

static double running_var_bound(const oracle *o, uint64_t k)
{
  const double old = o->in.running_var == NULL ? 0.0 : (double)o->in.running_var[k];
  const double ulps = (o->in.outliers ? VARIANCE_ULP_OUTLIERS : VARIANCE_ULP) + 1.0;
  /* The unbiased value may be twice the population's, and lie in another binade. */
  const double unbiased = (double)o->var[k] * (double)o->values / (double)(o->values > 1 ? o->values - 1 : 1);
  return running_bound(o, old, (double)o->running_var[k], ulps * oracle_ulp(unbiased));
}

static double sum_bound(long double sum, long double largest)
{
  return SUM_ULP * oracle_ulp((double)sum) + SUM_LARGEST * (double)largest;
}

static double bound_in(const oracle *o, oracle_quantity quantity, uint64_t k, uint64_t i)
{
  switch (quantity) {
    case ORACLE_Y:
      return y_bound(o, k, i) + TINY;
    case ORACLE_MEAN:
      return mean_bound(o, k) + TINY;
    case ORACLE_INV_STD:
      return (o->in.outliers ? INV_STD_ULP_OUTLIERS : INV_STD_ULP) * oracle_ulp((double)o->inv_std[k]) + TINY;
    case ORACLE_RUNNING_MEAN:
      return running_mean_bound(o, k) + TINY;
    case ORACLE_RUNNING_VAR:
      return running_var_bound(o, k) + TINY;
    case ORACLE_DX:
      return dx_bound(o, k, i) + TINY;
    case ORACLE_DGAMMA:
      return sum_bound(o->dgamma[k], o->dgamma_largest[k]) + TINY;
    case ORACLE_DBETA:
      return sum_bound(o->dbeta[k], o->dbeta_largest[k]) + TINY;
    case ORACLE_QUANTITIES:
      break;
  }
  return 0.0;
}

static long double expected_in(const oracle *o, oracle_quantity quantity, uint64_t k, uint64_t i)
{
  switch (quantity) {
    case ORACLE_Y:
      return oracle_y_in(o, k, i);
    case ORACLE_MEAN:
      return o->mean[k];
    case ORACLE_INV_STD:
      return o->inv_std[k];
    case ORACLE_RUNNING_MEAN:
      return o->running_mean[k];
    case ORACLE_RUNNING_VAR:
      return o->running_var[k];
    case ORACLE_DX:
      return oracle_dx_in(o, k, i);
    case ORACLE_DGAMMA:
      return o->dgamma[k];
    case ORACLE_DBETA:
      return o->dbeta[k];
    case ORACLE_QUANTITIES:
      break;
  }
  return 0.0L;
}

double oracle_bound(const oracle *o, oracle_quantity quantity, uint64_t index)
{
  return bound_in(o, quantity, is_tensor(quantity) ? oracle_statistic_of(o, index) : index, index);
}

static void take(oracle_error *worst, const oracle *o, oracle_quantity quantity, uint64_t k, uint64_t i, float got)
{
  const long double expected = expected_in(o, quantity, k, i);
  double absolute;
  double bound = 0.0;
  double units;
  if (!isfinite(expected)) {
    absolute = units = isfinite(got) ? INFINITY : 0.0;
  } else if (!isfinite(got)) {
    absolute = units = INFINITY;
  } else {
    absolute = (double)fabsl((long double)got - expected);
    bound = bound_in(o, quantity, k, i);
    units = absolute / bound;
  }
  if (absolute > worst->absolute) {
    worst->absolute = absolute;
  }
  if (units > worst->units || worst->tolerance < 0.0) {
    worst->units = units;
    worst->index = i;
    worst->expected = (double)expected;
    worst->got = (double)got;
    worst->tolerance = bound;
  }
}

oracle_error oracle_compare(const oracle *o, oracle_quantity quantity, const float *result)
{
  oracle_error worst = {.tolerance = -1.0}; /* negative: nothing taken yet */
  if (is_tensor(quantity)) {
    for (oracle_walk w = oracle_begin(o); w.element < o->elements; oracle_next(o, &w)) {
      take(&worst, o, quantity, w.statistic, w.element, result[w.element]);
    }
  } else {
    for (uint64_t k = 0; k < o->statistics; k++) {
      take(&worst, o, quantity, k, k, result[k]);
    }
  }
  if (worst.tolerance < 0.0) {
    worst.tolerance = 0.0;
  }
  return worst;
}
