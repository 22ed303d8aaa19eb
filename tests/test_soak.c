/* 100,000 calls of one plan: the process may not grow. On a device the library's own time in an enqueue is measured too,
 * beyond setting the kernel's arguments and launching it, and told. */
#include <criterion/criterion.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "expect.h"
#ifdef CLNORM_TEST_OPENCL
#include "cl_fixture.h"
#include "plan_cl.h"
#endif

enum { N = 2, C = 3, S = 16, COUNT = N * C * S, CALLS = 100000, WARM_UP = 20000, BATCH = 500 };

/* What may come on top; a leak of 11 bytes a call shows. */
#define MOST_GROWTH ((long)1 << 20)

static int is_cpu(void)
{
  const char *device = getenv("CLNORM_DEVICE");
  return device == NULL || strcmp(device, "cpu") == 0;
}

/* Without what is free: compilers leave megabytes in which a leak would hide. */
static long resident_bytes(void)
{
  long pages = 0, resident = 0;
#ifdef __GLIBC__
  (void)malloc_trim(0);
#endif
  FILE *file = fopen("/proc/self/statm", "r");
  cr_assert(file != NULL && fscanf(file, "%ld %ld", &pages, &resident) == 2);
  (void)fclose(file);
  return resident * sysconf(_SC_PAGESIZE);
}

static void make_desc(clnorm_desc *desc)
{
  expect_success(clnorm_desc_init(desc, sizeof *desc, CLNORM_BATCH, CLNORM_PRESET_TORCH));
  desc->rank = 3;
  desc->dims[0] = N;
  desc->dims[1] = C;
  desc->dims[2] = S;
}

Test(soak, a_hundred_thousand_executions_do_not_grow)
{
  static float x[COUNT], y[COUNT], mean[C], variance[C];
  static char workspace[1 << 16];
  clnorm_desc desc;
  clnorm_plan *plan = NULL;
  long before = 0;
  if (!is_cpu()) {
    return;
  }
  make_desc(&desc);
  for (int i = 0; i < WARM_UP + CALLS; i++) {
    if (i == WARM_UP) {
      before = resident_bytes();
    }
    expect_success(clnorm_plan_create(&desc, CLNORM_TRAIN, &plan));
    const clnorm_args args = {.size = sizeof args,
                              .x = {x, COUNT},
                              .y = {y, COUNT},
                              .running_mean = {mean, C},
                              .running_var = {variance, C},
                              .workspace = {workspace, sizeof workspace}};
    expect_success(clnorm_execute(plan, &args));
    clnorm_plan_destroy(plan);
  }
  const long growth = resident_bytes() - before;
  cr_assert(growth < MOST_GROWTH, "%d executions grew the process by %ld bytes", CALLS, growth);
}

#ifdef CLNORM_TEST_OPENCL
typedef struct soak {
  cl_fixture f;
  clnorm_cl_plan *plan;
  cl_mem x, y, workspace;
  clnorm_cl_args args;
} soak;

static void soak_open(soak *s, clnorm_layout layout)
{
  clnorm_desc desc;
  s->f = cl_fixture_open();
  make_desc(&desc);
  desc.layout = layout;
  expect_success(clnorm_cl_plan_create(s->f.cl, &desc, CLNORM_TRAIN, &s->plan));
  s->x = cl_fixture_buffer(s->f.context, CL_MEM_READ_WRITE, NULL, COUNT);
  s->y = cl_fixture_buffer(s->f.context, CL_MEM_READ_WRITE, NULL, COUNT);
  s->workspace = cl_fixture_buffer(s->f.context, CL_MEM_READ_WRITE, NULL, 1 << 14);
  s->args =
      (clnorm_cl_args){.size = sizeof s->args, .x.memory = s->x, .y.memory = s->y, .workspace.memory = s->workspace};
}

static void soak_close(soak *s)
{
  CHECK_CL(clReleaseMemObject(s->x));
  CHECK_CL(clReleaseMemObject(s->y));
  CHECK_CL(clReleaseMemObject(s->workspace));
  clnorm_cl_plan_destroy(s->plan);
  cl_fixture_close(&s->f);
}

