#include <stddef.h>
#include <string.h>

#include "cl_status.h"
#include "descriptor.h"
#include "plan_cl.h"
#include "process.h"
#include "signatures.h"
#include "spans.h"

/* What a caller has who was compiled before the members from `residual` on existed. */
#define FIRST_SIZE offsetof(clnorm_cl_args, residual)

/* One call on its way: what was checked, resolved for the kernels. */
typedef struct enqueue_call {
  clnorm_cl_plan *plan;
  const clnorm_cl_args *args;
  cl_command_queue queue;
  int in_order;
  clnorm__span spans[CLNORM__ARG_COUNT];
  clnorm__call numbers;
} enqueue_call;

/* A buffer and an offset in elements, as a kernel sees it. */
typedef struct operand {
  cl_mem memory;
  cl_ulong offset;
} operand;

static operand argument_operand(const enqueue_call *call, clnorm__argument argument)
{
  const clnorm_buffer *buffer = clnorm__args_buffer(call->args, argument);
  return (operand){buffer->memory, buffer->offset};
}

static operand workspace_operand(const enqueue_call *call, uint64_t bytes)
{
  const clnorm_buffer *workspace = &call->args->workspace;
  return (operand){workspace->memory, (workspace->offset + bytes) / clnorm__number_size(call->plan->data.desc.dtype)};
}

static operand given_or_own(const enqueue_call *call, clnorm__argument argument, uint64_t own_bytes)
{
  return call->spans[argument].present ? argument_operand(call, argument) : workspace_operand(call, own_bytes);
}

/* What a backward pass is given is not stored again. */
static operand saved_operand(const enqueue_call *call, clnorm__argument argument)
{
  return call->plan->data.pass == CLNORM_TRAIN ? argument_operand(call, argument) : (operand){NULL, 0};
}

static operand resolve(const enqueue_call *call, const clnorm__step *step, size_t which)
{
  const clnorm_plan *plan = &call->plan->data;
  const int frozen = plan->pass == CLNORM_BACKWARD_FROZEN;
  if (which < CLNORM__OPERAND_ARGUMENTS_END) {
    return argument_operand(call, (clnorm__argument)which);
  }
  switch ((clnorm__operand)which) {
    case CLNORM__OPERAND_PARTIALS:
      return workspace_operand(call, plan->partials_offset);
    case CLNORM__OPERAND_COEFFICIENTS:
      return workspace_operand(call, plan->coefficients_offset);
    case CLNORM__OPERAND_STORED_MEAN:
      return step->owns_saved ? workspace_operand(call, plan->own_mean_offset) : saved_operand(call, CLNORM__ARG_MEAN);
    case CLNORM__OPERAND_STORED_INV_STD:
      return step->owns_saved ? workspace_operand(call, plan->own_inv_std_offset)
                              : saved_operand(call, CLNORM__ARG_INV_STD);
    case CLNORM__OPERAND_CENTER:
      return frozen ? argument_operand(call, CLNORM__ARG_RUNNING_MEAN)
                    : given_or_own(call, CLNORM__ARG_MEAN, plan->own_mean_offset);
    case CLNORM__OPERAND_SPREAD:
      return frozen ? argument_operand(call, CLNORM__ARG_RUNNING_VAR)
                    : given_or_own(call, CLNORM__ARG_INV_STD, plan->own_inv_std_offset);
    case CLNORM__OPERAND_GIVEN_MEAN:
      return plan->pass == CLNORM_BACKWARD ? argument_operand(call, CLNORM__ARG_MEAN) : (operand){NULL, 0};
    case CLNORM__OPERAND_GIVEN_INV_STD:
      return plan->pass == CLNORM_BACKWARD ? argument_operand(call, CLNORM__ARG_INV_STD) : (operand){NULL, 0};
    case CLNORM__OPERAND_MOMENTS:
      return plan->moments != 0 ? workspace_operand(call, plan->moments_offset) : (operand){NULL, 0};
    case CLNORM__OPERAND_COUNT:
      break;
  }
  return (operand){NULL, 0};
}

static const void *member(const void *structure, size_t offset) { return (const char *)structure + offset; }

static cl_int set_number(const clnorm_plan *plan, cl_kernel kernel, cl_uint index, const double *number)
{
  const cl_float rounded = (cl_float)*number;
  return plan->desc.dtype == CLNORM_F64 ? clSetKernelArg(kernel, index, sizeof *number, number)
                                        : clSetKernelArg(kernel, index, sizeof rounded, &rounded);
}

