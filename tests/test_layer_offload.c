/* A layer on a device, used as a network on that device uses it: nothing waits on the host, an optimizer changes its
 * buffers, and its objects may go in any order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"
#include "layer_check.h"

#define CHECK_CL(call)                                                       \
  do {                                                                       \
    const cl_int check_got = (call);                                         \
    cr_assert(check_got == CL_SUCCESS, "%s gave %d", #call, (int)check_got); \
  } while (0)

/* Tensors on the device, y and dx filled with NaN. */
typedef struct tensors {
  cl_mem x, dy, y, dx;
} tensors;

static cl_mem buffer_of(const layer_fixture *f, float *content, size_t elements)
{
  cl_int code;
  cl_mem made =
      clCreateBuffer(f->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, elements * sizeof *content, content, &code);
  CHECK_CL(code);
  return made;
}

static void tensors_open(tensors *t, const layer_fixture *f, layer_data *d)
{
  for (size_t i = 0; i < d->counts.elements; i++) {
    d->y[i] = d->dx[i] = NAN;
  }
  t->x = buffer_of(f, d->x, d->counts.elements);
  t->dy = buffer_of(f, d->dy, d->counts.elements);
  t->y = buffer_of(f, d->y, d->counts.elements);
  t->dx = buffer_of(f, d->dx, d->counts.elements);
}

static void tensors_close(const tensors *t)
{
  CHECK_CL(clReleaseMemObject(t->x));
  CHECK_CL(clReleaseMemObject(t->dy));
  CHECK_CL(clReleaseMemObject(t->y));
  CHECK_CL(clReleaseMemObject(t->dx));
}

static void fetch(const layer_fixture *f, cl_mem from, float *to, size_t elements)
{
  CHECK_CL(clEnqueueReadBuffer(f->queue, from, CL_TRUE, 0, elements * sizeof *to, to, 0, NULL, NULL));
}

#define BUFFER(memory) \
  (clnorm_buffer) { memory }

/* The queue is out-of-order and everything waits for one event of the test, so only the layer's own order is left. The
 * second round needs more workspace than the first one has. */
Test(layer_offload, calls_follow_each_other_without_waiting)
{
  static const size_t batches[] = {3, 8, 3};
  enum { ROUNDS = 3 };
  layer_fixture f;
  layer_data d[ROUNDS];
  tensors t[ROUNDS];
  cl_int code;
  cl_event ended = NULL;
  clnorm_desc desc;
  layer_desc(&desc);
  desc.dims[2] = 96, desc.dims[3] = 128;
  layer_fixture_open(&f, &desc);
  cl_event gate = clCreateUserEvent(f.context, &code);
  CHECK_CL(code);
  for (int i = 0; i < ROUNDS; i++) {
    layer_data_open(&d[i], &f, batches[i], (uint64_t)i);
    tensors_open(&t[i], &f, &d[i]);
  }
  for (int i = 0; i < ROUNDS; i++) {
    expect_success(clnorm_cl_layer_forward(f.layer, batches[i], BUFFER(t[i].x), BUFFER(t[i].y), 1, &gate, NULL));
    expect_success(clnorm_cl_layer_backward(f.layer, batches[i], BUFFER(t[i].x), BUFFER(t[i].dy), BUFFER(t[i].dx), 0,
                                            NULL, i == ROUNDS - 1 ? &ended : NULL));
  }
  cl_int state = 0;
  CHECK_CL(clGetEventInfo(ended, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL));
  cr_assert(state != CL_COMPLETE, "something ran before what it was told to wait for");
  CHECK_CL(clSetUserEventStatus(gate, CL_COMPLETE));
  CHECK_CL(clWaitForEvents(1, &ended));
  CHECK_CL(clReleaseEvent(ended));
  CHECK_CL(clReleaseEvent(gate));
  for (int i = 0; i < ROUNDS; i++) {
    oracle o;
    f.desc.dims[0] = batches[i];
    fetch(&f, t[i].y, d[i].y, d[i].counts.elements);
    fetch(&f, t[i].dx, d[i].dx, d[i].counts.elements);
    layer_reference(&o, &f, &d[i], CLNORM_BACKWARD, 0.0);
    layer_check(&o, ORACLE_DX, d[i].dx);
    if (i == ROUNDS - 1) {
      layer_check_value(&f, &o, ORACLE_DGAMMA, CLNORM_VALUE_DGAMMA);
    }
    oracle_destroy(&o);
    layer_reference(&o, &f, &d[i], CLNORM_TRAIN, 0.1);
    layer_check(&o, ORACLE_Y, d[i].y);
    oracle_destroy(&o);
    tensors_close(&t[i]);
    layer_data_close(&d[i]);
  }
  cr_assert(clnorm_layer_batches(f.layer) == ROUNDS);
  layer_fixture_close(&f);
}

