#include "bench_request.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "numbers.h"
#include "options.h"

/* Seconds in samples of each thing that is timed. */
#define QUICK_TIME 0.15
#define FULL_TIME 0.5
#define MOST_TIME 60.0

static const char more_help[] =
    "\nWithout --suite and --shape the quick suite is measured. Lists have commas: --pass train,backward.\n"
    "A shape is N,C,... or NxCx... in this order whatever the layout, of 2 to 5 dimensions; several are separated by\n"
    "';', or by commas if they are written with x: --shape 32x64x56x56,4096x1024. Shapes of 2 dimensions are the same "
    "in\n"
    "both layouts and are measured once.\n"
    "Each pass is compared with a reference before it is timed; wrong results have no speed and the exit code is 1.\n"
    "A pass, the device's copies, the CPU backend and the peers take turns in one run. Cold compile times are without\n"
    "the drivers' own caches (but Mesa's), unless the environment sets them, and without clnorm's. Where that is on\n"
    "(CLNORM_CACHE_DIR), first use in a new process with and without it is told under the table.\n";

typedef struct raw_options {
  char *suite, *op, *pass, *shape, *layout, *backend, *min_time, *peers, *dtype, *activation;
} raw_options;

/* Takes the next item of a list off *text; NULL at the end. The list is written into. */
static char *next_item(char **text, char separator)
{
  char *item = *text;
  if (item == NULL) {
    return NULL;
  }
  char *end = strchr(item, separator);
  if (end != NULL) {
    *end = '\0';
    end++;
  }
  *text = end;
  return item;
}

static int choose_suite(const char *suite, const char *shape, bench_request *request)
{
  static const struct {
    const char *name;
    unsigned bit;
  } suites[] = {{"quick", CASES_BENCH_QUICK}, {"full", CASES_BENCH_FULL}, {"large", CASES_BENCH_LARGE}};
  if (suite != NULL && shape != NULL) {
    return complain(EXIT_USAGE, "bench: --suite and --shape exclude each other");
  }
  if (shape != NULL) {
    return OPTIONS_GO_ON;
  }
  for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
    if (strcmp(suite != NULL ? suite : "quick", suites[i].name) == 0) {
      request->suites = suites[i].bit;
      return OPTIONS_GO_ON;
    }
  }
  return complain(EXIT_USAGE, "bench: --suite '%s' is unknown; expected quick, full or large", suite);
}

static int choose_op(char *op)
{
  for (char *item = next_item(&op, ','); item != NULL; item = next_item(&op, ',')) {
    if (strcmp(item, "batch") != 0) {
      return complain(EXIT_USAGE, "bench: --op '%s' is unknown; expected batch", item);
    }
  }
  return OPTIONS_GO_ON;
}

static int choose_one_valued(const raw_options *raw)
{
  const int code = options_accept_only("bench", "dtype", raw->dtype, "f32", "stores tensors as float32 only");
  return code == OPTIONS_GO_ON
             ? options_accept_only("bench", "activation", raw->activation, "none", "fuses no activation")
             : code;
}

static int add_pass(bench_options *options, const char *name)
{
  for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    if (strcmp(name, record_pass_name(pass)) == 0) {
      for (size_t i = 0; i < options->pass_count; i++) {
        if (options->passes[i] == pass) {
          return complain(EXIT_USAGE, "bench: --pass names '%s' twice", name);
        }
      }
      options->passes[options->pass_count++] = pass;
      return OPTIONS_GO_ON;
    }
  }
  return complain(EXIT_USAGE, "bench: --pass '%s' is unknown; expected train, infer, backward or backward-frozen",
                  name);
}

static int choose_passes(char *list, bench_request *request)
{
  char quick[] = "infer,train,backward";
  char all[] = "infer,train,backward,backward-frozen";
  if (list == NULL) {
    list = request->suites == CASES_BENCH_QUICK ? quick : all;
  }
  int code = OPTIONS_GO_ON;
  for (char *item = next_item(&list, ','); item != NULL && code == OPTIONS_GO_ON; item = next_item(&list, ',')) {
    code = add_pass(&request->options, item);
  }
  return code;
}

static int choose_layouts(char *list, bench_request *request)
{
  request->layouts = list == NULL ? CASES_BOTH : 0;
  for (char *item = next_item(&list, ','); item != NULL; item = next_item(&list, ',')) {
    if (strcmp(item, "channels-first") == 0) {
      request->layouts |= CASES_FIRST;
    } else if (strcmp(item, "channels-last") == 0) {
      request->layouts |= CASES_LAST;
    } else {
      return complain(EXIT_USAGE, "bench: --layout '%s' is unknown; expected channels-first or channels-last", item);
    }
  }
  return OPTIONS_GO_ON;
}

