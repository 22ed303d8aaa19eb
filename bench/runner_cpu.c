/* Passes on the CPU backend. */
#include <clnorm/tuning.h>
#include <stdlib.h>

#include "runner.h"

typedef struct pass_cpu {
  clnorm_plan *plan;
  void *workspace;
  clnorm_args args;
} pass_cpu;

static void close_pass(void *self)
{
  pass_cpu *pass = self;
  clnorm_plan_destroy(pass->plan);
  free(pass->workspace);
  free(pass);
}

static int run_pass(void *self, size_t times)
{
  const pass_cpu *pass = self;
  for (size_t i = 0; i < times; i++) {
    if (clnorm_execute(pass->plan, &pass->args) != CLNORM_SUCCESS) {
      return -1;
    }
  }
  return 0;
}

static clnorm_args arguments_of(const workload *w, clnorm_pass pass)
{
  const workload_arguments has = workload_arguments_of(&w->desc, pass);
  const int train = pass == CLNORM_TRAIN;
  clnorm_args args = {.size = sizeof args, .x = {w->x}, .gamma = {w->gamma}};
  if (has.forward) {
    args.y.data = w->out.tensor;
  } else {
    args.dy.data = w->dy;
    args.dx.data = w->out.tensor;
    args.dgamma.data = w->out.dgamma;
    args.dbeta.data = w->out.dbeta;
  }
  args.beta.data = has.beta ? w->beta : NULL;
  args.residual.data = has.residual ? w->residual : NULL;
  args.dresidual.data = has.dresidual ? w->out.dresidual : NULL;
  if (has.running) {
    args.running_mean.data = train ? w->out.running_mean : w->running_mean;
    args.running_var.data = train ? w->out.running_var : w->running_var;
  }
  args.mean.data = !has.mean ? NULL : train ? w->out.mean : w->mean;
  args.inv_std.data = !has.inv_std ? NULL : train ? w->out.inv_std : w->inv_std;
  return args;
}

int runner_open_cpu(runner *r, workload *w, clnorm_pass pass, const char *choice, runner_error *error)
{
  pass_cpu *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return runner_fail(error, CLNORM_OUT_OF_MEMORY, "not enough memory");
  }
  const clnorm_status status = clnorm_plan_create_with(&w->desc, pass, choice, &made->plan);
  if (status != CLNORM_SUCCESS) {
    (void)runner_fail(error, status, "%s", clnorm_last_error());
    goto failed;
  }
  made->args = arguments_of(w, pass);
  const size_t bytes = clnorm_plan_workspace_size(made->plan);
  if (bytes != 0) {
    made->workspace = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (made->workspace == NULL) {
      (void)runner_fail(error, CLNORM_OUT_OF_MEMORY, "%zu bytes of workspace were refused", bytes);
      goto failed;
    }
    made->args.workspace = (clnorm_output){made->workspace, bytes};
  }
  *r = (runner){.name = "cpu", .self = made, .plan = made->plan, .run = run_pass, .close = close_pass};
  return 0;
failed:
  close_pass(made);
  return -1;
}
