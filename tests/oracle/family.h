/* The independent reference of the whole family: batch, layer, instance, group and RMS normalization with everything that a
 * descriptor can ask for, written straight from the formulas, in long double.
 *
 * It shares no code with the library and reads none of its results; of the library it knows clnorm_desc alone. Tensors are
 * arrays of double in dense order of dims, whose values the storage type holds exactly: strides are the caller's affair.
 * Padding is never read.
 *
 *   family f;
 *   if (family_create(&f, &desc, CLNORM_TRAIN, &(family_inputs){.x = x, .gamma = gamma}) != 0) { no memory }
 *   f.result[FAMILY_Y][i]                                     one element of y
 *   family_compare(&f, FAMILY_Y, y).units <= 1                the library's y is right
 *   family_destroy(&f);
 *
 * With r = 1/sqrt(var + epsilon), xh = (x - mean)*r (RMS: mean 0, var the mean of squares) and n values a statistic:
 * z = gamma*xh + beta + residual, y = act(z); g = dy*act'(z), dresidual = g, dbeta = sum(g), dgamma = sum(g*xh); with
 * h = gamma*g: dx = r*(h - mean(h) - xh*mean(h*xh)), RMS without mean(h), where the statistics are constants dx = r*h. A
 * statistic without a valid value has mean 0 and var 0 and leaves running statistics as they are.
 * Sources: Ioffe and Szegedy 2015 (batch), Ba, Kiros and Hinton 2016 (layer), Ulyanov, Vedaldi and Lempitsky 2016
 * (instance), Wu and He 2018 (group), Zhang and Sennrich 2019 (RMS). */
#ifndef CLNORM_TESTS_FAMILY_H
#define CLNORM_TESTS_FAMILY_H

#include "clnorm/clnorm.h"
#include "family_shape.h"

/* y, mask: forward passes. mean, inv_std and the running statistics: train, where the operation has them. The rest:
 * backward passes. */
typedef enum family_quantity {
  FAMILY_Y = 0,
  FAMILY_MASK, /* one number an element: 1 where its bit is set, else 0 */
  FAMILY_MEAN,
  FAMILY_INV_STD,
  FAMILY_RUNNING_MEAN,
  FAMILY_RUNNING_VAR,
  FAMILY_DX,
  FAMILY_DRESIDUAL,
  FAMILY_DGAMMA,
  FAMILY_DBETA,
  FAMILY_QUANTITIES
} family_quantity;

/* What goes in, kept by reference until family_destroy.
 *   x                   all passes
 *   dy                  backward passes
 *   gamma, beta         [parameters]; NULL: 1 and 0
 *   residual            with CLNORM_RESIDUAL; backward passes read it with an activation and without CLNORM_RELU_MASK
 *   running_*           [parameters] infer and backward-frozen of BATCH and INSTANCE: the statistics. train: before the call,
 *                       NULL: 0
 *   dx, dgamma, dbeta   before the call, with the ACCUMULATE flags
 *   lengths             [N] with a length_axis
 *   mask                [mask words] backward passes with CLNORM_RELU_MASK
 *   batch_number        train with cumulative averaging
 *   outliers            1: single values thousands of times the rest stand in the data, the bound of the variance is wider
 *   given               statistics that take the place of x's own, where those are used: of a larger x, of which the parameters
 *                       here are a part. What belongs to a parameter is right then, dx is not. NULL: x's own */
typedef struct family_statistics {
  const long double *mean, *mean_rest, *var, *mean_abs; /* [statistics]; the mean is the sum of two numbers */
} family_statistics;

typedef struct family_inputs {
  const double *x, *dy, *gamma, *beta, *residual, *running_mean, *running_var, *dx, *dgamma, *dbeta;
  const int32_t *lengths;
  const uint32_t *mask;
  uint64_t batch_number;
  int outliers;
  const family_statistics *given;
} family_inputs;

typedef struct family {
  clnorm_desc desc;
  clnorm_pass pass;
  family_inputs in;
  family_shape shape;
  /* [statistics] What y and dx use: the data's, in infer and backward-frozen of BATCH and INSTANCE the running ones. The mean
   * is the sum of two numbers. */
  long double *mean, *mean_rest, *var, *inv_std, *mean_abs;
  /* [elements] 0 in padding. z: forward passes, and backward ones that derive an activation. g: backward passes. */
  long double *xh, *z, *g;
  /* [statistics] backward passes: mean(h) and mean(h*xh). */
  long double *mean_h, *mean_hxh;
  long double *result[FAMILY_QUANTITIES]; /* NULL where the pass has none */
  double *bound[FAMILY_QUANTITIES];       /* of the arithmetic, without the rounding to a half type: see family_bound */
} family;

/* Computes every result and its bound. desc must be valid for the pass, with fewer than 2^32 elements.
 * Returns 0, or -1 if memory is short; then there is nothing to destroy. */
int family_create(family *f, const clnorm_desc *desc, clnorm_pass pass, const family_inputs *in);

/* Of a created or zeroed family. */
void family_destroy(family *f);

/* "y", "mask", "mean" ... */
const char *family_quantity_name(family_quantity quantity);

/* How many numbers a result has. */
uint64_t family_quantity_count(const family_shape *shape, family_quantity quantity);

/* gamma or beta of a parameter; 1 and 0 where absent. */
long double family_gamma(const family *f, uint64_t parameter);
long double family_beta(const family *f, uint64_t parameter);

/* The weight of the new value in the running statistics. */
double family_weight(const family *f);

/* 1 if the statistics are those of the data, 0 if they are the running ones. */
int family_uses_data(const clnorm_desc *desc, clnorm_pass pass);

/* 1 if a backward pass takes the derivative at z, 0 if it reads the mask or has no activation. */
int family_derives(const clnorm_desc *desc);

/* Bit of an element. */
static inline int family_bit(const uint32_t *mask, uint64_t element) { return mask[element / 32] >> element % 32 & 1u; }

/* ---- Bounds: family_bound.c derives them, family_compare.c holds results against them ------------------------- */

/* For family_create: fills f->bound for every result that there is. 0, or -1 if memory is short. */
int family_set_bounds(family *f);

/* The bound of one number, absolute, with the rounding to its type. */
double family_bound(const family *f, family_quantity quantity, uint64_t index);

/* The worst number of a result. */
typedef struct family_error {
  double units;    /* |error| / bound of the worst: passes if <= 1; infinite for NaN where a number is due */
  double absolute; /* the largest |error| of all, wherever that is */
  uint64_t index;  /* of the worst in units */
  double expected; /* there */
  double got;      /* there */
  double bound;    /* there */
} family_error;

/* Compares a whole result, as it was stored. Where the reference is no finite number the result must be none; where the
 * stored type ends within the bound, infinity is right too, and beyond it nothing else. */
family_error family_compare(const family *f, family_quantity quantity, const double *result);

#endif
