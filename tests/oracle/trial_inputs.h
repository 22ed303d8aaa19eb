/* The data of a trial: dense arrays of double that the storage types hold exactly. */
#ifndef CLNORM_TESTS_TRIAL_INPUTS_H
#define CLNORM_TESTS_TRIAL_INPUTS_H

#include "trial.h"

typedef struct trial_inputs {
  family_shape shape;
  double *x, *dy, *residual, *dx;                                     /* [elements] */
  double *gamma, *beta, *running_mean, *running_var, *dgamma, *dbeta; /* [parameters] */
  int32_t *lengths;                                                   /* [N]; NULL without a length_axis */
  uint32_t *mask;                                                     /* [words] */
} trial_inputs;

/* 0, or -1 if memory is short; then there is nothing to destroy. */
int trial_inputs_create(trial_inputs *in, const clnorm_desc *desc, const trial_data *data);

/* Of created or zeroed inputs. */
void trial_inputs_destroy(trial_inputs *in);

#endif
