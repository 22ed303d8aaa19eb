#include "bench_request.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "numbers.h"
#include "options.h"
#include "shape_options.h"
#include "words.h"

/* Seconds in samples of each thing that is timed. */
#define QUICK_TIME 0.15
#define FULL_TIME 0.5
#define MOST_TIME 60.0

static const char more_help[] =
    "\nWithout --suite, --shape and --calls the quick suite is measured; sizes is one shape with N from 1 to 1024. "
    "Lists have\n"
    "commas: --pass train,backward. A shape is N,C,... or NxCx... in this order whatever the layout, of 2 to 5\n"
    "dimensions; several are separated by ';', or by commas if they are written with x: --shape\n"
    "32x64x56x56,4096x1024. Shapes of 2 dimensions are the same in both layouts and are measured once.\n"
    "Of --op, --dtype, --activation and --residual every combination is measured, on each shape; without them it is "
    "batch,\n"
    "f32, none and no. Activations: " WORDS_ACTIVATIONS
    ".\n"
    "layer and rms take a shape in the order of the memory, in no layout, and without --pass leave infer out, as group "
    "does:\n"
    "they have no running statistics. --suite family is chosen shapes of all of these; the lists choose among its "
    "rows.\n"
    "Each pass is compared with a reference before it is timed; wrong results have no speed and the exit code is 1.\n"
    "A pass, the device's copies, the CPU backend and the peers take turns in one run. Cold compile times are without\n"
    "the drivers' own caches (but Mesa's), unless the environment sets them, and without clnorm's. Where that is on\n"
    "(CLNORM_CACHE_DIR), first use in a new process with and without it is told under the table.\n"
    "\n--compare OLD tells for each row, from the medians and their 95 % intervals:\n"
    "  FASTER, SLOWER  the intervals are disjoint and the medians more than 3 % apart\n"
    "  SAME            otherwise, if the ratio is within 5 % of 1 for every pair of values of the two intervals\n"
    "  UNSURE          anything else\n"
    "in seconds and in copies of the same run; the verdict is what both say, UNSURE if they disagree. If this run and\n"
    "OLD have one device each, these two are compared. --fail-on-slower 10: exit 1 if a row is SLOWER and its median\n"
    "more than 10 % greater, in seconds and in copies.\n";

typedef struct raw_options {
  char *suite, *pass, *shape, *layout, *backend, *min_time, *peers, *fail_on_slower;
  kind_texts kind;
  int calls;
} raw_options;

static int choose_cases(const raw_options *raw, bench_request *request)
{
  request->calls = raw->calls;
  if (!raw->calls) {
    return choose_suite("bench", raw->suite, raw->shape, 1, &request->suites);
  }
  if (raw->suite != NULL) {
    return complain(EXIT_USAGE, "bench: --suite and --calls exclude each other");
  }
  request->suites = raw->shape == NULL ? CASES_BENCH_CALLS : 0;
  return OPTIONS_GO_ON;
}

/* The suites of people who wait; the others are for results. */
static int is_short(const bench_request *request)
{
  return request->calls || request->suites == CASES_BENCH_QUICK || request->suites == CASES_BENCH_SIZES ||
         request->suites == CASES_BENCH_FAMILY;
}

/* The family's suite says itself what it normalizes over; the lists choose among its rows. */
static int choose_kinds(const raw_options *raw, bench_request *request)
{
  const int code = kind_options_read("bench", &raw->kind, &request->kinds);
  if (code != OPTIONS_GO_ON) {
    return code;
  }
  if (request->suites == CASES_BENCH_FAMILY) {
    return raw->kind.axis == NULL && raw->kind.groups == NULL
               ? OPTIONS_GO_ON
               : complain(EXIT_USAGE, "bench: --suite family has axes and groups of its own");
  }
  for (size_t i = 0; i < request->kinds.op_count; i++) {
    if (request->kinds.ops[i] == CLNORM_GROUP && request->kinds.groups == 0) {
      return complain(EXIT_USAGE, "bench: --op group needs --groups G");
    }
  }
  return OPTIONS_GO_ON;
}

