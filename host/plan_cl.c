#include "plan_cl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cl_status.h"
#include "process.h"
#include "work_group.h"

/* A kernel object from the pool or, if that is empty, the program to make one of. The caller holds the mutex. */
static clnorm_status take_or_program(clnorm_cl_plan *plan, int index, int aligned, clnorm__pooled_kernel **kernel,
                                     cl_program *program)
{
  clnorm_status status = CLNORM_SUCCESS;
  clnorm__step step = plan->data.steps[index];
  step.aligned = aligned;
  *kernel = plan->pools[index][aligned];
  if (*kernel != NULL) {
    plan->pools[index][aligned] = (*kernel)->next;
    return CLNORM_SUCCESS;
  }
  if (plan->programs[index][aligned] == NULL) {
    CLNORM__TRY(clnorm__program_get(plan->cl, &plan->data.desc, &step, &plan->programs[index][aligned]));
  }
  *program = plan->programs[index][aligned];
done:
  return status;
}

clnorm_status clnorm__kernel_take(clnorm_cl_plan *plan, int step, int aligned, clnorm__pooled_kernel **kernel)
{
  clnorm_status status;
  cl_int error;
  cl_program program = NULL;
  clnorm__pooled_kernel *taken = NULL;
  (void)pthread_mutex_lock(&plan->mutex);
  status = take_or_program(plan, step, aligned, kernel, &program);
  (void)pthread_mutex_unlock(&plan->mutex);
  if (status != CLNORM_SUCCESS || *kernel != NULL) {
    return status;
  }
  taken = calloc(1, sizeof *taken);
  if (taken == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "plan: %zu bytes of host memory were refused", sizeof *taken);
  }
  taken->aligned = aligned;
  taken->kernel = clCreateKernel(program, clnorm__role_name(plan->data.steps[step].role), &error);
  CLNORM__TRY(clnorm__cl_check(error, "clCreateKernel"));
  *kernel = taken;
  taken = NULL;
done:
  free(taken);
  return status;
}

void clnorm__kernel_put(clnorm_cl_plan *plan, int step, clnorm__pooled_kernel *kernel)
{
  if (kernel == NULL) {
    return;
  }
  (void)pthread_mutex_lock(&plan->mutex);
  kernel->next = plan->pools[step][kernel->aligned];
  plan->pools[step][kernel->aligned] = kernel;
  (void)pthread_mutex_unlock(&plan->mutex);
}

static void drop_pool(clnorm__pooled_kernel *pool, int usable)
{
  while (pool != NULL) {
    clnorm__pooled_kernel *kernel = pool;
    pool = kernel->next;
    if (usable) {
      (void)clReleaseKernel(kernel->kernel);
    }
    free(kernel);
  }
}

/* What was made for the steps; another plan may follow. */
static void drop_kernels(clnorm_cl_plan *plan)
{
  const int usable = plan->cl->owner == getpid();
  for (int i = 0; i < CLNORM__MAX_STEPS; i++) {
    drop_pool(plan->pools[i][0], usable);
    drop_pool(plan->pools[i][1], usable);
  }
  memset(plan->pools, 0, sizeof plan->pools);
  memset(plan->programs, 0, sizeof plan->programs);
}

/* The largest work-group that the compiled kernel allows here; it may be less than the device's, for want of registers.
 */
static clnorm_status kernel_limit(clnorm_cl_plan *plan, int step, size_t *limit)
{
  clnorm_status status;
  clnorm__pooled_kernel *kernel = NULL;
  CLNORM__TRY(clnorm__kernel_take(plan, step, plan->data.steps[step].aligned, &kernel));
  CLNORM__TRY_CL(clGetKernelWorkGroupInfo(kernel->kernel, plan->cl->device, CL_KERNEL_WORK_GROUP_SIZE, sizeof *limit,
                                          limit, NULL));
done:
  clnorm__kernel_put(plan, step, kernel);
  return status;
}

static uint64_t largest_local(const clnorm_plan *plan)
{
  uint64_t largest = 1;
  for (int i = 0; i < plan->num_steps; i++) {
    largest = plan->steps[i].local > largest ? plan->steps[i].local : largest;
  }
  return largest;
}

/* Builds what the plan needs. *allowed is the plan's largest work-group, or less if a kernel does not allow that: then what
 * is left is not built, for another plan will be made. */
static clnorm_status prepare(clnorm_cl_plan *plan, uint64_t *allowed)
{
  clnorm_status status = CLNORM_SUCCESS;
  const uint64_t most = clnorm__work_group_most(plan->cl);
  *allowed = largest_local(&plan->data);
  if (*allowed > most) {
    *allowed = most;
    return status;
  }
  for (int i = 0; i < plan->data.num_steps; i++) {
    size_t limit = 0;
    CLNORM__TRY(kernel_limit(plan, i, &limit));
    if (limit < plan->data.steps[i].local) {
      *allowed = limit;
      clnorm__work_group_learn(plan->cl);
      break;
    }
  }
done:
  return status;
}

static clnorm_status make(clnorm_cl_plan *plan, const clnorm_desc *desc, clnorm_pass pass, const char *choice)
{
  clnorm_status status;
  uint64_t allowed = 0;
  clnorm__capabilities capabilities = plan->cl->capabilities;
  for (;;) {
    CLNORM__TRY(clnorm__plan_make_with(desc, pass, choice, &capabilities, &plan->data));
    CLNORM__TRY(prepare(plan, &allowed));
    if (allowed >= largest_local(&plan->data) || capabilities.max_work_group <= 1) {
      break;
    }
    drop_kernels(plan);
    capabilities.max_work_group = allowed != 0 ? allowed : 1;
  }
done:
  return status;
}

clnorm_status clnorm_cl_plan_create(clnorm_cl *cl, const clnorm_desc *desc, clnorm_pass pass, clnorm_cl_plan **plan)
{
  return clnorm_cl_plan_create_with(cl, desc, pass, NULL, plan);
}

clnorm_status clnorm_cl_plan_create_with(clnorm_cl *cl, const clnorm_desc *desc, clnorm_pass pass, const char *choice,
                                         clnorm_cl_plan **plan)
{
  clnorm_status status;
  clnorm_cl_plan *made = NULL;
  clnorm__error_begin();
  if (cl == NULL || plan == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "%s: expected a pointer, got NULL", cl == NULL ? "cl" : "plan");
  }
  CLNORM__TRY(clnorm__process_check());
  made = calloc(1, sizeof *made);
  if (made == NULL || pthread_mutex_init(&made->mutex, NULL) != 0) {
    free(made);
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "plan: %zu bytes of host memory were refused", sizeof *made);
  }
  made->cl = clnorm__cl_retain(cl);
  CLNORM__TRY(make(made, desc, pass, choice));
  *plan = made;
  made = NULL;
done:
  clnorm_cl_plan_destroy(made);
  return status;
}

void clnorm_cl_plan_destroy(clnorm_cl_plan *plan)
{
  if (plan == NULL) {
    return;
  }
  drop_kernels(plan);
  (void)pthread_mutex_destroy(&plan->mutex);
  clnorm__cl_release(plan->cl);
  free(plan);
}

const clnorm_plan *clnorm_cl_plan_data(const clnorm_cl_plan *plan) { return plan == NULL ? NULL : &plan->data; }