/* gamma -= rate * dgamma, as a kernel of the caller's own between backward and the next forward, all by events. */
Test(layer_offload, an_optimizer_steps_the_parameters_on_the_device)
{
  static const char *const source =
      "kernel void sgd(global float *p, global const float *g, float rate)"
      "{ size_t i = get_global_id(0); p[i] -= rate * g[i]; }";
  layer_fixture f;
  layer_data d;
  tensors t;
  cl_int code;
  cl_event backward = NULL;
  cl_event stepped = NULL;
  oracle o;
  const cl_float rate = 0.01f;
  const size_t count = C;
  layer_open(&f);
  cl_program program = clCreateProgramWithSource(f.context, 1, (const char **)&source, NULL, &code);
  CHECK_CL(code);
  CHECK_CL(clBuildProgram(program, 1, &f.device, "", NULL, NULL));
  cl_kernel kernel = clCreateKernel(program, "sgd", &code);
  CHECK_CL(code);
  cl_mem gamma = clnorm_cl_layer_buffer(f.layer, CLNORM_VALUE_GAMMA);
  cl_mem dgamma = clnorm_cl_layer_buffer(f.layer, CLNORM_VALUE_DGAMMA);
  CHECK_CL(clSetKernelArg(kernel, 0, sizeof(cl_mem), &gamma));
  CHECK_CL(clSetKernelArg(kernel, 1, sizeof(cl_mem), &dgamma));
  CHECK_CL(clSetKernelArg(kernel, 2, sizeof rate, &rate));
  layer_data_open(&d, &f, 8, 1);
  tensors_open(&t, &f, &d);

  expect_success(clnorm_cl_layer_forward(f.layer, 8, BUFFER(t.x), BUFFER(t.y), 0, NULL, NULL));
  expect_success(clnorm_cl_layer_backward(f.layer, 8, BUFFER(t.x), BUFFER(t.dy), BUFFER(t.dx), 0, NULL, &backward));
  CHECK_CL(clEnqueueNDRangeKernel(f.queue, kernel, 1, NULL, &count, NULL, 1, &backward, &stepped));
  expect_success(clnorm_cl_layer_forward(f.layer, 8, BUFFER(t.x), BUFFER(t.y), 1, &stepped, NULL));

  layer_reference(&o, &f, &d, CLNORM_BACKWARD, 0.0);
  for (int c = 0; c < C; c++) {
    d.gamma[c] = (float)(1.0L - (long double)rate * o.dgamma[c]);
  }
  oracle_destroy(&o);
  float got[C];
  layer_fixture_read(&f, CLNORM_VALUE_GAMMA, got, C);
  fetch(&f, t.y, d.y, d.counts.elements);
  for (int c = 0; c < C; c++) {
    /* Two roundings of the step, and dgamma's own error. */
    cr_assert(fabsf(got[c] - d.gamma[c]) <= 1e-5f * fmaxf(1.0f, fabsf(d.gamma[c])), "%.9g, expected %.9g",
              (double)got[c], (double)d.gamma[c]);
    d.gamma[c] = got[c];
  }
  layer_reference(&o, &f, &d, CLNORM_TRAIN, 0.1);
  layer_check(&o, ORACLE_Y, d.y);
  oracle_destroy(&o);
  CHECK_CL(clReleaseEvent(backward));
  CHECK_CL(clReleaseEvent(stepped));
  CHECK_CL(clReleaseKernel(kernel));
  CHECK_CL(clReleaseProgram(program));
  tensors_close(&t);
  layer_data_close(&d);
  layer_fixture_close(&f);
}

