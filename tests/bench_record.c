/* Checks a file of `clnorm bench --json` against the schema: every line, every key, no other key.
 *   usage: bench_record FILE LINES ok|wrong|unsupported|calls [PEER]
 * With `wrong` and `unsupported` no record may hold a time; `calls` are right records of --calls. PEER is a name's beginning that every record must have among its peers.
 * Prints what is amiss and exits with 1. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

static void fail(int line, const char *key, const char *what)
{
  (void)fprintf(stderr, "line %d: %s: %s\n", line, key, what);
  failures++;
}

typedef enum kind { STRING, INTEGER, REAL, BOOLEAN, ARRAY, OBJECT } kind;

static const struct {
  const char *name;
  kind kind;
  int timed; /* 1: null in a record without times; 2: null in one without a check, too; 3: null without a cache, too */
} keys[] = {
    {"schema", INTEGER, 0}, {"op", STRING, 0},         {"pass", STRING, 0},        {"shape", ARRAY, 0},
    {"layout", STRING, 0},  {"dtype", STRING, 0},      {"activation", STRING, 0},  {"residual", BOOLEAN, 0},
    {"backend", STRING, 0}, {"device", STRING, 0},     {"driver", STRING, 0},      {"variant", STRING, 0},
    {"tuning", STRING, 0},  {"n", INTEGER, 0},         {"median_s", REAL, 1},      {"ci95_s", ARRAY, 0},
    {"copy_s", REAL, 1},    {"copy_ci95_s", ARRAY, 0}, {"times_copy", REAL, 1},    {"bytes_least", INTEGER, 0},
    {"gbps", REAL, 1},      {"compile_s", REAL, 1},    {"check", STRING, 0},       {"max_err", REAL, 2},
    {"tolerance", REAL, 2}, {"peers", OBJECT, 0},      {"first_use_s", OBJECT, 3}, {"version", STRING, 0},
    {"git", STRING, 0},
};

#define KEYS (sizeof keys / sizeof keys[0])

/* What records of --calls have besides; those that only an OpenCL device has are null on the CPU backend. */
static const struct {
  const char *name;
  kind kind;
  int opencl;
} calls_keys[] = {
    {"mode", STRING, 0},
    {"calls_per_s", REAL, 0},
    {"waited_calls_per_s", REAL, 1},
    {"waited_s", REAL, 1},
    {"waited_ci95_s", ARRAY, 0},
    {"launches", INTEGER, 0},
    {"kernel_arguments", INTEGER, 0},
    {"enqueue_s", REAL, 1},
    {"enqueue_ci95_s", ARRAY, 0},
    {"bare_enqueue_s", REAL, 1},
    {"bare_enqueue_ci95_s", ARRAY, 0},
    {"own_s", REAL, 1},
    {"own_ci95_s", ARRAY, 0},
};

#define CALLS_KEYS (sizeof calls_keys / sizeof calls_keys[0])

static int has_kind(const json_t *value, kind wanted)
{
  switch (wanted) {
    case STRING:
      return json_is_string(value);
    case INTEGER:
      return json_is_integer(value);
    case REAL:
      return json_is_real(value);
    case BOOLEAN:
      return json_is_boolean(value);
    case ARRAY:
      return json_is_array(value);
    case OBJECT:
      return json_is_object(value);
  }
  return 0;
}

static void check_calls(int line, const json_t *record)
{
  const char *backend = json_string_value(json_object_get(record, "backend"));
  const int opencl = backend != NULL && strcmp(backend, "opencl") == 0;
  for (size_t i = 0; i < CALLS_KEYS; i++) {
    const json_t *value = json_object_get(record, calls_keys[i].name);
    if (value == NULL) {
      fail(line, calls_keys[i].name, "is missing");
    } else if (calls_keys[i].opencl && !opencl ? !json_is_null(value) : !has_kind(value, calls_keys[i].kind)) {
      fail(line, calls_keys[i].name, "is of another type");
    }
  }
  if ((json_integer_value(json_object_get(record, "launches")) > 0) != opencl) {
    fail(line, "launches", "do not fit the backend");
  }
}

