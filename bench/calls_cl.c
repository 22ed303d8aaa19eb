#include "calls_cl.h"

#include <stdio.h>
#include <stdlib.h>

#include "measure.h"

/* Calls behind one closed gate: few, since some runtimes block when too much is waiting. */
#define GATED 32

#define ARGUMENT_BYTES 32 /* of "global float *buffer12, " and "ulong number12, " */

/* ---- ways to call ------------------------------------------------------------------------------------------- */

int calls_run_waited(void *self, size_t times)
{
  const pass_cl *pass = self;
  clnorm_status status = CLNORM_SUCCESS;
  cl_int code = CL_SUCCESS;
  for (size_t i = 0; i < times && status == CLNORM_SUCCESS && code == CL_SUCCESS; i++) {
    status = clnorm_cl_enqueue(pass->plan, pass->session->queue, &pass->args, 0, NULL, NULL);
    code = clFinish(pass->session->queue);
  }
  return status == CLNORM_SUCCESS && code == CL_SUCCESS ? 0 : -1;
}

/* Times `enqueue`, `times` in a row, while a user event holds the queue back. */
static int time_gated(const session_cl *session, int (*enqueue)(const void *), const void *self, size_t times,
                      double *seconds)
{
  cl_int code = CL_SUCCESS;
  cl_event gate = clCreateUserEvent(session->context, &code);
  if (code != CL_SUCCESS) {
    return -1;
  }
  int failed = clEnqueueMarkerWithWaitList(session->queue, 1, &gate, NULL) != CL_SUCCESS;
  const double begin = measure_now();
  for (size_t i = 0; i < times && !failed; i++) {
    failed = enqueue(self) != 0;
  }
  *seconds += measure_now() - begin;
  /* Opened whatever happened: what waits for it would wait for ever. */
  failed |= clSetUserEventStatus(gate, CL_COMPLETE) != CL_SUCCESS;
  failed |= clFinish(session->queue) != CL_SUCCESS;
  (void)clReleaseEvent(gate);
  return failed ? -1 : 0;
}

static int time_in_parts(const session_cl *session, int (*enqueue)(const void *), const void *self, size_t times,
                         double *seconds)
{
  int failed = 0;
  *seconds = 0.0;
  for (size_t done = 0; done < times && !failed; done += GATED) {
    failed = time_gated(session, enqueue, self, times - done < GATED ? times - done : GATED, seconds) != 0;
  }
  return failed ? -1 : 0;
}

static int enqueue_pass(const void *self)
{
  const pass_cl *pass = self;
  return clnorm_cl_enqueue(pass->plan, pass->session->queue, &pass->args, 0, NULL, NULL) == CLNORM_SUCCESS ? 0 : -1;
}

int calls_time_enqueue(void *self, size_t times, double *seconds)
{
  const pass_cl *pass = self;
  return time_in_parts(pass->session, enqueue_pass, pass, times, seconds);
}

/* ---- bare calls --------------------------------------------------------------------------------------------- */

/* The share of launch i in `all`. */
static size_t share(size_t all, size_t launches, size_t i) { return all / launches + (i < all % launches ? 1 : 0); }

/* Distinct buffers as far as there are: runtimes look at each. */
static const cl_mem *buffer_at(const pass_cl *pass, size_t i)
{
  return i % (pass->used + 1) == pass->used ? &pass->session->out : &pass->small[i % (pass->used + 1)];
}

static int set_and_launch(const bare_calls *bare, size_t launch)
{
  const size_t one = 1;
  const cl_ulong number = launch;
  const size_t buffers = share(bare->cost.buffers, bare->cost.launches, launch);
  const size_t numbers = share(bare->cost.numbers, bare->cost.launches, launch);
  const cl_kernel kernel = bare->kernels[launch];
  cl_int code = CL_SUCCESS;
  for (size_t i = 0; i < buffers; i++) {
    code |= clSetKernelArg(kernel, (cl_uint)i, sizeof(cl_mem), buffer_at(bare->pass, i));
  }
  for (size_t i = 0; i < numbers; i++) {
    code |= clSetKernelArg(kernel, (cl_uint)(buffers + i), sizeof number, &number);
  }
  return code != CL_SUCCESS || clEnqueueNDRangeKernel(bare->pass->session->queue, kernel, 1, NULL, &one, &one, 0, NULL,
                                                      NULL) != CL_SUCCESS
             ? -1
             : 0;
}