/* Those of the quick suite where somebody waits, and a curve over sizes is of one layout. */
static int choose_passes_and_layouts(const raw_options *raw, bench_request *request)
{
  const unsigned like = is_short(request) ? CASES_BENCH_QUICK : request->suites;
  bench_options *options = &request->options;
  request->passes_chosen = raw->pass != NULL;
  int code = choose_passes("bench", raw->pass, like, options->passes, &options->pass_count);
  code = code == OPTIONS_GO_ON ? choose_layouts("bench", raw->layout, &request->layouts) : code;
  if (raw->layout == NULL && request->suites == CASES_BENCH_SIZES) {
    request->layouts = CASES_FIRST;
  }
  return code;
}

static int choose_backend(const char *backend, bench_request *request)
{
  if (backend == NULL) {
    return OPTIONS_GO_ON;
  }
  if (strcmp(backend, "cpu") == 0) {
    request->backend = BENCH_CPU;
  } else if (strcmp(backend, "opencl") == 0) {
    request->backend = BENCH_OPENCL;
  } else {
    return complain(EXIT_USAGE, "bench: --backend '%s' is unknown; expected cpu or opencl", backend);
  }
  return OPTIONS_GO_ON;
}

static int choose_time(const char *text, bench_request *request)
{
  request->options.min_time = is_short(request) ? QUICK_TIME : FULL_TIME;
  if (text != NULL) {
    const char *why = parse_decimal(text, 1e-3, MOST_TIME, &request->options.min_time);
    if (why != NULL) {
      return complain(EXIT_USAGE, "bench: --min-time '%s' %s; expected seconds from 0.001 to %g", text, why, MOST_TIME);
    }
  }
  return OPTIONS_GO_ON;
}

static int choose_peers(char *list, bench_request *request)
{
  bench_options *options = &request->options;
  for (char *item = list_next(&list, ','); item != NULL; item = list_next(&list, ',')) {
    const peer *found = peer_find(item);
    if (found == NULL) {
      return complain(EXIT_USAGE, "bench: --peers '%s': this build has %s%s", item,
                      peers[0].name != NULL ? "only " : "no peers", peers[0].name != NULL ? peers[0].name : "");
    }
    for (size_t i = 0; i < options->peer_count; i++) {
      if (options->peers[i] == found) {
        return complain(EXIT_USAGE, "bench: --peers names '%s' twice", item);
      }
    }
    options->peers[options->peer_count++] = found;
  }
  return OPTIONS_GO_ON;
}

static int choose_limit(const char *text, bench_request *request)
{
  request->fail_on_slower = -1.0;
  if (text == NULL) {
    return OPTIONS_GO_ON;
  }
  const char *why = parse_decimal(text, 0.0, 1e9, &request->fail_on_slower);
  if (why != NULL) {
    return complain(EXIT_USAGE, "bench: --fail-on-slower '%s' %s; expected percent from 0", text, why);
  }
  return request->compare != NULL ? OPTIONS_GO_ON
                                  : complain(EXIT_USAGE, "bench: --fail-on-slower needs --compare OLD.json");
}

static int check_texts(const bench_request *request)
{
  const struct {
    const char *name, *text;
  } texts[] = {{"json", request->json},
               {"html", request->html},
               {"compare", request->compare},
               {"data", request->data},
               {"device", request->device}};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    if (texts[i].text != NULL && texts[i].text[0] == '\0') {
      return complain(EXIT_USAGE, "bench: --%s is empty", texts[i].name);
    }
  }
  return OPTIONS_GO_ON;
}

