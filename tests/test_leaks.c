/* Which OpenCL objects the library makes and releases, and what it does when any one of its OpenCL calls fails: counted
 * and provoked by the layer in counting_layer.c, which CTest puts between this program and the loader (OPENCL_LAYERS). */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef CLNORM_TEST_CACHE
#include "cache_fixture.h"
#endif
#include "clnorm/opencl.h"
#include "counting_layer.h"

enum { N = 2, C = 3, S = 40, COUNT = N * C * S, SLOT = 1024, SLOTS = 13 };

typedef struct scene {
  const counting_layer *layer;
  cl_device_id device;
  cl_context context;
  cl_command_queue queue, unordered;
  cl_mem memory; /* SLOTS pieces of SLOT bytes and the workspace */
  clnorm_cl *cl;
  clnorm_cl_plan *plans[CLNORM_BACKWARD_FROZEN + 1]; /* of a shape in several steps */
  clnorm_cl_plan *empty;
} scene;

/* A loader passes silently over a layer that it cannot load. */
static const counting_layer *find_layer(void)
{
  cl_uint platforms = 0;
  (void)clGetPlatformIDs(0, NULL, &platforms); /* the first call makes the loader load */
  const char *path = getenv("OPENCL_LAYERS");
  cr_assert(path != NULL, "OPENCL_LAYERS has to name the counting layer");
  void *library = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
  cr_assert(library != NULL, "the OpenCL loader did not load %s", path);
  const counting_layer *(*get)(void);
  *(void **)&get = dlsym(library, "counting_layer_get");
  cr_assert(get != NULL);
  (void)dlclose(library); /* the loader keeps its own reference */
  cr_assert(get()->calls(COUNTING_clGetPlatformIDs) > 0, "the layer is loaded, but calls do not pass through it");
  return get();
}

