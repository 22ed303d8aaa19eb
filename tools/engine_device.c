#include "engine_device.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage_type.h"

struct engine_device {
  cl_context context;
  cl_command_queue queue;
  clnorm_cl *cl;
};

/* An argument of a call: where it is on the host, and the buffer that stands for it on the device. */
typedef struct transfer {
  const char *name;
  const void *from;
  void *to; /* NULL: an input */
  size_t bytes;
  size_t size; /* of an element */
  clnorm_buffer *buffer;
} transfer;

#define MAX_TRANSFERS 16

static clnorm_status fail_cl(char *error, const char *call, const char *what, cl_int code)
{
  (void)snprintf(error, ENGINE_ERROR_BYTES, "%s: %s failed with the OpenCL error %d", what, call, (int)code);
  return code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES || code == CL_OUT_OF_HOST_MEMORY
             ? CLNORM_OUT_OF_MEMORY
             : CLNORM_OPENCL_ERROR;
}

static clnorm_status fail_library(char *error, clnorm_status status)
{
  (void)snprintf(error, ENGINE_ERROR_BYTES, "%s", clnorm_last_error());
  return status;
}

clnorm_status engine_device_open(const device_choice *choice, engine_device **device, char *error)
{
  cl_int code = CL_SUCCESS;
  clnorm_status status = CLNORM_OUT_OF_MEMORY;
  engine_device *made = calloc(1, sizeof *made);
  if (made == NULL) {
    (void)snprintf(error, ENGINE_ERROR_BYTES, "not enough memory");
    return status;
  }
  const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)choice->device.platform, 0};
  made->context = clCreateContext(properties, 1, &choice->device.device, NULL, NULL, &code);
  if (made->context == NULL) {
    status = fail_cl(error, "clCreateContext", "context", code);
    goto failed;
  }
  made->queue = clCreateCommandQueue(made->context, choice->device.device, 0, &code);
  if (made->queue == NULL) {
    status = fail_cl(error, "clCreateCommandQueue", "queue", code);
    goto failed;
  }
  status = clnorm_cl_create(made->context, choice->device.device, &made->cl);
  if (status != CLNORM_SUCCESS) {
    (void)fail_library(error, status);
    goto failed;
  }
  *device = made;
  return CLNORM_SUCCESS;
failed:
  engine_device_close(made);
  return status;
}

void engine_device_close(engine_device *device)
{
  if (device == NULL) {
    return;
  }
  clnorm_cl_destroy(device->cl);
  if (device->queue != NULL) {
    (void)clReleaseCommandQueue(device->queue);
  }
  if (device->context != NULL) {
    (void)clReleaseContext(device->context);
  }
  free(device);
}

/* ---- arguments ---------------------------------------------------------------------------------------------- */

typedef struct transfers {
  const clnorm_desc *desc;
  clnorm_counts counts;
  int count;
  transfer list[MAX_TRANSFERS];
} transfers;

/* An argument of `count` numbers of `size` bytes, one behind the other. */
static void add(transfers *t, const char *name, const void *from, void *to, size_t count, size_t size,
                clnorm_buffer *buffer)
{
  if (from != NULL) {
    t->list[t->count++] = (transfer){name, from, to, count * size, size, buffer};
  }
}

/* An argument of x's shape. The memory that its strides reach goes over whole, with what lies between its elements. */
static void add_tensor(transfers *t, const char *name, clnorm_tensor which, const void *from, void *to,
                       clnorm_buffer *buffer)
{
  const clnorm_desc *desc = t->desc;
  const size_t size = storage_size(desc->dtype);
  size_t before = 0;
  size_t after = 0;
  int strided = 0;
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    const int64_t stride = desc->strides[which][axis];
    const size_t steps = desc->dims[axis] != 0 ? desc->dims[axis] - 1 : 0;
    before += stride < 0 ? steps * (size_t)-stride : 0;
    after += stride > 0 ? steps * (size_t)stride : 0;
    strided |= stride != 0;
  }
  if (from == NULL || !strided || t->counts.elements == 0) {
    add(t, name, from, to, t->counts.elements, size, buffer);
    return;
  }
  add(t, name, (const char *)from - before * size, to != NULL ? (char *)to - before * size : NULL, before + 1 + after,
      size, buffer);
  buffer->offset = before;
}

