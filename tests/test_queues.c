/* On the caller's queues: order by events alone, offsets and sub-buffers, several contexts, threads that share a plan. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "cl_fixture.h"
#include "problem.h"

/* Columns: every training pass is in three steps, chained inside the library. */
/* Large enough to be split into several steps on every device. */
static const size_t dims[4] = {6, 24, 9, 19};

typedef struct forward_call {
  cl_mem x, y, mean, inv_std, workspace;
  clnorm_cl_args args;
} forward_call;

static problem *open_problem(clnorm_layout layout, uint64_t seed)
{
  clnorm_desc desc;
  desc_set(&desc, layout, 0, 4, dims);
  return problem_make(&desc, GENERATE_NORMAL, 2.0, 1.5, seed);
}

static forward_call open_call(cl_context context, const problem *p, const clnorm_cl_plan *plan)
{
  forward_call c;
  const size_t workspace = clnorm_plan_workspace_size(clnorm_cl_plan_data(plan)) / sizeof(float);
  c.x = cl_fixture_buffer(context, CL_MEM_READ_WRITE, p->x, p->counts.elements);
  c.y = cl_fixture_buffer(context, CL_MEM_READ_WRITE, NULL, p->counts.elements);
  c.mean = cl_fixture_buffer(context, CL_MEM_READ_WRITE, NULL, p->counts.statistics);
  c.inv_std = cl_fixture_buffer(context, CL_MEM_READ_WRITE, NULL, p->counts.statistics);
  c.workspace = cl_fixture_buffer(context, CL_MEM_READ_WRITE, NULL, workspace + 1);
  c.args = (clnorm_cl_args){.size = sizeof c.args,
                            .x = {c.x, 0, 0},
                            .y = {c.y, 0, 0},
                            .mean = {c.mean, 0, 0},
                            .inv_std = {c.inv_std, 0, 0},
                            .workspace = {c.workspace, 0, 0}};
  return c;
}

static void close_call(forward_call *c)
{
  cl_mem memories[] = {c->x, c->y, c->mean, c->inv_std, c->workspace};
  for (size_t i = 0; i < 5; i++) {
    CHECK_CL(clReleaseMemObject(memories[i]));
  }
}

/* y within its bound of the reference; `problem_check`'s other half. */
static void check_y(const problem *p, const float *y, const char *what)
{
  oracle o;
  cr_assert(oracle_create(&o, &p->desc, CLNORM_TRAIN, &(oracle_inputs){.x = p->x}) == 0);
  const oracle_error error = oracle_compare(&o, ORACLE_Y, y);
  cr_assert(error.units <= 1.0, "%s: y[%llu] is %.9g, expected %.9g", what, (unsigned long long)error.index, error.got,
            error.expected);
  oracle_destroy(&o);
}

