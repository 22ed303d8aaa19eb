/* A plan on a device: the plan's data, and for each step a pool of kernel objects. */
#ifndef CLNORM_HOST_PLAN_CL_H
#define CLNORM_HOST_PLAN_CL_H

#include "context.h"

/* Kernel objects carry their arguments, so no two threads may use one at a time: each call takes one from the pool. */
typedef struct clnorm__pooled_kernel {
  struct clnorm__pooled_kernel *next;
  int aligned; /* whose pool it is */
  cl_kernel kernel;
} clnorm__pooled_kernel;

struct clnorm_cl_plan {
  clnorm_cl *cl;
  clnorm_plan data;
  pthread_mutex_t mutex; /* guards what follows */
  /* [1]: of steps that are `aligned`, for tensors that begin at whole vectors. [0]: of the others, and for tensors that begin
   * anywhere; of aligned steps built when the first comes. The programs belong to cl. */
  cl_program programs[CLNORM__MAX_STEPS][2];
  clnorm__pooled_kernel *pools[CLNORM__MAX_STEPS][2];
};

/* A kernel object of the step for this thread alone, until it is put back. aligned: 0, or 1 if the step is. */
clnorm_status clnorm__kernel_take(clnorm_cl_plan *plan, int step, int aligned, clnorm__pooled_kernel **kernel);
void clnorm__kernel_put(clnorm_cl_plan *plan, int step, clnorm__pooled_kernel *kernel);

#endif
