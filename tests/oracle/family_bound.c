/* Derivations. u is the unit of rounding of the arithmetic: 2^-24 for tensors of float and the half types, 2^-53 for those
 * of double; one ulp is at most 2u of the value. The bounds of double are those of float with u in place of 2^-24: the same
 * operations round as often, and pairs of numbers hold twice the bits.
 *
 * z         8u*(|gamma*xh| + |beta| + |residual|) + 1e-6*|gamma| (in double 1e-6*2^-29). x - mean, its product with
 *           gamma*inv_std and the two sums round four times, inv_std and its product with gamma a few times more. 1e-6 is
 *           what the rounding of the mean may leave: the mean is carried as two numbers.
 * y         z's bound through the activation, and the function's own error: family_activation.c.
 * mask      the sign of the stored y; open where z's bound reaches over 0.
 * mean      2 ulp. A mean far smaller than the values cancels: two floats hold 48 bits of the sum, two doubles 106, of which
 *           8 and 26 are left to the arithmetic: 2^-40 and 2^-80 of the mean of |x| are the floor.
 * inv_std   half of the variance's relative error (4 ulp -> 2, 16 with outliers -> 8), half an ulp for epsilon and its sum, 3
 *           ulp for sqrt and 2.5 for the division as OpenCL allows them: 8 ulp, 14 with outliers. The mean of squares of RMS
 *           has no more error than a variance.
 * running   (1 - w)*old + w*new: w times the bound of the new value, and 4u of both terms for w rounded to float, 1 - w, the
 *           products and the sum. The unbiased factor n/(n-1) adds one rounding: 1 ulp more of the new value. INSTANCE: the
 *           new value is a mean over samples; it is off by the mean of their bounds, 2 ulp for its sum and division, and for
 *           means, which may cancel, 2u of their mean size. Without new values the old ones stay: no error.
 * g         e(g) = |dy| * the bound of act'(z); 0 without an activation and with a mask, where g is dy or 0. Where a kink lies
 *           within z's bound that is the jump: either side's derivative is right.
 * dresidual e(g), and u*|g| for the product.
 * dbeta     2 ulp, 4u of the largest term, and the sum of all e(g): the sum is carried as two numbers, the terms are rounded
 *           once or twice each.
 * dgamma    the same with terms g*xh, each off by e(g)*|xh|. If a parameter's terms come from several statistics, the errors
 *           of their inv_std do not factor out of the sum: 8u of the sum of |terms|, eight roundings each.
 * dx        8u*r*(|h| + |mean(h)| + |xh*mean(h*xh)|): each term goes through at most eight roundings. Errors of the terms of the
 *           means: r*|gamma|*e(g) of its own, and their means, r*mean(|gamma|*e(g)) + r*|xh|*mean(|gamma|*e(g)*|xh|). If gamma
 *           differs within a statistic, h is a product that is rounded before it is summed, and so is h*xh: 4u*r*(mean|h| +
 *           |xh|*mean|h*xh|). Frozen: the first term alone, and its e(g).
 * added     with an ACCUMULATE flag: 2u of the sum, for its rounding.
 * Below the normal numbers a rounding is the smallest denormal whatever the value, and devices may flush: the smallest normal
 * number is added to all. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "family.h"
#include "family_activation.h"
#include "storage.h"

/* Ulps of the stored number, and units u. */
#define MEAN_ULP 2.0
#define VARIANCE_ULP 4.0
#define VARIANCE_ULP_OUTLIERS 16.0
#define UNBIASED_ULP 1.0
#define AVERAGE_ULP 2.0
#define AVERAGE_UNITS 2.0
#define INV_STD_ULP 8.0
#define INV_STD_ULP_OUTLIERS 14.0
#define SUM_ULP 2.0
#define SUM_LARGEST_UNITS 4.0
#define SUM_TERMS_UNITS 8.0
#define Z_UNITS 8.0
#define Z_MEAN_UNITS (1e-6 * 0x1p24)
#define DX_UNITS 8.0
#define DX_TERMS_UNITS 4.0
#define RUNNING_UNITS 4.0
#define ADDED_UNITS 2.0

static int is_double(const family *f) { return f->desc.dtype == CLNORM_F64; }

static double unit_of(const family *f) { return is_double(f) ? 0x1p-53 : 0x1p-24; }

