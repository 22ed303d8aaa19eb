/* A plan on a device: the plan's data, and for each step a pool of kernel objects. */
#ifndef CLNORM_HOST_PLAN_CL_H
#define CLNORM_HOST_PLAN_CL_H

#include "context.h"

/* Kernel objects carry their arguments, so no two threads may use one at a time: each call takes one from the pool. */
typedef struct clnorm__pooled_kernel {
  struct clnorm__pooled_kernel *next;
  cl_kernel kernel;
} clnorm__pooled_kernel;

struct clnorm_cl_plan {
  clnorm_cl *cl;
  clnorm_plan data;
  cl_program programs[CLNORM__MAX_STEPS]; /* belong to cl */
  pthread_mutex_t mutex;                  /* guards the pools */
  clnorm__pooled_kernel *pools[CLNORM__MAX_STEPS];
};

/* A kernel object of the step for this thread alone, until it is put back. */
clnorm_status clnorm__kernel_take(clnorm_cl_plan *plan, int step, clnorm__pooled_kernel **kernel);
void clnorm__kernel_put(clnorm_cl_plan *plan, int step, clnorm__pooled_kernel *kernel);

#endif
