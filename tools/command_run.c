#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "device_choice.h"
#include "engine.h"
#include "message.h"
#include "options.h"
#include "run_data.h"
#include "run_options.h"
#include "storage_type.h"

#define SHAPE_TEXT 200

/* Which passes have a result: one character a pass, in the order of clnorm_pass. */
static const struct {
  const char *name;
  const char *passes;
} results[RUN_RESULTS] = {
    [RUN_OUT_Y] = {"y", "11.."},
    [RUN_OUT_MEAN] = {"mean", "1..."},
    [RUN_OUT_INV_STD] = {"inv_std", "1..."},
    [RUN_OUT_RUNNING_MEAN] = {"running_mean", "1..."},
    [RUN_OUT_RUNNING_VAR] = {"running_var", "1..."},
    [RUN_OUT_DX] = {"dx", "..11"},
    [RUN_OUT_DRESIDUAL] = {"dresidual", "..11"},
    [RUN_OUT_DGAMMA] = {"dgamma", "..11"},
    [RUN_OUT_DBETA] = {"dbeta", "..11"},
};

const char *run_result_name(run_result result) { return results[result].name; }

int run_has_result(const clnorm_desc *desc, clnorm_pass pass, run_result result)
{
  const int running = result == RUN_OUT_RUNNING_MEAN || result == RUN_OUT_RUNNING_VAR;
  if ((running && !run_has_running(desc->op)) || (result == RUN_OUT_MEAN && desc->op == CLNORM_RMS) ||
      (result == RUN_OUT_DRESIDUAL && (desc->flags & CLNORM_RESIDUAL) == 0)) {
    return 0;
  }
  return results[result].passes[pass - CLNORM_TRAIN] == '1';
}

/* ---- the pass ----------------------------------------------------------------------------------------------- */

static int make_result(run_data *data, run_result which)
{
  array *result = &data->results[which];
  const clnorm_dtype number = storage_number(data->desc.dtype);
  size_t dims[ARRAY_MAX_RANK] = {0};
  switch (which) {
    case RUN_OUT_Y:
    case RUN_OUT_DX:
    case RUN_OUT_DRESIDUAL:
      return array_make(result, data->desc.dtype, data->in[RUN_X].rank, data->in[RUN_X].dims);
    case RUN_OUT_MEAN:
    case RUN_OUT_INV_STD:
      return array_make(result, number, run_statistics_shape(&data->desc, dims), dims);
    default:
      return array_make(result, number, run_parameters_shape(&data->desc, dims), dims);
  }
}

/* Where the running statistics start. */
static void set_before(array *result, const array *before, double absent)
{
  for (size_t i = 0; i < result->count; i++) {
    array_set(result, i, before->data != NULL ? array_get(before, i) : absent);
  }
}

static int make_results(run_data *data)
{
  for (int i = 0; i < RUN_RESULTS; i++) {
    if (run_has_result(&data->desc, data->pass, (run_result)i) && make_result(data, (run_result)i) != 0) {
      return complain(EXIT_DEVICE, "run: not enough memory for %s", run_result_name((run_result)i));
    }
  }
  set_before(&data->results[RUN_OUT_RUNNING_MEAN], &data->in[RUN_RUNNING_MEAN], 0);
  set_before(&data->results[RUN_OUT_RUNNING_VAR], &data->in[RUN_RUNNING_VAR], 1);
  return EXIT_OK;
}

static clnorm_input input(const array *a) { return (clnorm_input){a->data, a->count}; }
static clnorm_output output(const array *a) { return (clnorm_output){a->data, a->count}; }

static clnorm_args make_args(const run_data *data)
{
  clnorm_args args = {.size = sizeof args};
  args.x = input(&data->in[RUN_X]);
  args.dy = input(&data->in[RUN_DY]);
  const int forward = data->pass == CLNORM_TRAIN || data->pass == CLNORM_INFER;
  if (forward || data->desc.activation != CLNORM_ACTIVATION_NONE) {
    args.residual = input(&data->in[RUN_RESIDUAL]); /* without an activation no gradient depends on it */
  }
  args.lengths = (clnorm_input){data->lengths, data->lengths != NULL ? data->in[RUN_LENGTHS].count : 0};
  args.gamma = input(&data->in[RUN_GAMMA]);
  args.beta = input(&data->in[RUN_BETA]);
  args.y = output(&data->results[RUN_OUT_Y]);
  args.dx = output(&data->results[RUN_OUT_DX]);
  args.dresidual = output(&data->results[RUN_OUT_DRESIDUAL]);
  args.dgamma = output(&data->results[RUN_OUT_DGAMMA]);
  args.dbeta = output(&data->results[RUN_OUT_DBETA]);
  const int train = data->pass == CLNORM_TRAIN;
  args.running_mean = output(train ? &data->results[RUN_OUT_RUNNING_MEAN] : &data->in[RUN_RUNNING_MEAN]);
  args.running_var = output(train ? &data->results[RUN_OUT_RUNNING_VAR] : &data->in[RUN_RUNNING_VAR]);
  args.mean = output(train ? &data->results[RUN_OUT_MEAN] : &data->in[RUN_MEAN]);
  args.inv_std = output(train ? &data->results[RUN_OUT_INV_STD] : &data->in[RUN_INV_STD]);
  return args;
}

