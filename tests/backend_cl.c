/* The OpenCL half of backend.h. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "clnorm/opencl.h"

struct backend_cl {
  cl_context context;
  cl_command_queue queue;
  clnorm_cl *cl;
  clnorm_cl_plan *plan;
};

#define CHECK_CL(call)                                               \
  do {                                                               \
    const cl_int given = (call);                                     \
    cr_assert(given == CL_SUCCESS, "%s gave %d", #call, (int)given); \
  } while (0)

backend_cl *backend_cl_open(const char *selector)
{
  cl_int code;
  clnorm_cl_device found;
  backend_cl *b = calloc(1, sizeof *b);
  cr_assert(b != NULL);
  cr_assert(clnorm_cl_select_device(selector, &found) == CLNORM_SUCCESS, "no device for the test: %s",
            clnorm_last_error());
  b->context = clCreateContext(NULL, 1, &found.device, NULL, NULL, &code);
  CHECK_CL(code);
  b->queue = clCreateCommandQueue(b->context, found.device, 0, &code);
  CHECK_CL(code);
  cr_assert(clnorm_cl_create(b->context, found.device, &b->cl) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  return b;
}

struct clnorm_cl *backend_cl_get(const backend_cl *b) { return b->cl; }

void backend_cl_close(backend_cl *b)
{
  clnorm_cl_plan_destroy(b->plan);
  clnorm_cl_destroy(b->cl);
  CHECK_CL(clReleaseCommandQueue(b->queue));
  CHECK_CL(clReleaseContext(b->context));
  free(b);
}

clnorm_status backend_cl_plan(backend_cl *b, const clnorm_desc *desc, clnorm_pass pass, const char *choice,
                              const clnorm_plan **data)
{
  clnorm_cl_plan_destroy(b->plan);
  b->plan = NULL;
  const clnorm_status status = clnorm_cl_plan_create_with(b->cl, desc, pass, choice, &b->plan);
  *data = status == CLNORM_SUCCESS ? clnorm_cl_plan_data(b->plan) : NULL;
  return status;
}

static size_t slot_bytes(const backend_slot *slot)
{
  return (slot->offset + slot->count + BACKEND_GUARD) * sizeof(float);
}

clnorm_status backend_cl_execute(backend_cl *b, backend_slot slots[BACKEND_SLOTS + 1], uint64_t batch_number)
{
  cl_int code;
  cl_mem memories[BACKEND_SLOTS + 1] = {NULL};
  clnorm_buffer buffers[BACKEND_SLOTS + 1];
  memset(buffers, 0, sizeof buffers);
  for (int i = 0; i <= BACKEND_SLOTS; i++) {
    if (slots[i].memory != NULL) {
      memories[i] = clCreateBuffer(b->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, slot_bytes(&slots[i]),
                                   slots[i].memory, &code);
      CHECK_CL(code);
    }
  }
  for (int i = 0; i <= BACKEND_SLOTS; i++) {
    const int from = slots[i].shared >= 0 ? slots[i].shared : i;
    if (memories[from] != NULL) {
      buffers[i] = (clnorm_buffer){memories[from], slots[from].offset, slots[from].count};
    }
  }
  clnorm_buffer *const workspace = &buffers[BACKEND_WORKSPACE];
  /* In bytes there. */
  workspace->offset *= sizeof(float);
  workspace->count *= sizeof(float);
  const clnorm_cl_args args = {
      .size = sizeof args,
      .x = buffers[0],
      .dy = buffers[1],
      .gamma = buffers[2],
      .beta = buffers[3],
      .y = buffers[4],
      .dx = buffers[5],
      .dgamma = buffers[6],
      .dbeta = buffers[7],
      .running_mean = buffers[8],
      .running_var = buffers[9],
      .mean = buffers[10],
      .inv_std = buffers[11],
      .workspace = *workspace,
      .batch_number = batch_number,
  };
  cl_event event = NULL;
  const clnorm_status status = clnorm_cl_enqueue(b->plan, b->queue, &args, 0, NULL, &event);
  if (status == CLNORM_SUCCESS) {
    CHECK_CL(clWaitForEvents(1, &event));
    CHECK_CL(clReleaseEvent(event));
  }
  for (int i = 0; i <= BACKEND_SLOTS; i++) {
    if (memories[i] != NULL) {
      CHECK_CL(clEnqueueReadBuffer(b->queue, memories[i], CL_TRUE, 0, slot_bytes(&slots[i]), slots[i].memory, 0, NULL,
                                   NULL));
      CHECK_CL(clReleaseMemObject(memories[i]));
    }
  }
  return status;
}