static cl_int set_one(const enqueue_call *call, const clnorm__step *step, cl_kernel kernel, cl_uint *index,
                      clnorm__parameter parameter)
{
  const clnorm_plan *plan = &call->plan->data;
  switch (parameter.kind) {
    case CLNORM__PARAMETER_OPERAND: {
      const operand value = resolve(call, step, parameter.where);
      const cl_int error = clSetKernelArg(kernel, (*index)++, sizeof value.memory, &value.memory);
      return error != CL_SUCCESS ? error : clSetKernelArg(kernel, (*index)++, sizeof value.offset, &value.offset);
    }
    case CLNORM__PARAMETER_GEOMETRY:
      return clSetKernelArg(kernel, (*index)++, sizeof(cl_ulong), member(&plan->geometry, parameter.where));
    case CLNORM__PARAMETER_PLAN:
      return clSetKernelArg(kernel, (*index)++, sizeof(cl_ulong), member(plan, parameter.where));
    case CLNORM__PARAMETER_STEP:
      return clSetKernelArg(kernel, (*index)++, sizeof(cl_ulong), member(step, parameter.where));
    case CLNORM__PARAMETER_STEP_32:
      return clSetKernelArg(kernel, (*index)++, sizeof(cl_uint), member(step, parameter.where));
    case CLNORM__PARAMETER_DESC_32:
      return clSetKernelArg(kernel, (*index)++, sizeof(cl_uint), member(&plan->desc, parameter.where));
    case CLNORM__PARAMETER_STRIDES:
      return clSetKernelArg(kernel, (*index)++, sizeof(clnorm__strides), &plan->geometry.strides[parameter.where]);
    case CLNORM__PARAMETER_AXES:
      return clSetKernelArg(kernel, (*index)++, sizeof(clnorm__axes), &plan->geometry.axes);
    case CLNORM__PARAMETER_NUMBER:
      return set_number(plan, kernel, (*index)++, member(&call->numbers, parameter.where));
    case CLNORM__PARAMETER_END:
      break;
  }
  return CL_SUCCESS;
}

static clnorm_status set_arguments(const enqueue_call *call, const clnorm__step *step, cl_kernel kernel)
{
  clnorm_status status = CLNORM_SUCCESS;
  cl_uint index = 0;
  for (const clnorm__parameter *p = clnorm__signature(step->role); p->kind != CLNORM__PARAMETER_END; p++) {
    CLNORM__TRY(clnorm__cl_check(set_one(call, step, kernel, &index, *p), "clSetKernelArg"));
  }
done:
  return status;
}

/* The steps of one call that its arguments need, each with a kernel object whose arguments are set. */
typedef struct ready_steps {
  int count;
  int indices[CLNORM__MAX_STEPS];
  clnorm__pooled_kernel *kernels[CLNORM__MAX_STEPS];
} ready_steps;

/* 1 if all of the call's tensors begin at whole vectors. */
static int is_aligned(const enqueue_call *call, const clnorm__step *step)
{
  const uint64_t bytes = step->width * clnorm__dtype_size(call->plan->data.desc.dtype);
  for (int i = 0; i < CLNORM__ARG_COUNT; i++) {
    const int is_tensor = clnorm__argument_tensor((clnorm__argument)i) != CLNORM_TENSORS;
    if (is_tensor && call->spans[i].present && call->spans[i].begin % bytes != 0) {
      return 0;
    }
  }
  return 1;
}

/* All that may fail on our side comes before the first launch. */
static clnorm_status make_ready(const enqueue_call *call, ready_steps *ready)
{
  clnorm_status status = CLNORM_SUCCESS;
  const clnorm_plan *plan = &call->plan->data;
  for (int i = 0; i < plan->num_steps; i++) {
    if (!clnorm__step_needed(plan, &plan->steps[i], call->spans)) {
      continue;
    }
    const int aligned = plan->steps[i].aligned && is_aligned(call, &plan->steps[i]);
    clnorm__pooled_kernel **kernel = &ready->kernels[ready->count];
    ready->indices[ready->count] = i;
    CLNORM__TRY(clnorm__kernel_take(call->plan, i, aligned, kernel));
    ready->count++;
    CLNORM__TRY(set_arguments(call, &plan->steps[i], (*kernel)->kernel));
  }
done:
  return status;
}

static void put_back(const enqueue_call *call, const ready_steps *ready)
{
  for (int i = 0; i < ready->count; i++) {
    clnorm__kernel_put(call->plan, ready->indices[i], ready->kernels[i]);
  }
}

static clnorm_status launch(const enqueue_call *call, const ready_steps *ready, int i, cl_uint num_waits,
                            const cl_event *waits, cl_event *event)
{
  const clnorm__step *step = &call->plan->data.steps[ready->indices[i]];
  const size_t local = step->local;
  const size_t global = (size_t)step->tasks * local;
  return clnorm__cl_check(
      clEnqueueNDRangeKernel(call->queue, ready->kernels[i]->kernel, 1, NULL, &global, &local, num_waits, waits, event),
      "clEnqueueNDRangeKernel");
}