static void set_desc(clnorm_desc *desc, clnorm_layout layout, size_t batch)
{
  cr_assert(clnorm_desc_init(desc, sizeof *desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc->layout = layout;
  desc->rank = 3;
  desc->dims[0] = batch;
  desc->dims[1] = layout == CLNORM_CHANNELS_FIRST ? C : S;
  desc->dims[2] = layout == CLNORM_CHANNELS_FIRST ? S : C;
}

static void open_queues(scene *s)
{
  cl_int code;
  cl_command_queue_properties offered = 0;
  s->queue = clCreateCommandQueue(s->context, s->device, 0, &code);
  cr_assert(code == CL_SUCCESS);
  cr_assert(clGetDeviceInfo(s->device, CL_DEVICE_QUEUE_PROPERTIES, sizeof offered, &offered, NULL) == CL_SUCCESS);
  s->unordered = clCreateCommandQueue(s->context, s->device, offered & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
  cr_assert(code == CL_SUCCESS);
}

static void scene_open(scene *s)
{
  cl_int code;
  clnorm_cl_device found;
  clnorm_desc desc;
  memset(s, 0, sizeof *s);
  s->layer = find_layer();
  cr_assert(clnorm_cl_select_device(getenv("CLNORM_DEVICE"), &found) == CLNORM_SUCCESS, "no device for the test: %s",
            clnorm_last_error());
  s->device = found.device;
  s->context = clCreateContext(NULL, 1, &s->device, NULL, NULL, &code);
  cr_assert(code == CL_SUCCESS);
  open_queues(s);
  s->memory = clCreateBuffer(s->context, CL_MEM_READ_WRITE, 4 * SLOTS * SLOT, NULL, &code);
  cr_assert(code == CL_SUCCESS);
  cr_assert(clnorm_cl_create(s->context, s->device, &s->cl) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  set_desc(&desc, CLNORM_CHANNELS_LAST, N);
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    cr_assert(clnorm_cl_plan_create(s->cl, &desc, (clnorm_pass)pass, &s->plans[pass]) == CLNORM_SUCCESS, "%s",
              clnorm_last_error());
  }
  set_desc(&desc, CLNORM_CHANNELS_LAST, 0);
  cr_assert(clnorm_cl_plan_create(s->cl, &desc, CLNORM_INFER, &s->empty) == CLNORM_SUCCESS);
}

static void scene_close(scene *s)
{
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    clnorm_cl_plan_destroy(s->plans[pass]);
  }
  clnorm_cl_plan_destroy(s->empty);
  clnorm_cl_destroy(s->cl);
  cr_assert(clReleaseMemObject(s->memory) == CL_SUCCESS);
  cr_assert(clReleaseCommandQueue(s->queue) == CL_SUCCESS);
  cr_assert(clReleaseCommandQueue(s->unordered) == CL_SUCCESS);
  cr_assert(clReleaseContext(s->context) == CL_SUCCESS);
  for (int i = 0; i < COUNTING_OBJECTS; i++) {
    cr_assert(s->layer->live((counting_object)i) == 0, "%ld objects of kind %d are left", s->layer->live(i), i);
  }
}

/* ---- operations: public calls that leave nothing behind, whether they succeed or fail ------------------------ */

static clnorm_buffer piece(const scene *s, int slot, size_t count)
{
  return (clnorm_buffer){s->memory, (size_t)slot * SLOT / sizeof(float), count};
}

static clnorm_cl_args arguments(const scene *s, clnorm_pass pass)
{
  clnorm_cl_args args = {.size = sizeof args, .x = piece(s, 0, COUNT), .gamma = piece(s, 1, C)};
  const int forward = pass == CLNORM_TRAIN || pass == CLNORM_INFER;
  if (forward) {
    args.y = piece(s, 2, COUNT);
    args.beta = piece(s, 3, C);
  } else {
    args.dy = piece(s, 4, COUNT);
    args.dx = piece(s, 5, COUNT);
    args.dgamma = piece(s, 6, C);
    args.dbeta = piece(s, 7, C);
  }
  if (pass != CLNORM_BACKWARD) { /* which computes mean and inv_std again: all its steps are needed */
    args.running_mean = piece(s, 8, C);
    args.running_var = piece(s, 9, C);
  }
  args.workspace = (clnorm_buffer){s->memory, SLOTS * SLOT, 0};
  return args;
}

static clnorm_status enqueue(scene *s, cl_command_queue queue, clnorm_pass pass, int wants_event)
{
  cl_event event = NULL;
  const clnorm_cl_args args = arguments(s, pass);
  const clnorm_status status = clnorm_cl_enqueue(s->plans[pass], queue, &args, 0, NULL, wants_event ? &event : NULL);
  cr_assert(status == CLNORM_SUCCESS || event == NULL, "a call that failed gave an event");
  cr_assert(clFinish(queue) == CL_SUCCESS);
  if (event != NULL) {
    (void)clReleaseEvent(event);
  }
  return status;
}

static clnorm_status list_devices(scene *s)
{
  (void)s;
  clnorm_cl_device list[8];
  size_t count = 0;
  return clnorm_cl_list_devices(list, 8, &count);
}

static clnorm_status select_device(scene *s)
{
  (void)s;
  clnorm_cl_device device;
  return clnorm_cl_select_device(getenv("CLNORM_DEVICE"), &device);
}

static clnorm_status make_cl(scene *s)
{
  clnorm_cl *cl = NULL;
  const clnorm_status status = clnorm_cl_create(s->context, s->device, &cl);
  cr_assert((status == CLNORM_SUCCESS) == (cl != NULL));
  clnorm_cl_destroy(cl);
  return status;
}

/* From the first compilation on. */
static clnorm_status make_plan_with(scene *s, const char *cache)
{
  clnorm_cl *cl = NULL;
  clnorm_cl_plan *plan = NULL;
  clnorm_desc desc;
  set_desc(&desc, CLNORM_CHANNELS_LAST, N);
  clnorm_status status = clnorm_cl_create(s->context, s->device, &cl);
  if (status == CLNORM_SUCCESS) {
    status = clnorm_cl_cache_use(cl, cache);
  }
  if (status == CLNORM_SUCCESS) {
    status = clnorm_cl_plan_create(cl, &desc, CLNORM_TRAIN, &plan);
    cr_assert((status == CLNORM_SUCCESS) == (plan != NULL));
  }
  clnorm_cl_plan_destroy(plan);
  clnorm_cl_destroy(cl);
  return status;
}

static clnorm_status make_plan(scene *s) { return make_plan_with(s, "off"); }

#ifdef CLNORM_TEST_CACHE
/* Compiled and kept, then loaded. */
static clnorm_status make_plan_cached(scene *s)
{
  const cache_folder folder = cache_folder_open();
  clnorm_status status = make_plan_with(s, folder.path);
  if (status == CLNORM_SUCCESS) {
    status = make_plan_with(s, folder.path);
  }
  cache_folder_close(&folder);
  return status;
}
#endif

static clnorm_status enqueue_in_order(scene *s)
{
  clnorm_status status = CLNORM_SUCCESS;
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN && status == CLNORM_SUCCESS; pass++) {
    status = enqueue(s, s->queue, (clnorm_pass)pass, 1);
  }
  return status == CLNORM_SUCCESS ? enqueue(s, s->queue, CLNORM_BACKWARD, 0) : status;
}

static clnorm_status enqueue_unordered(scene *s)
{
  const clnorm_status status = enqueue(s, s->unordered, CLNORM_BACKWARD, 1);
  return status == CLNORM_SUCCESS ? enqueue(s, s->unordered, CLNORM_BACKWARD, 0) : status;
}

static clnorm_status enqueue_nothing(scene *s)
{
  cl_event event = NULL;
  const clnorm_cl_args args = {.size = sizeof args};
  const clnorm_status status = clnorm_cl_enqueue(s->empty, s->unordered, &args, 0, NULL, &event);
  cr_assert((status == CLNORM_SUCCESS) == (event != NULL));
  if (event != NULL) {
    (void)clReleaseEvent(event);
  }
  return status;
}

static clnorm_status use_layer(scene *s, clnorm_layer *layer)
{
  clnorm_status status;
  cl_event event = NULL;
  float gamma[C] = {1.0f, 2.0f, 3.0f};
  uint64_t batches = 0;
  if ((status = clnorm_layer_prepare(layer, N)) != CLNORM_SUCCESS ||
      (status = clnorm_layer_write(layer, CLNORM_VALUE_GAMMA, gamma, C)) != CLNORM_SUCCESS) {
    return status;
  }
  for (int turn = 0; turn < 2; turn++) {
    batches = clnorm_layer_batches(layer);
    status = clnorm_cl_layer_forward(layer, N, piece(s, 0, COUNT), piece(s, 2, COUNT), 0, NULL, &event);
    cr_assert(clnorm_layer_batches(layer) == batches + (status == CLNORM_SUCCESS));
    cr_assert((status == CLNORM_SUCCESS) == (event != NULL));
    if (status != CLNORM_SUCCESS) {
      return status;
    }
    status =
        clnorm_cl_layer_backward(layer, N, piece(s, 0, COUNT), piece(s, 4, COUNT), piece(s, 5, COUNT), 1, &event, NULL);
    (void)clReleaseEvent(event);
    event = NULL;
    if (status != CLNORM_SUCCESS) {
      return status;
    }
  }
  if ((status = clnorm_layer_read(layer, CLNORM_VALUE_DGAMMA, gamma, C)) != CLNORM_SUCCESS) {
    return status;
  }
  return clnorm_layer_reset_statistics(layer);
}

static clnorm_status use_layer_on(scene *s, cl_command_queue queue)
{
  clnorm_desc desc;
  clnorm_layer *layer = NULL;
  set_desc(&desc, CLNORM_CHANNELS_LAST, 1);
  clnorm_status status = clnorm_cl_layer_create(s->cl, queue, &desc, &layer);
  cr_assert((status == CLNORM_SUCCESS) == (layer != NULL));
  if (status == CLNORM_SUCCESS) {
    status = use_layer(s, layer);
  }
  clnorm_layer_destroy(layer);
  cr_assert(clFinish(queue) == CL_SUCCESS);
  return status;
}

static clnorm_status use_layer_in_order(scene *s) { return use_layer_on(s, s->queue); }
static clnorm_status use_layer_unordered(scene *s) { return use_layer_on(s, s->unordered); }

static const struct {
  const char *name;
  clnorm_status (*run)(scene *s);
} operations[] = {
    {"list_devices", list_devices},
    {"select_device", select_device},
    {"make_cl", make_cl},
    {"make_plan", make_plan},
#ifdef CLNORM_TEST_CACHE
    {"make_plan_cached", make_plan_cached},
#endif
    {"enqueue_in_order", enqueue_in_order},
    {"enqueue_unordered", enqueue_unordered},
    {"enqueue_nothing", enqueue_nothing},
    {"use_layer_in_order", use_layer_in_order},
    {"use_layer_unordered", use_layer_unordered},
};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

/* ---- tests -------------------------------------------------------------------------------------------------- */

typedef struct census {
  long live[COUNTING_OBJECTS];
} census;

static census take_census(const scene *s)
{
  census made;
  for (int i = 0; i < COUNTING_OBJECTS; i++) {
    made.live[i] = s->layer->live((counting_object)i);
  }
  return made;
}

static void expect_same(const scene *s, const census *before, const char *after)
{
  static const char *const kinds[COUNTING_OBJECTS] = {"contexts", "queues", "buffers", "programs", "kernels", "events"};
  for (int i = 0; i < COUNTING_OBJECTS; i++) {
    const long now = s->layer->live((counting_object)i);
    cr_assert(now == before->live[i], "after %s there are %ld %s, before it there were %ld", after, now, kinds[i],
              before->live[i]);
  }
}

Test(leaks, every_object_that_is_made_is_released)
{
  scene s;
  scene_open(&s);
  for (int i = 0; i < OPERATIONS; i++) {
    /* A plan keeps the kernel objects of the most calls that ever ran at once, so the first turn may add some. */
    cr_assert(operations[i].run(&s) == CLNORM_SUCCESS, "%s: %s", operations[i].name, clnorm_last_error());
    const census before = take_census(&s);
    for (int turn = 0; turn < 3; turn++) {
      cr_assert(operations[i].run(&s) == CLNORM_SUCCESS, "%s: %s", operations[i].name, clnorm_last_error());
      expect_same(&s, &before, operations[i].name);
    }
  }
  scene_close(&s);
}

Test(leaks, wrong_arguments_leave_no_object)
{
  scene s;
  scene_open(&s);
  const census before = take_census(&s);
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    cl_event event = NULL;
    clnorm_cl_args args = arguments(&s, (clnorm_pass)pass);
    args.gamma.count = C + 1;
    cr_assert(clnorm_cl_enqueue(s.plans[pass], s.unordered, &args, 0, NULL, &event) == CLNORM_BUFFER_TOO_SMALL);
    args.gamma = (clnorm_buffer){NULL, 0, 0};
    args.x.memory = (cl_mem)s.context;
    cr_assert(clnorm_cl_enqueue(s.plans[pass], s.unordered, &args, 0, NULL, &event) == CLNORM_INVALID_BUFFER);
    cr_assert(event == NULL);
  }
  clnorm_desc desc;
  clnorm_layer *layer = NULL;
  clnorm_cl_plan *plan = NULL;
  set_desc(&desc, CLNORM_CHANNELS_FIRST, N);
  desc.epsilon = -1.0;
  cr_assert(clnorm_cl_layer_create(s.cl, s.queue, &desc, &layer) == CLNORM_INVALID_ARGUMENT);
  cr_assert(clnorm_cl_plan_create(s.cl, &desc, CLNORM_TRAIN, &plan) == CLNORM_INVALID_ARGUMENT);
  expect_same(&s, &before, "wrong arguments");
  scene_close(&s);
}