static cl_command_queue out_of_order_queue(const cl_fixture *f)
{
  cl_int code;
  cl_command_queue queue =
      clCreateCommandQueue(f->context, f->found.device, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
  return code == CL_SUCCESS ? queue : NULL;
}

/* x is written behind a user event; nothing may run before it is set. Then y is read behind the pass's own event, without a
 * single clFinish. */
static void run_behind_events(const cl_fixture *f, cl_command_queue queue, const clnorm_cl_plan *plan, problem *p)
{
  cl_int code;
  const size_t bytes = p->counts.elements * sizeof(float);
  cl_event written;
  cl_event done = NULL;
  cl_event read;
  forward_call c = open_call(f->context, p, plan);
  float *nothing = new_floats(p->counts.elements);
  cl_event start = clCreateUserEvent(f->context, &code);
  CHECK_CL(code);
  CHECK_CL(clEnqueueWriteBuffer(queue, c.x, CL_FALSE, 0, bytes, nothing, 0, NULL, NULL));
  CHECK_CL(clFinish(queue));
  CHECK_CL(clEnqueueWriteBuffer(queue, c.x, CL_FALSE, 0, bytes, p->x, 1, &start, &written));
  expect_success(clnorm_cl_enqueue(plan, queue, &c.args, 1, &written, &done));
  CHECK_CL(clEnqueueReadBuffer(queue, c.y, CL_FALSE, 0, bytes, p->y, 1, &done, &read));
  CHECK_CL(clFlush(queue));
  cl_int state = CL_COMPLETE;
  CHECK_CL(clGetEventInfo(done, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL));
  cr_assert(state > CL_COMPLETE, "the pass ended before what it waits for");
  CHECK_CL(clSetUserEventStatus(start, CL_COMPLETE));
  CHECK_CL(clWaitForEvents(1, &read));
  check_y(p, p->y, "behind events");
  cl_event events[] = {start, written, done, read};
  for (size_t i = 0; i < 4; i++) {
    CHECK_CL(clReleaseEvent(events[i]));
  }
  free(nothing);
  close_call(&c);
}

Test(queues, an_out_of_order_queue_is_ordered_by_events_alone)
{
  cl_fixture f = cl_fixture_open();
  cl_command_queue queue = out_of_order_queue(&f);
  for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
    problem *p = open_problem((clnorm_layout)layout, 1);
    clnorm_cl_plan *plan = NULL;
    expect_success(clnorm_cl_plan_create(f.cl, &p->desc, CLNORM_TRAIN, &plan));
    /* A device may refuse such queues; the events then hold in an ordinary one. */
    for (int run = 0; run < 10; run++) {
      run_behind_events(&f, queue != NULL ? queue : f.queue, plan, p);
    }
    clnorm_cl_plan_destroy(plan);
    problem_free(p);
  }
  if (queue != NULL) {
    CHECK_CL(clReleaseCommandQueue(queue));
  }
  cl_fixture_close(&f);
}

Test(queues, the_event_completes_after_every_output)
{
  cl_fixture f = cl_fixture_open();
  cl_command_queue queue = out_of_order_queue(&f);
  problem *p = open_problem(CLNORM_CHANNELS_LAST, 2);
  clnorm_cl_plan *plan = NULL;
  expect_success(clnorm_cl_plan_create(f.cl, &p->desc, CLNORM_TRAIN, &plan));
  for (int run = 0; run < 30; run++) {
    forward_call c = open_call(f.context, p, plan);
    cl_event done = NULL;
    expect_success(clnorm_cl_enqueue(plan, queue != NULL ? queue : f.queue, &c.args, 0, NULL, &done));
    CHECK_CL(clWaitForEvents(1, &done));
    /* Read through another queue, which knows nothing of what may be left in the first. */
    cl_fixture_read(f.queue, c.y, 0, p->y, p->counts.elements);
    cl_fixture_read(f.queue, c.mean, 0, p->mean, p->counts.statistics);
    cl_fixture_read(f.queue, c.inv_std, 0, p->inv_std, p->counts.statistics);
    check_y(p, p->y, "after the event");
    for (size_t k = 0; k < p->counts.statistics; k++) {
      cr_assert(isfinite(p->mean[k]) && isfinite(p->inv_std[k]));
    }
    CHECK_CL(clReleaseEvent(done));
    close_call(&c);
  }
  clnorm_cl_plan_destroy(plan);
  problem_free(p);
  if (queue != NULL) {
    CHECK_CL(clReleaseCommandQueue(queue));
  }
  cl_fixture_close(&f);
}

Test(queues, a_pass_without_an_event_runs_in_an_in_order_queue)
{
  cl_fixture f = cl_fixture_open();
  problem *p = open_problem(CLNORM_CHANNELS_LAST, 3);
  clnorm_cl_plan *plan = NULL;
  expect_success(clnorm_cl_plan_create(f.cl, &p->desc, CLNORM_TRAIN, &plan));
  forward_call c = open_call(f.context, p, plan);
  for (int run = 0; run < 5; run++) {
    expect_success(clnorm_cl_enqueue(plan, f.queue, &c.args, 0, NULL, NULL));
  }
  cl_fixture_read(f.queue, c.y, 0, p->y, p->counts.elements);
  check_y(p, p->y, "without an event");
  close_call(&c);
  clnorm_cl_plan_destroy(plan);
  problem_free(p);
  cl_fixture_close(&f);
}

