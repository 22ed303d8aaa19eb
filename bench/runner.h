/* Something that can be timed: a copy, a pass of the library on a device or on the CPU backend, a peer's pass. */
#ifndef CLNORM_BENCH_RUNNER_H
#define CLNORM_BENCH_RUNNER_H

#include <stddef.h>

#include "workload.h"

#define RUNNER_ERROR_BYTES 512

typedef struct runner {
  char name[48];
  void *self;                            /* NULL: not open */
  const clnorm_plan *plan;               /* that a pass of the library runs; NULL: something else */
  int (*run)(void *self, size_t times);  /* that often, and waits for the end; 0 or -1 */
  int (*fetch)(void *self, workload *w); /* brings the results into w->out; NULL: they are there already */
  void (*close)(void *self);
} runner;

/* Why a runner could not be opened. */
typedef struct runner_error {
  clnorm_status status; /* UNSUPPORTED, OUT_OF_MEMORY: the device cannot; anything else is a failure */
  char text[RUNNER_ERROR_BYTES];
} runner_error;

/* Records the sentence and returns -1. */
int runner_fail(runner_error *error, clnorm_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* NULL self is allowed; leaves *r empty. */
void runner_close(runner *r);

/* A pass on the CPU backend. `w` is kept by reference; results go straight into w->out. 0, or -1 with *error set.
 *   choice   as clnorm_plan_create_with takes it; NULL: as the library chooses */
int runner_open_cpu(runner *r, workload *w, clnorm_pass pass, const char *choice, runner_error *error);

/* Copies of `bytes` from one array to another in every way that this CPU knows; at most 3.
 * Returns how many were opened. */
size_t runner_open_copies_cpu(runner *runners, const void *from, void *to, size_t bytes);

#define RUNNER_COPIES 3

#endif