static int enqueue_bare(const void *self)
{
  const bare_calls *bare = self;
  int failed = 0;
  for (size_t i = 0; i < bare->cost.launches && !failed; i++) {
    failed = set_and_launch(bare, i) != 0;
  }
  return failed ? -1 : 0;
}

int calls_time_bare(void *self, size_t times, double *seconds)
{
  const bare_calls *bare = self;
  return time_in_parts(bare->pass->session, enqueue_bare, bare, times, seconds);
}

/* kernel void empty0(global float *buffer0, ..., ulong number0, ...) {} for each launch. NULL: no memory. */
static char *write_source(const clnorm_cl_cost *cost)
{
  const size_t capacity = (cost->buffers + cost->numbers) * ARGUMENT_BYTES + cost->launches * 64;
  char *text = malloc(capacity);
  size_t used = 0;
  for (size_t launch = 0; text != NULL && launch < cost->launches; launch++) {
    const char *comma = "";
    used += (size_t)snprintf(text + used, capacity - used, "kernel void empty%zu(", launch);
    for (size_t i = 0; i < share(cost->buffers, cost->launches, launch); i++, comma = ", ") {
      used += (size_t)snprintf(text + used, capacity - used, "%sglobal float *buffer%zu", comma, i);
    }
    for (size_t i = 0; i < share(cost->numbers, cost->launches, launch); i++, comma = ", ") {
      used += (size_t)snprintf(text + used, capacity - used, "%sulong number%zu", comma, i);
    }
    used += (size_t)snprintf(text + used, capacity - used, ") {}\n");
  }
  return text;
}

static int make_kernels(bare_calls *bare, runner_error *error)
{
  cl_int code = CL_SUCCESS;
  for (size_t i = 0; i < bare->cost.launches; i++) {
    char name[32];
    (void)snprintf(name, sizeof name, "empty%zu", i);
    bare->kernels[i] = clCreateKernel(bare->program, name, &code);
    if (session_cl_check(code, "clCreateKernel of an empty kernel", error) != 0) {
      return -1;
    }
  }
  return 0;
}

static int build(bare_calls *bare, runner_error *error)
{
  cl_int code = CL_SUCCESS;
  const session_cl *session = bare->pass->session;
  char *source = write_source(&bare->cost);
  bare->kernels = calloc(bare->cost.launches + 1, sizeof(cl_kernel));
  if (source == NULL || bare->kernels == NULL) {
    free(source);
    return runner_fail(error, CLNORM_OUT_OF_MEMORY, "not enough memory");
  }
  bare->program = clCreateProgramWithSource(session->context, 1, (const char **)&source, NULL, &code);
  free(source);
  if (session_cl_check(code, "clCreateProgramWithSource of an empty kernel", error) != 0) {
    return -1;
  }
  code = clBuildProgram(bare->program, 1, &session->device.device, "-cl-std=CL1.2", NULL, NULL);
  return session_cl_check(code, "clBuildProgram of an empty kernel", error) != 0 ? -1 : make_kernels(bare, error);
}

int bare_calls_open(bare_calls *bare, const pass_cl *pass, runner_error *error)
{
  double seconds = 0.0;
  *bare = (bare_calls){.pass = pass};
  const clnorm_status status = clnorm_cl_plan_cost(pass->plan, &bare->cost);
  if (status != CLNORM_SUCCESS) {
    return runner_fail(error, status, "%s", clnorm_last_error());
  }
  /* The first launch may compile. */
  if (build(bare, error) != 0 || calls_time_bare(bare, 1, &seconds) != 0) {
    bare_calls_close(bare);
    return error->text[0] != '\0' ? -1 : runner_fail(error, CLNORM_OPENCL_ERROR, "an empty kernel could not be run");
  }
  return 0;
}

void bare_calls_close(bare_calls *bare)
{
  for (size_t i = 0; bare->kernels != NULL && i < bare->cost.launches; i++) {
    if (bare->kernels[i] != NULL) {
      (void)clReleaseKernel(bare->kernels[i]);
    }
  }
  free(bare->kernels);
  if (bare->program != NULL) {
    (void)clReleaseProgram(bare->program);
  }
  *bare = (bare_calls){0};
}
