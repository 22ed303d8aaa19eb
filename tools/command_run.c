#include <math.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "device_choice.h"
#include "engine.h"
#include "message.h"
#include "options.h"
#include "run_data.h"
#include "run_options.h"

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
    [RUN_OUT_DGAMMA] = {"dgamma", "..11"},
    [RUN_OUT_DBETA] = {"dbeta", "..11"},
};

const char *run_result_name(run_result result) { return results[result].name; }

int run_has_result(clnorm_pass pass, run_result result) { return results[result].passes[pass - CLNORM_TRAIN] == '1'; }

/* ---- in ----------------------------------------------------------------------------------------------------- */

static void flatten(array *a)
{
  for (; a->rank > 2; a->rank--) {
    a->dims[1] *= a->dims[a->rank - 1];
    a->dims[a->rank - 1] = 0;
  }
}

static int load_inputs(const run_options *options, run_data *data)
{
  file_error error;
  for (int i = 0; i < RUN_INPUTS; i++) {
    if (options->files[i] == NULL) {
      continue;
    }
    if (array_load(&data->in[i], options->files[i], &error) != 0) {
      return complain(EXIT_USAGE, "run: --%s %s", run_input_name((run_input)i), error.text);
    }
    if (options->flatten && (i == RUN_X || i == RUN_DY)) {
      flatten(&data->in[i]);
    }
  }
  return EXIT_OK;
}

static int describe(const run_options *options, run_data *data)
{
  const array *x = &data->in[RUN_X];
  clnorm_plan *plan = NULL;
  char shape[SHAPE_TEXT];
  data->pass = options->pass;
  data->desc = options->desc;
  data->desc.rank = (uint32_t)x->rank;
  memcpy(data->desc.dims, x->dims, sizeof x->dims);
  clnorm_status status = clnorm_desc_counts(&data->desc, &data->counts);
  if (status == CLNORM_SUCCESS) {
    /* Whether the shape allows the pass is told before any device is touched. */
    status = clnorm_plan_create(&data->desc, data->pass, &plan);
    clnorm_plan_destroy(plan);
  }
  if (status == CLNORM_SUCCESS) {
    return EXIT_OK;
  }
  return complain(EXIT_USAGE, "run: --x %s of shape %s: %s (%s)", options->files[RUN_X],
                  array_shape_text(x, shape, sizeof shape), clnorm_last_error(), clnorm_status_name(status));
}

static int check_lengths(const run_options *options, const run_data *data)
{
  char shape[SHAPE_TEXT];
  char expected[SHAPE_TEXT];
  const array *x = &data->in[RUN_X];
  const array *dy = &data->in[RUN_DY];
  if (dy->data != NULL && (dy->rank != x->rank || memcmp(dy->dims, x->dims, sizeof x->dims) != 0)) {
    return complain(EXIT_USAGE, "run: --dy %s has the shape %s; expected that of x, %s", options->files[RUN_DY],
                    array_shape_text(dy, shape, sizeof shape), array_shape_text(x, expected, sizeof expected));
  }
  for (int i = RUN_GAMMA; i < RUN_INPUTS; i++) {
    const size_t wanted = i == RUN_GAMMA || i == RUN_BETA ? data->counts.parameters : data->counts.statistics;
    if (data->in[i].data != NULL && data->in[i].count != wanted) {
      return complain(EXIT_USAGE, "run: --%s %s has %zu values; expected %zu for x of shape %s",
                      run_input_name((run_input)i), options->files[i], data->in[i].count, wanted,
                      array_shape_text(x, shape, sizeof shape));
    }
  }
  return EXIT_OK;
}

/* ---- the pass ----------------------------------------------------------------------------------------------- */

/* Statistics have one dimension; per activation they have x's without N. */
static int statistics_shape(const run_data *data, size_t dims[ARRAY_MAX_RANK])
{
  const array *x = &data->in[RUN_X];
  if ((data->desc.flags & CLNORM_PER_ACTIVATION) == 0) {
    dims[0] = data->counts.statistics;
    return 1;
  }
  memcpy(dims, x->dims + 1, (size_t)(x->rank - 1) * sizeof *dims);
  return x->rank - 1;
}

static int make_results(run_data *data)
{
  for (int i = 0; i < RUN_RESULTS; i++) {
    size_t dims[ARRAY_MAX_RANK] = {0};
    if (!run_has_result(data->pass, (run_result)i)) {
      continue;
    }
    const int tensor = i == RUN_OUT_Y || i == RUN_OUT_DX;
    const int rank = tensor ? data->in[RUN_X].rank : statistics_shape(data, dims);
    array *result = &data->results[i];
    if (array_make(result, rank, tensor ? data->in[RUN_X].dims : dims) != 0) {
      return complain(EXIT_DEVICE, "run: not enough memory for %s", run_result_name((run_result)i));
    }
    const array *before = i == RUN_OUT_RUNNING_MEAN  ? &data->in[RUN_RUNNING_MEAN]
                          : i == RUN_OUT_RUNNING_VAR ? &data->in[RUN_RUNNING_VAR]
                                                     : NULL;
    for (size_t k = 0; before != NULL && k < result->count; k++) {
      result->data[k] = before->data != NULL ? before->data[k] : i == RUN_OUT_RUNNING_VAR ? 1.0f : 0.0f;
    }
  }
  return EXIT_OK;
}

static clnorm_input input(const array *a) { return (clnorm_input){a->data, a->count}; }
static clnorm_output output(const array *a) { return (clnorm_output){a->data, a->count}; }

static clnorm_args make_args(const run_data *data)
{
  clnorm_args args = {.size = sizeof args};
  args.x = input(&data->in[RUN_X]);
  args.dy = input(&data->in[RUN_DY]);
  args.gamma = input(&data->in[RUN_GAMMA]);
  args.beta = input(&data->in[RUN_BETA]);
  args.y = output(&data->results[RUN_OUT_Y]);
  args.dx = output(&data->results[RUN_OUT_DX]);
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
    const double value = (double)a->data[i];
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
  code = load_inputs(&options, &data);
  code = code == EXIT_OK ? describe(&options, &data) : code;
  code = code == EXIT_OK ? check_lengths(&options, &data) : code;
  code = code == EXIT_OK && options.out != NULL ? run_check_out(options.out) : code;
  code = code == EXIT_OK ? make_results(&data) : code;
  code = code == EXIT_OK ? execute(&options, &data, &choice, &report) : code;
  if (code == EXIT_OK && options.out != NULL) {
    code = run_write(&data, options.out);
  }
  if (code == EXIT_OK && options.explain) {
    run_explain(&data);
  }
  if (code == EXIT_OK) {
    print_summary(&options, &data, &choice, &report);
  }
done:
  for (int i = 0; i < RUN_INPUTS; i++) {
    array_free(&data.in[i]);
  }
  for (int i = 0; i < RUN_RESULTS; i++) {
    array_free(&data.results[i]);
  }
  run_options_free(&options);
  return code;
}
