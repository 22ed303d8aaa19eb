/* The copies of an OpenCL device: two kernels and the command for it. */
#include <stdio.h>
#include <stdlib.h>

#include "copy_sources.h"
#include "session_cl.h"

/* Work-items of a CPU device for each compute unit: long runs, yet enough of them for an even share. */
#define ITEMS_A_UNIT 8
#define GROUP_SIZE 256

typedef struct copy_cl {
  session_cl *session;
  cl_program program;
  cl_kernel kernel; /* NULL: clEnqueueCopyBuffer */
  size_t global, local, bytes;
} copy_cl;

static void close_copy(void *self)
{
  copy_cl *copy = self;
  if (copy->kernel != NULL) {
    (void)clReleaseKernel(copy->kernel);
  }
  if (copy->program != NULL) {
    (void)clReleaseProgram(copy->program);
  }
  free(copy);
}

static int run_copy(void *self, size_t times)
{
  const copy_cl *copy = self;
  const cl_command_queue queue = copy->session->queue;
  cl_int code = CL_SUCCESS;
  for (size_t i = 0; i < times && code == CL_SUCCESS; i++) {
    code = copy->kernel != NULL
               ? clEnqueueNDRangeKernel(queue, copy->kernel, 1, NULL, &copy->global, &copy->local, 0, NULL, NULL)
               : clEnqueueCopyBuffer(queue, copy->session->x, copy->session->out, 0, 0, copy->bytes, 0, NULL, NULL);
  }
  return clFinish(queue) == CL_SUCCESS && code == CL_SUCCESS ? 0 : -1;
}

static int build(copy_cl *copy, const char *name, const char *source, size_t width)
{
  cl_int code = CL_SUCCESS;
  char options[96];
  (void)snprintf(options, sizeof options, "-cl-std=CL1.2 -DVECTOR=float%zu -DWIDTH=%zu", width, width);
  copy->program = clCreateProgramWithSource(copy->session->context, 1, &source, NULL, &code);
  if (copy->program == NULL) {
    return -1;
  }
  code = clBuildProgram(copy->program, 1, &copy->session->device.device, options, NULL, NULL);
  if (code == CL_SUCCESS) {
    copy->kernel = clCreateKernel(copy->program, name, &code);
  }
  return code == CL_SUCCESS ? 0 : -1;
}

static int set_arguments(copy_cl *copy, size_t width)
{
  const cl_ulong count = copy->bytes / sizeof(float); /* of a half type the last element may be left over */
  const size_t vectors = (size_t)count / width;
  cl_ulong block = 1;
  copy->local = 1;
  if (copy->session->device.type & CL_DEVICE_TYPE_CPU) {
    copy->global = (size_t)copy->session->device.compute_units * ITEMS_A_UNIT;
    block = (vectors + copy->global - 1) / copy->global;
  } else {
    const size_t most = copy->session->device.max_work_group;
    copy->local = most < GROUP_SIZE ? most : GROUP_SIZE;
    copy->global = (vectors / copy->local + 1) * copy->local;
  }
  cl_int code = clSetKernelArg(copy->kernel, 0, sizeof(cl_mem), &copy->session->x);
  code |= clSetKernelArg(copy->kernel, 1, sizeof(cl_mem), &copy->session->out);
  code |= clSetKernelArg(copy->kernel, 2, sizeof count, &count);
  code |= clSetKernelArg(copy->kernel, 3, sizeof block, &block);
  return code == CL_SUCCESS ? 0 : -1;
}

/* source NULL: clEnqueueCopyBuffer. A copy that the device cannot do is simply not there. */
static int open_copy(runner *r, session_cl *session, size_t bytes, const char *name, const char *kernel,
                     const char *source)
{
  copy_cl *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return -1;
  }
  const size_t width = session->device.type & CL_DEVICE_TYPE_CPU ? 16 : 4;
  made->session = session;
  made->bytes = bytes;
  if ((source != NULL && (build(made, kernel, source, width) != 0 || set_arguments(made, width) != 0)) ||
      run_copy(made, 1) != 0) {
    close_copy(made);
    return -1;
  }
  *r = (runner){.self = made, .run = run_copy, .close = close_copy};
  (void)snprintf(r->name, sizeof r->name, "%s", name);
  return 0;
}

size_t runner_open_copies_cl(runner *runners, session_cl *session, size_t bytes)
{
  size_t count = 0;
  count += open_copy(&runners[count], session, bytes, "plain kernel", "copy_plain", copy_plain_source) == 0;
  count += open_copy(&runners[count], session, bytes, "streaming kernel", "copy_stream", copy_stream_source) == 0;
  count += open_copy(&runners[count], session, bytes, "clEnqueueCopyBuffer", NULL, NULL) == 0;
  return count;
}