/* More events than the layer's short list holds. */
Test(layer_offload, waits_for_any_number_of_events)
{
  enum { EVENTS = 20 };
  layer_fixture f;
  layer_data d;
  tensors t;
  cl_event gates[EVENTS];
  cl_event ended = NULL;
  cl_int code;
  cl_int state = 0;
  layer_open(&f);
  layer_data_open(&d, &f, 4, 1);
  tensors_open(&t, &f, &d);
  for (cl_uint count = 7; count <= EVENTS; count = count == 9 ? EVENTS : count + 1) {
    for (cl_uint i = 0; i < count; i++) {
      gates[i] = clCreateUserEvent(f.context, &code);
      CHECK_CL(code);
    }
    expect_success(clnorm_cl_layer_forward(f.layer, 4, BUFFER(t.x), BUFFER(t.y), count, gates, &ended));
    for (cl_uint i = 0; i < count; i++) {
      CHECK_CL(clGetEventInfo(ended, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL));
      cr_assert(state != CL_COMPLETE, "event %u of %u was not waited for", i, count);
      CHECK_CL(clSetUserEventStatus(gates[i], CL_COMPLETE));
    }
    CHECK_CL(clWaitForEvents(1, &ended));
    CHECK_CL(clReleaseEvent(ended));
    for (cl_uint i = 0; i < count; i++) {
      CHECK_CL(clReleaseEvent(gates[i]));
    }
    if (count == EVENTS) {
      break;
    }
  }
  tensors_close(&t);
  layer_data_close(&d);
  layer_fixture_close(&f);
}

/* Commands that are still waiting when the layer goes: destroying it waits for them, and what they wrote is there. The
 * layer outlives the object that it was made from. */
Test(layer_offload, objects_may_be_destroyed_in_any_order)
{
  layer_fixture f;
  layer_data d;
  tensors t;
  oracle o;
  layer_open(&f);
  clnorm_cl_destroy(f.cl);
  f.cl = NULL;
  layer_data_open(&d, &f, 8, 1);
  tensors_open(&t, &f, &d);
  expect_success(clnorm_cl_layer_forward(f.layer, 8, BUFFER(t.x), BUFFER(t.y), 0, NULL, NULL));
  clnorm_layer_destroy(f.layer);
  f.layer = NULL;
  fetch(&f, t.y, d.y, d.counts.elements);
  layer_reference(&o, &f, &d, CLNORM_TRAIN, 0.1);
  layer_check(&o, ORACLE_Y, d.y);
  oracle_destroy(&o);
  tensors_close(&t);
  layer_data_close(&d);
  layer_fixture_close(&f);
}

