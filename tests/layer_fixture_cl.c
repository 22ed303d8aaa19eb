/* The OpenCL half of layer_fixture.h. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "layer_fixture.h"

#define CHECK_CL(call)                                                       \
  do {                                                                       \
    const cl_int check_got = (call);                                         \
    cr_assert(check_got == CL_SUCCESS, "%s gave %d", #call, (int)check_got); \
  } while (0)

void layer_fixture_cl_open(layer_fixture *f, const char *selector)
{
  cl_int code;
  clnorm_cl_device found;
  cl_command_queue_properties offered = 0;
  cr_assert(clnorm_cl_select_device(selector, &found) == CLNORM_SUCCESS, "no device for the test: %s",
            clnorm_last_error());
  f->device = found.device;
  f->context = clCreateContext(NULL, 1, &found.device, NULL, NULL, &code);
  CHECK_CL(code);
  CHECK_CL(clGetDeviceInfo(f->device, CL_DEVICE_QUEUE_PROPERTIES, sizeof offered, &offered, NULL));
  f->queue = clCreateCommandQueue(f->context, f->device, offered & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
  CHECK_CL(code);
  cr_assert(clnorm_cl_create(f->context, f->device, &f->cl) == CLNORM_SUCCESS, "%s", clnorm_last_error());
}

static cl_uint references(const layer_fixture *f)
{
  cl_uint of_context = 0;
  cl_uint of_queue = 0;
  CHECK_CL(clGetContextInfo(f->context, CL_CONTEXT_REFERENCE_COUNT, sizeof of_context, &of_context, NULL));
  CHECK_CL(clGetCommandQueueInfo(f->queue, CL_QUEUE_REFERENCE_COUNT, sizeof of_queue, &of_queue, NULL));
  return of_context + of_queue;
}

void layer_fixture_cl_close(layer_fixture *f)
{
  cl_int code;
  clnorm_cl_destroy(f->cl);
  CHECK_CL(clFinish(f->queue));
  /* What a fresh pair of context and queue counts; runtimes differ in what they count. */
  layer_fixture fresh = *f;
  fresh.context = clCreateContext(NULL, 1, &f->device, NULL, NULL, &code);
  CHECK_CL(code);
  fresh.queue = clCreateCommandQueue(fresh.context, f->device, 0, &code);
  CHECK_CL(code);
  const cl_uint expected = references(&fresh);
  CHECK_CL(clReleaseCommandQueue(fresh.queue));
  CHECK_CL(clReleaseContext(fresh.context));
  /* Finished commands are taken apart by threads of the runtime's own. */
  for (int i = 0; i < 200 && references(f) != expected; i++) {
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
  cr_assert(references(f) == expected, "context and queue have %u references, expected %u", references(f), expected);
  CHECK_CL(clReleaseCommandQueue(f->queue));
  CHECK_CL(clReleaseContext(f->context));
}

/* from NULL: NaN. */
static cl_mem buffer_of(const layer_fixture *f, const float *from, size_t elements)
{
  cl_int code;
  float *content = malloc((elements + 1) * sizeof *content);
  cr_assert(content != NULL);
  for (size_t i = 0; i <= elements; i++) {
    content[i] = from == NULL || i == elements ? NAN : from[i];
  }
  cl_mem made = clCreateBuffer(f->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, (elements + 1) * sizeof *content,
                               content, &code);
  CHECK_CL(code);
  free(content);
  return made;
}

/* After the event, which is released. */
static void fetch(const layer_fixture *f, cl_mem from, float *to, size_t elements, cl_event event)
{
  CHECK_CL(clWaitForEvents(1, &event));
  CHECK_CL(clReleaseEvent(event));
  if (to != NULL && elements != 0) {
    CHECK_CL(clEnqueueReadBuffer(f->queue, from, CL_TRUE, 0, elements * sizeof *to, to, 0, NULL, NULL));
  }
}

clnorm_status layer_fixture_cl_forward(layer_fixture *f, size_t batch, const float *x, float *y, size_t elements)
{
  cl_event event = NULL;
  cl_mem in = buffer_of(f, x, elements);
  cl_mem out = y == x ? in : buffer_of(f, NULL, elements);
  const clnorm_status status = clnorm_cl_layer_forward(f->layer, batch, (clnorm_buffer){in, 0, elements},
                                                       (clnorm_buffer){out, 0, elements}, 0, NULL, &event);
  if (status == CLNORM_SUCCESS) {
    fetch(f, out, y, elements, event);
  }
  if (out != in) {
    CHECK_CL(clReleaseMemObject(out));
  }
  CHECK_CL(clReleaseMemObject(in));
  return status;
}

clnorm_status layer_fixture_cl_backward(layer_fixture *f, size_t batch, const float *x, const float *dy, float *dx,
                                        size_t elements)
{
  cl_event event = NULL;
  cl_mem in = buffer_of(f, x, elements);
  cl_mem gradient = buffer_of(f, dy, elements);
  cl_mem out = dx == NULL ? NULL : (dx == dy ? gradient : buffer_of(f, NULL, elements));
  const clnorm_status status = clnorm_cl_layer_backward(
      f->layer, batch, (clnorm_buffer){in, 0, elements}, (clnorm_buffer){gradient, 0, elements},
      (clnorm_buffer){out, 0, out == NULL ? 0 : elements}, 0, NULL, &event);
  if (status == CLNORM_SUCCESS) {
    fetch(f, out, dx, elements, event);
  }
  if (out != NULL && out != gradient) {
    CHECK_CL(clReleaseMemObject(out));
  }
  CHECK_CL(clReleaseMemObject(gradient));
  CHECK_CL(clReleaseMemObject(in));
  return status;
}
