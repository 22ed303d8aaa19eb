/* The text of a database:
 *
 *   clnorm-tuning 1
 *   library 0.1.0 51f2cd8a0b3e9d77
 *   device cpu (AMD EPYC 7B13)
 *   driver avx2
 *   units 2
 *   batch train f32 rows 64 32 3136: rows_split tasks_per_unit=4
 *   end 1 9b0c6c1e6f2d4a85
 *
 * The second number of `library` stands for the table of variants and parameters, so that a database does not outlive it. The
 * last line counts the choices and has a hash of all lines before it. Whatever differs from this in one character is refused:
 * a file is written by clnorm_tuning_save, and by nothing else. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tuning_state.h"
#include "variants.h"

static const char first_line[] = "clnorm-tuning 1";

#define MOST_BYTES ((size_t)1 << 20)

uint64_t clnorm__hash(uint64_t hash, const void *bytes, size_t count)
{
  const unsigned char *at = bytes;
  for (size_t i = 0; i < count; i++) {
    hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
  }
  return hash;
}

static uint64_t hash_text(uint64_t hash, const char *text) { return clnorm__hash(hash, text, strlen(text) + 1); }

/* Of everything that a choice's meaning depends on. */
static uint64_t table_hash(void)
{
  uint64_t hash = CLNORM__HASH;
  for (size_t i = 0; clnorm__variant_at(i, CLNORM__ROWS) != NULL; i++) {
    hash = hash_text(hash, clnorm__variant_at(i, CLNORM__ROWS));
    hash = hash_text(hash, clnorm__variant_at(i, CLNORM__COLUMNS));
  }
  for (size_t i = 0; clnorm__tunable_at(i) != NULL; i++) {
    const clnorm__tunable *parameter = clnorm__tunable_at(i);
    hash = hash_text(hash, parameter->name);
    for (int engine = CLNORM__ENGINE_HOST; engine <= CLNORM__ENGINE_CL_LANES; engine++) {
      const uint64_t value = clnorm__tunable_get(clnorm__parameters_built_in((clnorm__engine)engine), parameter);
      hash = clnorm__hash(hash, &value, sizeof value);
    }
    hash = clnorm__hash(hash, parameter->values, parameter->count * sizeof *parameter->values);
  }
  return hash;
}

/* ---- words --------------------------------------------------------------------------------------------------- */

/* Rows of names; a value is its index plus one. */
static const char *const ops[] = {"batch", NULL};
static const char *const passes[] = {"train", "infer", "backward", "backward-frozen", NULL};
static const char *const dtypes[] = {"f32", "f16", "bf16", "f64", NULL};
static const char *const patterns[] = {"rows", "columns", NULL};

/* A piece of text that is read from its front. */
typedef struct piece {
  const char *at;
  size_t length;
} piece;

/* Takes what stands before the next `separator`, and that; all if there is none. */
static piece take(piece *from, char separator)
{
  const char *end = from->length == 0 ? NULL : memchr(from->at, separator, from->length);
  piece taken = {from->at, end == NULL ? from->length : (size_t)(end - from->at)};
  const size_t used = taken.length + (end == NULL ? 0 : 1);
  from->at += used;
  from->length -= used;
  return taken;
}

static int is(piece text, const char *expected)
{
  return text.length == strlen(expected) && memcmp(text.at, expected, text.length) == 0;
}