/* Calls whose failure does not make the library's call fail:
 * - releases, and the wait before a layer's buffers are released: there is nothing left to do;
 * - the question whether a layer's last command has ended: it is taken as running;
 * - in a list, platforms and devices that do not answer: they must not hide the others;
 * - names and versions, which are for people, and limits that no plan depends on (the next test has the others);
 * - whatever keeps a program or loads it: it is compiled then. */
static int may_succeed(counting_entry entry, const char *operation)
{
  const int cached = strcmp(operation, "make_plan_cached") == 0;
  const int lists = strcmp(operation, "list_devices") == 0 || strcmp(operation, "select_device") == 0;
  switch (entry) {
    case COUNTING_clReleaseContext:
    case COUNTING_clReleaseCommandQueue:
    case COUNTING_clReleaseMemObject:
    case COUNTING_clReleaseProgram:
    case COUNTING_clReleaseKernel:
    case COUNTING_clReleaseEvent:
    case COUNTING_clWaitForEvents:
    case COUNTING_clGetEventInfo:
      return 1;
    case COUNTING_clGetPlatformInfo:
    case COUNTING_clGetDeviceInfo:
      return 1;
    case COUNTING_clGetDeviceIDs:
      return lists;
    case COUNTING_clGetProgramInfo:
    case COUNTING_clCreateProgramWithBinary:
      return 1;
    case COUNTING_clBuildProgram:
    case COUNTING_clCreateKernel:
      return cached;
    default:
      return 0;
  }
}

