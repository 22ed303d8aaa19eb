/* Which process uses OpenCL: runtimes keep threads and locks that a fork does not bring along, so a child must not. */
#ifndef CLNORM_HOST_PROCESS_H
#define CLNORM_HOST_PROCESS_H

#include "clnorm/clnorm.h"

/* Remembers the first process that calls it; FORKED in its children. A number, no OpenCL object, is all that is kept. */
clnorm_status clnorm__process_check(void);

#endif