static void enqueue_many(const soak *s, int calls)
{
  for (int i = 0; i < calls; i++) {
    cl_event event = NULL;
    const int wants_event = i % 2;
    expect_success(clnorm_cl_enqueue(s->plan, s->f.queue, &s->args, 0, NULL, wants_event ? &event : NULL));
    if (wants_event) {
      CHECK_CL(clReleaseEvent(event));
    }
    if (i % BATCH == BATCH - 1) {
      CHECK_CL(clFinish(s->f.queue));
    }
  }
}

Test(soak, a_hundred_thousand_enqueues_do_not_grow)
{
  soak s;
  if (is_cpu()) {
    return;
  }
  soak_open(&s, CLNORM_CHANNELS_FIRST);
  enqueue_many(&s, WARM_UP);
  const long before = resident_bytes();
  enqueue_many(&s, CALLS);
  const long growth = resident_bytes() - before;
  cr_assert(growth < MOST_GROWTH, "%d enqueues grew the process by %ld bytes", CALLS, growth);
  soak_close(&s);
}

static double seconds_now(void)
{
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The least that a caller could do by hand: all arguments of the plan's one kernel, of which about a third are buffers,
 * and its launch. */
static void launch_by_hand(const soak *s, clnorm__pooled_kernel *kernel, cl_uint arguments)
{
  const clnorm__step *step = &clnorm_cl_plan_data(s->plan)->steps[0];
  const size_t local = step->local, global = (size_t)step->tasks * step->local;
  const cl_ulong offset = 0;
  for (cl_uint i = 0; i < arguments; i++) {
    if (i % 3 == 0) {
      CHECK_CL(clSetKernelArg(kernel->kernel, 0, sizeof s->x, &s->x));
    } else {
      CHECK_CL(clSetKernelArg(kernel->kernel, 1, sizeof offset, &offset));
    }
  }
  CHECK_CL(clEnqueueNDRangeKernel(s->f.queue, kernel->kernel, 1, NULL, &global, &local, 0, NULL, NULL));
}

/* Shortest of several rounds: other programs share the machine. */
Test(soak, the_library_adds_little_to_a_launch)
{
  soak s;
  double ours = 1.0, by_hand = 1.0;
  cl_uint arguments = 0;
  clnorm__pooled_kernel *kernel = NULL;
  if (is_cpu()) {
    return;
  }
  soak_open(&s, CLNORM_CHANNELS_FIRST);
  cr_assert(clnorm_cl_plan_data(s.plan)->num_steps == 1);
  enqueue_many(&s, BATCH); /* leaves a kernel object with arguments in the pool */
  expect_success(clnorm__kernel_take(s.plan, 0, s.plan->data.steps[0].aligned, &kernel));
  CHECK_CL(clGetKernelInfo(kernel->kernel, CL_KERNEL_NUM_ARGS, sizeof arguments, &arguments, NULL));
  for (int round = 0; round < 30; round++) {
    double start = seconds_now();
    for (int i = 0; i < 100; i++) {
      launch_by_hand(&s, kernel, arguments);
    }
    double spent = (seconds_now() - start) / 100;
    by_hand = spent < by_hand ? spent : by_hand;
    CHECK_CL(clFinish(s.f.queue));
    start = seconds_now();
    for (int i = 0; i < 100; i++) {
      expect_success(clnorm_cl_enqueue(s.plan, s.f.queue, &s.args, 0, NULL, NULL));
    }
    spent = (seconds_now() - start) / 100;
    ours = spent < ours ? spent : ours;
    CHECK_CL(clFinish(s.f.queue));
  }
  clnorm__kernel_put(s.plan, 0, kernel);
  printf("an enqueue takes %.2f us, %u clSetKernelArg and a launch by hand %.2f us\n", 1e6 * ours, (unsigned)arguments,
         1e6 * by_hand);
  soak_close(&s);
}
#endif
