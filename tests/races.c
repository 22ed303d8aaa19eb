/* What threads may share, all at once: a plan, the programs of a context, and nothing else. Each of 8 threads makes
 * plans, executes shared and own ones on the CPU and on PoCL, fails on purpose, and compares its results bit by bit
 * with those of a single thread.
 *
 * A plain program and no Criterion suite, because Criterion's arena lies where ThreadSanitizer keeps its shadow: this
 * is what runs under it. */
#include <clnorm/clnorm.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef RACES_OPENCL
#include <clnorm/opencl.h>
#endif

enum { THREADS = 8, ROUNDS = 100, N = 4, C = 6, S = 50, COUNT = N * C * S, WORKSPACE = 1 << 16 };

typedef struct shared {
  clnorm_desc desc;
  clnorm_plan *plan;
  float x[COUNT], expected[COUNT];
#ifdef RACES_OPENCL
  cl_context context;
  cl_device_id device;
  clnorm_cl *cl;
  clnorm_cl_plan *cl_plan;
  float cl_expected[COUNT];
#endif
} shared;

static int fail(const char *what)
{
  fprintf(stderr, "%s: %s\n", what, clnorm_last_error());
  return 1;
}

static int execute(const shared *all, const clnorm_plan *plan, float *y)
{
  _Alignas(64) char workspace[WORKSPACE];
  const clnorm_args args = {.size = sizeof args,
                            .x = {all->x, COUNT},
                            .y = {y, COUNT},
                            .workspace = {workspace, sizeof workspace},
                            .threads = 1};
  return clnorm_execute(plan, &args) == CLNORM_SUCCESS ? 0 : fail("execute");
}

/* The text of another thread's error would show here. */
static int fail_on_purpose(const shared *all, int thread)
{
  char expected[32];
  clnorm_plan *plan = NULL;
  clnorm_desc desc = all->desc;
  desc.epsilon = -1.0 - thread;
  (void)snprintf(expected, sizeof expected, "got %g", desc.epsilon);
  if (clnorm_plan_create(&desc, CLNORM_TRAIN, &plan) != CLNORM_INVALID_ARGUMENT ||
      strstr(clnorm_last_error(), expected) == NULL) {
    return fail("the error of this thread");
  }
  return 0;
}

static int use_cpu(const shared *all, int thread)
{
  float y[COUNT];
  clnorm_plan *own = NULL;
  if (execute(all, all->plan, y) || memcmp(y, all->expected, sizeof y) != 0 || fail_on_purpose(all, thread)) {
    return fail("shared plan");
  }
  if (clnorm_plan_create(&all->desc, CLNORM_TRAIN, &own) != CLNORM_SUCCESS) {
    return fail("plan_create");
  }
  const int ended = execute(all, own, y) || memcmp(y, all->expected, sizeof y) != 0;
  clnorm_plan_destroy(own);
  return ended;
}

#ifdef RACES_OPENCL
static int enqueue(const shared *all, const clnorm_cl_plan *plan, cl_command_queue queue, cl_mem x, cl_mem workspace,
                   float *y)
{
  cl_event done = NULL;
  const clnorm_cl_args args = {.size = sizeof args, .x.memory = x, .y.memory = x, .workspace.memory = workspace};
  if (clEnqueueWriteBuffer(queue, x, CL_TRUE, 0, sizeof all->x, all->x, 0, NULL, NULL) != CL_SUCCESS ||
      clnorm_cl_enqueue(plan, queue, &args, 0, NULL, &done) != CLNORM_SUCCESS) {
    return fail("enqueue");
  }
  const cl_int error = clEnqueueReadBuffer(queue, x, CL_TRUE, 0, sizeof all->x, y, 1, &done, NULL);
  (void)clReleaseEvent(done);
  return error == CL_SUCCESS ? 0 : fail("read");
}

