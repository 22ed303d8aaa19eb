/* Every array of a call lies against a page that nobody may touch, once with its end and once with its start, so any
 * access outside of it ends the process: on the CPU backend, and on OpenCL implementations that work on the host's own
 * memory (CL_MEM_USE_HOST_PTR on PoCL, which the first test makes sure of). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_call.h"
#include "expect.h"
#include "guarded.h"
#include "problem.h"
#ifdef CLNORM_TEST_OPENCL
#include "clnorm/opencl.h"
#endif

enum { X, DY, Y, DX, GAMMA, BETA, DGAMMA, DBETA, RUNNING_MEAN, RUNNING_VAR, MEAN, INV_STD, WORKSPACE, ARRAYS };

static const char *const array_names[ARRAYS] = {"x",    "dy",      "y",        "dx",           "gamma",
                                                "beta", "dgamma",  "dbeta",    "running_mean", "running_var",
                                                "mean", "inv_std", "workspace"};

typedef struct device {
  int on_cpu;
#ifdef CLNORM_TEST_OPENCL
  cl_context context;
  cl_command_queue queue;
  clnorm_cl *cl;
#endif
} device;

/* One way to call: which arguments are there, where they lie. */
typedef struct call {
  clnorm_desc desc;
  clnorm_pass pass;
  clnorm_counts counts;
  guarded_side side;
  size_t offset; /* elements of each array's memory before the argument; the workspace has 4 of them, 16 bytes */
  int in_place;
  int sparse; /* only what has to be there */
  guarded arrays[ARRAYS];
} call;

static int is_forward(clnorm_pass pass) { return pass == CLNORM_TRAIN || pass == CLNORM_INFER; }

static int has_running(clnorm_op op) { return op == CLNORM_BATCH || op == CLNORM_INSTANCE; }

static int is_there(const call *c, int array)
{
  const int train = c->pass == CLNORM_TRAIN, backward = c->pass == CLNORM_BACKWARD;
  switch (array) {
    case X:
      return 1;
    case DY:
      return !is_forward(c->pass);
    case Y:
      return is_forward(c->pass) && !c->in_place;
    case DX:
      return !is_forward(c->pass) && !c->in_place;
    case GAMMA:
      return !c->sparse;
    case BETA:
      return is_forward(c->pass) && !c->sparse;
    case DGAMMA:
    case DBETA:
      return !is_forward(c->pass) && !c->sparse;
    case RUNNING_MEAN:
    case RUNNING_VAR:
      return has_running(c->desc.op) && !backward && !(train && c->sparse);
    case MEAN:
      return c->desc.op != CLNORM_RMS && (train || backward) && !c->sparse;
    case INV_STD:
      return (train || backward) && !c->sparse;
    default:
      return 1;
  }
}

static size_t count_of(const call *c, int array)
{
  return array <= DX ? c->counts.elements : array < MEAN ? c->counts.parameters : c->counts.statistics;
}

/* Whose memory an argument has. */
static int owner_of(const call *c, int array)
{
  if (!c->in_place || array != (is_forward(c->pass) ? Y : DX)) {
    return array;
  }
  return array == Y ? X : DY;
}

static float *start_of(const call *c, int array)
{
  const int from = owner_of(c, array);
  return c->arrays[from].data == NULL ? NULL : (float *)c->arrays[from].data + c->offset;
}

static void make_arrays(call *c, size_t workspace)
{
  char what[240];
  (void)snprintf(what, sizeof what, "%s %s%s%s, offset %zu, guard at the %s", desc_text(&c->desc), pass_text(c->pass),
                 c->in_place ? " in place" : "", c->sparse ? " sparse" : "", c->offset,
                 c->side == GUARDED_END ? "end" : "start");
  guarded_explain(what);
  for (int i = 0; i < WORKSPACE; i++) {
    const int there = is_there(c, i);
    c->arrays[i] = guarded_make(there ? (c->offset + count_of(c, i)) * sizeof(float) : 0, c->side);
    guarded_name(&c->arrays[i], array_names[i]);
    if (there) {
      float *data = start_of(c, i);
      const int output = i == Y || i == DX || i == DGAMMA || i == DBETA || (c->pass == CLNORM_TRAIN && i >= MEAN);
      for (size_t k = 0; k < count_of(c, i); k++) {
        data[k] = output ? NAN : 1.0f + (float)(k % 13) / 8.0f;
      }
    }
  }
  c->arrays[WORKSPACE] = guarded_make(workspace == 0 ? 0 : workspace + (c->offset != 0 ? 16 : 0), c->side);
  guarded_name(&c->arrays[WORKSPACE], "workspace");
}

