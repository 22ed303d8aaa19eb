#include "net_device.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "net_kernels_source.h"
#include "net_tensor.h"

/* After opencl.h, which says which version of OpenCL's headers is meant. */
#include <clblast_c.h>

/* One size for all kernels: some runtimes compile a kernel again for each size of work-group. */
#define GROUP 64

int net_device_ok(const net_device *device) { return device->error[0] == '\0'; }

void net_device_clear(net_device *device) { device->error[0] = '\0'; }

void net_device_fail(net_device *device, const char *format, ...)
{
  va_list arguments;
  if (net_device_ok(device)) {
    va_start(arguments, format);
    vsnprintf(device->error, sizeof device->error, format, arguments);
    va_end(arguments);
  }
}

int net_check(net_device *device, clnorm_status status, const char *call)
{
  if (status != CLNORM_SUCCESS) {
    net_device_fail(device, "%s: %s", call, clnorm_last_error());
  }
  return status == CLNORM_SUCCESS;
}

int net_check_cl(net_device *device, cl_int status, const char *call)
{
  if (status != CL_SUCCESS) {
    net_device_fail(device, "%s failed with %d", call, (int)status);
  }
  return status == CL_SUCCESS;
}

static void build(net_device *device)
{
  const char *text = net_kernels_source;
  const cl_device_id id = device->info.device;
  cl_int status;
  device->program = clCreateProgramWithSource(device->context, 1, &text, NULL, &status);
  if (!net_check_cl(device, status, "clCreateProgramWithSource")) {
    return;
  }
  if (clBuildProgram(device->program, 1, &id, "", NULL, NULL) != CL_SUCCESS) {
    char log[400] = "";
    clGetProgramBuildInfo(device->program, id, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log, NULL);
    net_device_fail(device, "net_kernels.cl does not compile: %s", log);
    return;
  }
  net_check_cl(device, clCreateKernelsInProgram(device->program, NET_KERNELS, device->kernels, &device->kernel_count),
               "clCreateKernelsInProgram");
}

void net_device_open(net_device *device, const char *selector, uint64_t seed)
{
  cl_int status;
  memset(device, 0, sizeof *device);
  net_device_seed(device, seed);
  if (!net_check(device, clnorm_cl_select_device(selector, &device->info), "select_device")) {
    return;
  }
  device->context = clCreateContext(NULL, 1, &device->info.device, NULL, NULL, &status);
  if (!net_check_cl(device, status, "clCreateContext")) {
    return;
  }
  device->queue = clCreateCommandQueue(device->context, device->info.device, 0, &status);
  if (net_check_cl(device, status, "clCreateCommandQueue") &&
      net_check(device, clnorm_cl_create(device->context, device->info.device, &device->cl), "cl_create")) {
    build(device);
  }
}

void net_device_close(net_device *device)
{
  net_device_finish(device);
  CLBlastClearCache(); /* which holds programs, and by them the context */
  for (cl_uint i = 0; i < device->kernel_count; i++) {
    clReleaseKernel(device->kernels[i]);
  }
  if (device->program != NULL) {
    clReleaseProgram(device->program);
  }
  clnorm_cl_destroy(device->cl);
  if (device->queue != NULL) {
    clReleaseCommandQueue(device->queue);
  }
  if (device->context != NULL) {
    clReleaseContext(device->context);
  }
  memset(device, 0, offsetof(net_device, error));
}

void net_device_seed(net_device *device, uint64_t seed)
{
  device->seed = seed;
  device->streams = 0;
}

uint32_t net_device_stream(net_device *device) { return device->streams++; }

void net_device_finish(net_device *device)
{
  if (device->queue != NULL) {
    net_check_cl(device, clFinish(device->queue), "clFinish");
  }
}

/* ---- launching ---------------------------------------------------------------------------------------------------- */

static cl_kernel find(net_device *device, const char *name)
{
  for (cl_uint i = 0; i < device->kernel_count; i++) {
    char found[64] = "";
    clGetKernelInfo(device->kernels[i], CL_KERNEL_FUNCTION_NAME, sizeof found, found, NULL);
    if (strcmp(found, name) == 0) {
      return device->kernels[i];
    }
  }
  net_device_fail(device, "net_kernels.cl has no kernel %s", name);
  return NULL;
}

/* Sets one argument of the kit, which is one or two of the kernel. */
static cl_int set(cl_kernel kernel, cl_uint *index, const net_arg *arg)
{
  if (arg->tensor == NULL) {
    const void *value = arg->is_real ? (const void *)&arg->real : (const void *)&arg->whole;
    return clSetKernelArg(kernel, (*index)++, sizeof(cl_uint), value);
  }
  const cl_uint offset = (cl_uint)arg->tensor->offset;
  const cl_int status = clSetKernelArg(kernel, (*index)++, sizeof(cl_mem), &arg->tensor->memory);
  return status == CL_SUCCESS ? clSetKernelArg(kernel, (*index)++, sizeof offset, &offset) : status;
}

void net_launch(net_device *device, const char *kernel, size_t count, const net_arg *args, size_t arg_count)
{
  cl_kernel found;
  cl_uint index = 0;
  const net_arg first = net_u(count);
  const size_t local = GROUP;
  const size_t global = (count + GROUP - 1) / GROUP * GROUP;
  if (count == 0 || !net_device_ok(device) || (found = find(device, kernel)) == NULL) {
    return;
  }
  cl_int status = set(found, &index, &first);
  for (size_t i = 0; i < arg_count && status == CL_SUCCESS; i++) {
    status = set(found, &index, &args[i]);
  }
  if (status == CL_SUCCESS) {
    status = clEnqueueNDRangeKernel(device->queue, found, 1, NULL, &global, &local, 0, NULL, NULL);
  }
  net_check_cl(device, status, kernel);
}
