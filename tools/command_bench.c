#include <calls.h>
#include <measure.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_results.h"
#include "choice_check.h"
#include "commands.h"
#include "device_choice.h"
#include "digits.h"
#include "message.h"
#include "options.h"
#if CLNORM_HAVE_OPENCL
#include <session_cl.h>
#endif

/* What a group costs whatever its size, in elements: compiling, mostly. */
#define GROUP_COST 2e6

typedef struct bencher {
  const bench_request *request;
  bench_suite suite;
  array digits;
  bench_data data;
  char input[300]; /* what x is, for people */
  char asked[400]; /* the options */
  bench_results results;
  const device_choice *choice; /* the present device */
  const bench_case *present;
  double begin, done, total; /* seconds; costs of all groups */
} bencher;

/* ---- progress ----------------------------------------------------------------------------------------------- */

static double cost_of(const bench_case *what) { return suite_elements(what) + GROUP_COST; }

static void show(void *context, const char *what, double part)
{
  const bencher *b = context;
  const double done = b->done + part * cost_of(b->present);
  const double spent = measure_now() - b->begin;
  bench_record shape = {.kind = b->present->kind, .rank = b->present->rank, .layout = b->present->layout};
  char text[160];
  char number[16];
  char left[40] = "";
  if (!progress_shown()) {
    return;
  }
  memcpy(shape.dims, b->present->dims, sizeof b->present->dims);
  if (spent > 2.0 && done > 0.0) {
    (void)snprintf(left, sizeof left, ", about %.0f s left", spent * (b->total - done) / done);
  }
  progress("device %s: %s, %s%s", device_number_text(b->choice, number, sizeof number), what,
           record_case_text(&shape, 1, text, sizeof text), left);
}

/* ---- one device --------------------------------------------------------------------------------------------- */

static int run_suite(bencher *b, const bench_device *device)
{
  bench_options options = b->request->options;
  const size_t before = b->results.count;
  int code = EXIT_OK;
  options.choice = b->request->choice;
  options.progress = show;
  options.context = b;
  for (size_t i = 0; i < b->suite.count && code == EXIT_OK; i++) {
    b->present = &b->suite.cases[i];
    memcpy(options.passes, b->present->passes, sizeof options.passes);
    options.pass_count = b->present->pass_count;
    bench_record *records = bench_results_add(&b->results, options.pass_count);
    if (b->request->calls) {
      bench_run_calls(device, b->present, &options, records);
    } else {
      bench_run_group(device, b->present, &options, records);
    }
    b->done += cost_of(b->present);
    code = bench_results_keep(&b->results, options.pass_count);
  }
  progress_end();
  return code == EXIT_OK ? bench_results_print(&b->results, b->results.count - before) : code;
}

static int bench_one(bencher *b, const device_choice *choice)
{
  bench_device device = {.name = choice->name, .driver = choice->driver};
  b->choice = choice;
#if CLNORM_HAVE_OPENCL
  session_cl session;
  runner_error error = {0};
  if (choice->number >= 0) {
    if (session_cl_open(&session, &choice->device, &error) != 0) {
      return complain(EXIT_DEVICE, "bench: %s: %s", choice->name, error.text);
    }
    device.cl = &session;
    device.number = (size_t)choice->number;
    const int code = run_suite(b, &device);
    session_cl_close(&session);
    return code;
  }
#endif
  return run_suite(b, &device);
}

/* ---- all of it ---------------------------------------------------------------------------------------------- */

static int load_data(bencher *b)
{
  char file[64];
  const int code = digits_load("bench", b->request->data, &b->digits, file, sizeof file);
  if (code == EXIT_OK) {
    const size_t *dims = b->digits.dims;
    b->data = (bench_data){b->digits.data, b->digits.count};
    (void)snprintf(b->input, sizeof b->input,
                   "x: %zu images of %zux%zu from %s, repeated to fill other shapes; dy synthetic", dims[0], dims[1],
                   dims[2], file);
  }
  return code;
}

/* The shapes for one kind: a user's images first as they are, flattened and (N, height, width), then as the values of the
 * other shapes. */
static int add_shapes(bencher *b, const suite_plan *plan)
{
  const bench_request *request = b->request;
  int failed = 0;
  for (size_t i = 0; i < request->shape_count; i++) {
    failed |= suite_add(&b->suite, plan, request->shapes[i].rank, request->shapes[i].dims);
  }
  if (request->shape_count > 0) {
    return failed;
  }
  if (plan->data != NULL) {
    const size_t *dims = b->digits.dims;
    suite_plan first = *plan;
    first.layouts = CASES_FIRST;
    failed |= suite_add(&b->suite, &first, 2, (const size_t[]){dims[0], dims[1] * dims[2]});
    first.layouts &= plan->layouts;
    failed |= suite_add(&b->suite, &first, 3, dims);
  }
  return failed | suite_add_table(&b->suite, plan, request->suites);
}

/* What no device could do is a mistake in the options. */
static int check_cases(const bencher *b)
{
  for (size_t i = 0; i < b->suite.count; i++) {
    const bench_case *what = &b->suite.cases[i];
    bench_record named = {.kind = what->kind, .rank = what->rank, .layout = what->layout};
    char name[160];
    clnorm_desc desc;
    clnorm_counts counts;
    clnorm_status status = suite_describe(what, &desc);
    status = status == CLNORM_SUCCESS ? clnorm_desc_counts(&desc, &counts) : status;
    if (status == CLNORM_INVALID_ARGUMENT || status == CLNORM_INVALID_SHAPE) {
      memcpy(named.dims, what->dims, sizeof what->dims);
      return complain(EXIT_USAGE, "bench: %s: %s", record_case_text(&named, 1, name, sizeof name), clnorm_last_error());
    }
  }
  return b->suite.count > 0 ? EXIT_OK : complain(EXIT_USAGE, "bench: the suite has no row of that kind");
}

