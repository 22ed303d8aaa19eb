/* A layer on a device: a buffer for each of its values and one workspace, and clnorm_cl_enqueue. All commands of a
 * layer are chained by events, so that they may share the workspace, and so that out-of-order queues are right. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cl_status.h"
#include "context.h"
#include "layer_state.h"
#include "plan_cl.h"
#include "process.h"

typedef struct cl_layer {
  clnorm_layer layer; /* first: the backend's functions get a pointer to it */
  clnorm_cl *cl;
  cl_command_queue queue;
  int in_order;
  cl_mem values[CLNORM__LAYER_VALUES];
  size_t rooms[CLNORM__LAYER_VALUES]; /* floats that each buffer can hold */
  cl_mem workspace;
  size_t workspace_size;
  cl_event last; /* of the layer's last command; NULL if it has ended for certain */
} cl_layer;

/* The caller's tensors and what they wait for. */
typedef struct cl_call {
  clnorm_cl_args args;
  cl_uint num_waits;
  const cl_event *waits;
  cl_event *event;
} cl_call;

/* Wait lists up to this length need no memory of their own. */
#define SHORT_LIST 8

static void forget_last(cl_layer *self)
{
  if (self->last != NULL) {
    (void)clReleaseEvent(self->last);
    self->last = NULL;
  }
}

/* Whether the next command has to wait for the last one by an event. One that has ended is forgotten: some runtimes keep
 * what an event waited for as long as the event, so a chain would keep all events that ever were. Seeing that it has
 * ended does not make its writes visible to other commands, waiting for it does, and takes no time then. */
static int waits_for_last(cl_layer *self)
{
  cl_int state = CL_QUEUED;
  if (self->last != NULL &&
      clGetEventInfo(self->last, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL) == CL_SUCCESS &&
      state == CL_COMPLETE && clWaitForEvents(1, &self->last) == CL_SUCCESS) {
    forget_last(self);
  }
  return self->last != NULL && !self->in_order;
}

/* ---- the backend -------------------------------------------------------------------------------------------- */

static clnorm_status check(const clnorm_layer *layer)
{
  (void)layer;
  return clnorm__process_check();
}

static clnorm_status plan_create(clnorm_layer *layer, const clnorm_desc *desc, clnorm_pass pass, void **plan)
{
  clnorm_cl_plan *made = NULL;
  const clnorm_status status = clnorm_cl_plan_create(((cl_layer *)layer)->cl, desc, pass, &made);
  *plan = made;
  return status;
}

static void plan_destroy(void *plan) { clnorm_cl_plan_destroy(plan); }

/* A buffer that commands still use stays alive until they have ended: the runtime holds it for them. */
static clnorm_status reserve(clnorm_layer *layer, const void *plan)
{
  clnorm_status status = CLNORM_SUCCESS;
  cl_int error;
  cl_layer *self = (cl_layer *)layer;
  const size_t size = clnorm_plan_workspace_size(clnorm_cl_plan_data(plan));
  if (size <= self->workspace_size) {
    goto done;
  }
  cl_mem larger = clCreateBuffer(self->cl->context, CL_MEM_READ_WRITE, size, NULL, &error);
  CLNORM__TRY(clnorm__cl_check(error, "clCreateBuffer"));
  if (self->workspace != NULL) {
    (void)clReleaseMemObject(self->workspace);
  }
  self->workspace = larger;
  self->workspace_size = size;
done:
  return status;
}

/* Some runtimes allocate late and abort then, so the limit is kept here. */
static clnorm_status check_room(const cl_layer *self, size_t count)
{
  if (count > self->cl->capabilities.max_allocation / sizeof(float)) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY,
                        "desc.dims: a value of the layer needs %zu floats, expected at most the device's largest "
                        "allocation of %llu bytes",
                        count, (unsigned long long)self->cl->capabilities.max_allocation);
  }
  return CLNORM_SUCCESS;
}

static clnorm_status copy_value(cl_layer *self, clnorm_layer_value value, cl_mem to)
{
  clnorm_status status = CLNORM_SUCCESS;
  cl_event copied = NULL;
  if (self->layer.counts[value] == 0) {
    goto done;
  }
  CLNORM__TRY_CL(clEnqueueCopyBuffer(self->queue, self->values[value], to, 0, 0,
                                     self->layer.counts[value] * sizeof(float), self->last != NULL,
                                     self->last != NULL ? &self->last : NULL, &copied));
  forget_last(self);
  self->last = copied;
done:
  return status;
}

