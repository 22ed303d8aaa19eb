/* One pass of batch normalization over one shape, run with its optional arguments present and absent, compared with the reference. */
#ifndef CLNORM_TOOLS_CHECK_CASE_H
#define CLNORM_TOOLS_CHECK_CASE_H

#include <clnorm/clnorm.h>

#include "check_result.h"
#include "engine.h"

/* The data of a case. */
typedef struct check_input {
  clnorm_desc desc;
  const float *x;
  double mean, std; /* about: running statistics are drawn near them */
  int outliers;     /* see oracle_inputs */
  char label[80];   /* "normal, mean/std 1e+04" */
} check_input;

typedef enum check_breadth {
  CHECK_FEW = 1, /* every argument, every argument in place, no optional argument */
  CHECK_ALL = 2  /* every subset of the optional arguments */
} check_breadth;

/* Returns 0, or -1 if the host's memory is short. */
int check_case(engine *e, const check_input *input, clnorm_pass pass, check_breadth breadth, check_result *result);

#endif
