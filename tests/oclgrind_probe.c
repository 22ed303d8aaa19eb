/* Runs every kernel over small shapes, with all arguments and with the least, for test_oclgrind.sh: oclgrind interprets
 * 100,000 elements a second and tells races, accesses outside of buffers, values that nobody wrote and wrong API calls.
 *   usage: oclgrind_probe            ends with 1 if a kernel of the library was not reached
 *          oclgrind_probe --planted  runs a kernel with a race and a write outside of its buffer instead */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "descriptor.h"
#include "emulated_sub_groups.h"
#include "plan_cl.h"
#include "strides.h"

#define REQUIRE(condition, ...)                              \
  do {                                                       \
    if (!(condition)) {                                      \
      (void)fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);  \
      (void)fprintf(stderr, __VA_ARGS__);                    \
      (void)fprintf(stderr, " (%s)\n", clnorm_last_error()); \
      exit(2);                                               \
    }                                                        \
  } while (0)
#define CHECK_CL(code) REQUIRE((code) == CL_SUCCESS, "OpenCL gave %d", (int)(code))

typedef struct device {
  cl_device_id id;
  cl_context context;
  cl_command_queue queue;
} device;

/* Steps that ran, by role and by whether their coefficients came from the running statistics. */
static unsigned reached[CLNORM__ROLE_COUNT][2];

static device device_open(void)
{
  device d;
  cl_int code;
  clnorm_cl_device found;
  REQUIRE(clnorm_cl_select_device("oclgrind", &found) == CLNORM_SUCCESS, "run this under oclgrind");
  d.id = found.device;
  d.context = clCreateContext(NULL, 1, &d.id, NULL, NULL, &code);
  CHECK_CL(code);
  d.queue = clCreateCommandQueue(d.context, d.id, 0, &code);
  CHECK_CL(code);
  return d;
}

static void device_close(const device *d)
{
  CHECK_CL(clReleaseCommandQueue(d->queue));
  CHECK_CL(clReleaseContext(d->context));
}

/* ---- the library's kernels ---------------------------------------------------------------------------------- */

enum { OFFSET = 3 };

/* The tensors': whole vectors for two thirds of the plans that look for these. */
static size_t tensor_offset = OFFSET;

static void choose_offset(const clnorm_plan *plan)
{
  static unsigned turn;
  int aligned = 0;
  for (int i = 0; i < plan->num_steps; i++) {
    aligned = aligned || plan->steps[i].aligned;
  }
  tensor_offset = aligned && turn++ % 3 != 0 ? 16 : OFFSET;
}

/* All buffers live to the end: what oclgrind knows of values that nobody wrote is wrong where memory is used again. */
static cl_mem kept[8192];
static size_t kept_count;

static void release_kept(void)
{
  for (size_t i = 0; i < kept_count; i++) {
    CHECK_CL(clReleaseMemObject(kept[i]));
  }
}

/* What the elements of an array are. */
typedef enum contents { OUTPUT, FLOATS, HALVES, BFLOATS, LENGTHS, MASK_WORDS } contents;

static size_t size_of(contents contents) { return contents == HALVES || contents == BFLOATS ? 2 : 4; }

static void fill(unsigned char *data, size_t count, contents contents)
{
  for (size_t i = 0; i < count; i++) {
    const float number = 1.0f + (float)(i % 13) / 8.0f;
    const int32_t length = (int32_t)(i % 5) - 1;
    const uint32_t word = 0x5a3c96f1u + (uint32_t)i;
    const uint16_t half = (uint16_t)(0x3c00u + i % 13 * 64), bfloat = (uint16_t)(0x3f80u + i % 13 * 8);
    const void *const values[] = {NULL, &number, &half, &bfloat, &length, &word};
    memcpy(data + i * size_of(contents), values[contents], size_of(contents));
  }
}

