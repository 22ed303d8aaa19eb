#include "compare_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_json.h"

/* A record has about 700 bytes; a driver's log in a reason some thousand more. */
#define LINE_BYTES 65536

/* What makes two records the same case. A key that one of them lacks has to be missing in the other. */
static const char *const case_keys[] = {"op",     "axis",  "groups",     "pass",     "shape",
                                        "layout", "dtype", "activation", "residual", "mode"};
static const char *const device_keys[] = {"backend", "device"};

/* ---- reading ------------------------------------------------------------------------------------------------ */

typedef struct reader {
  compare_file *file;
  const char *path;
  size_t line;
  char *why;
  size_t capacity;
} reader;

static int fail(const reader *r, const char *format, ...)
{
  char reason[512];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  if (r->line > 0) {
    (void)snprintf(r->why, r->capacity, "%.300s: line %zu: %s", r->path, r->line, reason);
  } else {
    (void)snprintf(r->why, r->capacity, "%.300s: %s", r->path, reason);
  }
  return -1;
}

static double number_at(const json_t *row, const char *key) { return json_number_value(json_object_get(row, key)); }

/* {0} if it was not measured. */
static compare_estimate estimate_at(const json_t *row, const char *median, const char *interval)
{
  const json_t *ends = json_object_get(row, interval);
  return (compare_estimate){number_at(row, median), json_number_value(json_array_get(ends, 0)),
                            json_number_value(json_array_get(ends, 1))};
}

static int is_estimate(const compare_estimate *e)
{
  return e->low > 0.0 && e->low <= e->median && e->median <= e->high;
}

static int is_shape(const json_t *shape)
{
  for (size_t i = 0; i < json_array_size(shape); i++) {
    if (!json_is_integer(json_array_get(shape, i)) || json_integer_value(json_array_get(shape, i)) < 0) {
      return 0;
    }
  }
  return json_is_array(shape) && json_array_size(shape) >= 1 && json_array_size(shape) <= CLNORM_MAX_RANK;
}

static int check_row(const reader *r, const json_t *row)
{
  static const char *const texts[] = {"op", "pass", "layout", "dtype", "activation", "backend", "device", "check"};
  const json_t *schema = json_object_get(row, "schema");
  if (!json_is_integer(schema)) {
    return fail(r, "is no record of clnorm bench: it has no schema");
  }
  if (json_integer_value(schema) != 1) {
    return fail(r, "has the schema %lld, this version reads 1", (long long)json_integer_value(schema));
  }
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    if (!json_is_string(json_object_get(row, texts[i]))) {
      return fail(r, "is no record of clnorm bench: %s is no string", texts[i]);
    }
  }
  if (!is_shape(json_object_get(row, "shape"))) {
    return fail(r, "is no record of clnorm bench: shape is no list of dimensions");
  }
  const compare_estimate time = estimate_at(row, "median_s", "ci95_s");
  if (strcmp(json_string_value(json_object_get(row, "check")), "ok") == 0 && !is_estimate(&time)) {
    return fail(r, "median_s does not lie within ci95_s");
  }
  return 0;
}

static int add_row(const reader *r, json_t *row)
{
  compare_file *file = r->file;
  json_t **rows = realloc(file->rows, (file->count + 1) * sizeof *rows);
  if (rows == NULL) {
    json_decref(row);
    return fail(r, "not enough memory");
  }
  file->rows = rows;
  rows[file->count++] = row;
  return 0;
}

static int read_line(const reader *r, char *text)
{
  json_error_t error;
  if (text[strspn(text, " \t\r\n")] == '\0') {
    return 0;
  }
  json_t *row = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  if (row == NULL) {
    return fail(r, "is no JSON: %.200s", error.text);
  }
  if (check_row(r, row) != 0) {
    json_decref(row);
    return -1;
  }
  return add_row(r, row);
}

static int read_lines(reader *r, FILE *stream, char *text)
{
  while (fgets(text, LINE_BYTES, stream) != NULL) {
    r->line++;
    if (strchr(text, '\n') == NULL && !feof(stream)) {
      return fail(r, "is longer than a record of clnorm bench, or holds a zero byte");
    }
    if (read_line(r, text) != 0) {
      return -1;
    }
  }
  r->line = 0;
  if (ferror(stream)) {
    return fail(r, "cannot be read: %s", strerror(errno));
  }
  return r->file->count > 0 ? 0 : fail(r, "holds no record of clnorm bench");
}

int compare_file_read(compare_file *file, const char *path, char *why, size_t capacity)
{
  reader r = {file, path, 0, why, capacity};
  int result = -1;
  *file = (compare_file){0};
  char *text = malloc(LINE_BYTES);
  FILE *stream = text == NULL ? NULL : fopen(path, "re");
  if (stream == NULL) {
    (void)fail(&r, "cannot be opened: %s", text == NULL ? "not enough memory" : strerror(errno));
  } else {
    result = read_lines(&r, stream, text);
    (void)fclose(stream);
  }
  if (result == 0 && (file->used = calloc(file->count, 1)) == NULL) {
    result = fail(&r, "not enough memory");
  }
  if (result != 0) {
    compare_file_free(file);
  }
  free(text);
  return result;
}

void compare_file_free(compare_file *file)
{
  for (size_t i = 0; i < file->count; i++) {
    json_decref(file->rows[i]);
  }
  free(file->rows);
  free(file->used);
  *file = (compare_file){0};
}

/* ---- partners ----------------------------------------------------------------------------------------------- */

