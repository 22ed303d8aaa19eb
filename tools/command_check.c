#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cases.h"
#include "check_case.h"
#include "check_report.h"
#include "commands.h"
#include "device_choice.h"
#include "digits.h"
#include "engine.h"
#include "engine_device.h"
#include "generate.h"
#include "message.h"
#include "options.h"
#include "run_options.h"

/* Up to this many elements every subset of the optional arguments is run. */
#define ALL_SUBSETS_ELEMENTS 1000

/* Up to this many elements a shape of plain normal data is also run with means far from 0. */
#define FAR_MEANS_ELEMENTS 100000

static const double far_means[] = {1e2, 1e4, 1e6};

/* What a run costs whatever its size, in elements, and the runs of a shape in all passes: for the time that is left. */
#define RUN_COST 2e4
#define RUNS_OF_FEW 12
#define RUNS_OF_ALL 140

typedef struct check_options {
  char *device, *json, *data;
  int quick;
} check_options;

typedef struct checker {
  const check_options *options;
  engine *engine;
  check_report report;
  const array *digits; /* NULL: none */
  int done, total;     /* shapes */
  double begin, cost_done, cost_total;
} checker;

/* ---- one shape ---------------------------------------------------------------------------------------------- */

static double cost_of(size_t elements)
{
  return (elements <= ALL_SUBSETS_ELEMENTS ? RUNS_OF_ALL : RUNS_OF_FEW) * ((double)elements + RUN_COST);
}

static void show(const checker *c, clnorm_pass pass, const check_input *input, double cost)
{
  char number[16];
  char left[40] = "";
  const double spent = engine_now() - c->begin;
  const double done = c->cost_done + cost * (double)(pass - CLNORM_TRAIN) / 4;
  if (spent > 2.0 && done > 0.0) {
    (void)snprintf(left, sizeof left, ", about %.0f s left", spent * (c->cost_total - done) / done);
  }
  progress("device %s: shape %d of %d%s, %s, %s", device_number_text(c->report.choice, number, sizeof number), c->done,
           c->total, left, run_pass_name(pass), input->label);
}

static int check_passes(checker *c, const check_input *input)
{
  clnorm_counts counts;
  c->done++;
  if (clnorm_desc_counts(&input->desc, &counts) != CLNORM_SUCCESS) {
    return complain_status(CLNORM_INVALID_SHAPE, "check");
  }
  const check_breadth breadth = counts.elements <= ALL_SUBSETS_ELEMENTS ? CHECK_ALL : CHECK_FEW;
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    check_result result;
    show(c, (clnorm_pass)pass, input, cost_of(counts.elements));
    if (check_case(c->engine, input, (clnorm_pass)pass, breadth, &result) != 0) {
      return complain(EXIT_DEVICE, "check: not enough memory for %zu elements", counts.elements);
    }
    if (check_report_add(&c->report, input, &result) != 0) {
      return complain(EXIT_USAGE, "check: --json %s: cannot be written: %s", c->options->json, strerror(errno));
    }
  }
  c->cost_done += cost_of(counts.elements);
  return EXIT_OK;
}

static int check_generated(checker *c, const oracle_case *shape, clnorm_layout layout, double mean, double std)
{
  check_input input = {.mean = mean, .std = std, .outliers = generate_has_outliers(shape->kind)};
  clnorm_counts counts;
  clnorm_status status = clnorm_desc_init(&input.desc, sizeof input.desc, CLNORM_BATCH, CLNORM_PRESET_TORCH);
  case_apply(shape, layout, &input.desc);
  if (status == CLNORM_SUCCESS) {
    status = clnorm_desc_counts(&input.desc, &counts);
  }
  if (status != CLNORM_SUCCESS) {
    return complain_status((int)status, "check");
  }
  float *x = malloc(counts.elements * sizeof *x);
  if (x == NULL) {
    return complain(EXIT_DEVICE, "check: not enough memory for %zu elements", counts.elements);
  }
  generate_x(x, &input.desc, shape->kind, 100, mean, std);
  input.x = x;
  (void)snprintf(input.label, sizeof input.label, "%s, mean %g, std %g%s", generate_kind_name(shape->kind), mean, std,
                 shape->flags & CLNORM_PER_ACTIVATION ? ", per activation" : "");
  const int code = check_passes(c, &input);
  free(x);
  return code;
}

/* The digits as they lie in the file, (N, 28, 28) with 28 channels, and flattened, (N, 784). */
static int check_digits(checker *c, int flat)
{
  const array *digits = c->digits;
  check_input input = {.x = digits->data, .mean = 33, .std = 79};
  const clnorm_status status = clnorm_desc_init(&input.desc, sizeof input.desc, CLNORM_BATCH, CLNORM_PRESET_TORCH);
  if (status != CLNORM_SUCCESS) {
    return complain_status((int)status, "check");
  }
  input.desc.rank = flat ? 2 : 3;
  input.desc.dims[0] = digits->dims[0];
  input.desc.dims[1] = flat ? digits->dims[1] * digits->dims[2] : digits->dims[1];
  input.desc.dims[2] = flat ? 0 : digits->dims[2];
  (void)snprintf(input.label, sizeof input.label, "digits of --data%s", flat ? ", flattened" : "");
  return check_passes(c, &input);
}

/* ---- all shapes --------------------------------------------------------------------------------------------- */

static int is_wanted(const check_options *options, const oracle_case *shape)
{
  return (shape->suites & (options->quick ? CASES_CHECK_QUICK : CASES_CHECK | CASES_CHECK_LARGE)) != 0;
}

