#include <clnorm/tuning.h>
#include <errno.h>
#include <measure.h>
#include <report_grid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tuner.h>

#include "commands.h"
#include "device_choice.h"
#include "file_checks.h"
#include "message.h"
#include "numbers.h"
#include "options.h"
#include "shape_options.h"
#if CLNORM_HAVE_OPENCL
#include <session_cl.h>
#endif

/* Seconds of search for each pass of each shape: two or three rounds over all the parameters of a tensor of 25 MB. */
#define SEARCH_TIME 20.0
#define MOST_TIME 3600.0

static const char more_help[] =
    "\nSearches for the variant and the parameters with which this device is fastest, for each pass of each shape, and "
    "keeps\n"
    "what is at least 3 % faster than the built-in choice in the device's file, where clnorm's plans find it. "
    "Everything else\n"
    "stays built-in. Each choice is compared with a reference before it is timed; the winner is measured again, "
    "against the\n"
    "built-in choice. What a shape that is not measured now has in the file stays there.\n"
    "Without --suite and --shape the quick suite is searched; lists and shapes are written as for clnorm bench.\n"
    "sizes is one shape with N from 1 to 1024.\n"
    "Files are in $CLNORM_TUNING_DB (off: none), else in $XDG_CONFIG_HOME/clnorm/tuning or ~/.config/clnorm/tuning. "
    "The file\n"
    "is written once, at the end: a search that is broken off leaves the old one. Where it cannot be written nothing "
    "is\n"
    "searched.\n";

typedef struct tune_request {
  char *device, *db; /* NULL: not given */
  int dry_run;
  unsigned suites, layouts;
  bench_shape shapes[BENCH_SHAPES];
  size_t shape_count;
  tuner_options options;
} tune_request;

typedef struct tuning_run {
  const tune_request *request;
  bench_suite suite;
  const device_choice *choice; /* the present device */
  const bench_case *present;
  double begin, done, total; /* seconds; cases */
} tuning_run;

/* ---- options ------------------------------------------------------------------------------------------------ */

typedef struct raw_options {
  char *suite, *pass, *shape, *layout, *time;
} raw_options;

static int choose_time(const char *text, tune_request *request)
{
  request->options.time = SEARCH_TIME;
  const char *why = text == NULL ? NULL : parse_decimal(text, 0.0, MOST_TIME, &request->options.time);
  return why == NULL
             ? OPTIONS_GO_ON
             : complain(EXIT_USAGE, "tune: --time '%s' %s; expected seconds from 0 to %g", text, why, MOST_TIME);
}

static int check_texts(const tune_request *request)
{
  if (request->device != NULL && request->device[0] == '\0') {
    return complain(EXIT_USAGE, "tune: --device is empty");
  }
  if (request->db != NULL && (request->db[0] == '\0' || strcmp(request->db, "off") == 0)) {
    return complain(EXIT_USAGE, "tune: --db '%s' is no folder", request->db);
  }
  return OPTIONS_GO_ON;
}

static int read_all(int argc, const char **argv, tune_request *request, raw_options *raw)
{
  size_t words = 0;
  const struct poptOption table[] = {
      {"device", 0, POPT_ARG_STRING, &request->device, 1, "what to tune: see clnorm devices; all: every one", "D"},
      {"suite", 0, POPT_ARG_STRING, &raw->suite, 2, "quick, full (all shapes), large (for GPUs), sizes", "NAME"},
      {"pass", 0, POPT_ARG_STRING, &raw->pass, 3, "train, infer, backward, backward-frozen", "LIST"},
      {"shape", 0, POPT_ARG_STRING, &raw->shape, 4, "shapes in place of a suite's", "LIST"},
      {"layout", 0, POPT_ARG_STRING, &raw->layout, 5, "channels-first, channels-last", "LIST"},
      {"time", 0, POPT_ARG_STRING, &raw->time, 6, "seconds of search for each pass of each shape (20)", "S"},
      {"db", 0, POPT_ARG_STRING, &request->db, 7, "the folder of the files", "DIR"},
      {"dry-run", 0, POPT_ARG_NONE, &request->dry_run, 8, "print what is found and write nothing", NULL},
      OPTIONS_HELP,
      POPT_TABLEEND,
  };
  const options_help help = {"clnorm tune", "[--device D|all] [options]", more_help};
  int code = options_read(argc, argv, table, &help, NULL, 0, &words);
  code = code == OPTIONS_GO_ON ? choose_suite("tune", raw->suite, raw->shape, 0, &request->suites) : code;
  code = code == OPTIONS_GO_ON
             ? choose_passes("tune", raw->pass, request->suites, request->options.passes, &request->options.pass_count)
             : code;
  code = code == OPTIONS_GO_ON ? choose_layouts("tune", raw->layout, &request->layouts) : code;
  code = code == OPTIONS_GO_ON ? choose_shapes("tune", raw->shape, request->shapes, &request->shape_count) : code;
  code = code == OPTIONS_GO_ON ? choose_time(raw->time, request) : code;
  return code == OPTIONS_GO_ON ? check_texts(request) : code;
}