static const char *word(const json_t *record, const char *key)
{
  const char *found = json_string_value(json_object_get(record, key));
  return found != NULL ? found : "";
}

/* axis and groups are there where they mean something. Returns how many keys that are. */
static size_t check_kind(int line, const json_t *record)
{
  const char *op = word(record, "op");
  const int rows = strcmp(op, "layer") == 0 || strcmp(op, "rms") == 0;
  const int groups = strcmp(op, "group") == 0;
  if (json_is_integer(json_object_get(record, "axis")) != rows) {
    fail(line, "axis", rows ? "is missing" : "is there");
  }
  if (json_is_integer(json_object_get(record, "groups")) != groups) {
    fail(line, "groups", groups ? "are missing" : "are there");
  }
  return (size_t)(rows + groups);
}

static void check_keys(int line, const json_t *record, int ok, int calls)
{
  size_t expected = KEYS + (ok ? 0 : 1) + (calls ? CALLS_KEYS : 0) + check_kind(line, record);
  const char *check = json_string_value(json_object_get(record, "check"));
  const int empty = strcmp(check, "unsupported") == 0 ? 2 : ok ? 0 : 1;
  for (size_t i = 0; i < KEYS; i++) {
    const json_t *value = json_object_get(record, keys[i].name);
    if (value == NULL) {
      fail(line, keys[i].name, "is missing");
    } else if (ok && keys[i].timed == 3 && json_is_null(value)) {
      continue;
    } else if (keys[i].timed > 0 && (keys[i].timed <= empty || (!ok && keys[i].timed == 3))) {
      if (!json_is_null(value)) {
        fail(line, keys[i].name, "is there though nothing was measured");
      }
    } else if (!has_kind(value, keys[i].kind)) {
      fail(line, keys[i].name, "is of another type");
    }
  }
  if (!ok && !json_is_string(json_object_get(record, "reason"))) {
    fail(line, "reason", "is missing");
  }
  if (json_object_size(record) != expected) {
    fail(line, "record", "has keys that the schema does not know");
  }
}

static double number(const json_t *record, const char *key) { return json_number_value(json_object_get(record, key)); }

static int is_near(double a, double b) { return a <= 1.001 * b && b <= 1.001 * a; }

static double element_bytes(const char *dtype)
{
  return strcmp(dtype, "f64") == 0 ? 8.0 : strcmp(dtype, "f32") == 0 ? 4.0 : strstr(dtype, "f16") != NULL ? 2.0 : 0.0;
}

/* x, y and the residual; x, dy, dx, dresidual, and the residual where it is needed for a derivative. */
static double tensors_moved(const json_t *record)
{
  const int residual = json_is_true(json_object_get(record, "residual"));
  if (strncmp(word(record, "pass"), "backward", 8) != 0) {
    return residual ? 3.0 : 2.0;
  }
  return !residual ? 3.0 : strcmp(word(record, "activation"), "none") == 0 ? 4.0 : 5.0;
}

/* What follows from other keys has to agree with them. */
static void check_values(int line, const json_t *record)
{
  const double median = number(record, "median_s");
  const json_t *interval = json_object_get(record, "ci95_s");
  const double low = json_number_value(json_array_get(interval, 0));
  const double high = json_number_value(json_array_get(interval, 1));
  const json_t *shape = json_object_get(record, "shape");
  double bytes = tensors_moved(record) * element_bytes(word(record, "dtype"));
  for (size_t i = 0; i < json_array_size(shape); i++) {
    bytes *= json_number_value(json_array_get(shape, i));
  }
  if (json_array_size(interval) != 2 || !(low > 0 && low <= 1.00001 * median && median <= 1.00001 * high)) {
    fail(line, "ci95_s", "does not hold the median");
  }
  if (number(record, "n") < 6) {
    fail(line, "n", "is too small for an interval");
  }
  if (number(record, "bytes_least") != bytes) {
    fail(line, "bytes_least", "is not what the pass reads and writes");
  }
  if (!is_near(number(record, "times_copy"), median / number(record, "copy_s"))) {
    fail(line, "times_copy", "is not median_s / copy_s");
  }
  if (!is_near(number(record, "gbps"), bytes / median * 1e-9)) {
    fail(line, "gbps", "is not bytes_least / median_s");
  }
  if (!(number(record, "max_err") <= number(record, "tolerance"))) {
    fail(line, "max_err", "exceeds the tolerance");
  }
}