static size_t case_elements(const oracle_case *shape)
{
  size_t elements = 1;
  for (uint32_t axis = 0; axis < shape->rank; axis++) {
    elements *= shape->dims[axis];
  }
  return elements;
}

static int has_far_means(const check_options *options, const oracle_case *shape)
{
  return !options->quick && shape->kind == GENERATE_NORMAL && shape->mean == 0 &&
         case_elements(shape) <= FAR_MEANS_ELEMENTS;
}

/* Runs or, with `run` 0, only counts the shapes. */
static int each_shape(checker *c, int run)
{
  int code = EXIT_OK;
  for (size_t i = 0; i < cases_count() && code == EXIT_OK; i++) {
    const oracle_case *shape = cases_at(i);
    for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST && code == EXIT_OK; layout++) {
      if (!is_wanted(c->options, shape) || !case_has_layout(shape, (clnorm_layout)layout)) {
        continue;
      }
      const size_t means = has_far_means(c->options, shape) ? sizeof far_means / sizeof far_means[0] : 0;
      if (!run) {
        c->total += 1 + (int)means;
        c->cost_total += (double)(1 + means) * cost_of(case_elements(shape));
      }
      code = run ? check_generated(c, shape, (clnorm_layout)layout, shape->mean, shape->std) : code;
      for (size_t m = 0; run && m < means && code == EXIT_OK; m++) {
        code = check_generated(c, shape, (clnorm_layout)layout, far_means[m] * shape->std, shape->std);
      }
    }
  }
  for (int flat = 0; flat < 2 && c->digits != NULL && code == EXIT_OK; flat++) {
    if (!run) {
      c->total++;
      c->cost_total += cost_of(c->digits->count);
    }
    code = run ? check_digits(c, flat) : code;
  }
  return code;
}

static int check_device(const check_options *options, const device_choice *choice, const array *digits, FILE *json)
{
  checker c = {.options = options, .digits = digits};
  int code = engine_open(choice, &c.engine);
  if (code != EXIT_OK) {
    return code;
  }
  c.report = (check_report){.choice = choice, .backend = engine_backend(c.engine), .json = json};
  c.begin = engine_now();
  (void)each_shape(&c, 0);
  code = each_shape(&c, 1);
  progress_end();
  if (code == EXIT_OK && !check_report_print(&c.report, engine_now() - c.begin)) {
    code = EXIT_DEVICE;
  }
  engine_close(c.engine);
  return code;
}

/* ---- options ------------------------------------------------------------------------------------------------ */

static int check_texts(const check_options *options)
{
  if (options->json != NULL && options->json[0] == '\0') {
    return complain(EXIT_USAGE, "check: --json is empty; expected a file");
  }
  if (options->data != NULL && options->data[0] == '\0') {
    return complain(EXIT_USAGE, "check: --data is empty; expected a folder");
  }
  return EXIT_OK;
}

static int check_devices(const check_options *options)
{
  array digits = {0};
  FILE *json = NULL;
  device_choice *choices = NULL;
  size_t count = 0;
  int code = options->data != NULL ? digits_load("check", options->data, &digits, NULL, 0) : EXIT_OK;
  code = code == EXIT_OK ? device_choose_several(options->device, &choices, &count) : code;
  if (code == EXIT_OK && options->json != NULL) {
    json = fopen(options->json, "we");
    code = json != NULL ? EXIT_OK
                        : complain(EXIT_USAGE, "check: --json %s: cannot be made: %s", options->json, strerror(errno));
  }
  for (size_t i = 0; i < count && code != EXIT_USAGE; i++) {
    const int result = check_device(options, &choices[i], digits.data != NULL ? &digits : NULL, json);
    code = result > code ? result : code;
    (void)fflush(stdout);
  }
  if (json != NULL && fclose(json) != 0 && code == EXIT_OK) {
    code = complain(EXIT_USAGE, "check: --json %s: cannot be written: %s", options->json, strerror(errno));
  }
  free(choices);
  array_free(&digits);
  return code;
}

int command_check(int argc, const char **argv)
{
  check_options options = {0};
  size_t words = 0;
  const struct poptOption table[] = {
      {"device", 0, POPT_ARG_STRING, &options.device, 1, "what to check: see clnorm devices; all: every one", "D"},
      {"quick", 0, POPT_ARG_NONE, &options.quick, 2, "fewer and smaller shapes: seconds instead of minutes", NULL},
      {"json", 0, POPT_ARG_STRING, &options.json, 3, "one JSON record a line, for each pass and shape", "FILE"},
      {"data", 0, POPT_ARG_STRING, &options.data, 4, "a folder with MNIST's IDX files: one more case", "DIR"},
      OPTIONS_HELP,
      POPT_TABLEEND,
  };
  const options_help help = {
      "clnorm check", "[--device D] [options]",
      "\nRuns batch normalization, every pass, over many shapes and both layouts, with its optional arguments present\n"
      "and absent and in place, and compares every result with a reference in long double. worst/bound is the largest\n"
      "error in units of its bound: up to 1 passes. Exit code 1 if anything fails.\n"};
  int code = options_read(argc, argv, table, &help, NULL, 0, &words);
  if (code == OPTIONS_GO_ON) {
    code = check_texts(&options);
    code = code == EXIT_OK ? check_devices(&options) : code;
  }
  free(options.device);
  free(options.json);
  free(options.data);
  return code;
}