Test(layer_offload, an_in_order_queue_gives_the_same_bits)
{
  layer_fixture f;
  layer_data d;
  tensors t;
  clnorm_layer *other = NULL;
  cl_int code;
  float *again;
  layer_open(&f);
  cl_command_queue queue = clCreateCommandQueue(f.context, f.device, 0, &code);
  CHECK_CL(code);
  layer_data_open(&d, &f, 8, 1);
  tensors_open(&t, &f, &d);
  expect_success(layer_fixture_forward(&f, 8, d.x, d.y));
  expect_success(layer_fixture_backward(&f, 8, d.x, d.dy, d.dx));
  expect_success(clnorm_cl_layer_create(f.cl, queue, &f.desc, &other));
  expect_success(clnorm_cl_layer_forward(other, 8, BUFFER(t.x), BUFFER(t.y), 0, NULL, NULL));
  expect_success(clnorm_cl_layer_backward(other, 8, BUFFER(t.x), BUFFER(t.dy), BUFFER(t.dx), 0, NULL, NULL));
  const size_t bytes = d.counts.elements * sizeof *again;
  again = malloc(bytes);
  cr_assert(again != NULL);
  CHECK_CL(clEnqueueReadBuffer(queue, t.y, CL_TRUE, 0, bytes, again, 0, NULL, NULL));
  cr_assert(memcmp(again, d.y, bytes) == 0);
  CHECK_CL(clEnqueueReadBuffer(queue, t.dx, CL_TRUE, 0, bytes, again, 0, NULL, NULL));
  cr_assert(memcmp(again, d.dx, bytes) == 0);
  free(again);
  clnorm_layer_destroy(other);
  CHECK_CL(clReleaseCommandQueue(queue));
  tensors_close(&t);
  layer_data_close(&d);
  layer_fixture_close(&f);
}

Test(layer_offload, preparing_leaves_nothing_to_compile)
{
  layer_fixture f;
  layer_data d;
  size_t prepared = 0;
  size_t used = 0;
  layer_open(&f);
  layer_data_open(&d, &f, 8, 1);
  expect_success(clnorm_layer_prepare(f.layer, 8));
  clnorm_cl_build_counts(f.cl, &prepared, NULL);
  cr_assert(prepared > 0);
  expect_success(layer_fixture_forward(&f, 8, d.x, d.y));
  expect_success(layer_fixture_backward(&f, 8, d.x, d.dy, d.dx));
  clnorm_cl_build_counts(f.cl, &used, NULL);
  cr_assert(used == prepared, "%zu programs, then %zu", prepared, used);
  layer_data_close(&d);
  layer_fixture_close(&f);
}

