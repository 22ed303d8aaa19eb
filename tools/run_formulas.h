/* The formulas of the family in double on the inputs of a run: what --explain prints beside the device's numbers. */
#ifndef CLNORM_TOOLS_RUN_FORMULAS_H
#define CLNORM_TOOLS_RUN_FORMULAS_H

#include <family_shape.h>

#include "run_data.h"

typedef struct run_formulas {
  const run_data *data;
  family_shape shape; /* which statistic and parameter an element belongs to */
  double *memory;
  /* [statistics]; sum_h and sum_h_xh in backward passes only */
  double *sum_x, *mean, *squares, *var, *inv_std, *sum_h, *sum_h_xh;
  double *dgamma, *dbeta; /* [parameters], backward passes only */
} run_formulas;

/* 1 if mean and var are those of x; 0 if they are running or saved ones. var is then as far as it is known: not at all of a
 * saved inv_std. */
int formulas_use_x(const run_data *data);

/* Computes all sums. Returns 0, or -1 if memory is short, and then there is nothing to destroy. */
int formulas_make(const run_data *data, run_formulas *f);
void formulas_destroy(run_formulas *f);

/* Of one element, by its number in x. */
double formulas_gamma(const run_formulas *f, size_t element);
double formulas_beta(const run_formulas *f, size_t element);
double formulas_xh(const run_formulas *f, size_t element);
double formulas_z(const run_formulas *f, size_t element); /* gamma*xh + beta + residual */
double formulas_y(const run_formulas *f, size_t element); /* act(z) */
double formulas_g(const run_formulas *f, size_t element); /* dy*act'(z) */
double formulas_h(const run_formulas *f, size_t element); /* gamma*g */
double formulas_dx(const run_formulas *f, size_t element);

#endif