/* 0 if the text is none of the names. */
static int value_of(piece text, const char *const *names)
{
  for (int i = 0; names[i] != NULL; i++) {
    if (is(text, names[i])) {
      return i + 1;
    }
  }
  return 0;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

typedef struct reader {
  clnorm_tuning *tuning;
  const char *begin; /* of the file */
  piece rest;
  unsigned line;
} reader;

static int refuse(reader *r, const char *why)
{
  (void)snprintf(r->tuning->problem, sizeof r->tuning->problem, "line %u: %s", r->line, why);
  return -1;
}

static piece next_line(reader *r)
{
  r->line++;
  return take(&r->rest, '\n');
}

/* The lines before the first choice, which say whose file this is. */
static int read_head(reader *r)
{
  const clnorm__identity *identity = &r->tuning->identity;
  char expected[5][300];
  const char *const why[] = {"no clnorm-tuning file of format 1", "of another version of the library",
                             "of another device", "of another driver", "of another number of units"};
  (void)snprintf(expected[0], sizeof expected[0], "%s", first_line);
  (void)snprintf(expected[1], sizeof expected[1], "library %s %016" PRIx64, clnorm_version(), table_hash());
  (void)snprintf(expected[2], sizeof expected[2], "device %s", identity->device);
  (void)snprintf(expected[3], sizeof expected[3], "driver %s", identity->driver);
  (void)snprintf(expected[4], sizeof expected[4], "units %" PRIu64, identity->units);
  for (int i = 0; i < 5; i++) {
    if (!is(next_line(r), expected[i])) {
      return refuse(r, why[i]);
    }
  }
  return 0;
}

/* batch train f32 rows 64 32 3136 */
static int read_problem(piece text, clnorm__problem *problem)
{
  problem->op = (clnorm_op)value_of(take(&text, ' '), ops);
  problem->pass = (clnorm_pass)value_of(take(&text, ' '), passes);
  problem->dtype = (clnorm_dtype)value_of(take(&text, ' '), dtypes);
  problem->pattern = (clnorm__pattern)value_of(take(&text, ' '), patterns);
  for (int i = 0; i < 3; i++) {
    const piece number = take(&text, ' ');
    if (!clnorm__number_read(number.at, number.length, &problem->counts[i])) {
      return -1;
    }
  }
  return text.length != 0 || (int)problem->op == 0 || (int)problem->pass == 0 || (int)problem->dtype == 0 ||
                 (int)problem->pattern == 0
             ? -1
             : 0;
}

static int read_choice(reader *r, piece line)
{
  clnorm_tuning *tuning = r->tuning;
  clnorm__problem problem;
  clnorm__choice choice;
  if (memchr(line.at, ':', line.length) == NULL || read_problem(take(&line, ':'), &problem) != 0) {
    return refuse(r, "no problem");
  }
  if (!is(take(&line, ' '), "")) {
    return refuse(r, "no choice");
  }
  const char *why = clnorm__choice_read(line.at, line.length, tuning->identity.engine, &choice);
  if (why != NULL) {
    return refuse(r, why);
  }
  /* A caller may leave it out; a file that did would change its meaning with the table of variants. */
  if (choice.variant == NULL) {
    return refuse(r, "no variant");
  }
  const size_t before = tuning->count;
  if (clnorm__tuning_put(tuning, &problem, &choice) != 0) {
    return refuse(r, "too many choices, or not enough memory");
  }
  return tuning->count != before ? 0 : refuse(r, "a problem twice");
}

/* end 1 9b0c6c1e6f2d4a85, and nothing more */
static int read_end(reader *r, piece line)
{
  char expected[64];
  const uint64_t hash = clnorm__hash(CLNORM__HASH, r->begin, (size_t)(line.at - r->begin));
  (void)snprintf(expected, sizeof expected, "end %zu %016" PRIx64, r->tuning->count, hash);
  if (!is(line, expected) || line.at[line.length] != '\n') {
    return refuse(r, "the file is damaged");
  }
  return r->rest.length == 0 ? 0 : refuse(r, "something after the end");
}

static int read_all(reader *r)
{
  if (read_head(r) != 0) {
    return -1;
  }
  while (r->rest.length != 0) {
    const piece line = next_line(r);
    if (line.length >= 4 && memcmp(line.at, "end ", 4) == 0) {
      return read_end(r, line);
    }
    if (read_choice(r, line) != 0) {
      return -1;
    }
  }
  return refuse(r, "the file ends early");
}

int clnorm__tuning_read(clnorm_tuning *tuning, const char *text, size_t length)
{
  reader r = {.tuning = tuning, .begin = text, .rest = {text, length}};
  tuning->problem[0] = '\0';
  int failed;
  if (length > MOST_BYTES || length == 0 || text[length - 1] != '\n') {
    failed = refuse(&r, length > MOST_BYTES ? "too long" : "the file ends early");
  } else {
    failed = read_all(&r);
  }
  if (failed != 0) {
    tuning->count = 0;
  }
  return failed;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

#define LINE_BYTES (CLNORM__CHOICE_BYTES + 256)

static size_t write_choice(const clnorm__tuned *tuned, clnorm__engine engine, char *to, size_t capacity)
{
  const clnorm__problem *p = &tuned->problem;
  char choice[CLNORM__CHOICE_BYTES];
  (void)clnorm__choice_write(tuned->choice.variant, &tuned->choice.parameters, engine, choice, sizeof choice);
  return (size_t)snprintf(to, capacity, "%s %s %s %s %" PRIu64 " %" PRIu64 " %" PRIu64 ": %s\n", ops[p->op - 1],
                          passes[p->pass - 1], dtypes[p->dtype - 1], patterns[p->pattern - 1], p->counts[0],
                          p->counts[1], p->counts[2], choice);
}

char *clnorm__tuning_write(const clnorm_tuning *tuning, size_t *length)
{
  const clnorm__identity *identity = &tuning->identity;
  const size_t capacity = (tuning->count + 2) * LINE_BYTES;
  char *text = malloc(capacity);
  if (text == NULL) {
    return NULL;
  }
  size_t used =
      (size_t)snprintf(text, capacity, "%s\nlibrary %s %016" PRIx64 "\ndevice %s\ndriver %s\nunits %" PRIu64 "\n",
                       first_line, clnorm_version(), table_hash(), identity->device, identity->driver, identity->units);
  for (size_t i = 0; i < tuning->count; i++) {
    used += write_choice(&tuning->list[i], identity->engine, text + used, capacity - used);
  }
  used += (size_t)snprintf(text + used, capacity - used, "end %zu %016" PRIx64 "\n", tuning->count,
                           clnorm__hash(CLNORM__HASH, text, used));
  *length = used;
  return text;
}