/* Everything in one buffer, at offsets; then in sub-buffers of it, at offsets again. Between the tensors lie canaries. */
Test(queues, all_arguments_may_lie_in_one_buffer)
{
  cl_fixture f = cl_fixture_open();
  cl_uint bits = 0;
  CHECK_CL(clGetDeviceInfo(f.found.device, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof bits, &bits, NULL));
  const size_t step = bits / 32; /* floats between possible origins of sub-buffers */
  for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
    problem *p = open_problem((clnorm_layout)layout, 4);
    clnorm_cl_plan *plan = NULL;
    cl_int code;
    expect_success(clnorm_cl_plan_create(f.cl, &p->desc, CLNORM_TRAIN, &plan));
    const size_t elements = p->counts.elements;
    const size_t room = (elements + 64 + step - 1) / step * step; /* of each of the two tensors */
    float *host = new_floats(2 * room);
    for (size_t i = 0; i < 2 * room; i++) {
      host[i] = -3.5f;
    }
    memcpy(host + 5, p->x, elements * sizeof(float));
    forward_call c = open_call(f.context, p, plan);
    for (int sub = 0; sub <= 1; sub++) {
      cl_mem whole = cl_fixture_buffer(f.context, CL_MEM_READ_WRITE, host, 2 * room);
      cl_mem upper = NULL;
      c.args.x = (clnorm_buffer){whole, 5, elements};
      c.args.y = (clnorm_buffer){whole, room + 7, elements};
      if (sub) {
        const cl_buffer_region region = {room * sizeof(float), room * sizeof(float)};
        upper = clCreateSubBuffer(whole, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
        CHECK_CL(code);
        c.args.y = (clnorm_buffer){upper, 7, elements};
      }
      expect_success(clnorm_cl_enqueue(plan, f.queue, &c.args, 0, NULL, NULL));
      CHECK_CL(clFinish(f.queue));
      cl_fixture_read(f.queue, whole, room + 7, p->y, elements);
      check_y(p, p->y, sub ? "in a sub-buffer" : "at an offset");
      float *now = new_floats(2 * room);
      cl_fixture_read(f.queue, whole, 0, now, 2 * room);
      for (size_t i = 0; i < 2 * room; i++) {
        const int inside = i >= room + 7 && i < room + 7 + elements;
        cr_assert(inside || now[i] == host[i], "float %zu was written, y begins at %zu", i, room + 7);
      }
      free(now);
      if (upper != NULL) {
        CHECK_CL(clReleaseMemObject(upper));
      }
      CHECK_CL(clReleaseMemObject(whole));
    }
    close_call(&c);
    free(host);
    clnorm_cl_plan_destroy(plan);
    problem_free(p);
  }
  cl_fixture_close(&f);
}

Test(queues, several_contexts_live_beside_each_other)
{
  enum { CONTEXTS = 3 };
  cl_fixture f[CONTEXTS];
  clnorm_cl_plan *plans[CONTEXTS] = {NULL};
  problem *p = open_problem(CLNORM_CHANNELS_LAST, 5);
  for (int i = 0; i < CONTEXTS; i++) {
    f[i] = cl_fixture_open();
    expect_success(clnorm_cl_plan_create(f[i].cl, &p->desc, CLNORM_TRAIN, &plans[i]));
  }
  /* The first one goes; the others must not have leaned on it. */
  clnorm_cl_plan_destroy(plans[0]);
  cl_fixture_close(&f[0]);
  for (int i = 1; i < CONTEXTS; i++) {
    forward_call c = open_call(f[i].context, p, plans[i]);
    expect_success(clnorm_cl_enqueue(plans[i], f[i].queue, &c.args, 0, NULL, NULL));
    cl_fixture_read(f[i].queue, c.y, 0, p->y, p->counts.elements);
    check_y(p, p->y, "one of several contexts");
    close_call(&c);
    clnorm_cl_plan_destroy(plans[i]);
    cl_fixture_close(&f[i]);
  }
  problem_free(p);
}