static void list_tensors(transfers *t, const clnorm_args *args, clnorm_cl_args *call)
{
  add_tensor(t, "x", CLNORM_TENSOR_X, args->x.data, NULL, &call->x);
  add_tensor(t, "dy", CLNORM_TENSOR_DY, args->dy.data, NULL, &call->dy);
  add_tensor(t, "residual", CLNORM_TENSOR_RESIDUAL, args->residual.data, NULL, &call->residual);
  add_tensor(t, "y", CLNORM_TENSOR_Y, args->y.data, args->y.data, &call->y);
  add_tensor(t, "dx", CLNORM_TENSOR_DX, args->dx.data, args->dx.data, &call->dx);
  add_tensor(t, "dresidual", CLNORM_TENSOR_DRESIDUAL, args->dresidual.data, args->dresidual.data, &call->dresidual);
}

static void list_numbers(transfers *t, const clnorm_args *args, clnorm_cl_args *call)
{
  const size_t size = storage_size(storage_number(t->desc->dtype));
  const size_t parameters = t->counts.parameters;
  const size_t statistics = t->counts.statistics;
  add(t, "gamma", args->gamma.data, NULL, parameters, size, &call->gamma);
  add(t, "beta", args->beta.data, NULL, parameters, size, &call->beta);
  add(t, "dgamma", args->dgamma.data, args->dgamma.data, parameters, size, &call->dgamma);
  add(t, "dbeta", args->dbeta.data, args->dbeta.data, parameters, size, &call->dbeta);
  add(t, "running_mean", args->running_mean.data, args->running_mean.data, parameters, size, &call->running_mean);
  add(t, "running_var", args->running_var.data, args->running_var.data, parameters, size, &call->running_var);
  add(t, "mean", args->mean.data, args->mean.data, statistics, size, &call->mean);
  add(t, "inv_std", args->inv_std.data, args->inv_std.data, statistics, size, &call->inv_std);
  add(t, "lengths", args->lengths.data, NULL, t->desc->dims[0], sizeof(int32_t), &call->lengths);
  add(t, "mask", args->mask.data, args->mask.data, t->counts.mask_words, sizeof(uint32_t), &call->mask);
}

static clnorm_status make_buffer(engine_device *device, const char *name, size_t bytes, clnorm_buffer *buffer,
                                 char *error)
{
  cl_int code = CL_SUCCESS;
  /* OpenCL knows no empty buffer. */
  buffer->memory = clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes != 0 ? bytes : sizeof(float), NULL, &code);
  return buffer->memory != NULL ? CLNORM_SUCCESS : fail_cl(error, "clCreateBuffer", name, code);
}

static clnorm_status upload(engine_device *device, transfers *t, char *error)
{
  const transfer *list = t->list;
  for (int i = 0; i < t->count; i++) {
    const transfer *earlier = list;
    while (earlier < &list[i] && earlier->from != list[i].from) {
      earlier++;
    }
    if (earlier < &list[i]) {
      list[i].buffer->memory = earlier->buffer->memory;
      (void)clRetainMemObject(earlier->buffer->memory);
      continue;
    }
    const clnorm_status status = make_buffer(device, list[i].name, list[i].bytes, list[i].buffer, error);
    if (status != CLNORM_SUCCESS) {
      return status;
    }
    if (list[i].bytes == 0) {
      continue;
    }
    const cl_int code = clEnqueueWriteBuffer(device->queue, list[i].buffer->memory, CL_TRUE, 0, list[i].bytes,
                                             list[i].from, 0, NULL, NULL);
    if (code != CL_SUCCESS) {
      return fail_cl(error, "clEnqueueWriteBuffer", list[i].name, code);
    }
  }
  return CLNORM_SUCCESS;
}

static clnorm_status download(engine_device *device, const transfers *t, char *error)
{
  const transfer *list = t->list;
  for (int i = 0; i < t->count; i++) {
    if (list[i].to == NULL || list[i].bytes == 0) {
      continue;
    }
    const cl_int code = clEnqueueReadBuffer(device->queue, list[i].buffer->memory, CL_TRUE, 0, list[i].bytes,
                                            list[i].to, 0, NULL, NULL);
    if (code != CL_SUCCESS) {
      return fail_cl(error, "clEnqueueReadBuffer", list[i].name, code);
    }
  }
  return CLNORM_SUCCESS;
}

/* ---- arguments in spans ------------------------------------------------------------------------------------- */