/* What a list lost cannot be selected, which is another sentence. */
static int is_named(const char *operation, counting_entry entry, const scene *s)
{
  if (strstr(clnorm_last_error(), s->layer->name(entry)) != NULL) {
    return 1;
  }
  return strcmp(operation, "select_device") == 0 && may_succeed(entry, operation) &&
         strncmp(clnorm_last_error(), "selector:", 9) == 0;
}

/* A layer does not wait for what has ended, so how often it asks differs from run to run. */
static int depends_on_time(counting_entry entry)
{
  return entry == COUNTING_clWaitForEvents || entry == COUNTING_clGetEventInfo || entry == COUNTING_clReleaseEvent;
}

static void fail_one(scene *s, int operation, counting_entry entry, unsigned long nth)
{
  const char *name = operations[operation].name;
  char what[160];
  (void)snprintf(what, sizeof what, "%s with call %lu of %s failing", name, nth, s->layer->name(entry));
  const census before = take_census(s);
  s->layer->fail(entry, nth, CL_OUT_OF_RESOURCES);
  const clnorm_status status = operations[operation].run(s);
  const int reached = s->layer->has_failed();
  s->layer->fail(entry, 0, CL_SUCCESS);
  cr_assert(reached || depends_on_time(entry), "%s: there was no such call", what);
  if (status == CLNORM_SUCCESS) {
    cr_assert(may_succeed(entry, name), "%s: the failure was passed over", what);
  } else {
    cr_assert(status == CLNORM_OPENCL_ERROR || entry == COUNTING_clBuildProgram || may_succeed(entry, name),
              "%s: got %s (%s)", what, clnorm_status_name(status), clnorm_last_error());
    cr_assert(is_named(name, entry, s), "%s: the sentence is \"%s\"", what, clnorm_last_error());
  }
  expect_same(s, &before, what);
  cr_assert(operations[operation].run(s) == CLNORM_SUCCESS, "after %s: %s", what, clnorm_last_error());
  expect_same(s, &before, what);
}