static double tiny_of(const family *f) { return is_double(f) ? DBL_MIN : (double)FLT_MIN; }

static double number_ulp(const family *f, long double value)
{
  return storage_ulp(storage_number(f->desc.dtype), (double)value);
}

static double size_of(long double value) { return fabs((double)value); }

static double z_bound(const family *f, uint64_t i)
{
  const uint64_t p = f->shape.parameter[i];
  const double gamma = size_of(family_gamma(f, p));
  const double residual = f->desc.flags & CLNORM_RESIDUAL ? fabs(f->in.residual[i]) : 0.0;
  const double sum = gamma * size_of(f->xh[i]) + size_of(family_beta(f, p)) + residual;
  return unit_of(f) * (Z_UNITS * sum + Z_MEAN_UNITS * gamma) + tiny_of(f);
}

static double y_bound(const family *f, uint64_t i)
{
  return f->shape.valid[i]
             ? family_activation_bound(f->desc.activation, f->desc.alpha, f->z[i], z_bound(f, i), unit_of(f))
             : 0.0;
}

/* 1 where the bit may be either. A mask comes with a rectifier: y is above 0 where z is. */
static double mask_bound(const family *f, uint64_t i)
{
  const double z = (double)f->z[i];
  const double bound = z_bound(f, i);
  const int least = storage_round(f->desc.dtype, z - bound) > 0.0;
  const int most = storage_round(f->desc.dtype, z + bound) > 0.0;
  return f->shape.valid[i] && least != most ? 1.0 : 0.0;
}

static double mean_bound(const family *f, uint64_t k)
{
  const double floor = is_double(f) ? 0x1p-80 : 0x1p-40;
  return MEAN_ULP * number_ulp(f, f->mean[k]) + floor * (double)f->mean_abs[k];
}

static double running_bound(const family *f, double old, double updated, double error)
{
  const double weight = family_weight(f);
  const double kept = fabs((1.0 - weight) * old);
  const double added = fabs(updated - (1.0 - weight) * old);
  return weight * error + RUNNING_UNITS * unit_of(f) * (kept + added);
}

static int is_mean(family_quantity quantity) { return quantity == FAMILY_RUNNING_MEAN; }

/* The unbiased variance may be twice the population's, and lie in another binade. */
static double unbiased(const family *f, uint64_t k)
{
  const double n = (double)f->shape.values[k];
  return (double)f->var[k] * (n > 1.0 ? n / (n - 1.0) : 1.0);
}

/* The bound of the value that goes into a running statistic; 0 if there is none. */
static double new_value_bound(const family *f, family_quantity quantity, uint64_t p)
{
  const double ulps = (f->in.outliers ? VARIANCE_ULP_OUTLIERS : VARIANCE_ULP) + UNBIASED_ULP;
  double error = 0.0;
  double sum = 0.0;
  double size = 0.0;
  double samples = 0.0;
  for (uint64_t k = p; k < f->shape.statistics; k += f->shape.parameters) {
    if (f->shape.values[k] != 0) {
      const double value = is_mean(quantity) ? (double)f->mean[k] : unbiased(f, k);
      error += is_mean(quantity) ? mean_bound(f, k) : ulps * number_ulp(f, value);
      sum += value;
      size += fabs(value);
      samples += 1.0;
    }
  }
  if (samples > 0.0 && f->desc.op == CLNORM_INSTANCE) {
    error += samples * AVERAGE_ULP * number_ulp(f, sum / samples);
    error += is_mean(quantity) ? AVERAGE_UNITS * unit_of(f) * size : 0.0;
  }
  return samples > 0.0 ? error / samples : 0.0;
}

static double running_statistic_bound(const family *f, family_quantity quantity, uint64_t p)
{
  const double *before = is_mean(quantity) ? f->in.running_mean : f->in.running_var;
  const double error = new_value_bound(f, quantity, p);
  /* A value that is there has an error: an ulp is never 0. */
  return error > 0.0 ? running_bound(f, before == NULL ? 0.0 : before[p], (double)f->result[quantity][p], error) : 0.0;
}

/* ---- Gradients ------------------------------------------------------------------------------------------------- */

/* What the bounds of gradients need of an element's neighbours. */
typedef struct gradient_sums {
  double *g_error; /* [elements] */
  /* [parameters]: the largest and the sum of |terms|, and the sum of their errors. */
  double *dbeta_largest, *dbeta_error, *dgamma_largest, *dgamma_terms, *dgamma_error;
  /* [statistics]: means of |h|, |h*xh|, and of their errors that come from g. */
  double *h, *hxh, *h_error, *hxh_error;
} gradient_sums;

