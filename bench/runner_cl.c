/* Passes on an OpenCL device. */
#include <stdlib.h>

#include "measure.h"
#include "pass_cl.h"

static void close_pass(void *self)
{
  pass_cl *pass = self;
  for (size_t i = 0; i < pass->used; i++) {
    (void)clReleaseMemObject(pass->small[i]);
  }
  if (pass->args.workspace.memory != NULL) {
    (void)clReleaseMemObject(pass->args.workspace.memory);
  }
  clnorm_cl_plan_destroy(pass->plan);
  clnorm_cl_destroy(pass->cl);
  free(pass);
}

static int run_pass(void *self, size_t times)
{
  const pass_cl *pass = self;
  clnorm_status status = CLNORM_SUCCESS;
  for (size_t i = 0; i < times && status == CLNORM_SUCCESS; i++) {
    status = clnorm_cl_enqueue(pass->plan, pass->session->queue, &pass->args, 0, NULL, NULL);
  }
  return clFinish(pass->session->queue) == CL_SUCCESS && status == CLNORM_SUCCESS ? 0 : -1;
}

static int fetch(void *self, workload *w)
{
  const pass_cl *pass = self;
  cl_int code = clEnqueueReadBuffer(pass->session->queue, pass->session->out, CL_TRUE, 0, workload_tensor_bytes(w),
                                    w->out.tensor, 0, NULL, NULL);
  for (size_t i = 0; i < pass->used && code == CL_SUCCESS; i++) {
    if (pass->results[i] != NULL) {
      code = clEnqueueReadBuffer(pass->session->queue, pass->small[i], CL_TRUE, 0, pass->small_bytes, pass->results[i],
                                 0, NULL, NULL);
    }
  }
  return code == CL_SUCCESS ? 0 : -1;
}

static int add(pass_cl *pass, clnorm_buffer *buffer, const char *name, const float *from, float *to,
               runner_error *error)
{
  buffer->memory = session_cl_upload(pass->session, name, from, pass->small_bytes, error);
  if (buffer->memory == NULL) {
    return -1;
  }
  pass->small[pass->used] = buffer->memory;
  pass->results[pass->used++] = to;
  return 0;
}

static int add_result(pass_cl *pass, clnorm_buffer *buffer, const char *name, float *host, runner_error *error)
{
  return add(pass, buffer, name, host, host, error);
}

static int make_arguments(pass_cl *pass, const workload *w, clnorm_pass which, runner_error *error)
{
  clnorm_cl_args *args = &pass->args;
  int failed = 0;
  *args = (clnorm_cl_args){.size = sizeof *args, .x = {pass->session->x}};
  failed |= add(pass, &args->gamma, "gamma", w->gamma, NULL, error);
  if (which == CLNORM_TRAIN || which == CLNORM_INFER) {
    args->y.memory = pass->session->out;
    failed |= add(pass, &args->beta, "beta", w->beta, NULL, error);
  } else {
    args->dy.memory = pass->session->dy;
    args->dx.memory = pass->session->out;
    failed |= add_result(pass, &args->dgamma, "dgamma", w->out.dgamma, error);
    failed |= add_result(pass, &args->dbeta, "dbeta", w->out.dbeta, error);
  }
  if (which == CLNORM_TRAIN) {
    failed |= add_result(pass, &args->running_mean, "running_mean", w->out.running_mean, error);
    failed |= add_result(pass, &args->running_var, "running_var", w->out.running_var, error);
    failed |= add_result(pass, &args->mean, "mean", w->out.mean, error);
    failed |= add_result(pass, &args->inv_std, "inv_std", w->out.inv_std, error);
  } else if (which == CLNORM_BACKWARD) {
    failed |= add(pass, &args->mean, "mean", w->mean, NULL, error);
    failed |= add(pass, &args->inv_std, "inv_std", w->inv_std, NULL, error);
  } else {
    failed |= add(pass, &args->running_mean, "running_mean", w->running_mean, NULL, error);
    failed |= add(pass, &args->running_var, "running_var", w->running_var, NULL, error);
  }
  return failed;
}

static int make_workspace(pass_cl *pass, runner_error *error)
{
  cl_int code = CL_SUCCESS;
  const size_t bytes = clnorm_plan_workspace_size(clnorm_cl_plan_data(pass->plan));
  if (bytes == 0) {
    return 0;
  }
  pass->args.workspace.memory = clCreateBuffer(pass->session->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
  return session_cl_check(code, "clCreateBuffer for the workspace", error);
}

void runner_cache_cl(const runner *r, clnorm_cl_cache *cache)
{
  clnorm_cl_cache_describe(((const pass_cl *)r->self)->cl, cache);
}

int runner_open_cl(runner *r, session_cl *session, workload *w, clnorm_pass pass, const char *choice, const char *cache,
                   runner_error *error, double *compile)
{
  pass_cl *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return runner_fail(error, CLNORM_OUT_OF_MEMORY, "not enough memory");
  }
  made->session = session;
  made->small_bytes = w->counts.statistics * sizeof(float);
  /* An object of its own has compiled nothing yet. */
  const double begin = measure_now();
  clnorm_status status = clnorm_cl_create(session->context, session->device.device, &made->cl);
  if (status == CLNORM_SUCCESS) {
    status = clnorm_cl_cache_use(made->cl, cache);
  }
  if (status == CLNORM_SUCCESS) {
    status = clnorm_cl_plan_create_with(made->cl, &w->desc, pass, choice, &made->plan);
  }
  *compile = measure_now() - begin;
  if (status != CLNORM_SUCCESS) {
    (void)runner_fail(error, status, "%s", clnorm_last_error());
    goto failed;
  }
  if (make_arguments(made, w, pass, error) != 0 || make_workspace(made, error) != 0) {
    goto failed;
  }
  /* So that an element that the pass does not write is seen. */
  const cl_int code = clEnqueueWriteBuffer(session->queue, session->out, CL_TRUE, 0, workload_tensor_bytes(w),
                                           w->out.tensor, 0, NULL, NULL);
  if (session_cl_check(code, "clEnqueueWriteBuffer", error) != 0) {
    goto failed;
  }
  *r = (runner){.name = "opencl",
                .self = made,
                .plan = clnorm_cl_plan_data(made->plan),
                .run = run_pass,
                .fetch = fetch,
                .close = close_pass};
  return 0;
failed:
  close_pass(made);
  return -1;
}