Test(queues, a_plan_outlives_the_object_it_was_made_from)
{
  cl_fixture f = cl_fixture_open();
  problem *p = open_problem(CLNORM_CHANNELS_FIRST, 6);
  clnorm_cl_plan *plan = NULL;
  expect_success(clnorm_cl_plan_create(f.cl, &p->desc, CLNORM_TRAIN, &plan));
  clnorm_cl_destroy(f.cl);
  f.cl = NULL;
  forward_call c = open_call(f.context, p, plan);
  expect_success(clnorm_cl_enqueue(plan, f.queue, &c.args, 0, NULL, NULL));
  clnorm_cl_plan_destroy(plan);
  cl_fixture_read(f.queue, c.y, 0, p->y, p->counts.elements);
  check_y(p, p->y, "after the plan is gone");
  close_call(&c);
  problem_free(p);
  cl_fixture_close(&f);
}

Test(queues, a_second_plan_of_the_same_kind_compiles_nothing)
{
  cl_fixture f = cl_fixture_open();
  clnorm_desc desc;
  clnorm_cl_plan *first = NULL;
  clnorm_cl_plan *second = NULL;
  size_t before = 0;
  size_t after = 0;
  double seconds = -1.0;
  clnorm_cl_build_counts(f.cl, &before, NULL);
  cr_assert(before == 0);
  desc_set(&desc, CLNORM_CHANNELS_LAST, 0, 4, dims);
  expect_success(clnorm_cl_plan_create(f.cl, &desc, CLNORM_TRAIN, &first));
  clnorm_cl_build_counts(f.cl, &before, &seconds);
  cr_assert(before > 0 && seconds > 0.0);
  desc.dims[0]++;
  expect_success(clnorm_cl_plan_create(f.cl, &desc, CLNORM_TRAIN, &second));
  clnorm_cl_build_counts(f.cl, &after, NULL);
  cr_assert(after == before, "%zu programs, then %zu", before, after);
  clnorm_cl_plan_destroy(first);
  clnorm_cl_plan_destroy(second);
  cl_fixture_close(&f);
}

/* ---- threads ------------------------------------------------------------------------------------------------------ */

#define THREADS 8
#define CALLS 25

typedef struct worker {
  const cl_fixture *f;
  const clnorm_cl_plan *shared;
  problem *p;
  const char *wrong;
} worker;

/* Criterion's assertions belong to the main thread, so a worker only tells what went wrong. */
static void *work(void *pointer)
{
  worker *w = pointer;
  cl_int code;
  const size_t bytes = w->p->counts.elements * sizeof(float);
  float *y = malloc(bytes);
  cl_command_queue queue = clCreateCommandQueue(w->f->context, w->f->found.device, 0, &code);
  if (y == NULL || code != CL_SUCCESS) {
    free(y);
    w->wrong = "no queue";
    return NULL;
  }
  forward_call c = open_call(w->f->context, w->p, w->shared);
  for (int i = 0; i < CALLS && w->wrong == NULL; i++) {
    clnorm_cl_plan *own = NULL;
    /* Every fifth call uses a plan of the thread's own, made while others enqueue. */
    if (i % 5 == 4 && clnorm_cl_plan_create(w->f->cl, &w->p->desc, CLNORM_TRAIN, &own) != CLNORM_SUCCESS) {
      w->wrong = "no plan";
    } else if (clnorm_cl_enqueue(own != NULL ? own : w->shared, queue, &c.args, 0, NULL, NULL) != CLNORM_SUCCESS) {
      w->wrong = "not enqueued";
    } else if (clEnqueueReadBuffer(queue, c.y, CL_TRUE, 0, bytes, y, 0, NULL, NULL) != CL_SUCCESS) {
      w->wrong = "not read";
    } else if (memcmp(y, w->p->y, bytes) != 0) {
      w->wrong = "other bits than alone";
    }
    clnorm_cl_plan_destroy(own);
  }
  close_call(&c);
  (void)clReleaseCommandQueue(queue);
  free(y);
  return NULL;
}

