/* The OpenCL half of family_run.h. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "cl_fixture.h"
#include "family_run.h"

struct family_run_cl {
  cl_fixture fixture;
};

family_run_cl *family_run_cl_open(void)
{
  family_run_cl *cl = calloc(1, sizeof *cl);
  cr_assert(cl != NULL);
  cl->fixture = cl_fixture_open();
  return cl;
}

void family_run_cl_close(family_run_cl *cl)
{
  cl_fixture_close(&cl->fixture);
  free(cl);
}

struct clnorm_cl *family_run_get_cl(const family_run *r) { return r->cl == NULL ? NULL : r->cl->fixture.cl; }

static cl_mem new_memory(const family_run_cl *cl, void *data, size_t bytes)
{
  cl_int code;
  cl_mem memory = clCreateBuffer(cl->fixture.context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, bytes, data, &code);
  CHECK_CL(code);
  return memory;
}

static void take_back(const family_run_cl *cl, cl_mem memory, void *data, size_t bytes)
{
  CHECK_CL(clEnqueueReadBuffer(cl->fixture.queue, memory, CL_TRUE, 0, bytes, data, 0, NULL, NULL));
  CHECK_CL(clReleaseMemObject(memory));
}

static void open_memories(const family_run_cl *cl, const trial_buffer *b, cl_mem *memories, clnorm_buffer *arguments)
{
  for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
    memories[slot] =
        b[slot].memory == NULL || b[slot].shared >= 0 ? NULL : new_memory(cl, b[slot].memory, b[slot].bytes);
  }
  for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
    arguments[slot] = (clnorm_buffer){NULL, 0, 0};
    if (b[slot].memory != NULL) {
      const int from = b[slot].shared >= 0 ? b[slot].shared : slot;
      arguments[slot] = (clnorm_buffer){memories[from], b[slot].start / b[slot].element, b[slot].count};
    }
  }
}

static clnorm_status enqueue(const family_run_cl *cl, const clnorm_cl_plan *plan, const clnorm_buffer *given,
                             clnorm_buffer workspace, uint64_t batch_number)
{
  const clnorm_cl_args args = {
      .size = sizeof args,
      .x = given[TRIAL_X],
      .dy = given[TRIAL_DY],
      .gamma = given[TRIAL_GAMMA],
      .beta = given[TRIAL_BETA],
      .y = given[TRIAL_Y],
      .dx = given[TRIAL_DX],
      .dgamma = given[TRIAL_DGAMMA],
      .dbeta = given[TRIAL_DBETA],
      .running_mean = given[TRIAL_RUNNING_MEAN],
      .running_var = given[TRIAL_RUNNING_VAR],
      .mean = given[TRIAL_MEAN],
      .inv_std = given[TRIAL_INV_STD],
      .workspace = workspace,
      .batch_number = batch_number,
      .residual = given[TRIAL_RESIDUAL],
      .lengths = given[TRIAL_LENGTHS],
      .dresidual = given[TRIAL_DRESIDUAL],
      .mask = given[TRIAL_MASK],
  };
  cl_event event = NULL;
  const clnorm_status status = clnorm_cl_enqueue(plan, cl->fixture.queue, &args, 0, NULL, &event);
  if (status == CLNORM_SUCCESS) {
    CHECK_CL(clWaitForEvents(1, &event));
    CHECK_CL(clReleaseEvent(event));
  }
  return status;
}

static clnorm_status execute(const family_run_cl *cl, const clnorm_cl_plan *plan, const trial_buffer *b,
                             uint64_t batch_number)
{
  cl_mem memories[TRIAL_SLOTS];
  clnorm_buffer arguments[TRIAL_SLOTS];
  const size_t bytes = clnorm_plan_workspace_size(clnorm_cl_plan_data(plan));
  unsigned char *workspace = family_run_workspace(bytes);
  cr_assert(workspace != NULL, "the test needs %zu bytes", bytes);
  cl_mem scratch = new_memory(cl, workspace, bytes + 2 * (size_t)FAMILY_RUN_GUARD);
  open_memories(cl, b, memories, arguments);
  const clnorm_buffer work = {bytes == 0 ? NULL : scratch, FAMILY_RUN_GUARD, bytes};
  const clnorm_status status =
      enqueue(cl, plan, arguments, bytes == 0 ? (clnorm_buffer){NULL, 0, 0} : work, batch_number);
  for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
    if (memories[slot] != NULL) {
      take_back(cl, memories[slot], b[slot].memory, b[slot].bytes);
    }
  }
  take_back(cl, scratch, workspace, bytes + 2 * (size_t)FAMILY_RUN_GUARD);
  family_run_check_workspace(workspace, bytes);
  free(workspace);
  return status;
}

typedef struct wanted {
  clnorm_cl *cl;
  const clnorm_desc *desc;
  clnorm_pass pass;
  clnorm_cl_plan *plan;
} wanted;

static clnorm_status make_plan(void *context, const char *choice)
{
  wanted *w = context;
  return clnorm_cl_plan_create_with(w->cl, w->desc, w->pass, choice, &w->plan);
}

clnorm_status family_run_cl_pass(family_run *r, const clnorm_desc *desc, clnorm_pass pass,
                                 const trial_buffer buffers[TRIAL_SLOTS], uint64_t batch_number)
{
  wanted w = {r->cl->fixture.cl, desc, pass, NULL};
  clnorm_status status = family_run_choose(r, make_plan, &w);
  if (status != CLNORM_SUCCESS) {
    return status;
  }
  (void)snprintf(r->variant, sizeof r->variant, "%s", clnorm_plan_variant(clnorm_cl_plan_data(w.plan)));
  status = execute(r->cl, w.plan, buffers, batch_number);
  clnorm_cl_plan_destroy(w.plan);
  return status;
}
