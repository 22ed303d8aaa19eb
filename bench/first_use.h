/* The first use of a pass in a new process, with its programs compiled and with them from the cache on disk. In the measuring
 * process itself it cannot be timed: drivers keep what they once compiled or loaded. Processes that fork after their first use
 * of OpenCL cannot use it in the child, so a helper is forked before it and forks a child for each question. */
#ifndef CLNORM_BENCH_FIRST_USE_H
#define CLNORM_BENCH_FIRST_USE_H

#include <clnorm/clnorm.h>
#include <stddef.h>

/* Seconds from an open context to the end of the first run. */
typedef struct first_use_times {
  double compiled; /* without the cache */
  double cached;   /* 0: the cache could not be filled */
} first_use_times;

typedef struct first_use first_use;

/* Before the process first uses OpenCL. NULL if there is no such helper: then all times are 0. */
first_use *first_use_start(void);

/* NULL is allowed. */
void first_use_stop(first_use *helper);

/* Where the cache is on; takes some seconds if it has to be filled.
 *   device   number in clnorm_cl_list_devices' list */
first_use_times first_use_ask(first_use *helper, size_t device, const clnorm_desc *desc, clnorm_pass pass);

#endif