static int read_all(int argc, const char **argv, bench_request *request, raw_options *raw)
{
  size_t words = 0;
  const struct poptOption table[] = {
      {"device", 0, POPT_ARG_STRING, &request->device, 1, "what to measure: see clnorm devices; all: every one", "D"},
      {"backend", 0, POPT_ARG_STRING, &raw->backend, 2, "only cpu, or only opencl", "NAME"},
      {"suite", 0, POPT_ARG_STRING, &raw->suite, 3, "quick, full (all shapes), large (for GPUs), sizes, family",
       "NAME"},
      {"op", 0, POPT_ARG_STRING, &raw->kind.op, 4, "batch, layer, instance, group, rms", "LIST"},
      {"axis", 0, POPT_ARG_STRING, &raw->kind.axis, 19, "layer, rms: over the axes from K to the last (1)", "K"},
      {"groups", 0, POPT_ARG_STRING, &raw->kind.groups, 20, "group: into how many C is divided", "G"},
      {"pass", 0, POPT_ARG_STRING, &raw->pass, 5, "train, infer, backward, backward-frozen", "LIST"},
      {"shape", 0, POPT_ARG_STRING, &raw->shape, 6, "shapes in place of a suite's", "LIST"},
      {"layout", 0, POPT_ARG_STRING, &raw->layout, 7, "channels-first, channels-last", "LIST"},
      {"dtype", 0, POPT_ARG_STRING, &raw->kind.dtype, 12, "type of the tensors: f32, f16, bf16, f64", "LIST"},
      {"activation", 0, POPT_ARG_STRING, &raw->kind.activation, 13, "applied to y: NAME or NAME:ALPHA each", "LIST"},
      {"residual", 0, POPT_ARG_STRING, &raw->kind.residual, 21, "added before the activation: no, yes", "LIST"},
      {"min-time", 0, POPT_ARG_STRING, &raw->min_time, 8, "seconds of samples for each row", "S"},
      {"peers", 0, POPT_ARG_STRING, &raw->peers, 9, "libraries to compare with: onednn, if compiled in", "LIST"},
      {"calls", 0, POPT_ARG_NONE, &raw->calls, 14, "calls a second of small tensors, in place of a suite", NULL},
      {"json", 0, POPT_ARG_STRING, &request->json, 10, "one JSON record a line", "FILE"},
      {"html", 0, POPT_ARG_STRING, &request->html, 15, "a report with plots, in one file", "FILE"},
      {"compare", 0, POPT_ARG_STRING, &request->compare, 16, "compare with the --json file of another run", "OLD"},
      {"fail-on-slower", 0, POPT_ARG_STRING, &raw->fail_on_slower, 17, "exit 1 if a row is SLOWER by more", "PCT"},
      {"data", 0, POPT_ARG_STRING, &request->data, 11, "a folder with MNIST's IDX files as x", "DIR"},
      {"choice", 0, POPT_ARG_STRING, &request->choice, 18, "built-in, or a variant and parameters: see docs/tuning.md",
       "TEXT"},
      OPTIONS_HELP,
      POPT_TABLEEND,
  };
  const options_help help = {"clnorm bench", "[--device D|all] [options]", more_help};
  int code = options_read(argc, argv, table, &help, NULL, 0, &words);
  code = code == OPTIONS_GO_ON ? choose_cases(raw, request) : code;
  code = code == OPTIONS_GO_ON ? choose_kinds(raw, request) : code;
  code = code == OPTIONS_GO_ON ? choose_passes_and_layouts(raw, request) : code;
  code = code == OPTIONS_GO_ON ? choose_shapes("bench", raw->shape, request->shapes, &request->shape_count) : code;
  code = code == OPTIONS_GO_ON ? choose_backend(raw->backend, request) : code;
  code = code == OPTIONS_GO_ON ? choose_time(raw->min_time, request) : code;
  code = code == OPTIONS_GO_ON ? choose_limit(raw->fail_on_slower, request) : code;
  code = code == OPTIONS_GO_ON ? choose_peers(raw->peers, request) : code;
  return code == OPTIONS_GO_ON ? check_texts(request) : code;
}

int bench_request_read(int argc, const char **argv, bench_request *request)
{
  raw_options raw = {0};
  *request = (bench_request){0};
  const int code = read_all(argc, argv, request, &raw);
  char *texts[] = {raw.suite,         raw.pass,          raw.shape,      raw.layout,
                   raw.backend,       raw.min_time,      raw.peers,      raw.kind.op,
                   raw.kind.axis,     raw.kind.groups,   raw.kind.dtype, raw.kind.activation,
                   raw.kind.residual, raw.fail_on_slower};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    free(texts[i]);
  }
  return code;
}

void bench_request_free(bench_request *request)
{
  free(request->device);
  free(request->json);
  free(request->html);
  free(request->compare);
  free(request->data);
  free(request->choice);
  *request = (bench_request){0};
}