static int read_request(int argc, const char **argv, tune_request *request)
{
  raw_options raw = {0};
  *request = (tune_request){0};
  const int code = read_all(argc, argv, request, &raw);
  char *texts[] = {raw.suite, raw.pass, raw.shape, raw.layout, raw.time};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    free(texts[i]);
  }
  return code;
}

/* ---- what people see ---------------------------------------------------------------------------------------- */

static const char *shape_text(const bench_case *what, char *text, size_t capacity)
{
  bench_record shape = {.rank = what->rank};
  memcpy(shape.dims, what->dims, sizeof what->dims);
  return record_shape_text(&shape, text, capacity);
}

static void show(void *context, const char *what, double part)
{
  const tuning_run *t = context;
  char shape[80];
  char number[16];
  const double left = (t->total - t->done - part) * (double)t->request->options.pass_count * t->request->options.time;
  progress("device %s: %s %s, at most %.0f s left", device_number_text(t->choice, number, sizeof number), what,
           shape_text(t->present, shape, sizeof shape), left);
}

static void print_result(const bench_case *what, const tuner_result *result)
{
  static const char *const words[] = {"ok", "WRONG", "FAILED", "unsupported"};
  char shape[80];
  char operation[128];
  char seconds[32] = "-";
  char gain[48] = "-";
  const int won = strcmp(result->built_in, result->choice) != 0;
  (void)snprintf(operation, sizeof operation, "%s %s%s", record_pass_name(result->pass),
                 shape_text(what, shape, sizeof shape),
                 what->rank == 2                        ? ""
                 : what->layout == CLNORM_CHANNELS_LAST ? " last"
                                                        : " first");
  if (result->seconds > 0.0) {
    (void)report_time_text(result->seconds, seconds, sizeof seconds);
  }
  if (won) {
    (void)snprintf(gain, sizeof gain, "%.2fx (%.2f-%.2f)", 1.0 / result->ratio.median, 1.0 / result->ratio.high,
                   1.0 / result->ratio.low);
  }
  (void)printf("| %-34s | %8s | %17s | %5zu | %s%s |\n", operation, seconds, gain, result->tried,
               result->outcome == RECORD_OK ? (won ? "" : "built-in: ") : words[result->outcome],
               result->outcome == RECORD_OK ? result->choice : "");
  (void)fflush(stdout);
  if (result->outcome != RECORD_OK) {
    tell("%s: %s", operation, result->reason);
  }
}

static void print_heading(const device_choice *choice)
{
  (void)printf("\n## %s\n\n%s\n\n| %-34s | %8s | %17s | %5s | choice |\n|%.36s|%.9s:|%.18s:|%.6s:|--------|\n",
               choice->name, choice->driver, "operation", "built-in", "faster", "tried",
               "------------------------------------", "---------", "------------------", "------");
}

/* ---- the search --------------------------------------------------------------------------------------------- */

static int search_all(tuning_run *t, const bench_device *device, clnorm_tuning *tuning)
{
  tuner_options options = t->request->options;
  int code = EXIT_OK;
  options.progress = show;
  options.context = t;
  print_heading(t->choice);
  for (size_t i = 0; i < t->suite.count; i++) {
    tuner_result results[GROUP_PASSES];
    t->present = &t->suite.cases[i];
    tuner_run(device, t->present, &options, tuning, results);
    t->done += 1.0;
    progress_end();
    for (size_t j = 0; j < options.pass_count; j++) {
      print_result(t->present, &results[j]);
      if (results[j].outcome == RECORD_WRONG || results[j].outcome == RECORD_FAILED) {
        code = EXIT_DEVICE;
      }
    }
  }
  return code;
}

static int save(const tune_request *request, const clnorm_tuning *tuning)
{
  if (request->dry_run) {
    (void)printf("\n%zu choices; nothing was written (--dry-run).\n", clnorm_tuning_count(tuning));
    return EXIT_OK;
  }
  if (clnorm_tuning_save(tuning) != CLNORM_SUCCESS) {
    return complain(EXIT_USAGE, "tune: %s", clnorm_last_error());
  }
  (void)printf("\n%zu choices in %s\n", clnorm_tuning_count(tuning), clnorm_tuning_file(tuning));
  return EXIT_OK;
}