static const char *text_at(const json_t *row, const char *key)
{
  const char *text = json_string_value(json_object_get(row, key));
  return text != NULL ? text : "";
}

const char *compare_file_match_devices(compare_file *file, const char *const *devices, size_t count)
{
  const char *then = text_at(file->rows[0], "device");
  file->any_device = count == 1 && strcmp(then, devices[0]) != 0;
  for (size_t i = 1; i < file->count && file->any_device; i++) {
    file->any_device = strcmp(text_at(file->rows[i], "device"), then) == 0;
  }
  return file->any_device ? then : NULL;
}

/* Of two dimensions both layouts are the same memory, and only one of them was measured. */
static int is_irrelevant(const json_t *row, const char *key)
{
  return strcmp(key, "layout") == 0 && json_array_size(json_object_get(row, "shape")) == 2;
}

static int same(const json_t *a, const json_t *b, const char *const *keys, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    const json_t *left = json_object_get(a, keys[i]);
    const json_t *right = json_object_get(b, keys[i]);
    if (left == NULL && right == NULL) {
      continue;
    }
    if (!is_irrelevant(a, keys[i]) && (left == NULL || right == NULL || !json_equal(left, right))) {
      return 0;
    }
  }
  return 1;
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const json_t *find_partner(compare_file *file, const json_t *wanted)
{
  const json_t *found = NULL;
  for (size_t i = 0; i < file->count; i++) {
    if (same(file->rows[i], wanted, case_keys, COUNT(case_keys)) &&
        (file->any_device || same(file->rows[i], wanted, device_keys, COUNT(device_keys)))) {
      file->used[i] = 1;
      found = file->rows[i];
    }
  }
  return found;
}

/* Copies are compared only where both runs know how well they know theirs. */
static void compare_rows(const json_t *old, const json_t *new, compare_row *row)
{
  const compare_estimate copy_then = estimate_at(old, "copy_s", "copy_ci95_s");
  const compare_estimate copy_now = estimate_at(new, "copy_s", "copy_ci95_s");
  row->then = estimate_at(old, "median_s", "ci95_s");
  row->now = estimate_at(new, "median_s", "ci95_s");
  const compare_estimate in_copies_then = compare_quotient(&row->then, &copy_then);
  const compare_estimate in_copies_now = compare_quotient(&row->now, &copy_now);
  row->time = compare_estimates(&row->then, &row->now);
  row->copies = compare_estimates(&in_copies_then, &in_copies_now);
  row->verdict = compare_both(row->time.verdict, row->copies.verdict);
  if (row->verdict == COMPARE_NONE) {
    (void)snprintf(row->note, sizeof row->note, "no time %s: %.100s", row->then.median > 0.0 ? "now" : "then",
                   text_at(row->then.median > 0.0 ? new : old, "check"));
  }
}

void compare_file_find(compare_file *file, const bench_record *record, compare_row *row)
{
  *row = (compare_row){.record = record};
  json_t *wanted = report_json_record(record);
  const json_t *partner = find_partner(file, wanted);
  if (partner == NULL) {
    (void)snprintf(row->note, sizeof row->note, "no such row then");
  } else {
    compare_rows(partner, wanted, row);
  }
  json_decref(wanted);
}

/* " layer axis 2 f16 relu residual": what a row of plain batch normalization does not have, in the words of the file. */
static const char *kind_of(const json_t *row, char *text, size_t capacity)
{
  static const char *const usual[][2] = {{"op", "batch"}, {"dtype", "f32"}, {"activation", "none"}};
  static const char *const numbers[] = {"axis", "groups"};
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < COUNT(usual) && used < capacity; i++) {
    const char *word = text_at(row, usual[i][0]);
    if (strcmp(word, usual[i][1]) != 0) {
      used += (size_t)snprintf(text + used, capacity - used, " %.40s", word);
    }
    for (size_t j = 0; i == 0 && j < COUNT(numbers) && used < capacity; j++) {
      const json_t *number = json_object_get(row, numbers[j]);
      if (json_is_integer(number)) {
        used += (size_t)snprintf(text + used, capacity - used, " %s %lld", numbers[j],
                                 (long long)json_integer_value(number));
      }
    }
  }
  if (used < capacity && json_is_true(json_object_get(row, "residual"))) {
    (void)snprintf(text + used, capacity - used, " residual");
  }
  return text;
}

const char *compare_file_left_over(const compare_file *file, size_t index, char *text, size_t capacity)
{
  const json_t *row = file->rows[index];
  const json_t *shape = json_object_get(row, "shape");
  char dims[32 * CLNORM_MAX_RANK] = "";
  size_t used = 0;
  if (file->used[index]) {
    return NULL;
  }
  for (size_t i = 0; i < json_array_size(shape); i++) {
    used += (size_t)snprintf(dims + used, sizeof dims - used, "%s%lld", i == 0 ? "" : "x",
                             (long long)json_integer_value(json_array_get(shape, i)));
  }
  char kind[160];
  (void)snprintf(text, capacity, "%.40s %s %.40s%s on %.200s", text_at(row, "pass"), dims, text_at(row, "layout"),
                 kind_of(row, kind, sizeof kind), text_at(row, "device"));
  return text;
}

const char *compare_file_version(const compare_file *file, char *text, size_t capacity)
{
  const char *git = text_at(file->rows[0], "git");
  (void)snprintf(text, capacity, "%.40s%s%.60s", text_at(file->rows[0], "version"), git[0] != '\0' ? ", git " : "",
                 git);
  return text;
}