static void close_sums(gradient_sums *s)
{
  double *arrays[] = {s->g_error, s->dbeta_largest, s->dbeta_error, s->dgamma_largest, s->dgamma_terms, s->dgamma_error,
                      s->h,       s->hxh,           s->h_error,     s->hxh_error};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
    free(arrays[i]);
  }
}

static int open_sums(gradient_sums *s, const family_shape *shape)
{
  double **by_parameter[] = {&s->dbeta_largest, &s->dbeta_error, &s->dgamma_largest, &s->dgamma_terms,
                             &s->dgamma_error};
  double **by_statistic[] = {&s->h, &s->hxh, &s->h_error, &s->hxh_error};
  s->g_error = calloc(shape->elements + 1, sizeof(double));
  int failed = s->g_error == NULL;
  for (size_t i = 0; i < sizeof by_parameter / sizeof by_parameter[0]; i++) {
    *by_parameter[i] = calloc(shape->parameters + 1, sizeof(double));
    failed |= *by_parameter[i] == NULL;
  }
  for (size_t i = 0; i < sizeof by_statistic / sizeof by_statistic[0]; i++) {
    *by_statistic[i] = calloc(shape->statistics + 1, sizeof(double));
    failed |= *by_statistic[i] == NULL;
  }
  return failed ? -1 : 0;
}

static double g_error_of(const family *f, uint64_t i)
{
  if (!family_derives(&f->desc) || !f->shape.valid[i]) {
    return 0.0;
  }
  const double slope = family_derivative_bound(f->desc.activation, f->desc.alpha, f->z[i], z_bound(f, i), unit_of(f));
  return fabs(f->in.dy[i]) * slope;
}

static void add_element(const family *f, gradient_sums *s, uint64_t i)
{
  const uint64_t p = f->shape.parameter[i];
  const uint64_t k = f->shape.statistic[i];
  const double gamma = size_of(family_gamma(f, p));
  const double g = size_of(f->g[i]);
  const double xh = size_of(f->xh[i]);
  const double error = s->g_error[i] = g_error_of(f, i);
  s->dbeta_largest[p] = fmax(s->dbeta_largest[p], g);
  s->dbeta_error[p] += error;
  s->dgamma_largest[p] = fmax(s->dgamma_largest[p], g * xh);
  s->dgamma_terms[p] += g * xh;
  s->dgamma_error[p] += error * xh;
  s->h[k] += gamma * g;
  s->hxh[k] += gamma * g * xh;
  s->h_error[k] += gamma * error;
  s->hxh_error[k] += gamma * error * xh;
}

static void fill_sums(const family *f, gradient_sums *s)
{
  for (uint64_t i = 0; i < f->shape.elements; i++) {
    add_element(f, s, i);
  }
  for (uint64_t k = 0; k < f->shape.statistics; k++) {
    const double n = f->shape.values[k] == 0 ? 1.0 : (double)f->shape.values[k];
    s->h[k] /= n;
    s->hxh[k] /= n;
    s->h_error[k] /= n;
    s->hxh_error[k] /= n;
  }
}

static double added_bound(const family *f, uint32_t flag, long double result)
{
  return f->desc.flags & flag ? ADDED_UNITS * unit_of(f) * size_of(result) : 0.0;
}

/* The sum itself, without what it is added to. */
static long double sum_alone(const family *f, family_quantity quantity, uint64_t p)
{
  const int is_gamma = quantity == FAMILY_DGAMMA;
  const double *before = is_gamma ? f->in.dgamma : f->in.dbeta;
  const int adds = (f->desc.flags & (is_gamma ? CLNORM_ACCUMULATE_DGAMMA : CLNORM_ACCUMULATE_DBETA)) != 0;
  return f->result[quantity][p] - (adds ? (long double)before[p] : 0.0L);
}

static double dbeta_bound(const family *f, const gradient_sums *s, uint64_t p)
{
  return SUM_ULP * number_ulp(f, sum_alone(f, FAMILY_DBETA, p)) + SUM_LARGEST_UNITS * unit_of(f) * s->dbeta_largest[p] +
         s->dbeta_error[p] + added_bound(f, CLNORM_ACCUMULATE_DBETA, f->result[FAMILY_DBETA][p]);
}