static clnorm_status open_tuning(const device_choice *choice, const char *folder, clnorm_tuning **tuning)
{
#if CLNORM_HAVE_OPENCL
  if (choice->number >= 0) {
    return clnorm_cl_tuning_open(&choice->device, folder, tuning);
  }
#endif
  (void)choice;
  return clnorm_tuning_open(folder, tuning);
}

/* Whether what is found can be written, which nobody wants to learn after an hour. */
static int check_file(const device_choice *choice, const char *folder)
{
  clnorm_tuning *tuning = NULL;
  int code = EXIT_OK;
  const clnorm_status status = open_tuning(choice, folder, &tuning);
  if (status != CLNORM_SUCCESS) {
    return complain_status(status, "tune");
  }
  const char *file = clnorm_tuning_file(tuning);
  if (file[0] == '\0') {
    code = complain(EXIT_USAGE,
                    "tune: there is no folder for the file: CLNORM_TUNING_DB is off, or HOME is not set; see --db");
  } else if (file_check(file) != 0) {
    code = complain(EXIT_USAGE, "tune: %s cannot be written: %s", file,
                    errno == EINVAL ? "it is there and no regular file" : strerror(errno));
  }
  clnorm_tuning_close(tuning);
  return code;
}

static int check_files(const tune_request *request, const device_choice *choices, size_t count)
{
  int code = EXIT_OK;
  for (size_t i = 0; i < count && code == EXIT_OK && !request->dry_run; i++) {
    code = check_file(&choices[i], request->db);
  }
  return code;
}

static int tune_with(tuning_run *t, const bench_device *device)
{
  const tune_request *request = t->request;
  clnorm_tuning *tuning = NULL;
  const clnorm_status status = open_tuning(t->choice, request->db, &tuning);
  if (status != CLNORM_SUCCESS) {
    return complain_status(status, "tune");
  }
  if (clnorm_tuning_problem(tuning)[0] != '\0') {
    tell("%s begins anew: %s", clnorm_tuning_file(tuning), clnorm_tuning_problem(tuning));
  }
  int code = search_all(t, device, tuning);
  const int saved = save(request, tuning);
  code = saved != EXIT_OK ? saved : code;
  clnorm_tuning_close(tuning);
  return code;
}

static int tune_one(tuning_run *t, const device_choice *choice)
{
  bench_device device = {.name = choice->name, .driver = choice->driver};
  t->choice = choice;
#if CLNORM_HAVE_OPENCL
  session_cl session;
  runner_error error = {0};
  if (choice->number >= 0) {
    if (session_cl_open(&session, &choice->device, &error) != 0) {
      return complain(EXIT_DEVICE, "tune: %s: %s", choice->name, error.text);
    }
    device.cl = &session;
    const int code = tune_with(t, &device);
    session_cl_close(&session);
    return code;
  }
#endif
  return tune_with(t, &device);
}

static int make_suite(tuning_run *t)
{
  const tune_request *request = t->request;
  const suite_plan plan = {.kind = norm_plain, .layouts = request->layouts};
  int failed = 0;
  for (size_t i = 0; i < request->shape_count; i++) {
    failed |= suite_add(&t->suite, &plan, request->shapes[i].rank, request->shapes[i].dims);
  }
  if (request->shape_count == 0) {
    failed |= suite_add_table(&t->suite, &plan, request->suites);
  }
  return failed == 0 ? EXIT_OK : complain(EXIT_DEVICE, "tune: not enough memory");
}

static int tune_devices(tuning_run *t)
{
  device_choice *choices = NULL;
  size_t count = 0;
  int code = make_suite(t);
  code = code == EXIT_OK ? device_choose_several(t->request->device, &choices, &count) : code;
  code = code == EXIT_OK ? check_files(t->request, choices, count) : code;
  t->total = (double)t->suite.count * (double)count;
  const int ready = code == EXIT_OK;
  for (size_t i = 0; ready && i < count && code != EXIT_USAGE; i++) {
    const int result = tune_one(t, &choices[i]);
    code = result > code ? result : code;
  }
  free(choices);
  return code;
}

int command_tune(int argc, const char **argv)
{
  tune_request request;
  tuning_run t = {.request = &request};
  /* Threads of a runtime that wait by spinning take the cores from whoever has the next turn. */
  (void)setenv("KMP_BLOCKTIME", "1", 0);
  int code = read_request(argc, argv, &request);
  if (code == OPTIONS_GO_ON) {
    code = tune_devices(&t);
  }
  suite_free(&t.suite);
  free(request.device);
  free(request.db);
  return code;
}