/* The memory of the device that stands for spans of the host's. */
typedef struct spread {
  const engine_span *spans;
  size_t count;
  cl_mem memories[ENGINE_SPANS];
} spread;

static clnorm_status upload_spans(engine_device *device, spread *s, char *error)
{
  for (size_t i = 0; i < s->count; i++) {
    cl_int code = CL_SUCCESS;
    s->memories[i] = clCreateBuffer(device->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, s->spans[i].bytes,
                                    s->spans[i].memory, &code);
    if (s->memories[i] == NULL) {
      return fail_cl(error, "clCreateBuffer", "span", code);
    }
  }
  return CLNORM_SUCCESS;
}

/* Every argument gets the memory of the span in which it lies. */
static clnorm_status place(const transfers *t, const spread *s, char *error)
{
  for (int i = 0; i < t->count; i++) {
    const transfer *argument = &t->list[i];
    const uintptr_t from = (uintptr_t)argument->from;
    size_t k = 0;
    while (k < s->count && (from < (uintptr_t)s->spans[k].memory ||
                            from + argument->bytes > (uintptr_t)s->spans[k].memory + s->spans[k].bytes)) {
      k++;
    }
    if (k == s->count) {
      (void)snprintf(error, ENGINE_ERROR_BYTES, "%s: lies in no span", argument->name);
      return CLNORM_INVALID_ARGUMENT;
    }
    argument->buffer->memory = s->memories[k];
    argument->buffer->offset += (from - (uintptr_t)s->spans[k].memory) / argument->size;
    (void)clRetainMemObject(s->memories[k]);
  }
  return CLNORM_SUCCESS;
}

static clnorm_status download_spans(engine_device *device, const spread *s, char *error)
{
  for (size_t i = 0; i < s->count; i++) {
    const cl_int code = clEnqueueReadBuffer(device->queue, s->memories[i], CL_TRUE, 0, s->spans[i].bytes,
                                            s->spans[i].memory, 0, NULL, NULL);
    if (code != CL_SUCCESS) {
      return fail_cl(error, "clEnqueueReadBuffer", "span", code);
    }
  }
  return CLNORM_SUCCESS;
}

static void release_spans(const spread *s)
{
  for (size_t i = 0; i < s->count; i++) {
    if (s->memories[i] != NULL) {
      (void)clReleaseMemObject(s->memories[i]);
    }
  }
}

/* ---- workspace ---------------------------------------------------------------------------------------------- */

/* NaN between guards. */
static clnorm_status make_guarded(engine_device *device, size_t bytes, clnorm_buffer *buffer, char *error)
{
  cl_int code = CL_SUCCESS;
  unsigned char *guarded = engine_guarded(bytes, error);
  if (guarded == NULL) {
    return CLNORM_OUT_OF_MEMORY;
  }
  buffer->memory = clCreateBuffer(device->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                                  bytes + 2 * (size_t)ENGINE_GUARD, guarded, &code);
  buffer->offset = ENGINE_GUARD;
  buffer->count = bytes;
  free(guarded);
  return buffer->memory != NULL ? CLNORM_SUCCESS : fail_cl(error, "clCreateBuffer", "workspace", code);
}

static clnorm_status look_at_guards(engine_device *device, const clnorm_buffer *buffer, int *overrun, char *error)
{
  const size_t bytes = buffer->count + 2 * (size_t)ENGINE_GUARD;
  unsigned char *guarded = malloc(bytes);
  if (guarded == NULL) {
    (void)snprintf(error, ENGINE_ERROR_BYTES, "%zu bytes were refused", bytes);
    return CLNORM_OUT_OF_MEMORY;
  }
  const cl_int code = clEnqueueReadBuffer(device->queue, buffer->memory, CL_TRUE, 0, bytes, guarded, 0, NULL, NULL);
  *overrun = code == CL_SUCCESS && !engine_is_intact(guarded, buffer->count);
  free(guarded);
  return code == CL_SUCCESS ? CLNORM_SUCCESS : fail_cl(error, "clEnqueueReadBuffer", "workspace", code);
}

static clnorm_status make_workspace(engine_device *device, const clnorm_cl_plan *plan, int guarded,
                                    clnorm_buffer *buffer, char *error)
{
  const size_t bytes = clnorm_plan_workspace_size(clnorm_cl_plan_data(plan));
  if (bytes == 0) {
    return CLNORM_SUCCESS;
  }
  return guarded ? make_guarded(device, bytes, buffer, error) : make_buffer(device, "workspace", bytes, buffer, error);
}