/* Inputs are written from the host, because other data counts as uninitialised; outputs are not. `bytes` an element. */
static clnorm_buffer make_sized(const device *d, size_t offset, size_t count, size_t bytes, contents contents)
{
  cl_int code;
  const size_t size = (count + offset) * bytes;
  const cl_mem memory = clCreateBuffer(d->context, CL_MEM_READ_WRITE, size, NULL, &code);
  CHECK_CL(code);
  REQUIRE(kept_count < sizeof kept / sizeof kept[0], "too many buffers");
  kept[kept_count++] = memory;
  if (contents != OUTPUT) {
    unsigned char *data = malloc(size);
    REQUIRE(data != NULL, "no memory");
    fill(data, count + offset, contents);
    CHECK_CL(clEnqueueWriteBuffer(d->queue, memory, CL_TRUE, 0, size, data, 0, NULL, NULL));
    free(data);
  }
  return (clnorm_buffer){memory, offset, 0};
}

static clnorm_buffer make_array(const device *d, size_t count, contents contents)
{
  return make_sized(d, OFFSET, count, sizeof(float), contents);
}

/* A tensor of the descriptor's type, from its first to its last element. */
static clnorm_buffer make_tensor(const device *d, const clnorm_desc *desc, clnorm_tensor tensor, int input)
{
  const clnorm__reach reach = clnorm__reach_of(desc, tensor);
  const contents stored = desc->dtype == CLNORM_F16 ? HALVES : desc->dtype == CLNORM_BF16 ? BFLOATS : FLOATS;
  clnorm_buffer made =
      make_sized(d, tensor_offset, reach.before + reach.after, size_of(stored), input ? stored : OUTPUT);
  made.offset += reach.before;
  return made;
}

static void add_forward(const device *d, const clnorm_plan *plan, int all, clnorm_cl_args *args)
{
  const clnorm_desc *desc = &plan->desc;
  args->y = all ? make_tensor(d, desc, CLNORM_TENSOR_Y, 0) : args->x;
  if (all) {
    args->beta = make_array(d, plan->geometry.parameters, FLOATS);
  }
  if (desc->flags & CLNORM_RESIDUAL) {
    args->residual = make_tensor(d, desc, CLNORM_TENSOR_RESIDUAL, 1);
  }
}

static void add_backward(const device *d, const clnorm_plan *plan, int all, clnorm_cl_args *args)
{
  const clnorm_desc *desc = &plan->desc;
  const int derives = desc->activation != CLNORM_ACTIVATION_NONE && !(desc->flags & CLNORM_RELU_MASK);
  args->dy = make_tensor(d, desc, CLNORM_TENSOR_DY, 1);
  args->dx = all ? make_tensor(d, desc, CLNORM_TENSOR_DX, (desc->flags & CLNORM_ACCUMULATE_DX) != 0) : args->dy;
  if (all) {
    args->dgamma = make_array(d, plan->geometry.parameters, desc->flags & CLNORM_ACCUMULATE_DGAMMA ? FLOATS : OUTPUT);
    args->dbeta = make_array(d, plan->geometry.parameters, desc->flags & CLNORM_ACCUMULATE_DBETA ? FLOATS : OUTPUT);
  }
  if (all && derives) {
    args->beta = make_array(d, plan->geometry.parameters, FLOATS);
  }
  if (desc->flags & CLNORM_RESIDUAL) {
    args->residual = derives ? make_tensor(d, desc, CLNORM_TENSOR_RESIDUAL, 1) : args->residual;
    args->dresidual = make_tensor(d, desc, CLNORM_TENSOR_DRESIDUAL, 0);
  }
}

static clnorm_cl_args make_args(const device *d, const clnorm_plan *plan, int all)
{
  const clnorm_desc *desc = &plan->desc;
  const size_t parameters = plan->geometry.parameters, statistics = plan->geometry.statistics;
  const clnorm_pass pass = plan->pass;
  const int forward = pass == CLNORM_TRAIN || pass == CLNORM_INFER;
  const int reads_running =
      clnorm__op_has_running(desc->op) && (pass == CLNORM_INFER || pass == CLNORM_BACKWARD_FROZEN);
  clnorm_cl_args args = {.size = sizeof args, .x = make_tensor(d, desc, CLNORM_TENSOR_X, 1)};
  (forward ? add_forward : add_backward)(d, plan, all, &args);
  if (reads_running || (all && clnorm__op_has_running(desc->op) && pass == CLNORM_TRAIN)) {
    args.running_mean = make_array(d, parameters, FLOATS);
    args.running_var = make_array(d, parameters, FLOATS);
  }
  if (all) {
    args.gamma = make_array(d, parameters, FLOATS);
  }
  if (all && (pass == CLNORM_TRAIN || pass == CLNORM_BACKWARD)) {
    args.mean = desc->op == CLNORM_RMS ? args.mean : make_array(d, statistics, forward ? OUTPUT : FLOATS);
    args.inv_std = make_array(d, statistics, forward ? OUTPUT : FLOATS);
  }
  if (desc->length_axis != 0) {
    args.lengths = make_array(d, desc->dims[0], LENGTHS);
  }
  if (desc->flags & CLNORM_RELU_MASK) {
    args.mask = make_array(d, (plan->geometry.elements + 31) / 32, forward ? OUTPUT : MASK_WORDS);
  }
  if (plan->workspace_size != 0) {
    args.workspace = make_array(d, plan->workspace_size / sizeof(float) + 4, OUTPUT);
    args.workspace.offset = 16;
  }
  return args;
}