static clnorm_status grow(clnorm_layer *layer, clnorm_layer_value value, size_t count)
{
  clnorm_status status = CLNORM_SUCCESS;
  cl_int error;
  cl_mem larger = NULL;
  cl_layer *self = (cl_layer *)layer;
  if (count <= self->rooms[value]) {
    goto done;
  }
  CLNORM__TRY(check_room(self, count));
  larger = clCreateBuffer(self->cl->context, CL_MEM_READ_WRITE, count * sizeof(float), NULL, &error);
  CLNORM__TRY(clnorm__cl_check(error, "clCreateBuffer"));
  CLNORM__TRY(copy_value(self, value, larger));
  const cl_mem smaller = self->values[value];
  self->values[value] = larger;
  self->rooms[value] = count;
  larger = smaller;
done:
  if (larger != NULL) {
    (void)clReleaseMemObject(larger);
  }
  return status;
}

static clnorm_status read_value(clnorm_layer *layer, clnorm_layer_value value, float *data)
{
  clnorm_status status;
  cl_layer *self = (cl_layer *)layer;
  CLNORM__TRY_CL(clEnqueueReadBuffer(self->queue, self->values[value], CL_TRUE, 0, layer->counts[value] * sizeof *data,
                                     data, self->last != NULL, self->last != NULL ? &self->last : NULL, NULL));
  forget_last(self);
done:
  return status;
}

static clnorm_status write_value(clnorm_layer *layer, clnorm_layer_value value, const float *data)
{
  clnorm_status status;
  cl_layer *self = (cl_layer *)layer;
  CLNORM__TRY_CL(clEnqueueWriteBuffer(self->queue, self->values[value], CL_TRUE, 0, layer->counts[value] * sizeof *data,
                                      data, self->last != NULL, self->last != NULL ? &self->last : NULL, NULL));
  forget_last(self);
done:
  return status;
}

/* The caller's waits and the layer's own last command, in `list` if they fit there; free what comes if it is another.
 */
static cl_event *gather_waits(const cl_call *call, cl_event last, cl_event list[SHORT_LIST])
{
  cl_event *waits = list;
  if (call->num_waits >= SHORT_LIST) {
    waits = malloc(((size_t)call->num_waits + 1) * sizeof *waits);
  }
  if (waits != NULL) {
    if (call->num_waits != 0) {
      memcpy(waits, call->waits, call->num_waits * sizeof *waits);
    }
    waits[call->num_waits] = last;
  }
  return waits;
}

static void add_values(const cl_layer *self, unsigned uses, clnorm_cl_args *args)
{
#define ADD_VALUE(name, value_member, start, extent)                                                    \
  if (uses & CLNORM__VALUE_BIT(name)) {                                                                 \
    args->value_member =                                                                                \
        (clnorm_buffer){self->values[CLNORM_VALUE_##name], 0, self->layer.counts[CLNORM_VALUE_##name]}; \
  }
  CLNORM__LAYER_VALUE_TABLE(ADD_VALUE)
#undef ADD_VALUE
  args->workspace = (clnorm_buffer){self->workspace, 0, self->workspace_size};
}

static clnorm_status execute(clnorm_layer *layer, const void *plan, void *the_call, unsigned uses,
                             uint64_t batch_number)
{
  clnorm_status status;
  cl_event list[SHORT_LIST];
  cl_event *waits = NULL;
  cl_event ended = NULL;
  cl_layer *self = (cl_layer *)layer;
  cl_call *call = the_call;
  if ((call->num_waits == 0) != (call->waits == NULL)) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "waits: expected %s for %u events, got %s",
                        call->num_waits == 0 ? "NULL" : "a list", (unsigned)call->num_waits,
                        call->waits == NULL ? "NULL" : "a list");
  }
  add_values(self, uses, &call->args);
  call->args.batch_number = batch_number;
  const int chained = waits_for_last(self);
  waits = gather_waits(call, self->last, list);
  if (waits == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "waits: a list of %u events was refused", (unsigned)call->num_waits);
  }
  const cl_uint num_waits = call->num_waits + (cl_uint)chained;
  CLNORM__TRY(clnorm_cl_enqueue(plan, self->queue, &call->args, num_waits, num_waits != 0 ? waits : NULL, &ended));
  forget_last(self);
  self->last = ended;
  if (call->event != NULL) {
    CLNORM__TRY_CL(clRetainEvent(ended));
    *call->event = ended;
  }
done:
  if (waits != list) {
    free(waits);
  }
  return status;
}

