#include "work_group.h"

#include <stdint.h>

/* Of a kernel without registers or local memory to speak of. */
static size_t ask(const clnorm_cl *cl)
{
  const char *text = "__kernel void nothing(__global uint *p) { p[0] = 0; }";
  size_t most = SIZE_MAX;
  cl_int error = CL_SUCCESS;
  cl_kernel kernel = NULL;
  cl_program program = clCreateProgramWithSource(cl->context, 1, &text, NULL, &error);
  if (program != NULL && clBuildProgram(program, 1, &cl->device, "", NULL, NULL) == CL_SUCCESS) {
    kernel = clCreateKernel(program, "nothing", &error);
  }
  if (kernel != NULL) {
    size_t limit = 0;
    error = clGetKernelWorkGroupInfo(kernel, cl->device, CL_KERNEL_WORK_GROUP_SIZE, sizeof limit, &limit, NULL);
    most = error == CL_SUCCESS && limit != 0 ? limit : SIZE_MAX;
    (void)clReleaseKernel(kernel);
  }
  if (program != NULL) {
    (void)clReleaseProgram(program);
  }
  return most;
}

void clnorm__work_group_learn(clnorm_cl *cl)
{
  (void)pthread_mutex_lock(&cl->mutex);
  if (!cl->knows_work_group) {
    atomic_store(&cl->work_group_most, ask(cl));
    cl->knows_work_group = 1;
  }
  (void)pthread_mutex_unlock(&cl->mutex);
}

size_t clnorm__work_group_most(const clnorm_cl *cl) { return atomic_load(&cl->work_group_most); }
