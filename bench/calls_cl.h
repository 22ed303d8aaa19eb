/* The ways in which a pass on an OpenCL device is called when the calls are what is measured. */
#ifndef CLNORM_BENCH_CALLS_CL_H
#define CLNORM_BENCH_CALLS_CL_H

#include "pass_cl.h"

/* Launches of empty kernels with as many arguments as a pass sets. */
typedef struct bare_calls {
  const pass_cl *pass;
  clnorm_cl_cost cost;
  cl_program program;
  cl_kernel *kernels; /* one a launch */
} bare_calls;

/* 0, or -1 with *error set; then nothing is open. The pass is kept by reference. */
int bare_calls_open(bare_calls *bare, const pass_cl *pass, runner_error *error);

/* Of an open or zeroed one. */
void bare_calls_close(bare_calls *bare);

/* As measure_subject.run: calls of the pass, each waited for. `self` is a pass_cl. */
int calls_run_waited(void *self, size_t times);

/* As measure_subject.timed: the host's seconds in calls behind a closed gate, so that nothing runs meanwhile. `self` is a
 * pass_cl, a bare_calls. */
int calls_time_enqueue(void *self, size_t times, double *seconds);
int calls_time_bare(void *self, size_t times, double *seconds);

#endif