static void run(const device *d, clnorm_cl *cl, const clnorm_desc *desc, clnorm_pass pass, int all)
{
  clnorm_cl_plan *plan = NULL;
  REQUIRE(clnorm_cl_plan_create(cl, desc, pass, &plan) == CLNORM_SUCCESS, "plan");
  const clnorm_plan *data = clnorm_cl_plan_data(plan);
  choose_offset(data);
  const clnorm_cl_args args = make_args(d, data, all);
  REQUIRE(clnorm_cl_enqueue(plan, d->queue, &args, 0, NULL, NULL) == CLNORM_SUCCESS, "enqueue");
  CHECK_CL(clFinish(d->queue));
  clnorm__span spans[CLNORM__ARG_COUNT] = {{0}};
  spans[CLNORM__ARG_MEAN].present = args.mean.memory != NULL;
  spans[CLNORM__ARG_INV_STD].present = args.inv_std.memory != NULL;
  spans[CLNORM__ARG_DX].present = args.dx.memory != NULL;
  spans[CLNORM__ARG_DGAMMA].present = args.dgamma.memory != NULL;
  spans[CLNORM__ARG_DRESIDUAL].present = args.dresidual.memory != NULL;
  spans[CLNORM__ARG_RUNNING_MEAN].present = args.running_mean.memory != NULL;
  for (int i = 0; i < data->num_steps; i++) {
    reached[data->steps[i].role][data->steps[i].from_running != 0] +=
        clnorm__step_needed(data, &data->steps[i], spans) ? 1u : 0u;
  }
  clnorm_cl_plan_destroy(plan);
}

static const struct machine {
  clnorm__engine engine;
  uint64_t max_work_group;
  uint32_t vector_width;
  int sums_in_double;
  uint64_t cache;      /* bytes; 1: everything goes past it */
  size_t members_each; /* which of the rest of the family it runs: all, or every second */
  size_t shapes[9][3]; /* (N, C, S) of both layouts, up to one with N = 0 */
} machines[] = {
    /* Statistics that eight work-items hold, and some that they do not. */
    {CLNORM__ENGINE_CL_LANES,
     8,
     1,
     0,
     0,
     1,
     {{3, 5, 7}, {2, 12, 20}, {2, 3, 37}, {9, 21, 1}, {205, 21, 1}, {1, 1, 8200}, {3, 2, 300}, {2, 2, 301}}},
    {CLNORM__ENGINE_CL_LANES, 32, 1, 1, 0, 2, {{2, 4, 36}, {40, 9, 1}}},
    {CLNORM__ENGINE_CL_WIDE, 1, 16, 1, 1, 1, {{3, 5, 7}, {2, 3, 37}, {9, 21, 1}, {130, 127, 1}, {1, 35, 519}}},
    {CLNORM__ENGINE_CL_WIDE, 1, 8, 0, 0, 2, {{2, 18, 11}, {2, 3, 300}, {70, 11, 1}}},
};

/* The rest of the family. split: the axis of LAYER and RMS, the groups of GROUP. strided: a gap after each row, and y and dx
 * run backwards along the last axis. */