/* ---- a run -------------------------------------------------------------------------------------------------- */

static clnorm_status execute(engine_device *device, const clnorm_cl_plan *plan, const clnorm_cl_args *call,
                             engine_report *report, char *error)
{
  cl_int code = clFinish(device->queue);
  if (code != CL_SUCCESS) {
    return fail_cl(error, "clFinish", "transfers", code);
  }
  const double begin = engine_now();
  const clnorm_status status = clnorm_cl_enqueue(plan, device->queue, call, 0, NULL, NULL);
  if (status != CLNORM_SUCCESS) {
    (void)clFinish(device->queue);
    return fail_library(error, status);
  }
  code = clFinish(device->queue);
  report->seconds = engine_now() - begin;
  return code == CL_SUCCESS ? CLNORM_SUCCESS : fail_cl(error, "clFinish", "the pass", code);
}

/* Whoever names a folder should learn that it is not used. */
static void note_cache(const clnorm_cl_cache *cache, engine_report *report)
{
  const char *folder = getenv("CLNORM_CACHE_DIR");
  if (folder != NULL && folder[0] != '\0' && strcmp(folder, "off") != 0 && cache->folder[0] == '\0') {
    (void)snprintf(report->cache_note, sizeof report->cache_note, "%s", cache->off_reason);
  }
}

/* Takes the arguments over, runs, and brings results back. */
static clnorm_status run(engine_device *device, const clnorm_cl_plan *plan, transfers *t, spread *s,
                         clnorm_cl_args *call, engine_report *report, char *error)
{
  const int within = s->count != 0;
  clnorm_status status = within ? upload_spans(device, s, error) : upload(device, t, error);
  if (status == CLNORM_SUCCESS && within) {
    status = place(t, s, error);
  }
  if (status == CLNORM_SUCCESS) {
    status = make_workspace(device, plan, within, &call->workspace, error);
  }
  if (status == CLNORM_SUCCESS) {
    status = execute(device, plan, call, report, error);
  }
  if (status == CLNORM_SUCCESS) {
    status = within ? download_spans(device, s, error) : download(device, t, error);
  }
  if (status == CLNORM_SUCCESS && within && call->workspace.memory != NULL) {
    status = look_at_guards(device, &call->workspace, &report->overrun, error);
  }
  return status;
}

clnorm_status engine_device_run(engine_device *device, const clnorm_desc *desc, clnorm_pass pass,
                                const clnorm_args *args, const engine_span *spans, size_t count, engine_report *report,
                                char *error)
{
  clnorm_cl_plan *plan = NULL;
  clnorm_cl_args call = {.size = sizeof call, .batch_number = args->batch_number};
  transfers t = {.desc = desc};
  spread s = {.spans = spans, .count = count};
  double before = 0;
  double after = 0;
  clnorm_cl_cache cached_before;
  clnorm_cl_cache cached_after;
  clnorm_cl_cache_describe(device->cl, &cached_before);
  clnorm_cl_build_counts(device->cl, NULL, &before);
  /* The plan first: it knows whether the device can hold such tensors at all. */
  clnorm_status status = clnorm_cl_plan_create(device->cl, desc, pass, &plan);
  if (status == CLNORM_SUCCESS) {
    status = clnorm_desc_counts(desc, &t.counts);
  }
  if (status != CLNORM_SUCCESS) {
    (void)fail_library(error, status);
    goto done;
  }
  clnorm_cl_build_counts(device->cl, NULL, &after);
  clnorm_cl_cache_describe(device->cl, &cached_after);
  report->compile_seconds = after - before;
  note_cache(&cached_after, report);
  report->load_seconds = cached_after.load_seconds - cached_before.load_seconds;
  engine_describe(clnorm_cl_plan_data(plan), report);
  list_tensors(&t, args, &call);
  list_numbers(&t, args, &call);
  status = run(device, plan, &t, &s, &call, report, error);
done:
  for (int i = 0; i < t.count; i++) {
    if (t.list[i].buffer->memory != NULL) {
      (void)clReleaseMemObject(t.list[i].buffer->memory);
    }
  }
  release_spans(&s);
  if (call.workspace.memory != NULL) {
    (void)clReleaseMemObject(call.workspace.memory);
  }
  clnorm_cl_plan_destroy(plan);
  return status;
}