/* In an in-order queue the steps follow each other by themselves; otherwise each waits for the one before. */
static clnorm_status enqueue_steps(const enqueue_call *call, cl_uint num_waits, const cl_event *waits, cl_event *event)
{
  clnorm_status status;
  ready_steps ready = {0};
  cl_event before = NULL, after = NULL;
  CLNORM__TRY(make_ready(call, &ready));
  if (ready.count == 0) {
    CLNORM__TRY_CL(clEnqueueMarkerWithWaitList(call->queue, num_waits, waits, event));
  }
  for (int i = 0; i < ready.count; i++) {
    const int last = i == ready.count - 1;
    const int chained = !call->in_order && before != NULL;
    const int wants_event = last ? event != NULL : !call->in_order;
    CLNORM__TRY(launch(call, &ready, i, i == 0 ? num_waits : (chained ? 1 : 0),
                       i == 0 ? waits : (chained ? &before : NULL), wants_event ? &after : NULL));
    if (before != NULL) {
      (void)clReleaseEvent(before);
    }
    before = after;
    after = NULL;
  }
  if (event != NULL && ready.count != 0) {
    *event = before;
    before = NULL;
  }
done:
  if (before != NULL) {
    (void)clReleaseEvent(before);
  }
  put_back(call, &ready);
  return status;
}

static clnorm_status check_waits(const enqueue_call *call, cl_uint num_waits, const cl_event *waits)
{
  clnorm_status status = CLNORM_SUCCESS;
  if ((num_waits == 0) != (waits == NULL)) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "waits: expected %s for %u events, got %s",
                        num_waits == 0 ? "NULL" : "a list", (unsigned)num_waits, waits == NULL ? "NULL" : "a list");
  }
  for (cl_uint i = 0; i < num_waits; i++) {
    cl_context context = NULL;
    if (waits[i] == NULL) {
      return clnorm__fail(CLNORM_INVALID_ARGUMENT, "waits[%u]: expected an event, got NULL", (unsigned)i);
    }
    CLNORM__TRY_CL(clGetEventInfo(waits[i], CL_EVENT_CONTEXT, sizeof context, &context, NULL));
    if (context != call->plan->cl->context) {
      return clnorm__fail(CLNORM_INVALID_ARGUMENT,
                          "waits[%u]: expected an event of the plan's context, got one of another", (unsigned)i);
    }
  }
done:
  return status;
}

static clnorm_status check_call(enqueue_call *call)
{
  clnorm_status status;
  clnorm__span workspace;
  double weight = 0.0;
  const clnorm_plan *plan = &call->plan->data;
  CLNORM__TRY(clnorm__spans_describe(call->plan->cl->context, plan, call->args, call->spans, &workspace));
  if (plan->geometry.elements == 0) {
    clnorm__arguments_forgive_empty(&plan->desc, plan->pass, call->spans);
  }
  CLNORM__TRY(
      clnorm__arguments_check(&plan->desc, &plan->geometry, plan->pass, call->spans, &workspace, plan->workspace_size));
  CLNORM__TRY(clnorm__average_weight(&plan->desc, plan->pass, call->args->batch_number, &weight));
  call->numbers = (clnorm__call){
      .epsilon = plan->desc.epsilon,
      .weight = weight,
      .keep = 1.0 - weight,
      .alpha = plan->desc.alpha,
  };
done:
  return status;
}

clnorm_status clnorm_cl_enqueue(const clnorm_cl_plan *plan, cl_command_queue queue, const clnorm_cl_args *args,
                                cl_uint num_waits, const cl_event *waits, cl_event *event)
{
  clnorm_status status;
  enqueue_call call;
  clnorm_cl_args whole = {0};
  clnorm__error_begin();
  if (plan == NULL || queue == NULL || args == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                        plan == NULL ? "plan" : (queue == NULL ? "queue" : "args"));
  }
  if (args->size != sizeof *args && args->size != FIRST_SIZE) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "args.size: expected sizeof(clnorm_cl_args) = %zu, got %zu",
                        sizeof *args, args->size);
  }
  memset(&call, 0, sizeof call);
  call.plan = (clnorm_cl_plan *)plan; /* only the kernel pools behind their mutex change */
  memcpy(&whole, args, args->size);
  call.args = &whole;
  call.queue = queue;
  CLNORM__TRY(clnorm__process_check());
  CLNORM__TRY(clnorm__cl_check_queue(plan->cl, queue, &call.in_order));
  CLNORM__TRY(check_waits(&call, num_waits, waits));
  if (plan->data.geometry.elements != 0 || plan->data.pass != CLNORM_INFER) {
    CLNORM__TRY(check_call(&call));
  }
  CLNORM__TRY(enqueue_steps(&call, num_waits, waits, event));
done:
  return status;
}