/* Queries of the device are part of make_cl; to compile after each of them takes time and shows nothing new. */
static int is_covered(counting_entry entry, const char *operation)
{
  return strncmp(operation, "make_plan", 9) == 0 &&
         (entry == COUNTING_clGetDeviceInfo || entry == COUNTING_clGetPlatformInfo);
}

/* Longer lists of the same call add nothing but time: of more than so many, every k-th is made to fail. */
#define MOST_FAILURES 60

Test(leaks, any_opencl_call_may_fail)
{
  scene s;
  unsigned long failures = 0;
  scene_open(&s);
  for (int i = 0; i < OPERATIONS; i++) {
    cr_assert(operations[i].run(&s) == CLNORM_SUCCESS, "%s: %s", operations[i].name, clnorm_last_error());
    unsigned long calls[COUNTING_ENTRIES];
    for (int entry = 0; entry < COUNTING_ENTRIES; entry++) {
      calls[entry] = s.layer->calls((counting_entry)entry);
    }
    cr_assert(operations[i].run(&s) == CLNORM_SUCCESS, "%s: %s", operations[i].name, clnorm_last_error());
    for (int entry = 0; entry < COUNTING_ENTRIES; entry++) {
      calls[entry] = s.layer->calls((counting_entry)entry) - calls[entry];
    }
    for (int entry = 0; entry < COUNTING_ENTRIES; entry++) {
      if (is_covered((counting_entry)entry, operations[i].name)) {
        continue;
      }
      const unsigned long step = calls[entry] / MOST_FAILURES + 1;
      for (unsigned long nth = 1; nth <= calls[entry]; nth += step, failures++) {
        fail_one(&s, i, (counting_entry)entry, nth);
      }
    }
  }
  scene_close(&s);
  cr_assert(failures > 500, "only %lu calls were made to fail", failures);
  printf("%lu calls were made to fail\n", failures);
}

Test(leaks, a_device_that_does_not_tell_its_limits_is_refused)
{
  scene s;
  int refused = 0;
  scene_open(&s);
  for (unsigned long nth = 1;; nth++) {
    s.layer->fail(COUNTING_clGetDeviceInfo, nth, CL_OUT_OF_RESOURCES);
    refused += make_cl(&s) == CLNORM_OPENCL_ERROR;
    if (!s.layer->has_failed()) {
      break;
    }
  }
  /* type, compute units, work-group, local memory, largest allocation, vector width, properties of float */
  cr_assert(refused == 7, "%d of the limits are needed", refused);
  scene_close(&s);
}

Test(leaks, a_refused_allocation_is_out_of_memory)
{
  scene s;
  clnorm_desc desc;
  clnorm_layer *layer = NULL;
  scene_open(&s);
  set_desc(&desc, CLNORM_CHANNELS_FIRST, 1);
  s.layer->fail(COUNTING_clCreateBuffer, 3, CL_MEM_OBJECT_ALLOCATION_FAILURE);
  cr_assert(clnorm_cl_layer_create(s.cl, s.queue, &desc, &layer) == CLNORM_OUT_OF_MEMORY);
  cr_assert(s.layer->has_failed());
  cr_assert(strstr(clnorm_last_error(), "clCreateBuffer: CL_MEM_OBJECT_ALLOCATION_FAILURE") != NULL, "%s",
            clnorm_last_error());
  s.layer->fail(COUNTING_clEnqueueNDRangeKernel, 1, CL_OUT_OF_HOST_MEMORY);
  cr_assert(enqueue(&s, s.queue, CLNORM_TRAIN, 1) == CLNORM_OUT_OF_MEMORY);
  scene_close(&s);
}
