#include "session_cl.h"

#include <string.h>

int session_cl_check(cl_int code, const char *call, runner_error *error)
{
  if (code == CL_SUCCESS) {
    return 0;
  }
  const int memory = code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES ||
                     code == CL_OUT_OF_HOST_MEMORY || code == CL_INVALID_BUFFER_SIZE;
  return runner_fail(error, memory ? CLNORM_OUT_OF_MEMORY : CLNORM_OPENCL_ERROR, "%s failed with the OpenCL error %d",
                     call, (int)code);
}

int session_cl_open(session_cl *session, const clnorm_cl_device *device, runner_error *error)
{
  cl_int code = CL_SUCCESS;
  const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)device->platform, 0};
  *session = (session_cl){.device = *device};
  session->context = clCreateContext(properties, 1, &device->device, NULL, NULL, &code);
  if (session_cl_check(code, "clCreateContext", error) != 0) {
    return -1;
  }
  session->queue = clCreateCommandQueue(session->context, device->device, 0, &code);
  if (session_cl_check(code, "clCreateCommandQueue", error) != 0) {
    session_cl_close(session);
    return -1;
  }
  return 0;
}

static void release_tensors(session_cl *session)
{
  cl_mem *const tensors[] = {&session->x, &session->dy, &session->out, &session->residual, &session->dresidual};
  for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
    if (*tensors[i] != NULL) {
      (void)clReleaseMemObject(*tensors[i]);
      *tensors[i] = NULL;
    }
  }
}

void session_cl_close(session_cl *session)
{
  release_tensors(session);
  if (session->queue != NULL) {
    (void)clReleaseCommandQueue(session->queue);
  }
  if (session->context != NULL) {
    (void)clReleaseContext(session->context);
  }
  *session = (session_cl){0};
}

cl_mem session_cl_upload(session_cl *session, const char *name, const void *from, size_t bytes, runner_error *error)
{
  cl_int code = CL_SUCCESS;
  cl_mem memory = clCreateBuffer(session->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
  if (session_cl_check(code, name, error) != 0) {
    return NULL;
  }
  code = clEnqueueWriteBuffer(session->queue, memory, CL_TRUE, 0, bytes, from, 0, NULL, NULL);
  if (session_cl_check(code, name, error) != 0) {
    (void)clReleaseMemObject(memory);
    return NULL;
  }
  return memory;
}

int session_cl_load(session_cl *session, const workload *w, runner_error *error)
{
  const size_t bytes = workload_tensor_bytes(w);
  const size_t tensors = w->residual != NULL ? 5 : 3;
  release_tensors(session);
  /* Asked for before they are made: some implementations allocate lazily and fail much later. */
  if (bytes > session->device.max_allocation) {
    return runner_fail(error, CLNORM_OUT_OF_MEMORY, "a tensor has %zu bytes, the device's largest buffer has %llu",
                       bytes, (unsigned long long)session->device.max_allocation);
  }
  if (bytes > session->device.global_memory / tensors) {
    return runner_fail(error, CLNORM_OUT_OF_MEMORY, "%zu tensors of %zu bytes exceed the device's memory of %llu",
                       tensors, bytes, (unsigned long long)session->device.global_memory);
  }
  const struct {
    cl_mem *to;
    const char *name;
    const void *from;
  } all[] = {{&session->x, "the buffer of x", w->x},
             {&session->dy, "the buffer of dy", w->dy},
             {&session->out, "the buffer of the result", w->out.tensor},
             {&session->residual, "the buffer of the residual", w->residual},
             {&session->dresidual, "the buffer of dresidual", w->out.dresidual}};
  for (size_t i = 0; i < tensors; i++) {
    *all[i].to = session_cl_upload(session, all[i].name, all[i].from, bytes, error);
    if (*all[i].to == NULL) {
      release_tensors(session);
      return -1;
    }
  }
  return 0;
}

int session_cl_cache_is_on(const session_cl *session)
{
  clnorm_cl *cl = NULL;
  clnorm_cl_cache cache = {0};
  if (clnorm_cl_create(session->context, session->device.device, &cl) == CLNORM_SUCCESS) {
    clnorm_cl_cache_describe(cl, &cache);
  }
  clnorm_cl_destroy(cl);
  return cache.folder[0] != '\0';
}