static const struct member {
  clnorm_op op;
  uint32_t rank;
  size_t dims[4];
  uint32_t split;
  clnorm_dtype dtype;
  clnorm_activation activation;
  uint32_t flags, length_axis;
  int strided;
  int last; /* 1: channels-last */
} members[] = {
    {CLNORM_LAYER, 2, {37, 21}, 1, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0, 0, 0},
    {CLNORM_LAYER, 2, {9, 3}, 1, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0, 0, 0},
    {CLNORM_RMS, 2, {5, 144}, 1, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0, 0, 0},
    {CLNORM_RMS, 2, {3, 1041}, 1, CLNORM_F16, CLNORM_ACTIVATION_RELU, 0, 0, 0},
    /* Tasks of several samples that are longer than 256. */
    {CLNORM_LAYER, 2, {70, 261}, 1, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0, 0, 0},
    {CLNORM_GROUP, 3, {2, 6, 345}, 3, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0, 0, 0},
    {CLNORM_INSTANCE, 3, {3, 2, 19}, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0, 0, 0},
    {CLNORM_GROUP, 3, {3, 6, 7}, 3, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0, 0, 0},
    {CLNORM_GROUP, 2, {33, 6}, 3, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0, 0, 0},
    {CLNORM_INSTANCE, 3, {2, 70, 5}, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0, 0, 0, 1},
    {CLNORM_GROUP, 3, {2, 70, 6}, 3, CLNORM_BF16, CLNORM_ACTIVATION_ELU, CLNORM_RESIDUAL, 0, 0, 1},
    {CLNORM_INSTANCE, 3, {4, 8, 42}, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0, 0, 0, 1},
    {CLNORM_GROUP, 3, {5, 16, 48}, 16, CLNORM_BF16, CLNORM_ACTIVATION_ELU, CLNORM_RESIDUAL, 0, 0, 1},
    {CLNORM_LAYER, 2, {9, 21}, 1, CLNORM_F16, CLNORM_ACTIVATION_TANH, CLNORM_RESIDUAL, 0, 0},
    {CLNORM_GROUP, 3, {3, 6, 7}, 3, CLNORM_BF16, CLNORM_ACTIVATION_RELU, CLNORM_RESIDUAL, 0, 0},
    {CLNORM_LAYER, 3, {3, 4, 5}, 1, CLNORM_F16, CLNORM_ACTIVATION_GELU, CLNORM_RESIDUAL, 2, 1},
    {CLNORM_BATCH, 3, {3, 4, 5}, 0, CLNORM_BF16, CLNORM_ACTIVATION_RELU, CLNORM_RESIDUAL | CLNORM_RELU_MASK, 2, 1},
    {CLNORM_INSTANCE, 3, {3, 4, 5}, 0, CLNORM_F16, CLNORM_ACTIVATION_NONE, 0, 2, 0},
    {CLNORM_GROUP,
     3,
     {2, 4, 5},
     2,
     CLNORM_F32,
     CLNORM_ACTIVATION_SILU,
     CLNORM_ACCUMULATE_DX | CLNORM_ACCUMULATE_DGAMMA | CLNORM_ACCUMULATE_DBETA,
     0,
     1},
};

static clnorm_desc desc_of(const struct member *m)
{
  clnorm_desc desc;
  REQUIRE(clnorm_desc_init(&desc, sizeof desc, m->op, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS, "desc");
  desc.rank = m->rank;
  desc.layout = m->last ? CLNORM_CHANNELS_LAST : CLNORM_CHANNELS_FIRST;
  memcpy(desc.dims, m->dims, sizeof m->dims);
  desc.axis = m->op == CLNORM_LAYER || m->op == CLNORM_RMS ? m->split : desc.axis;
  desc.groups = m->op == CLNORM_GROUP ? m->split : desc.groups;
  desc.dtype = m->dtype;
  desc.activation = m->activation;
  desc.alpha = 0.5;
  desc.flags = m->flags;
  desc.length_axis = m->length_axis;
  for (int tensor = 0; m->strided && tensor < CLNORM_TENSORS; tensor++) {
    const int backwards = tensor == CLNORM_TENSOR_Y || tensor == CLNORM_TENSOR_DX;
    int64_t distance = 1;
    for (uint32_t axis = m->rank; axis-- > 0;) {
      desc.strides[tensor][axis] = axis == m->rank - 1 && backwards ? -distance : distance;
      distance = distance * (int64_t)m->dims[axis] + 2;
    }
  }
  return desc;
}

/* Every `each`-th of them. */
static void run_members(const device *d, clnorm_cl *cl, size_t each)
{
  for (size_t i = 0; i < sizeof members / sizeof members[0]; i += each) {
    const clnorm_desc desc = desc_of(&members[i]);
    for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
      for (int all = 0; all < 2; all++) {
        const int in_place = !members[i].strided && (desc.flags & CLNORM_ACCUMULATE_DX) == 0;
        if ((pass != CLNORM_BACKWARD_FROZEN || clnorm__op_has_running(desc.op)) && (all || in_place)) {
          run(d, cl, &desc, (clnorm_pass)pass, all);
        }
      }
    }
  }
}

