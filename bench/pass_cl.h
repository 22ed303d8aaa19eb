/* A pass that is open on an OpenCL device: what runner_open_cl makes, for those that call it in other ways than
 * runner.run does. */
#ifndef CLNORM_BENCH_PASS_CL_H
#define CLNORM_BENCH_PASS_CL_H

#include "session_cl.h"

#define PASS_MAX_SMALL 8

/* The `self` of the runner. */
typedef struct pass_cl {
  session_cl *session;
  clnorm_cl *cl;
  clnorm_cl_plan *plan;
  clnorm_cl_args args;
  cl_mem small[PASS_MAX_SMALL];  /* parameters, statistics, gradients */
  void *results[PASS_MAX_SMALL]; /* where on the host; NULL: an input */
  size_t bytes[PASS_MAX_SMALL];
  size_t used;
} pass_cl;

#endif
