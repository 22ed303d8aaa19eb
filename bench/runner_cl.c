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

static cl_int read_back(const pass_cl *pass, cl_mem from, size_t bytes, void *to)
{
  return clEnqueueReadBuffer(pass->session->queue, from, CL_TRUE, 0, bytes, to, 0, NULL, NULL);
}

static int fetch(void *self, workload *w)
{
  const pass_cl *pass = self;
  cl_int code = read_back(pass, pass->session->out, workload_tensor_bytes(w), w->out.tensor);
  if (code == CL_SUCCESS && pass->args.dresidual.memory != NULL) {
    code = read_back(pass, pass->session->dresidual, workload_tensor_bytes(w), w->out.dresidual);
  }
  for (size_t i = 0; i < pass->used && code == CL_SUCCESS; i++) {
    if (pass->results[i] != NULL) {
      code = read_back(pass, pass->small[i], pass->bytes[i], pass->results[i]);
    }
  }
  return code == CL_SUCCESS ? 0 : -1;
}

/* A buffer with what the host has there; of a result it is brought back there. */
typedef struct small_argument {
  const char *name;
  clnorm_buffer *buffer;
  void *host;
  size_t bytes;
  int is_result;
} small_argument;

static int add(pass_cl *pass, const small_argument *argument, runner_error *error)
{
  cl_mem memory = session_cl_upload(pass->session, argument->name, argument->host, argument->bytes, error);
  if (memory == NULL) {
    return -1;
  }
  argument->buffer->memory = memory;
  pass->small[pass->used] = memory;
  pass->bytes[pass->used] = argument->bytes;
  pass->results[pass->used++] = argument->is_result ? argument->host : NULL;
  return 0;
}

static void set_tensors(pass_cl *pass, const workload_arguments *has)
{
  clnorm_cl_args *args = &pass->args;
  const session_cl *session = pass->session;
  *args = (clnorm_cl_args){.size = sizeof *args, .x = {session->x}};
  if (has->forward) {
    args->y.memory = session->out;
  } else {
    args->dy.memory = session->dy;
    args->dx.memory = session->out;
  }
  args->residual.memory = has->residual ? session->residual : NULL;
  args->dresidual.memory = has->dresidual ? session->dresidual : NULL;
}

static int make_arguments(pass_cl *pass, const workload *w, clnorm_pass which, runner_error *error)
{
  const workload_arguments has = workload_arguments_of(&w->desc, which);
  const int train = which == CLNORM_TRAIN;
  const size_t parameters = workload_parameter_bytes(w);
  const size_t statistics = workload_statistic_bytes(w);
  clnorm_cl_args *args = &pass->args;
  const struct {
    int is_there;
    small_argument argument;
  } all[] = {
      {1, {"gamma", &args->gamma, w->gamma, parameters, 0}},
      {has.beta, {"beta", &args->beta, w->beta, parameters, 0}},
      {!has.forward, {"dgamma", &args->dgamma, w->out.dgamma, parameters, 1}},
      {!has.forward, {"dbeta", &args->dbeta, w->out.dbeta, parameters, 1}},
      {has.running,
       {"running_mean", &args->running_mean, train ? w->out.running_mean : w->running_mean, parameters, train}},
      {has.running,
       {"running_var", &args->running_var, train ? w->out.running_var : w->running_var, parameters, train}},
      {has.mean, {"mean", &args->mean, train ? w->out.mean : w->mean, statistics, train}},
      {has.inv_std, {"inv_std", &args->inv_std, train ? w->out.inv_std : w->inv_std, statistics, train}},
  };
  int failed = 0;
  set_tensors(pass, &has);
  for (size_t i = 0; i < sizeof all / sizeof all[0] && !failed; i++) {
    failed = all[i].is_there && add(pass, &all[i].argument, error) != 0;
  }
  return failed ? -1 : 0;
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
  cl_int code = clEnqueueWriteBuffer(session->queue, session->out, CL_TRUE, 0, workload_tensor_bytes(w), w->out.tensor,
                                     0, NULL, NULL);
  if (code == CL_SUCCESS && made->args.dresidual.memory != NULL) {
    code = clEnqueueWriteBuffer(session->queue, session->dresidual, CL_TRUE, 0, workload_tensor_bytes(w),
                                w->out.dresidual, 0, NULL, NULL);
  }
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