/* Enqueues the plan on a queue and buffers of this thread's own. */
static int use_queue(const shared *all, const clnorm_cl_plan *plan, float *y)
{
  int ended = 1;
  cl_command_queue queue = clCreateCommandQueue(all->context, all->device, 0, NULL);
  cl_mem x = clCreateBuffer(all->context, CL_MEM_READ_WRITE, sizeof all->x, NULL, NULL);
  cl_mem workspace = clCreateBuffer(all->context, CL_MEM_READ_WRITE, WORKSPACE, NULL, NULL);
  if (queue != NULL && x != NULL && workspace != NULL) {
    ended = enqueue(all, plan, queue, x, workspace, y);
    (void)clFinish(queue);
  }
  if (workspace != NULL) {
    (void)clReleaseMemObject(workspace);
  }
  if (x != NULL) {
    (void)clReleaseMemObject(x);
  }
  if (queue != NULL) {
    (void)clReleaseCommandQueue(queue);
  }
  return ended;
}

static int use_device(const shared *all, int turn)
{
  float y[COUNT];
  clnorm_cl_plan *own = NULL;
  /* In the first turns these programs are not built yet, and several threads ask for the same. */
  const clnorm_pass pass = (clnorm_pass)(CLNORM_TRAIN + turn % 4);
  if (clnorm_cl_plan_create(all->cl, &all->desc, pass, &own) != CLNORM_SUCCESS) {
    return fail("cl_plan_create");
  }
  clnorm_cl_plan_destroy(own);
  own = NULL;
  if (use_queue(all, all->cl_plan, y) || memcmp(y, all->cl_expected, sizeof y) != 0) {
    return fail("shared plan on a device");
  }
  if (clnorm_cl_plan_create(all->cl, &all->desc, CLNORM_TRAIN, &own) != CLNORM_SUCCESS) {
    return fail("cl_plan_create");
  }
  const int ended = use_queue(all, own, y) || memcmp(y, all->cl_expected, sizeof y) != 0;
  clnorm_cl_plan_destroy(own);
  return ended;
}

static int open_device(shared *all)
{
  clnorm_cl_device device;
  if (clnorm_cl_select_device("pocl", &device) != CLNORM_SUCCESS) {
    return fail("select_device");
  }
  all->device = device.device;
  all->context = clCreateContext(NULL, 1, &all->device, NULL, NULL, NULL);
  if (all->context == NULL || clnorm_cl_create(all->context, all->device, &all->cl) != CLNORM_SUCCESS ||
      clnorm_cl_plan_create(all->cl, &all->desc, CLNORM_TRAIN, &all->cl_plan) != CLNORM_SUCCESS) {
    return fail("open_device");
  }
  return use_queue(all, all->cl_plan, all->cl_expected);
}

static void close_device(shared *all)
{
  clnorm_cl_plan_destroy(all->cl_plan);
  clnorm_cl_destroy(all->cl);
  if (all->context != NULL) {
    (void)clReleaseContext(all->context);
  }
}
#else
static int use_device(const shared *all, int turn) { return all == NULL || turn < 0; }
static int open_device(shared *all) { return all == NULL; }
static void close_device(shared *all) { (void)all; }
#endif

typedef struct worker {
  pthread_t thread;
  const shared *all;
  int number, failed;
} worker;

static void *work(void *of)
{
  worker *self = of;
  for (int i = 0; i < ROUNDS && !self->failed; i++) {
    self->failed = use_cpu(self->all, self->number) || use_device(self->all, self->number / 2 + i);
  }
  return NULL;
}

static int run_workers(const shared *all)
{
  worker workers[THREADS];
  int started = 0, failed = 0;
  for (; started < THREADS; started++) {
    workers[started] = (worker){.all = all, .number = started};
    if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0) {
      failed = 1;
      break;
    }
  }
  for (int i = 0; i < started; i++) {
    (void)pthread_join(workers[i].thread, NULL);
    failed |= workers[i].failed;
  }
  return failed;
}

int main(void)
{
  static shared all;
  for (int i = 0; i < COUNT; i++) {
    all.x[i] = (float)(i * 37 % 101) - 50.0f;
  }
  int failed = clnorm_desc_init(&all.desc, sizeof all.desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) != CLNORM_SUCCESS;
  all.desc.rank = 3;
  all.desc.dims[0] = N;
  all.desc.dims[1] = C;
  all.desc.dims[2] = S;
  failed = failed || clnorm_plan_create(&all.desc, CLNORM_TRAIN, &all.plan) != CLNORM_SUCCESS ||
           execute(&all, all.plan, all.expected) || open_device(&all) || run_workers(&all);
  close_device(&all);
  clnorm_plan_destroy(all.plan);
  puts(failed ? "failed" : "8 threads, the same bits");
  return failed;
}