static double dgamma_bound(const family *f, const gradient_sums *s, uint64_t p)
{
  const double terms = f->desc.op == CLNORM_BATCH ? 0.0 : SUM_TERMS_UNITS * unit_of(f) * s->dgamma_terms[p];
  return SUM_ULP * number_ulp(f, sum_alone(f, FAMILY_DGAMMA, p)) +
         SUM_LARGEST_UNITS * unit_of(f) * s->dgamma_largest[p] + terms + s->dgamma_error[p] +
         added_bound(f, CLNORM_ACCUMULATE_DGAMMA, f->result[FAMILY_DGAMMA][p]);
}

static double dx_bound(const family *f, const gradient_sums *s, uint64_t i)
{
  const uint64_t k = f->shape.statistic[i];
  const double gamma = size_of(family_gamma(f, f->shape.parameter[i]));
  const double xh = size_of(f->xh[i]);
  double sum = gamma * size_of(f->g[i]);
  double error = gamma * s->g_error[i];
  if (!f->shape.valid[i]) {
    return added_bound(f, CLNORM_ACCUMULATE_DX, f->result[FAMILY_DX][i]);
  }
  if (family_uses_data(&f->desc, f->pass)) {
    const int centred = f->desc.op != CLNORM_RMS;
    const int gamma_differs = f->desc.op != CLNORM_BATCH && f->desc.op != CLNORM_INSTANCE;
    sum += (centred ? size_of(f->mean_h[k]) : 0.0) + xh * size_of(f->mean_hxh[k]);
    error += (centred ? s->h_error[k] : 0.0) + xh * s->hxh_error[k];
    if (gamma_differs) {
      error += DX_TERMS_UNITS * unit_of(f) * ((centred ? s->h[k] : 0.0) + xh * s->hxh[k]);
    }
  }
  return (double)f->inv_std[k] * (DX_UNITS * unit_of(f) * sum + error) +
         added_bound(f, CLNORM_ACCUMULATE_DX, f->result[FAMILY_DX][i]);
}

static double gradient_bound(const family *f, const gradient_sums *s, family_quantity quantity, uint64_t index)
{
  switch (quantity) {
    case FAMILY_DX:
      return dx_bound(f, s, index);
    case FAMILY_DRESIDUAL:
      return s->g_error[index] > 0.0 ? s->g_error[index] + unit_of(f) * size_of(f->g[index]) : 0.0;
    case FAMILY_DGAMMA:
      return dgamma_bound(f, s, index);
    default:
      return dbeta_bound(f, s, index);
  }
}

static double forward_bound(const family *f, family_quantity quantity, uint64_t index)
{
  switch (quantity) {
    case FAMILY_Y:
      return y_bound(f, index);
    case FAMILY_MASK:
      return mask_bound(f, index);
    case FAMILY_MEAN:
      return mean_bound(f, index);
    case FAMILY_INV_STD:
      return (f->in.outliers ? INV_STD_ULP_OUTLIERS : INV_STD_ULP) * number_ulp(f, f->inv_std[index]);
    default:
      return running_statistic_bound(f, quantity, index);
  }
}

int family_set_bounds(family *f)
{
  gradient_sums sums = {0};
  const int backward = f->pass == CLNORM_BACKWARD || f->pass == CLNORM_BACKWARD_FROZEN;
  int failed = 0;
  if (backward) {
    failed = open_sums(&sums, &f->shape);
    if (failed == 0) {
      fill_sums(f, &sums);
    }
  }
  for (int q = 0; q < FAMILY_QUANTITIES && failed == 0; q++) {
    const family_quantity quantity = (family_quantity)q;
    const uint64_t count = family_quantity_count(&f->shape, quantity);
    if (f->result[q] == NULL) {
      continue;
    }
    f->bound[q] = calloc(count + 1, sizeof(double));
    failed = f->bound[q] == NULL ? -1 : 0;
    for (uint64_t i = 0; i < count && failed == 0; i++) {
      f->bound[q][i] = backward ? gradient_bound(f, &sums, quantity, i) : forward_bound(f, quantity, i);
      f->bound[q][i] += quantity == FAMILY_MASK ? 0.0 : tiny_of(f);
    }
  }
  close_sums(&sums);
  return failed;
}