static int make_suite(bencher *b)
{
  const bench_request *request = b->request;
  kind_options kinds = request->kinds;
  suite_plan plan = {.layouts = request->layouts,
                     .passes = request->options.passes,
                     .pass_count = request->options.pass_count,
                     .chosen = request->passes_chosen};
  int failed = 0;
  (void)snprintf(b->input, sizeof b->input, "x: synthetic, normal");
  if (request->data != NULL) {
    const int code = load_data(b);
    if (code != EXIT_OK) {
      return code;
    }
    plan.data = &b->data;
  }
  if (request->suites == CASES_BENCH_FAMILY) {
    failed = suite_add_family(&b->suite, &plan, kind_options_want, &kinds);
  } else {
    for (size_t i = 0; i < kind_options_count(&kinds); i++) {
      plan.kind = kind_options_at(&kinds, i);
      failed |= add_shapes(b, &plan);
    }
  }
  return failed != 0 ? complain(EXIT_DEVICE, "bench: not enough memory") : check_cases(b);
}

/* Times taken beside other programs mean little, and a pasted table should say so itself. */
static void note_load(bencher *b)
{
  double load = 0.0;
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  const size_t used = strlen(b->input);
  if (getloadavg(&load, 1) == 1 && load > 0.5 * (double)cores) {
    (void)snprintf(b->input + used, sizeof b->input - used, "; before the start the load was %.1f on %ld cores", load,
                   cores);
  }
}

/* Leaves those that --backend allows. */
static int choose_devices(const bench_request *request, device_choice **choices, size_t *count)
{
  const char *selector = request->device;
  if (selector == NULL && request->backend == BENCH_CPU) {
    selector = "cpu";
  }
  const int code = device_choose_several(selector, choices, count);
  if (code != EXIT_OK || request->backend == BENCH_ANY) {
    return code;
  }
  size_t kept = 0;
  for (size_t i = 0; i < *count; i++) {
    if (((*choices)[i].number < 0) == (request->backend == BENCH_CPU)) {
      (*choices)[kept++] = (*choices)[i];
    }
  }
  *count = kept;
  return kept > 0 ? EXIT_OK : complain(EXIT_DEVICE, "bench: --backend leaves none of the devices; %s", DEVICE_ADVICE);
}

/* A driver that finds a program in its own cache compiles nothing, and runtimes whose threads wait by spinning take the
 * cores from whoever has the next turn. What the user has set stays. Mesa's cache stays on: rusticl compiles a kernel at
 * every launch and lives on it, 0.6 s instead of 2 ms for a small tensor. */
static void prepare_environment(void)
{
  static const char *const settings[][2] = {
      {"POCL_KERNEL_CACHE", "0"}, {"CUDA_CACHE_DISABLE", "1"}, {"NEO_CACHE_PERSISTENT", "0"}, {"KMP_BLOCKTIME", "1"}};
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    (void)setenv(settings[i][0], settings[i][1], 0);
  }
}

static int measure_devices(bencher *b, const device_choice *choices, size_t count)
{
  size_t records = 0;
  for (size_t i = 0; i < b->suite.count; i++) {
    records += b->suite.cases[i].pass_count * count;
  }
  int code = bench_results_begin(&b->results, choices, count, records);
  if (code != EXIT_OK) {
    return code;
  }
  for (size_t i = 0; i < b->suite.count; i++) {
    b->total += cost_of(&b->suite.cases[i]) * (double)count;
  }
  b->begin = measure_now();
  for (size_t i = 0; i < count && code != EXIT_USAGE; i++) {
    const int result = bench_one(b, &choices[i]);
    code = result > code ? result : code;
  }
  return code;
}

static int bench_devices(bencher *b)
{
  device_choice *choices = NULL;
  size_t count = 0;
  int code = make_suite(b);
  note_load(b);
  code = code == EXIT_OK ? bench_results_open(&b->results, b->request, b->input) : code;
  code = code == EXIT_OK ? choose_devices(b->request, &choices, &count) : code;
  code = code == EXIT_OK ? choice_check("bench", b->request->choice, choices, count) : code;
  code = code == EXIT_OK ? measure_devices(b, choices, count) : code;
  code = bench_results_close(&b->results, code, b->asked);
  free(choices);
  return code;
}

/* The options as they were given, for the report. */
static void note_options(bencher *b, int argc, const char **argv)
{
  size_t used = 0;
  for (int i = 1; i < argc && used < sizeof b->asked; i++) {
    used += (size_t)snprintf(b->asked + used, sizeof b->asked - used, " %s", argv[i]);
  }
}

int command_bench(int argc, const char **argv)
{
  bench_request request;
  bencher b = {.request = &request};
  prepare_environment();
  note_options(&b, argc, argv);
  int code = bench_request_read(argc, argv, &request);
  if (code == OPTIONS_GO_ON) {
#if CLNORM_HAVE_OPENCL
    request.options.first_use = first_use_start();
#endif
    code = bench_devices(&b);
#if CLNORM_HAVE_OPENCL
    first_use_stop(request.options.first_use);
#endif
  }
  suite_free(&b.suite);
  array_free(&b.digits);
  bench_request_free(&request);
  return code;
}