/* Each type with each activation. */
#define FUSED_PAIRS 30

/* The same with a residual: first every type with every activation in turn, then each type with one, because oclgrind compiles
 * each anew and an activation touches no memory. */
static void run_fused(const device *d, clnorm_cl *cl, const clnorm_desc *plain, clnorm_pass pass, int all)
{
  static const clnorm_activation later[] = {CLNORM_ACTIVATION_GELU, CLNORM_ACTIVATION_RELU, CLNORM_ACTIVATION_NONE};
  static unsigned turn;
  clnorm_desc desc = *plain;
  desc.dtype = (clnorm_dtype)(CLNORM_F32 + turn % 3);
  desc.activation =
      turn < FUSED_PAIRS ? (clnorm_activation)(turn % (CLNORM_ACTIVATION_GELU_TANH + 1)) : later[turn % 3];
  turn++;
  desc.alpha = 0.5;
  desc.flags |= CLNORM_RESIDUAL;
  run(d, cl, &desc, pass, all);
}

static void run_machine(const device *d, const struct machine *m)
{
  clnorm_cl *cl = NULL;
  REQUIRE(clnorm_cl_create(d->context, d->id, &cl) == CLNORM_SUCCESS, "cl");
  cl->capabilities.engine = m->engine;
  cl->capabilities.max_work_group = m->max_work_group;
  cl->capabilities.vector_width = m->vector_width;
  cl->capabilities.sums_in_double = m->sums_in_double;
  cl->capabilities.compute_units = 2;
  cl->capabilities.cache = m->cache;
  cl->capabilities.second_cache = 65536;
  for (size_t i = 0; m->shapes[i][0] != 0; i++) {
    const size_t *shape = m->shapes[i];
    for (int last = 0; last < 2; last++) {
      clnorm_desc desc;
      REQUIRE(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS, "desc");
      desc.layout = last ? CLNORM_CHANNELS_LAST : CLNORM_CHANNELS_FIRST;
      desc.rank = 3;
      desc.dims[0] = shape[0];
      desc.dims[1] = last ? shape[2] : shape[1];
      desc.dims[2] = last ? shape[1] : shape[2];
      const int large = shape[0] * shape[1] * shape[2] > 4096;
      for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
        for (int all = 0; all < 2; all++) {
          const int both = pass == CLNORM_BACKWARD_FROZEN; /* steps of their own */
          if (!large || (!last && (both || all != (pass == CLNORM_BACKWARD)))) {
            run(d, cl, &desc, (clnorm_pass)pass, all);
          }
          if (!large && all == pass % 2) {
            run_fused(d, cl, &desc, (clnorm_pass)pass, all);
          }
        }
      }
    }
  }
  run_members(d, cl, m->members_each);
  clnorm_cl_destroy(cl);
}

/* Roles that exist with coefficients from the running statistics, besides the ordinary ones or alone. */
static int check_reached(void)
{
  static const clnorm__role frozen[] = {CLNORM__ROWS_FROZEN,     CLNORM__ROWS_APPLY,      CLNORM__ROWS_DX,
                                        CLNORM__COLUMNS_FROZEN,  CLNORM__COLUMNS_APPLY,   CLNORM__COLUMNS_DX,
                                        CLNORM__MERGE_GRADIENTS, CLNORM__SAMPLES_FORWARD, CLNORM__SAMPLES_BACKWARD,
                                        CLNORM__GENERAL_FORWARD, CLNORM__GENERAL_MOMENTS};
  int missing = 0;
  for (int role = 0; role < CLNORM__ROLE_COUNT; role++) {
    const int is_alone = role == CLNORM__ROWS_FROZEN || role == CLNORM__COLUMNS_FROZEN;
    if (reached[role][0] == 0 && !is_alone) {
      (void)fprintf(stderr, "%s was not reached\n", clnorm__role_name((clnorm__role)role));
      missing = 1;
    }
  }
  for (size_t i = 0; i < sizeof frozen / sizeof frozen[0]; i++) {
    if (reached[frozen[i]][1] == 0) {
      (void)fprintf(stderr, "%s from running statistics was not reached\n", clnorm__role_name(frozen[i]));
      missing = 1;
    }
  }
  return missing;
}