static void destroy(clnorm_layer *layer)
{
  cl_layer *self = (cl_layer *)layer;
  /* In a forked child the runtime cannot be used: only our own memory goes. */
  if (self->cl != NULL && self->cl->owner == getpid()) {
    if (self->last != NULL) {
      (void)clWaitForEvents(1, &self->last);
    }
    forget_last(self);
    for (int i = 0; i < CLNORM__LAYER_VALUES; i++) {
      if (self->values[i] != NULL) {
        (void)clReleaseMemObject(self->values[i]);
      }
    }
    if (self->workspace != NULL) {
      (void)clReleaseMemObject(self->workspace);
    }
    if (self->queue != NULL) {
      (void)clReleaseCommandQueue(self->queue);
    }
  }
  clnorm__cl_release(self->cl);
  free(self);
}

static const clnorm__layer_backend cl_backend = {
    .where = "on an OpenCL device",
    .plan_create = plan_create,
    .plan_destroy = plan_destroy,
    .reserve = reserve,
    .grow = grow,
    .read = read_value,
    .write = write_value,
    .execute = execute,
    .destroy = destroy,
    .check = check,
};

/* ---- public functions --------------------------------------------------------------------------------------- */

static clnorm_status make_value(cl_layer *self, clnorm_layer_value value)
{
  clnorm_status status;
  cl_int error;
  float *start = NULL;
  /* A buffer of no bytes is an error in OpenCL. */
  const size_t count = self->layer.counts[value] != 0 ? self->layer.counts[value] : 1;
  CLNORM__TRY(check_room(self, count));
  start = malloc(count * sizeof *start);
  if (start == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "layer: %zu floats of host memory were refused", count);
  }
  for (size_t i = 0; i < count; i++) {
    start[i] = clnorm__layer_start(value);
  }
  self->values[value] =
      clCreateBuffer(self->cl->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, count * sizeof *start, start, &error);
  CLNORM__TRY(clnorm__cl_check(error, "clCreateBuffer"));
  self->rooms[value] = count;
done:
  free(start);
  return status;
}

clnorm_status clnorm_cl_layer_create(clnorm_cl *cl, cl_command_queue queue, const clnorm_desc *desc,
                                     clnorm_layer **layer)
{
  clnorm_status status;
  cl_layer *made = NULL;
  int in_order = 0;
  clnorm__error_begin();
  if (cl == NULL || queue == NULL || layer == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "%s: expected a %s, got NULL",
                        cl == NULL ? "cl" : (queue == NULL ? "queue" : "layer"),
                        layer == NULL ? "pointer to fill" : "handle");
  }
  CLNORM__TRY(clnorm__process_check());
  CLNORM__TRY(clnorm__cl_check_queue(cl, queue, &in_order));
  made = calloc(1, sizeof *made);
  if (made == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "layer: %zu bytes of host memory were refused", sizeof *made);
  }
  made->cl = clnorm__cl_retain(cl);
  CLNORM__TRY(clnorm__layer_init(&made->layer, desc, &cl_backend));
  CLNORM__TRY_CL(clRetainCommandQueue(queue));
  made->queue = queue;
  made->in_order = in_order;
  for (int value = 1; value < CLNORM__LAYER_VALUES; value++) {
    CLNORM__TRY(make_value(made, (clnorm_layer_value)value));
  }
  *layer = &made->layer;
  made = NULL;
done:
  if (made != NULL) {
    destroy(&made->layer);
  }
  return status;
}

cl_mem clnorm_cl_layer_buffer(clnorm_layer *layer, clnorm_layer_value value)
{
  if (layer == NULL || layer->backend != &cl_backend || (int)value < 1 || (int)value >= CLNORM__LAYER_VALUES) {
    return NULL;
  }
  return ((cl_layer *)layer)->values[value];
}

clnorm_status clnorm_cl_layer_forward(clnorm_layer *layer, size_t batch, clnorm_buffer x, clnorm_buffer y,
                                      cl_uint num_waits, const cl_event *waits, cl_event *event)
{
  clnorm_status status;
  cl_call call = {{.size = sizeof call.args, .x = x, .y = y}, num_waits, waits, event};
  clnorm__error_begin();
  CLNORM__TRY(clnorm__layer_check_backend(layer, &cl_backend, "clnorm_layer_forward"));
  CLNORM__TRY(clnorm__layer_forward(layer, batch, &call));
done:
  return status;
}

clnorm_status clnorm_cl_layer_backward(clnorm_layer *layer, size_t batch, clnorm_buffer x, clnorm_buffer dy,
                                       clnorm_buffer dx, cl_uint num_waits, const cl_event *waits, cl_event *event)
{
  clnorm_status status;
  cl_call call = {{.size = sizeof call.args, .x = x, .dy = dy, .dx = dx}, num_waits, waits, event};
  clnorm__error_begin();
  CLNORM__TRY(clnorm__layer_check_backend(layer, &cl_backend, "clnorm_layer_backward"));
  CLNORM__TRY(clnorm__layer_backward(layer, batch, &call));
done:
  return status;
}