static int add_shape(bench_request *request, char *text, char separator)
{
  bench_shape *shape = &request->shapes[request->shape_count];
  uint64_t elements = 1;
  if (request->shape_count == BENCH_SHAPES) {
    return complain(EXIT_USAGE, "bench: --shape lists more than %d shapes", BENCH_SHAPES);
  }
  for (char *item = next_item(&text, separator); item != NULL; item = next_item(&text, separator)) {
    uint64_t value = 0;
    const char *why = parse_whole(item, 1, UINT32_MAX, &value);
    if (why != NULL) {
      return complain(EXIT_USAGE, "bench: --shape: dimension '%s' %s; expected a whole number from 1", item, why);
    }
    if (shape->rank == 5) {
      return complain(EXIT_USAGE, "bench: --shape has more than 5 dimensions; expected N,C and up to 3 positions");
    }
    if (value > SIZE_MAX / sizeof(float) / elements) {
      return complain(EXIT_USAGE, "bench: --shape: the bytes of a tensor overflow");
    }
    elements *= value;
    shape->dims[shape->rank++] = (size_t)value;
  }
  if (shape->rank < 2) {
    return complain(EXIT_USAGE, "bench: --shape has 1 dimension; expected N,C and up to 3 positions");
  }
  request->shape_count++;
  return OPTIONS_GO_ON;
}

static int choose_shapes(char *list, bench_request *request)
{
  int code = OPTIONS_GO_ON;
  for (char *part = next_item(&list, ';'); part != NULL && code == OPTIONS_GO_ON; part = next_item(&list, ';')) {
    if (strchr(part, 'x') == NULL) {
      code = add_shape(request, part, ',');
      continue;
    }
    for (char *item = next_item(&part, ','); item != NULL && code == OPTIONS_GO_ON; item = next_item(&part, ',')) {
      code = add_shape(request, item, 'x');
    }
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
  request->options.min_time = request->suites == CASES_BENCH_QUICK ? QUICK_TIME : FULL_TIME;
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
  for (char *item = next_item(&list, ','); item != NULL; item = next_item(&list, ',')) {
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

static int check_texts(const bench_request *request)
{
  const struct {
    const char *name, *text;
  } texts[] = {{"json", request->json}, {"data", request->data}, {"device", request->device}};
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
      {"suite", 0, POPT_ARG_STRING, &raw->suite, 3, "quick, full (all shapes), large (for GPUs)", "NAME"},
      {"op", 0, POPT_ARG_STRING, &raw->op, 4, "batch", "LIST"},
      {"pass", 0, POPT_ARG_STRING, &raw->pass, 5, "train, infer, backward, backward-frozen", "LIST"},
      {"shape", 0, POPT_ARG_STRING, &raw->shape, 6, "shapes in place of a suite's", "LIST"},
      {"layout", 0, POPT_ARG_STRING, &raw->layout, 7, "channels-first, channels-last", "LIST"},
      {"dtype", 0, POPT_ARG_STRING, &raw->dtype, 12, "type of the tensors: f32", "TYPE"},
      {"activation", 0, POPT_ARG_STRING, &raw->activation, 13, "applied to y: none", "NAME"},
      {"min-time", 0, POPT_ARG_STRING, &raw->min_time, 8, "seconds of samples for each row", "S"},
      {"peers", 0, POPT_ARG_STRING, &raw->peers, 9, "libraries to compare with: onednn, if compiled in", "LIST"},
      {"json", 0, POPT_ARG_STRING, &request->json, 10, "one JSON record a line", "FILE"},
      {"data", 0, POPT_ARG_STRING, &request->data, 11, "a folder with MNIST's IDX files as x", "DIR"},
      OPTIONS_HELP,
      POPT_TABLEEND,
  };
  const options_help help = {"clnorm bench", "[--device D|all] [options]", more_help};
  int code = options_read(argc, argv, table, &help, NULL, 0, &words);
  code = code == OPTIONS_GO_ON ? choose_suite(raw->suite, raw->shape, request) : code;
  code = code == OPTIONS_GO_ON ? choose_op(raw->op) : code;
  code = code == OPTIONS_GO_ON ? choose_one_valued(raw) : code;
  code = code == OPTIONS_GO_ON ? choose_passes(raw->pass, request) : code;
  code = code == OPTIONS_GO_ON ? choose_layouts(raw->layout, request) : code;
  code = code == OPTIONS_GO_ON ? choose_shapes(raw->shape, request) : code;
  code = code == OPTIONS_GO_ON ? choose_backend(raw->backend, request) : code;
  code = code == OPTIONS_GO_ON ? choose_time(raw->min_time, request) : code;
  code = code == OPTIONS_GO_ON ? choose_peers(raw->peers, request) : code;
  return code == OPTIONS_GO_ON ? check_texts(request) : code;
}

int bench_request_read(int argc, const char **argv, bench_request *request)
{
  raw_options raw = {0};
  *request = (bench_request){0};
  const int code = read_all(argc, argv, request, &raw);
  char *texts[] = {raw.suite,   raw.op,       raw.pass,  raw.shape, raw.layout,
                   raw.backend, raw.min_time, raw.peers, raw.dtype, raw.activation};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    free(texts[i]);
  }
  return code;
}

void bench_request_free(bench_request *request)
{
  free(request->device);
  free(request->json);
  free(request->data);
  *request = (bench_request){0};
}