Test(queues, eight_threads_share_one_plan)
{
  cl_fixture f = cl_fixture_open();
  clnorm_cl_plan *plan = NULL;
  worker workers[THREADS];
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (worker){&f, NULL, open_problem(CLNORM_CHANNELS_LAST, 10 + (uint64_t)i), NULL};
  }
  expect_success(clnorm_cl_plan_create(f.cl, &workers[0].p->desc, CLNORM_TRAIN, &plan));
  /* What each thread has to find, computed alone. */
  for (int i = 0; i < THREADS; i++) {
    forward_call c = open_call(f.context, workers[i].p, plan);
    expect_success(clnorm_cl_enqueue(plan, f.queue, &c.args, 0, NULL, NULL));
    cl_fixture_read(f.queue, c.y, 0, workers[i].p->y, workers[i].p->counts.elements);
    check_y(workers[i].p, workers[i].p->y, "alone");
    close_call(&c);
    workers[i].shared = plan;
  }
  for (int i = 0; i < THREADS; i++) {
    cr_assert(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    cr_assert(pthread_join(threads[i], NULL) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    cr_assert(workers[i].wrong == NULL, "thread %d: %s", i, workers[i].wrong);
    problem_free(workers[i].p);
  }
  clnorm_cl_plan_destroy(plan);
  cl_fixture_close(&f);
}

/* References that a call takes and keeps would add up. */
Test(queues, the_object_counts_are_as_before_after_many_calls)
{
  cl_fixture f = cl_fixture_open();
  problem *p = open_problem(CLNORM_CHANNELS_LAST, 7);
  clnorm_cl_plan *plan = NULL;
  expect_success(clnorm_cl_plan_create(f.cl, &p->desc, CLNORM_TRAIN, &plan));
  forward_call c = open_call(f.context, p, plan);
  cl_uint counts[3] = {0};
  cl_uint buffer = 0;
  for (int round = 0; round < 3; round++) {
    for (int run = 0; run < 100; run++) {
      expect_success(clnorm_cl_enqueue(plan, f.queue, &c.args, 0, NULL, NULL));
    }
    CHECK_CL(clFinish(f.queue));
    /* A runtime may drop what has ended a little after clFinish; what is leaked stays for good. */
    for (int wait = 0; wait < 100; wait++) {
      CHECK_CL(clGetContextInfo(f.context, CL_CONTEXT_REFERENCE_COUNT, sizeof(cl_uint), &counts[round], NULL));
      if (round == 0 || counts[round] < counts[round - 1] + 100) {
        break;
      }
      (void)usleep(50000);
    }
  }
  CHECK_CL(clGetMemObjectInfo(c.x, CL_MEM_REFERENCE_COUNT, sizeof buffer, &buffer, NULL));
  /* A queue may keep its last commands until the next ones come (rusticl's does), and kernels in the pool the buffers of
   * their last call; a reference kept by each call would be 100 more a round. */
  cr_assert(counts[2] < counts[1] + 100 && buffer <= 8, "context %u, then %u, buffer %u", counts[1], counts[2], buffer);
  close_call(&c);
  clnorm_cl_plan_destroy(plan);
  problem_free(p);
  cl_fixture_close(&f);
}