static int execute(const run_options *options, run_data *data, device_choice *choice, engine_report *report)
{
  engine *e = NULL;
  int code = device_choose(options->device, choice);
  if (code != EXIT_OK) {
    return code;
  }
  code = engine_open(choice, &e);
  if (code != EXIT_OK) {
    return code;
  }
  const clnorm_args args = make_args(data);
  const clnorm_status status = engine_run(e, &data->desc, data->pass, &args, report);
  if (status != CLNORM_SUCCESS) {
    code = complain(EXIT_DEVICE, "run: %s: %s (%s)", choice->name, engine_error(e), clnorm_status_name(status));
  }
  engine_close(e);
  return code;
}

/* ---- out ---------------------------------------------------------------------------------------------------- */

static void print_result(const array *a, const char *name, const char *out)
{
  char shape[SHAPE_TEXT];
  double least = INFINITY;
  double most = -INFINITY;
  double sum = 0;
  size_t finite = 0;
  for (size_t i = 0; i < a->count; i++) {
    const double value = array_get(a, i);
    if (isfinite(value)) {
      least = value < least ? value : least;
      most = value > most ? value : most;
      sum += value;
      finite++;
    }
  }
  (void)printf("%-13s %-20s ", name, array_shape_text(a, shape, sizeof shape));
  if (finite != 0) {
    (void)printf("%12.5g %12.5g %12.5g", least, sum / (double)finite, most);
  } else {
    (void)printf("%12s %12s %12s", "-", "-", "-");
  }
  (void)printf(" %10zu", a->count - finite);
  if (out != NULL) {
    (void)printf("  %s/%s.npy", out, name);
  }
  (void)printf("\n");
}

static void print_summary(const run_options *options, const run_data *data, const device_choice *choice,
                          const engine_report *report)
{
  (void)printf("%s\n", report->plan);
  /* A second call would not be the user's: it would move the running statistics again. */
  (void)printf("on %s: %.3f ms for the first call, with what the driver still compiles then", choice->name,
               1e3 * report->seconds);
  if (report->compile_seconds > 0) {
    (void)printf(", kernels compiled in %.2f s", report->compile_seconds);
  }
  if (report->load_seconds > 0) {
    (void)printf(", kernels loaded from the cache in %.1f ms", 1e3 * report->load_seconds);
  }
  if (report->cache_note[0] != '\0') {
    (void)printf(", CLNORM_CACHE_DIR is not used: %s", report->cache_note);
  }
  (void)printf("; epsilon %g\n\n", data->desc.epsilon);
  (void)printf("%-13s %-20s %12s %12s %12s %10s\n", "array", "shape", "least", "mean", "largest", "not finite");
  print_result(&data->in[RUN_X], "x", NULL);
  for (int i = 0; i < RUN_RESULTS; i++) {
    if (data->results[i].data != NULL) {
      print_result(&data->results[i], run_result_name((run_result)i), options->out);
    }
  }
  if (options->out == NULL) {
    (void)printf("\nNothing was written: --out DIR keeps the results.\n");
  }
}

int command_run(int argc, const char **argv)
{
  run_options options;
  run_data data = {0};
  device_choice choice;
  engine_report report;
  int code = run_options_read(argc, argv, &options);
  if (code != OPTIONS_GO_ON) {
    goto done;
  }
  code = run_load(&options, &data);
  code = code == EXIT_OK && options.out != NULL ? run_check_out(options.out) : code;
  code = code == EXIT_OK ? make_results(&data) : code;
  code = code == EXIT_OK ? execute(&options, &data, &choice, &report) : code;
  if (code == EXIT_OK && options.out != NULL) {
    code = run_write(&data, options.out);
  }
  if (code == EXIT_OK && options.explain) {
    code = run_explain(&data);
  }
  if (code == EXIT_OK) {
    print_summary(&options, &data, &choice, &report);
  }
done:
  free(data.lengths);
  for (int i = 0; i < RUN_INPUTS; i++) {
    array_free(&data.in[i]);
  }
  for (int i = 0; i < RUN_RESULTS; i++) {
    array_free(&data.results[i]);
  }
  run_options_free(&options);
  return code;
}
