/* The independent reference: batch normalization written straight from the formulas, in long double.
 *
 * It shares no code with the library and reads none of its results. Of the library it knows clnorm_desc alone, and
 * from that it works out by itself which element belongs to which statistic.
 *
 *   oracle o;
 *   if (oracle_create(&o, &desc, CLNORM_TRAIN, &(oracle_inputs){.x = x, .gamma = gamma}) != 0) { no memory }
 *   o.mean[k], o.var[k], o.inv_std[k] ...      statistics
 *   oracle_y(&o, i)                            one element of y
 *   oracle_destroy(&o);
 *
 * y and dx are computed element by element when asked for, so that a large tensor costs no memory. Whether a result of
 * the library is near enough: tolerance.h.
 *
 * Sources: Ioffe and Szegedy 2015, Algorithm 1 and section 3. With r = 1/sqrt(var + epsilon), xh = (x - mean)*r and
 * n values a statistic: y = gamma*xh + beta; dbeta = sum(dy); dgamma = sum(dy*xh);
 * dx = gamma*r*(dy - dbeta/n - xh*dgamma/n), or gamma*r*dy where the statistics are constants. */
#ifndef CLNORM_TESTS_REFERENCE_H
#define CLNORM_TESTS_REFERENCE_H

#include "clnorm/clnorm.h"

/* What goes in. The arrays are kept by reference until oracle_destroy.
 *   x             all passes
 *   dy            backward passes
 *   gamma, beta   NULL: 1 and 0
 *   running_*     infer and backward-frozen: the statistics. train: the values before the call; NULL: not kept
 *   weight        train: weight of the new value in the running statistics
 *   outliers      1: single values thousands of times the rest stand in the data, the bound of the variance is wider */
typedef struct oracle_inputs {
  const float *x, *dy, *gamma, *beta, *running_mean, *running_var;
  double weight;
  int outliers;
} oracle_inputs;

/* What comes out; arrays have one entry a statistic and are NULL where the pass has no such result. */
typedef struct oracle {
  clnorm_pass pass;
  oracle_inputs in;
  long double epsilon;
  uint64_t elements, statistics;
  uint64_t values; /* elements of a statistic */
  uint64_t repeat; /* element i belongs to statistic (i / repeat) % statistics */
  /* The statistics that y and dx use: the batch's, in infer and backward-frozen the running ones. var: population. */
  long double *mean, *var, *inv_std;
  long double *mean_abs;                   /* batch: mean of |x| */
  long double *running_mean, *running_var; /* train: values after the call */
  long double *dgamma, *dbeta;
  long double *dgamma_largest, *dbeta_largest; /* the largest |term| of their sums */
} oracle;

/* Computes everything but y and dx. desc must be valid for the pass. Returns 0, or -1 if memory is short. */
int oracle_create(oracle *o, const clnorm_desc *desc, clnorm_pass pass, const oracle_inputs *in);

/* Of a created or zeroed oracle. */
void oracle_destroy(oracle *o);

/* Which statistic (and which element of gamma) element i of x belongs to. */
uint64_t oracle_statistic_of(const oracle *o, uint64_t i);

/* gamma or beta of a statistic; 1 and 0 where absent. */
long double oracle_gamma(const oracle *o, uint64_t statistic);
long double oracle_beta(const oracle *o, uint64_t statistic);

/* One element of y or dx, and xh. */
long double oracle_xh(const oracle *o, uint64_t i);
long double oracle_y(const oracle *o, uint64_t i);
long double oracle_dx(const oracle *o, uint64_t i);

/* The same for an element whose statistic is known, without the divisions of oracle_statistic_of. */
long double oracle_xh_in(const oracle *o, uint64_t statistic, uint64_t i);
long double oracle_y_in(const oracle *o, uint64_t statistic, uint64_t i);
long double oracle_dx_in(const oracle *o, uint64_t statistic, uint64_t i);

/* Steps through all elements in the order of memory, with the statistic of each:
 *   for (oracle_walk w = oracle_begin(o); w.element < o->elements; oracle_next(o, &w)) { ... w.statistic ... } */
typedef struct oracle_walk {
  uint64_t element, statistic, left;
} oracle_walk;

oracle_walk oracle_begin(const oracle *o);

static inline void oracle_next(const oracle *o, oracle_walk *walk)
{
  walk->element++;
  if (--walk->left == 0) {
    walk->left = o->repeat;
    walk->statistic = walk->statistic + 1 == o->statistics ? 0 : walk->statistic + 1;
  }
}

/* Fills only the counts of *o (elements, statistics, values, repeat) from a descriptor; nothing to destroy. */
void oracle_shape(oracle *o, const clnorm_desc *desc);

#endif