/* Where the results are: a backend that worked on a copy would leave the NaNs. */
static void check_written(const call *c)
{
  const int tensor = is_forward(c->pass) ? Y : DX;
  const float *data = start_of(c, tensor);
  cr_assert(!isnan(data[0]) && !isnan(data[c->counts.elements - 1]), "%s was not written", array_names[tensor]);
  for (int i = DGAMMA; i < WORKSPACE; i++) {
    data = start_of(c, i);
    cr_assert(data == NULL || (!isnan(data[0]) && !isnan(data[count_of(c, i) - 1])), "%s was not written",
              array_names[i]);
  }
}

static void free_arrays(call *c)
{
  for (int i = 0; i < ARRAYS; i++) {
    guarded_free(&c->arrays[i]);
  }
}

/* ---- CPU backend -------------------------------------------------------------------------------------------- */

static void execute_on_cpu(call *c, const clnorm_plan *plan)
{
#define IN(array)         \
  {                       \
    start_of(c, array), 0 \
  }
  const clnorm_args args = {
      .size = sizeof args,
      .x = IN(X),
      .dy = IN(DY),
      .gamma = IN(GAMMA),
      .beta = IN(BETA),
      .y = IN(Y),
      .dx = IN(DX),
      .dgamma = IN(DGAMMA),
      .dbeta = IN(DBETA),
      .running_mean = IN(RUNNING_MEAN),
      .running_var = IN(RUNNING_VAR),
      .mean = IN(MEAN),
      .inv_std = IN(INV_STD),
      .workspace = {c->arrays[WORKSPACE].data, c->arrays[WORKSPACE].bytes},
      .threads = 2,
  };
#undef IN
  const clnorm__cpu_set *set;
  for (size_t i = 0; (set = clnorm__cpu_set_at(i)) != NULL; i++) {
    cr_assert(clnorm__cpu_execute(plan, &args, set) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  }
}

static void run_on_cpu(call *c)
{
  clnorm_plan *plan = NULL;
  cr_assert(clnorm_plan_create(&c->desc, c->pass, &plan) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  make_arrays(c, clnorm_plan_workspace_size(plan));
  execute_on_cpu(c, plan);
  clnorm_plan_destroy(plan);
}

/* ---- OpenCL ------------------------------------------------------------------------------------------------- */

#ifdef CLNORM_TEST_OPENCL
#define CHECK_CL(code) cr_assert((code) == CL_SUCCESS, "OpenCL gave %d", (int)(code))

static void open_cl(device *d)
{
  cl_int code;
  clnorm_cl_device found;
  cr_assert(clnorm_cl_select_device(getenv("CLNORM_DEVICE"), &found) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  d->context = clCreateContext(NULL, 1, &found.device, NULL, NULL, &code);
  CHECK_CL(code);
  d->queue = clCreateCommandQueue(d->context, found.device, 0, &code);
  CHECK_CL(code);
  cr_assert(clnorm_cl_create(d->context, found.device, &d->cl) == CLNORM_SUCCESS, "%s", clnorm_last_error());
}

static cl_mem wrap(const device *d, const guarded *memory)
{
  cl_int code = CL_SUCCESS;
  cl_mem made = NULL;
  if (memory->data != NULL) {
    made = clCreateBuffer(d->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, memory->bytes, memory->data, &code);
    CHECK_CL(code);
  }
  return made;
}

static clnorm_buffer buffer_of(const call *c, cl_mem memories[ARRAYS], int array)
{
  const int from = owner_of(c, array);
  return (clnorm_buffer){memories[from], memories[from] == NULL ? 0 : c->offset, 0};
}

static void enqueue(const device *d, const call *c, const clnorm_cl_plan *plan, cl_mem memories[ARRAYS])
{
#define IN(array) buffer_of(c, memories, array)
  const clnorm_cl_args args = {
      .size = sizeof args,
      .x = IN(X),
      .dy = IN(DY),
      .gamma = IN(GAMMA),
      .beta = IN(BETA),
      .y = IN(Y),
      .dx = IN(DX),
      .dgamma = IN(DGAMMA),
      .dbeta = IN(DBETA),
      .running_mean = IN(RUNNING_MEAN),
      .running_var = IN(RUNNING_VAR),
      .mean = IN(MEAN),
      .inv_std = IN(INV_STD),
      .workspace = {memories[WORKSPACE], memories[WORKSPACE] != NULL && c->offset != 0 ? 16 : 0, 0},
  };
#undef IN
  cr_assert(clnorm_cl_enqueue(plan, d->queue, &args, 0, NULL, NULL) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  CHECK_CL(clFinish(d->queue));
}

static void run_on_cl(const device *d, call *c)
{
  cl_mem memories[ARRAYS];
  clnorm_cl_plan *plan = NULL;
  cr_assert(clnorm_cl_plan_create(d->cl, &c->desc, c->pass, &plan) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  make_arrays(c, clnorm_plan_workspace_size(clnorm_cl_plan_data(plan)));
  for (int i = 0; i < ARRAYS; i++) {
    memories[i] = wrap(d, &c->arrays[i]);
  }
  enqueue(d, c, plan, memories);
  for (int i = 0; i < ARRAYS; i++) {
    if (memories[i] != NULL) {
      CHECK_CL(clReleaseMemObject(memories[i]));
    }
  }
  clnorm_cl_plan_destroy(plan);
}
#endif

/* ---- both --------------------------------------------------------------------------------------------------- */

static void device_open(device *d)
{
  const char *selector = getenv("CLNORM_DEVICE");
  memset(d, 0, sizeof *d);
  d->on_cpu = selector == NULL || strcmp(selector, "cpu") == 0;
#ifdef CLNORM_TEST_OPENCL
  if (!d->on_cpu) {
    open_cl(d);
  }
#endif
}

static void device_close(device *d)
{
#ifdef CLNORM_TEST_OPENCL
  if (!d->on_cpu) {
    clnorm_cl_destroy(d->cl);
    CHECK_CL(clReleaseCommandQueue(d->queue));
    CHECK_CL(clReleaseContext(d->context));
  }
#endif
  (void)d;
}

static void run(const device *d, call *c)
{
  cr_assert(clnorm_desc_counts(&c->desc, &c->counts) == CLNORM_SUCCESS);
#ifdef CLNORM_TEST_OPENCL
  if (!d->on_cpu) {
    run_on_cl(d, c);
  } else
#endif
  {
    run_on_cpu(c);
  }
  check_written(c);
  free_arrays(c);
}

/* All passes over what the description says, with all arguments, with the least, and in place. */
static void run_desc(const device *d, const clnorm_desc *desc, guarded_side side, size_t offset)
{
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    for (int way = 0; way < 3 && (has_running(desc->op) || pass != CLNORM_BACKWARD_FROZEN); way++) {
      call one = {.desc = *desc,
                  .pass = (clnorm_pass)pass,
                  .side = side,
                  .offset = offset,
                  .in_place = way == 1,
                  .sparse = way == 2};
      run(d, &one);
    }
  }
}

/* Batch normalization of (n, c, s). */
static void run_shape(const device *d, size_t n, size_t c, size_t s, clnorm_layout layout, guarded_side side,
                      size_t offset)
{
  clnorm_desc desc;
  desc_set(&desc, layout, 0, 3, (const size_t[]){n, c, s});
  run_desc(d, &desc, side, offset);
}

/* Longer tensors add time and no new ends of rows. */
#define MOST_ELEMENTS 300000

static void run_sizes(size_t offset)
{
  static const size_t positions[] = {1, 3, 7, 49, 3135}, channels[] = {1, 3, 17, 65, 1023};
  device d;
  device_open(&d);
  for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
    for (size_t k = 0; k < sizeof channels / sizeof channels[0]; k++) {
      const size_t elements = positions[i] * channels[k];
      const size_t n = 2 * elements <= MOST_ELEMENTS ? 3 : 2;
      for (int side = GUARDED_END; side <= GUARDED_START && n * elements <= 2 * MOST_ELEMENTS; side++) {
        run_shape(&d, n, channels[k], positions[i], CLNORM_CHANNELS_FIRST, (guarded_side)side, offset);
        run_shape(&d, n, channels[k], positions[i], CLNORM_CHANNELS_LAST, (guarded_side)side, offset);
      }
    }
  }
  device_close(&d);
}

#ifdef CLNORM_TEST_OPENCL
/* A kernel that reads or writes element `at` of a buffer of 64 floats. */
typedef struct touch {
  guarded_side side;
  long at;
  const char *source;
} touch;

static void touch_once(void *of)
{
  const touch *t = of;
  device d;
  device_open(&d);
  guarded memory = guarded_make(64 * sizeof(float), t->side);
  cl_device_id id = NULL;
  const cl_long at = t->at;
  const size_t one = 1;
  CHECK_CL(clGetCommandQueueInfo(d.queue, CL_QUEUE_DEVICE, sizeof id, &id, NULL));
  cl_mem buffer = wrap(&d, &memory);
  cl_program program = clCreateProgramWithSource(d.context, 1, (const char **)&t->source, NULL, NULL);
  CHECK_CL(clBuildProgram(program, 1, &id, "", NULL, NULL));
  cl_kernel kernel = clCreateKernel(program, "touch", NULL);
  CHECK_CL(clSetKernelArg(kernel, 0, sizeof buffer, &buffer));
  CHECK_CL(clSetKernelArg(kernel, 1, sizeof at, &at));
  CHECK_CL(clEnqueueNDRangeKernel(d.queue, kernel, 1, NULL, &one, &one, 0, NULL, NULL));
  CHECK_CL(clFinish(d.queue));
  cr_assert(((float *)memory.data)[t->side == GUARDED_END ? 63 : 0] != 0.0f, "the kernel worked on a copy");
  CHECK_CL(clReleaseKernel(kernel));
  CHECK_CL(clReleaseProgram(program));
  CHECK_CL(clReleaseMemObject(buffer));
  device_close(&d);
}
#endif

static void touch_on_cpu(void *of)
{
  volatile float *past = of;
  past[0] = 1.0f;
}

/* Without this the other tests would prove nothing. */
Test(guard, an_access_outside_of_an_array_ends_the_process)
{
  guarded memory = guarded_make(64 * sizeof(float), GUARDED_END);
  cr_assert(guarded_dies(touch_on_cpu, (float *)memory.data + 64));
  cr_assert(!guarded_dies(touch_on_cpu, (float *)memory.data + 63));
  guarded_free(&memory);
  memory = guarded_make(64 * sizeof(float), GUARDED_START);
  cr_assert(guarded_dies(touch_on_cpu, (float *)memory.data - 1));
  cr_assert(!guarded_dies(touch_on_cpu, memory.data));
  guarded_free(&memory);
#ifdef CLNORM_TEST_OPENCL
  static const char write[] = "__kernel void touch(__global float *p, long at) { p[at] = 1.0f; }";
  static const char read[] = "__kernel void touch(__global float *p, long at) { p[at < 0 ? 0 : 63] = p[at] + 1.0f; }";
  if (strcmp(getenv("CLNORM_DEVICE"), "cpu") != 0) {
    cr_assert(guarded_dies(touch_once, &(touch){GUARDED_END, 64, write}));
    cr_assert(guarded_dies(touch_once, &(touch){GUARDED_END, 64, read}));
    cr_assert(guarded_dies(touch_once, &(touch){GUARDED_START, -1, write}));
    cr_assert(guarded_dies(touch_once, &(touch){GUARDED_START, -1, read}));
    touch_once(&(touch){GUARDED_END, 63, write});
    touch_once(&(touch){GUARDED_START, 0, write});
  }
#endif
}

Test(guard, no_pass_leaves_its_arrays) { run_sizes(0); }

Test(guard, nor_with_offsets) { run_sizes(5); }

/* Samples short and long, few and many, as runs and as matrices, whose vectors are whole and are not. */
Test(guard, nor_does_the_rest_of_the_family)
{
  static const size_t shapes[][3] = {{3, 6, 5}, {5, 8, 49}, {66, 4, 66}, {2, 64, 163}, {9, 1200, 20}};
  device d;
  device_open(&d);
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    for (int kind = 0; kind < 4 * (CLNORM_RMS - CLNORM_BATCH); kind++) {
      clnorm_desc desc;
      const clnorm_op op = (clnorm_op)(CLNORM_BATCH + 1 + kind / 4);
      expect_success(clnorm_desc_init(&desc, sizeof desc, op, CLNORM_PRESET_TORCH));
      desc.layout = kind & 1 ? CLNORM_CHANNELS_LAST : CLNORM_CHANNELS_FIRST;
      desc.rank = 3;
      desc.dims[0] = shapes[i][0];
      desc.dims[kind & 1 ? 2 : 1] = shapes[i][1];
      desc.dims[kind & 1 ? 1 : 2] = shapes[i][2];
      desc.groups = op == CLNORM_GROUP ? 2 : desc.groups;
      run_desc(&d, &desc, kind & 2 ? GUARDED_START : GUARDED_END, kind % 3);
    }
  }
  device_close(&d);
}

/* Large enough for stores past the caches. */
Test(guard, nor_with_streaming_stores)
{
  device d;
  device_open(&d);
  for (int side = GUARDED_END; side <= GUARDED_START; side++) {
    run_shape(&d, 1, 5, 852489, CLNORM_CHANNELS_FIRST, (guarded_side)side, 3);
    run_shape(&d, 61, 69905, 1, CLNORM_CHANNELS_LAST, (guarded_side)side, 3);
    run_shape(&d, 2, 160, 13441, CLNORM_CHANNELS_FIRST, (guarded_side)side, 3);
  }
  device_close(&d);
}
