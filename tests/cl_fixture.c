#include "cl_fixture.h"

#include <stdlib.h>

#include "problem.h"

cl_context cl_fixture_context(const cl_fixture *f)
{
  cl_int code;
  cl_device_id device = f->found.device;
  cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, &code);
  CHECK_CL(code);
  return context;
}

cl_fixture cl_fixture_open(void)
{
  cl_fixture f = {.cl = NULL};
  cl_int code;
  expect_success(clnorm_cl_select_device(getenv("CLNORM_DEVICE"), &f.found));
  f.context = cl_fixture_context(&f);
  f.queue = clCreateCommandQueue(f.context, f.found.device, 0, &code);
  CHECK_CL(code);
  expect_success(clnorm_cl_create(f.context, f.found.device, &f.cl));
  return f;
}

void cl_fixture_close(cl_fixture *f)
{
  clnorm_cl_destroy(f->cl);
  CHECK_CL(clReleaseCommandQueue(f->queue));
  CHECK_CL(clReleaseContext(f->context));
}

cl_mem cl_fixture_buffer(cl_context context, cl_mem_flags flags, const float *data, size_t count)
{
  cl_int code;
  float *nothing = data == NULL ? new_floats(count) : NULL;
  float *from = nothing;
  if (data != NULL) {
    memcpy(&from, &data, sizeof from); /* OpenCL takes what it only reads without const */
  }
  cl_mem memory = clCreateBuffer(context, flags | CL_MEM_COPY_HOST_PTR, count * sizeof(float), from, &code);
  CHECK_CL(code);
  free(nothing);
  return memory;
}

void cl_fixture_read(cl_command_queue queue, cl_mem memory, size_t offset, float *data, size_t count)
{
  CHECK_CL(
      clEnqueueReadBuffer(queue, memory, CL_TRUE, offset * sizeof(float), count * sizeof(float), data, 0, NULL, NULL));
}