static void check_call_values(int line, const json_t *record)
{
  const double median = json_number_value(json_object_get(record, "median_s"));
  if (!is_near(number(record, "calls_per_s"), 1.0 / median)) {
    fail(line, "calls_per_s", "is not 1 / median_s");
  }
  if (json_is_null(json_object_get(record, "own_s"))) {
    return;
  }
  if (!is_near(number(record, "waited_calls_per_s"), 1.0 / number(record, "waited_s"))) {
    fail(line, "waited_calls_per_s", "is not 1 / waited_s");
  }
  const double own = number(record, "enqueue_s") - number(record, "bare_enqueue_s");
  if (!(number(record, "own_s") - own < 1e-9 && own - number(record, "own_s") < 1e-9)) {
    fail(line, "own_s", "is not enqueue_s - bare_enqueue_s");
  }
  if (!(number(record, "enqueue_s") < number(record, "waited_s"))) {
    fail(line, "enqueue_s", "is more than a call takes");
  }
}

static void check_peer(int line, const json_t *record, const char *wanted)
{
  json_t *peers = json_object_get(record, "peers");
  for (void *at = json_object_iter(peers); at != NULL; at = json_object_iter_next(peers, at)) {
    const json_t *peer = json_object_iter_value(at);
    if (strncmp(json_object_iter_key(at), wanted, strlen(wanted)) == 0) {
      const double median = number(peer, "median_s");
      if (json_object_size(peer) != 2 || !is_near(number(peer, "times_faster"), median / number(record, "median_s"))) {
        fail(line, "peers", "times_faster is not the peer's median over median_s");
      }
      return;
    }
  }
  fail(line, "peers", "the peer is missing");
}

static void check_line(int line, const char *text, const char *outcome, const char *peer)
{
  json_error_t error;
  json_t *record = json_loads(text, 0, &error);
  const int calls = strcmp(outcome, "calls") == 0;
  const int ok = calls || strcmp(outcome, "ok") == 0;
  if (record == NULL) {
    fail(line, "JSON", error.text);
    return;
  }
  const char *check = json_string_value(json_object_get(record, "check"));
  if (check == NULL || strcmp(check, calls ? "ok" : outcome) != 0) {
    fail(line, "check", check == NULL ? "is no string" : check);
  } else {
    check_keys(line, record, ok, calls);
    if (calls) {
      check_calls(line, record);
    }
  }
  if (ok && failures == 0) {
    check_values(line, record);
  }
  if (calls && failures == 0) {
    check_call_values(line, record);
  }
  if (peer != NULL && failures == 0) {
    check_peer(line, record, peer);
  }
  json_decref(record);
}

int main(int argc, char **argv)
{
  static char text[65536];
  int lines = 0;
  FILE *file = argc >= 4 ? fopen(argv[1], "r") : NULL;
  if (file == NULL) {
    (void)fprintf(stderr, "usage: bench_record FILE LINES ok|wrong|unsupported|calls [PEER]\n");
    return 2;
  }
  while (fgets(text, sizeof text, file) != NULL) {
    check_line(++lines, text, argv[3], argc > 4 ? argv[4] : NULL);
  }
  (void)fclose(file);
  if (lines != atoi(argv[2])) {
    (void)fprintf(stderr, "%d lines, expected %s\n", lines, argv[2]);
    failures++;
  }
  return failures == 0 ? 0 : 1;
}