Test(layer_offload, refuses_what_belongs_elsewhere)
{
  layer_fixture f;
  layer_fixture other;
  clnorm_layer *on_cpu = NULL;
  clnorm_layer *untouched = NULL;
  float value = 0;
  cl_event event = NULL;
  cl_mem small;
  layer_open(&f);
  layer_open(&other);
  f.desc.dims[0] = 2;
  expect_success(clnorm_layer_create(&f.desc, &on_cpu));
  small = buffer_of(&f, &value, 1);
  expect_failure(clnorm_layer_forward(f.layer, 2, (clnorm_input){&value}, (clnorm_output){&value}),
                 CLNORM_INVALID_ARGUMENT, "layer", "on the CPU", "on an OpenCL device", "clnorm_cl_layer_forward");
  expect_failure(clnorm_layer_backward(f.layer, 2, (clnorm_input){&value}, (clnorm_input){&value}, (clnorm_output){0}),
                 CLNORM_INVALID_ARGUMENT, "layer", "on the CPU", "clnorm_cl_layer_backward");
  expect_failure(clnorm_cl_layer_forward(on_cpu, 2, BUFFER(small), BUFFER(small), 0, NULL, &event),
                 CLNORM_INVALID_ARGUMENT, "layer", "on an OpenCL device", "on the CPU", "clnorm_layer_forward");
  expect_failure(clnorm_cl_layer_forward(NULL, 2, BUFFER(small), BUFFER(small), 0, NULL, &event),
                 CLNORM_INVALID_ARGUMENT, "layer", "NULL");
  expect_failure(clnorm_cl_layer_backward(NULL, 2, BUFFER(small), BUFFER(small), BUFFER(NULL), 0, NULL, &event),
                 CLNORM_INVALID_ARGUMENT, "layer", "NULL");
  expect_failure(clnorm_cl_layer_forward(f.layer, 2, BUFFER(small), BUFFER(small), 0, NULL, &event),
                 CLNORM_BUFFER_TOO_SMALL, "x", "480", "4");
  expect_failure(clnorm_cl_layer_forward(f.layer, 2, BUFFER(NULL), BUFFER(small), 0, NULL, &event),
                 CLNORM_INVALID_ARGUMENT, "x", "NULL");
  expect_failure(clnorm_cl_layer_forward(f.layer, 2, BUFFER(small), BUFFER(small), 2, NULL, &event),
                 CLNORM_INVALID_ARGUMENT, "waits", "2");
  expect_failure(clnorm_cl_layer_forward(other.layer, 2, BUFFER(small), BUFFER(small), 0, NULL, &event),
                 CLNORM_INVALID_BUFFER, "x", "context");
  expect_failure(clnorm_cl_layer_create(f.cl, other.queue, &f.desc, &untouched), CLNORM_INVALID_ARGUMENT, "queue",
                 "context");
  expect_failure(clnorm_cl_layer_create(NULL, f.queue, &f.desc, &untouched), CLNORM_INVALID_ARGUMENT, "cl", "NULL");
  expect_failure(clnorm_cl_layer_create(f.cl, NULL, &f.desc, &untouched), CLNORM_INVALID_ARGUMENT, "queue", "NULL");
  f.desc.dims[1] = (size_t)1 << 50;
  expect_failure(clnorm_cl_layer_create(f.cl, f.queue, &f.desc, &untouched), CLNORM_OUT_OF_MEMORY, "desc.dims");
  cr_assert(untouched == NULL && event == NULL && clnorm_layer_batches(f.layer) == 0);
  cr_assert(clnorm_cl_layer_buffer(on_cpu, CLNORM_VALUE_GAMMA) == NULL);
  cr_assert(clnorm_cl_layer_buffer(NULL, CLNORM_VALUE_GAMMA) == NULL);
  cr_assert(clnorm_cl_layer_buffer(f.layer, (clnorm_layer_value)0) == NULL);
  cr_assert(clnorm_cl_layer_buffer(f.layer, (clnorm_layer_value)9) == NULL);
  CHECK_CL(clReleaseMemObject(small));
  clnorm_layer_destroy(on_cpu);
  layer_fixture_close(&other);
  layer_fixture_close(&f);
}

/* The child may ask and destroy; every call that needs the device says why it cannot. */
Test(layer_offload, says_so_in_a_forked_child)
{
  layer_fixture f;
  layer_data d;
  layer_open(&f);
  layer_data_open(&d, &f, 8, 1);
  expect_success(layer_fixture_forward(&f, 8, d.x, d.y));
  const pid_t child = fork();
  cr_assert(child >= 0);
  if (child == 0) {
    float value[C];
    const int right = clnorm_layer_read(f.layer, CLNORM_VALUE_GAMMA, value, C) == CLNORM_FORKED &&
                      clnorm_layer_write(f.layer, CLNORM_VALUE_GAMMA, value, C) == CLNORM_FORKED &&
                      clnorm_layer_reset_statistics(f.layer) == CLNORM_FORKED &&
                      clnorm_layer_prepare(f.layer, 4) == CLNORM_FORKED &&
                      clnorm_cl_layer_forward(f.layer, 8, BUFFER(NULL), BUFFER(NULL), 0, NULL, NULL) == CLNORM_FORKED &&
                      clnorm_layer_batches(f.layer) == 1;
    clnorm_layer_destroy(f.layer);
    _exit(right ? 0 : 1);
  }
  int state = 0;
  cr_assert(waitpid(child, &state, 0) == child);
  cr_assert(WIFEXITED(state) && WEXITSTATUS(state) == 0, "the child ended with 0x%x", (unsigned)state);
  expect_success(layer_fixture_backward(&f, 8, d.x, d.dy, d.dx));
  layer_data_close(&d);
  layer_fixture_close(&f);
}