/* Sums by sub-groups, emulated. */
static void run_sub_groups(const device *d)
{
  static const emulated cases[] = {{32, 8, 0, 0}, {16, 16, 0, 0}, {32, 8, 1, 0}, {8, 16, 0, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const size_t local = cases[i].local, global = 2 * local;
    cl_int code;
    cl_mem arguments[] = {make_sized(d, 0, global, sizeof(float), FLOATS).memory,
                          make_sized(d, 0, global, sizeof(float), FLOATS).memory,
                          make_sized(d, 0, 4 * global, sizeof(float), OUTPUT).memory};
    cl_program program = emulated_sub_groups_build(d->context, d->id, &cases[i]);
    REQUIRE(program != NULL, "sub-groups of %u do not compile", cases[i].size);
    cl_kernel kernel = clCreateKernel(program, "sums", &code);
    CHECK_CL(code);
    for (cl_uint k = 0; k < 3; k++) {
      CHECK_CL(clSetKernelArg(kernel, k, sizeof arguments[k], &arguments[k]));
    }
    CHECK_CL(clEnqueueNDRangeKernel(d->queue, kernel, 1, NULL, &global, &local, 0, NULL, NULL));
    CHECK_CL(clFinish(d->queue));
    CHECK_CL(clReleaseKernel(kernel));
    CHECK_CL(clReleaseProgram(program));
  }
}

/* ---- the planted one ---------------------------------------------------------------------------------------- */

static const char planted[] =
    "__kernel void planted(__global float *p, __global float *q) {\n"
    "  __local float shared[8];\n"
    "  uint id = (uint)get_local_id(0);\n"
    "  shared[id] = p[id];\n"
    "  q[id] = shared[(id + 1) % 8];\n"       /* no barrier */
    "  if (q[7 - id] > 0.5f) q[id] = 2.0f;\n" /* perhaps not written yet */
    "  q[8 + id] = 1.0f;\n"                   /* q has 8 elements */
    "}\n";

static void run_planted(const device *d)
{
  cl_int code;
  const char *text = planted;
  const size_t size = 8;
  clnorm_buffer p = make_array(d, 8, 1);
  const cl_mem q = clCreateBuffer(d->context, CL_MEM_READ_WRITE, 8 * sizeof(float), NULL, &code);
  CHECK_CL(code);
  cl_program program = clCreateProgramWithSource(d->context, 1, &text, NULL, &code);
  CHECK_CL(code);
  CHECK_CL(clBuildProgram(program, 1, &d->id, "-cl-std=CL1.2", NULL, NULL));
  cl_kernel kernel = clCreateKernel(program, "planted", &code);
  CHECK_CL(code);
  CHECK_CL(clSetKernelArg(kernel, 0, sizeof p.memory, &p.memory));
  CHECK_CL(clSetKernelArg(kernel, 1, sizeof q, &q));
  CHECK_CL(clEnqueueNDRangeKernel(d->queue, kernel, 1, NULL, &size, &size, 0, NULL, NULL));
  CHECK_CL(clFinish(d->queue));
  CHECK_CL(clReleaseKernel(kernel));
  CHECK_CL(clReleaseProgram(program));
  CHECK_CL(clReleaseMemObject(q));
}

int main(int count, char **arguments)
{
  int missing = 0;
  const device d = device_open();
  if (count > 1 && strcmp(arguments[1], "--planted") == 0) {
    run_planted(&d);
  } else {
    run_sub_groups(&d);
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) {
      run_machine(&d, &machines[i]);
    }
    missing = check_reached();
  }
  release_kept();
  device_close(&d);
  return missing;
}
