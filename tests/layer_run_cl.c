/* The OpenCL half of layer_run.h. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "cl_fixture.h"
#include "layer_run.h"

struct layer_run_cl {
  cl_fixture fixture;
};

layer_run_cl *layer_run_cl_open(void)
{
  layer_run_cl *cl = calloc(1, sizeof *cl);
  cr_assert(cl != NULL);
  cl->fixture = cl_fixture_open();
  return cl;
}

void layer_run_cl_close(layer_run_cl *cl)
{
  cl_fixture_close(&cl->fixture);
  free(cl);
}

clnorm_status layer_run_cl_create(const layer_run_cl *cl, const clnorm_desc *desc, clnorm_layer **layer)
{
  return clnorm_cl_layer_create(cl->fixture.cl, cl->fixture.queue, desc, layer);
}

/* A buffer with what the host has. An absent argument, or one that shares memory with another, has none of its own. */
static cl_mem memory_of(const layer_run_cl *cl, const trial_buffer *b)
{
  cl_int code;
  if (b == NULL || b->memory == NULL || b->shared >= 0) {
    return NULL;
  }
  cl_mem memory =
      clCreateBuffer(cl->fixture.context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, b->bytes, b->memory, &code);
  CHECK_CL(code);
  return memory;
}

static clnorm_buffer argument_of(const trial_buffer *b, cl_mem memory)
{
  return memory == NULL ? (clnorm_buffer){NULL, 0, 0} : (clnorm_buffer){memory, b->start / b->element, b->count};
}

/* Back to the host, also what lies around the tensor. */
static void take_back(const layer_run_cl *cl, const trial_buffer *b, cl_mem memory)
{
  if (memory != NULL) {
    CHECK_CL(clEnqueueReadBuffer(cl->fixture.queue, memory, CL_TRUE, 0, b->bytes, b->memory, 0, NULL, NULL));
    CHECK_CL(clReleaseMemObject(memory));
  }
}

static void wait_for(cl_event event)
{
  CHECK_CL(clWaitForEvents(1, &event));
  CHECK_CL(clReleaseEvent(event));
}

clnorm_status layer_run_cl_forward(const layer_run_cl *cl, clnorm_layer *layer, const layer_call *call)
{
  cl_event event = NULL;
  cl_mem x = memory_of(cl, call->x);
  cl_mem y = memory_of(cl, call->y);
  const clnorm_status status = clnorm_cl_layer_forward(layer, call->batch, argument_of(call->x, x),
                                                       argument_of(call->y, y == NULL ? x : y), 0, NULL, &event);
  if (status == CLNORM_SUCCESS) {
    wait_for(event);
  }
  take_back(cl, call->x, x);
  take_back(cl, call->y, y);
  return status;
}

clnorm_status layer_run_cl_backward(const layer_run_cl *cl, clnorm_layer *layer, const layer_call *call)
{
  cl_event event = NULL;
  cl_mem x = memory_of(cl, call->x);
  cl_mem dy = memory_of(cl, call->dy);
  cl_mem dx = memory_of(cl, call->dx);
  const int in_place = call->dx->memory != NULL && call->dx->shared >= 0;
  const clnorm_status status =
      clnorm_cl_layer_backward(layer, call->batch, argument_of(call->x, x), argument_of(call->dy, dy),
                               argument_of(call->dx, in_place ? dy : dx), 0, NULL, &event);
  if (status == CLNORM_SUCCESS) {
    wait_for(event);
  }
  take_back(cl, call->x, x);
  take_back(cl, call->dy, dy);
  take_back(cl, call->dx, dx);
  return status;
}
