/* The database of choices: what is read, what is refused, what plans make of it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expect.h"
#include "problem.h"
#include "tuning_state.h"
#include "variants.h"

#define TEXT_BYTES 8192

static const clnorm__identity gpu = {CLNORM__ENGINE_CL_LANES, "Some GPU (TM) 3000", "Some driver, 1.2", 60};
static const clnorm__identity host = {CLNORM__ENGINE_HOST, "cpu (some CPU)", "avx2", 4};

/* ---- help ------------------------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/clnorm-tuning-XXXXXX";

static void make_folder(void)
{
  cr_assert(mkdtemp(folder) != NULL);
  cr_assert(unsetenv("CLNORM_TUNING_DB") == 0);
}

static void remove_folder(void)
{
  char command[128];
  (void)snprintf(command, sizeof command, "rm -rf %s", folder);
  cr_assert(system(command) == 0);
}

TestSuite(tuning, .init = make_folder, .fini = remove_folder);

static clnorm_tuning *open_here(const clnorm__identity *identity)
{
  clnorm_tuning *t = clnorm__tuning_open(identity, folder);
  cr_assert(t != NULL);
  return t;
}

static void put(clnorm_tuning *t, clnorm_pass pass, clnorm__pattern pattern, uint64_t a, uint64_t b, uint64_t c,
                const char *choice)
{
  const clnorm__problem problem = {CLNORM_BATCH, pass, CLNORM_F32, pattern, {a, b, c}};
  clnorm__choice read;
  const char *why = clnorm__choice_read(choice, strlen(choice), t->identity.engine, &read);
  cr_assert(why == NULL, "%s: %s", choice, why);
  cr_assert(clnorm__tuning_put(t, &problem, &read) == 0);
}

static clnorm_tuning *three_choices(const clnorm__identity *identity)
{
  clnorm_tuning *t = open_here(identity);
  put(t, CLNORM_TRAIN, CLNORM__ROWS, 64, 32, 3136, "rows_split tasks_per_unit=4 min_tile=8192");
  put(t, CLNORM_BACKWARD, CLNORM__COLUMNS, 64, 100352, 1, "columns_whole");
  put(t, CLNORM_INFER, CLNORM__ROWS, 3, 8, 1048576, "rows_apply tasks_per_unit=1");
  return t;
}

/* The text of such a database, for tests to spoil. */
static size_t text_of_three(char *text)
{
  size_t length;
  clnorm_tuning *t = three_choices(&gpu);
  char *written = clnorm__tuning_write(t, &length);
  cr_assert(written != NULL && length < TEXT_BYTES);
  memcpy(text, written, length + 1);
  free(written);
  clnorm_tuning_close(t);
  return length;
}

/* Replaces the last line by one that fits the lines before it, as far as they go. */
static size_t seal(char *text, size_t length, unsigned long count)
{
  size_t begin = length == 0 ? 0 : length - 1;
  while (begin > 0 && text[begin - 1] != '\n') {
    begin--;
  }
  return begin + (size_t)snprintf(text + begin, TEXT_BYTES - begin, "end %lu %016" PRIx64 "\n", count,
                                  clnorm__hash(CLNORM__HASH, text, begin));
}

static clnorm_tuning *read_text(const char *text, size_t length)
{
  clnorm_tuning *t = open_here(&gpu);
  const int failed = clnorm__tuning_read(t, text, length);
  cr_assert((failed != 0) == (t->problem[0] != '\0'), "%d, '%s'", failed, t->problem);
  cr_assert(failed == 0 || t->count == 0, "%zu choices of a refused file", t->count);
  return t;
}

static void expect_refused(const char *text, size_t length, const char *word)
{
  clnorm_tuning *t = read_text(text, length);
  cr_assert(strstr(t->problem, word) != NULL, "'%s' does not tell of '%s'", t->problem, word);
  clnorm_tuning_close(t);
}

/* Replaces `from`, which is there, by `to`; with a last line that fits, so that only this is wrong. */
static void expect_edit_refused(const char *from, const char *to, const char *word)
{
  char text[TEXT_BYTES];
  char edited[TEXT_BYTES];
  (void)text_of_three(text);
  char *at = strstr(text, from);
  cr_assert(at != NULL, "'%s' is not in %s", from, text);
  *at = '\0';
  const size_t length = (size_t)snprintf(edited, sizeof edited, "%s%s%s", text, to, at + strlen(from));
  expect_refused(edited, seal(edited, length, 3), word);
}

static void write_file(const char *path, const char *text, size_t length)
{
  FILE *file = fopen(path, "wb");
  cr_assert(file != NULL && fwrite(text, 1, length, file) == length && fclose(file) == 0);
}

static int entries_in(const char *path)
{
  char command[256];
  int count = -1;
  (void)snprintf(command, sizeof command, "ls -A '%s' | wc -l", path);
  FILE *pipe = popen(command, "r");
  cr_assert(pipe != NULL && fscanf(pipe, "%d", &count) == 1);
  (void)pclose(pipe);
  return count;
}

/* ---- parameters and choices ------------------------------------------------------------------------------------- */

Test(tuning, every_built_in_value_may_be_set)
{
  const clnorm__tunable *parameter;
  for (size_t i = 0; (parameter = clnorm__tunable_at(i)) != NULL; i++) {
    int used = 0;
    for (int engine = CLNORM__ENGINE_HOST; engine <= CLNORM__ENGINE_CL_LANES; engine++) {
      const uint64_t value = clnorm__tunable_get(clnorm__parameters_built_in((clnorm__engine)engine), parameter);
      const int is_used = clnorm__tunable_is_used(parameter, (clnorm__engine)engine);
      cr_assert(is_used == (value != CLNORM__UNUSED));
      cr_assert(!is_used || clnorm__tunable_index(parameter, value) < parameter->count, "%s=%" PRIu64, parameter->name,
                value);
      used += is_used;
    }
    cr_assert(used > 0, "nobody uses %s", parameter->name);
    for (size_t k = 1; k < parameter->count; k++) {
      cr_assert(parameter->values[k - 1] < parameter->values[k], "%s does not rise", parameter->name);
    }
  }
}

static const char *read_choice(const char *text, clnorm__engine engine, clnorm__choice *choice)
{
  return clnorm__choice_read(text, strlen(text), engine, choice);
}

Test(tuning, a_choice_is_a_variant_and_parameters)
{
  clnorm__choice choice;
  char text[CLNORM__CHOICE_BYTES];
  static const char written[] = "columns_split tasks_per_unit=16 min_tile_rows=128";
  cr_assert(read_choice(written, CLNORM__ENGINE_HOST, &choice) == NULL);
  cr_assert_str_eq(choice.variant, "columns_split");
  cr_assert(choice.parameters.tasks_per_unit == 16 && choice.parameters.min_tile_rows == 128);
  cr_assert(choice.parameters.min_tile == CLNORM__UNUSED);
  cr_assert(clnorm__choice_write(choice.variant, &choice.parameters, CLNORM__ENGINE_HOST, text, sizeof text) ==
            sizeof written - 1);
  cr_assert_str_eq(text, written);
  cr_assert(clnorm__choice_write(choice.variant, &choice.parameters, CLNORM__ENGINE_HOST, text, 8) ==
            sizeof written - 1);
  cr_assert_str_eq(text, "columns");
  static const char without[] = "tasks_per_unit=16 min_tile=4096";
  cr_assert(read_choice(without, CLNORM__ENGINE_HOST, &choice) == NULL && choice.variant == NULL);
  cr_assert(clnorm__choice_write(NULL, &choice.parameters, CLNORM__ENGINE_HOST, text, sizeof text) ==
            sizeof without - 1);
  cr_assert_str_eq(text, without);
}

Test(tuning, a_choice_that_means_nothing_is_refused)
{
  static const struct {
    const char *text, *word;
  } table[] = {
      {"", "nothing"},
      {" ", "variant"},
      {"rows_spli", "variant"},
      {"rows_splits", "variant"},
      {"ROWS_SPLIT", "variant"},
      {"rows_split ", "no parameter"},
      {"rows_split  min_tile=4096", "no parameter"},
      {"rows_split rows_whole", "no parameter"},
      {"rows_split min_tile", "no parameter"},
      {"rows_split tile=4096", "unknown parameter"},
      {"rows_split =4096", "unknown parameter"},
      {"rows_split min_tile=", "not allowed"},
      {"rows_split min_tile=0", "not allowed"},
      {"rows_split min_tile=-4096", "not allowed"},
      {"rows_split min_tile=+4096", "not allowed"},
      {"rows_split min_tile=04096", "not allowed"},
      {"rows_split min_tile=4096.0", "not allowed"},
      {"rows_split min_tile=4096=4096", "not allowed"},
      {"rows_split min_tile=4097", "not allowed"},
      {"rows_split min_tile=18446744073709555712", "not allowed"},
      {"rows_split min_tile=18446744073709551615", "not allowed"},
      {"rows_split min_tile=4096 min_tile=4096", "twice"},
      {"rows_split work_items=256", "this kind of device"},
      {"rows_split held=8", "this kind of device"},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    clnorm__choice choice;
    const char *why = read_choice(table[i].text, CLNORM__ENGINE_HOST, &choice);
    cr_assert(why != NULL, "'%s' was accepted", table[i].text);
    cr_assert(strstr(why, table[i].word) != NULL, "'%s': '%s' does not tell of '%s'", table[i].text, why,
              table[i].word);
  }
}

/* ---- the text --------------------------------------------------------------------------------------------------- */

Test(tuning, what_is_written_is_read)
{
  char text[TEXT_BYTES];
  const size_t length = text_of_three(text);
  clnorm_tuning *t = read_text(text, length);
  cr_assert(t->problem[0] == '\0' && clnorm_tuning_count(t) == 3, "%s", t->problem);
  size_t again;
  char *written = clnorm__tuning_write(t, &again);
  cr_assert(again == length && memcmp(text, written, length) == 0);
  cr_assert(strstr(text, "batch train f32 rows 64 32 3136: rows_split tasks_per_unit=4 min_tile=8192\n") != NULL, "%s",
            text);
  cr_assert(strstr(text, "device Some GPU (TM) 3000\ndriver Some driver, 1.2\nunits 60\n") != NULL, "%s", text);
  free(written);
  clnorm_tuning_close(t);
}

Test(tuning, a_file_of_something_else_is_refused)
{
  expect_edit_refused("clnorm-tuning 1", "clnorm-tuning 2", "format");
  expect_edit_refused("library 0", "library 7", "version");
  expect_edit_refused("units 60", "units 61", "units");
  expect_edit_refused("Some GPU (TM) 3000", "Some GPU (TM) 4000", "device");
  expect_edit_refused("Some driver, 1.2", "Some driver, 1.3", "driver");
  expect_edit_refused("batch", "bitch", "no problem");
  expect_edit_refused("train", "training", "no problem");
  expect_edit_refused("f32", "f33", "no problem");
  expect_edit_refused("rows 64", "row 64", "no problem");
  expect_edit_refused("rows 64 32 3136", "rows 64 32", "no problem");
  expect_edit_refused("rows 64 32 3136", "rows 64 32 3136 1", "no problem");
  expect_edit_refused("rows 64 32 3136", "rows 64 -32 3136", "no problem");
  expect_edit_refused("rows 64 32 3136", "rows 64 032 3136", "no problem");
  expect_edit_refused("rows 64 32 3136", "rows 64 99999999999999999999 3136", "no problem");
  expect_edit_refused("rows 64 32 3136", "rows  64 32 3136", "no problem");
  expect_edit_refused("3136: rows", "3136 rows", "no problem");
  expect_edit_refused(": rows_split", ":rows_split", "no choice");
  expect_edit_refused(": rows_split tasks_per_unit=4 min_tile=8192", ": ", "nothing");
  expect_edit_refused("rows_split", "rows_quick", "variant");
  expect_edit_refused(": rows_split tasks_per_unit=4", ": tasks_per_unit=4", "no variant");
  expect_edit_refused("tasks_per_unit=4", "tasks_per_unit=5", "not allowed");
  expect_edit_refused("tasks_per_unit=4", "short_run=16", "kind of device");
  expect_edit_refused("tasks_per_unit=4", "patience=4", "parameter");
  expect_edit_refused("units 60\n", "units 60\r\n", "units");
  expect_edit_refused("units 60\n", "units 60\n\n", "no problem");
  expect_edit_refused("batch backward f32 columns 64 100352 1", "batch train f32 rows 64 32 3136", "twice");
}

Test(tuning, a_file_that_is_not_whole_is_refused)
{
  char text[TEXT_BYTES];
  const size_t length = text_of_three(text);
  for (size_t cut = 0; cut < length; cut++) {
    clnorm_tuning *t = read_text(text, cut);
    cr_assert(t->problem[0] != '\0', "%zu of %zu bytes were accepted", cut, length);
    clnorm_tuning_close(t);
  }
  expect_refused(text, length - 1, "early");
  size_t end = seal(text, length, 2);
  expect_refused(text, end, "damaged");
  end = seal(text, end, 3);
  text[end] = '\n';
  expect_refused(text, end + 1, "after the end");
  expect_refused("\n", 1, "format");
  expect_refused("", 0, "early");
  char *long_text = calloc(1, (size_t)3 << 20);
  cr_assert(long_text != NULL);
  expect_refused(long_text, (size_t)3 << 20, "too long");
  free(long_text);
}

Test(tuning, a_single_flipped_bit_is_seen)
{
  char text[TEXT_BYTES];
  const size_t length = text_of_three(text);
  for (size_t bit = 0; bit < 8 * length; bit++) {
    text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
    clnorm_tuning *t = read_text(text, length);
    cr_assert(t->problem[0] != '\0', "bit %zu of byte %zu", bit % 8, bit / 8);
    clnorm_tuning_close(t);
    text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
  }
}

/* xorshift64* */
static uint64_t next_random(uint64_t *state)
{
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * UINT64_C(2685821657736338717);
}

static size_t mutate(char *text, size_t length, uint64_t *state)
{
  const size_t at = next_random(state) % length;
  const size_t some = 1 + next_random(state) % 12;
  const size_t from = next_random(state) % length;
  const size_t count = some < length - from ? some : length - from;
  switch (next_random(state) % 5) {
    case 0:
      text[at] = (char)next_random(state);
      return length;
    case 1: /* another digit */
      text[at] = (char)('0' + next_random(state) % 10);
      return length;
    case 2: /* a piece is gone */
      memmove(text + from, text + from + count, length - from - count);
      return length - count;
    case 3: /* a piece is there twice */
      if (length + count < TEXT_BYTES / 2) {
        char piece[16];
        memcpy(piece, text + from, count);
        memmove(text + at + count, text + at, length - at);
        memcpy(text + at, piece, count);
        return length + count;
      }
      return length;
    default:
      return length - length % (1 + some);
  }
}

/* Whatever is accepted is a legal choice, and a plan that is made with it is a plan. */
static void check_accepted(const clnorm_tuning *t)
{
  for (size_t i = 0; i < t->count; i++) {
    const clnorm__choice *choice = &t->list[i].choice;
    const clnorm__tunable *parameter;
    for (size_t k = 0; (parameter = clnorm__tunable_at(k)) != NULL; k++) {
      const uint64_t value = clnorm__tunable_get(&choice->parameters, parameter);
      cr_assert(value == CLNORM__UNUSED || (clnorm__tunable_index(parameter, value) < parameter->count &&
                                            clnorm__tunable_is_used(parameter, t->identity.engine)));
    }
    cr_assert(choice->variant == NULL ||
              clnorm__variant_find(choice->variant, strlen(choice->variant)) == choice->variant);
  }
}

Test(tuning, thousands_of_mutations_are_refused_or_harmless)
{
  uint64_t state = UINT64_C(20240607);
  size_t accepted = 0;
  size_t deep = 0;
  for (int round = 0; round < 30000; round++) {
    char text[TEXT_BYTES];
    size_t length = text_of_three(text);
    const size_t times = 1 + next_random(&state) % 4;
    for (size_t i = 0; i < times && length > 1; i++) {
      length = mutate(text, length, &state);
    }
    /* Half of them with a last line that fits, so that it is the other lines that are looked at. */
    if (round % 2 == 0 && length > 1) {
      length = seal(text, length, 3);
    }
    /* In memory of exactly that size, for sanitizers. */
    char *exact = malloc(length + 1);
    cr_assert(exact != NULL);
    memcpy(exact, text, length);
    exact = realloc(exact, length == 0 ? 1 : length);
    clnorm_tuning *t = read_text(exact, length);
    check_accepted(t);
    accepted += t->problem[0] == '\0';
    deep += strncmp(t->problem, "line 1:", 7) != 0;
    clnorm_tuning_close(t);
    free(exact);
  }
  cr_assert(deep > 10000 && accepted > 10, "%zu beyond the first line, %zu accepted: too few to mean anything", deep,
            accepted);
}

/* ---- the file --------------------------------------------------------------------------------------------------- */

Test(tuning, a_saved_database_is_found_again_by_its_device_alone)
{
  clnorm_tuning *t = three_choices(&gpu);
  expect_success(clnorm_tuning_save(t));
  clnorm_tuning *again = open_here(&gpu);
  cr_assert(clnorm_tuning_count(again) == 3 && clnorm_tuning_problem(again)[0] == '\0');
  cr_assert_str_eq(clnorm_tuning_file(again), clnorm_tuning_file(t));
  cr_assert(strstr(clnorm_tuning_file(t), "/some-gpu-tm-3000-") != NULL, "%s", clnorm_tuning_file(t));
  clnorm_tuning_close(again);
  for (int i = 0; i < 3; i++) {
    clnorm__identity other = gpu;
    other.units += i == 0;
    other.driver[0] = i == 1 ? 'X' : other.driver[0];
    other.device[0] = i == 2 ? 'X' : other.device[0];
    again = open_here(&other);
    cr_assert(clnorm_tuning_count(again) == 0 && clnorm_tuning_problem(again)[0] == '\0');
    clnorm_tuning_close(again);
  }
  cr_assert(entries_in(folder) == 1);
  clnorm_tuning_close(t);
}

Test(tuning, the_file_of_another_device_under_this_ones_name_is_refused)
{
  clnorm_tuning *t = three_choices(&gpu);
  clnorm_tuning *other = three_choices(&host);
  expect_success(clnorm_tuning_save(t));
  cr_assert(rename(t->file, other->file) == 0);
  clnorm_tuning *again = open_here(&host);
  cr_assert(clnorm_tuning_count(again) == 0 && strstr(clnorm_tuning_problem(again), "device") != NULL, "%s",
            again->problem);
  clnorm_tuning_close(again);
  clnorm_tuning_close(other);
  clnorm_tuning_close(t);
}

static void expect_problem(const char *word)
{
  clnorm_tuning *t = open_here(&gpu);
  cr_assert(clnorm_tuning_count(t) == 0 && strstr(clnorm_tuning_problem(t), word) != NULL, "'%s' does not tell of '%s'",
            clnorm_tuning_problem(t), word);
  clnorm_tuning_close(t);
}

Test(tuning, what_is_no_file_is_refused_without_waiting)
{
  clnorm_tuning *t = open_here(&gpu);
  cr_assert(mkdir(t->file, 0777) == 0);
  expect_problem("regular");
  cr_assert(rmdir(t->file) == 0 && mkfifo(t->file, 0666) == 0);
  (void)alarm(10);
  expect_problem("regular");
  cr_assert(unlink(t->file) == 0 && symlink(t->file, t->file) == 0);
  expect_problem("opened");
  cr_assert(unlink(t->file) == 0);
  write_file(t->file, "", 0);
  expect_problem("early");
  cr_assert(truncate(t->file, (off_t)1 << 40) == 0);
  expect_problem("regular");
  clnorm_tuning_close(t);
}

Test(tuning, a_file_that_cannot_be_written_leaves_the_old_one)
{
  clnorm_tuning *t = three_choices(&gpu);
  expect_success(clnorm_tuning_save(t));
  put(t, CLNORM_TRAIN, CLNORM__ROWS, 1, 2, 3, "rows_whole");
  /* Like a full disk, after some bytes. */
  const struct rlimit limit = {64, 64};
  cr_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  struct rlimit before;
  cr_assert(getrlimit(RLIMIT_FSIZE, &before) == 0);
  cr_assert(setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit.rlim_cur, before.rlim_max}) == 0);
  const clnorm_status status = clnorm_tuning_save(t);
  cr_assert(setrlimit(RLIMIT_FSIZE, &before) == 0);
  expect_failure(status, CLNORM_INVALID_ARGUMENT, "cannot be written");
  clnorm_tuning *again = open_here(&gpu);
  cr_assert(clnorm_tuning_count(again) == 3 && clnorm_tuning_problem(again)[0] == '\0', "%s", again->problem);
  cr_assert(entries_in(folder) == 1, "a temporary file stays behind");
  clnorm_tuning_close(again);
  clnorm_tuning_close(t);
}

Test(tuning, folders_are_made_and_a_file_in_their_place_is_a_failure)
{
  char deep[128];
  char blocked[128];
  (void)snprintf(deep, sizeof deep, "%s/a/b/c", folder);
  (void)snprintf(blocked, sizeof blocked, "%s/file", folder);
  clnorm_tuning *t = clnorm__tuning_open(&gpu, deep);
  expect_success(clnorm_tuning_save(t));
  expect_success(clnorm_tuning_save(t));
  cr_assert(entries_in(deep) == 1);
  clnorm_tuning_close(t);
  write_file(blocked, "x", 1);
  t = clnorm__tuning_open(&gpu, blocked);
  cr_assert(clnorm_tuning_problem(t)[0] == '\0');
  expect_failure(clnorm_tuning_save(t), CLNORM_INVALID_ARGUMENT, "cannot be written");
  clnorm_tuning_close(t);
}

static void expect_file(const char *begin)
{
  clnorm_tuning *t = NULL;
  expect_success(clnorm_tuning_open(NULL, &t));
  if (begin[0] == '\0') {
    cr_assert_str_eq(clnorm_tuning_file(t), "");
    expect_failure(clnorm_tuning_save(t), CLNORM_INVALID_ARGUMENT, "off");
  } else {
    cr_assert(strncmp(clnorm_tuning_file(t), begin, strlen(begin)) == 0, "%s is not in %s", clnorm_tuning_file(t),
              begin);
  }
  clnorm_tuning_close(t);
}

Test(tuning, the_environment_tells_the_folder)
{
  cr_assert(setenv("HOME", "/nowhere/home", 1) == 0 && unsetenv("XDG_CONFIG_HOME") == 0);
  expect_file("/nowhere/home/.config/clnorm/tuning/cpu-");
  cr_assert(setenv("XDG_CONFIG_HOME", "relative", 1) == 0);
  expect_file("/nowhere/home/.config/clnorm/tuning/cpu-");
  cr_assert(setenv("XDG_CONFIG_HOME", "/nowhere/config", 1) == 0);
  expect_file("/nowhere/config/clnorm/tuning/cpu-");
  cr_assert(setenv("CLNORM_TUNING_DB", "", 1) == 0);
  expect_file("/nowhere/config/clnorm/tuning/cpu-");
  cr_assert(setenv("CLNORM_TUNING_DB", "/nowhere/db", 1) == 0);
  expect_file("/nowhere/db/cpu-");
  cr_assert(setenv("CLNORM_TUNING_DB", "off", 1) == 0);
  expect_file("");
  cr_assert(unsetenv("CLNORM_TUNING_DB") == 0 && unsetenv("XDG_CONFIG_HOME") == 0 && unsetenv("HOME") == 0);
  expect_file("");
}

Test(tuning, arguments_that_are_missing_are_errors)
{
  clnorm_tuning *t = NULL;
  expect_failure(clnorm_tuning_open(folder, NULL), CLNORM_INVALID_ARGUMENT, "tuning", "NULL");
  expect_success(clnorm_tuning_open(folder, &t));
  expect_failure(clnorm_tuning_keep(t, NULL), CLNORM_INVALID_ARGUMENT, "plan", "NULL");
  expect_failure(clnorm_tuning_keep(NULL, NULL), CLNORM_INVALID_ARGUMENT, "tuning", "NULL");
  expect_failure(clnorm_tuning_save(NULL), CLNORM_INVALID_ARGUMENT, "NULL");
  cr_assert_str_eq(clnorm_tuning_file(NULL), "");
  cr_assert_str_eq(clnorm_tuning_problem(NULL), "");
  cr_assert(clnorm_tuning_count(NULL) == 0);
  clnorm_tuning_close(NULL);
  clnorm_tuning_close(t);
}

/* ---- plans ------------------------------------------------------------------------------------------------------- */

static const size_t shape[4] = {32, 64, 56, 56};

static clnorm_plan *plan_with(const char *choice, clnorm_pass pass)
{
  clnorm_desc desc;
  clnorm_plan *plan = NULL;
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 4, shape);
  expect_success(clnorm_plan_create_with(&desc, pass, choice, &plan));
  return plan;
}

static clnorm_plan made_with(const clnorm_tuning *t, clnorm_layout layout, clnorm_pass pass, uint32_t rank,
                             const size_t *dims)
{
  clnorm_desc desc;
  clnorm_plan plan;
  clnorm__capabilities machine = clnorm__host_capabilities;
  machine.tuning = t;
  desc_set(&desc, layout, 0, rank, dims);
  expect_success(clnorm__plan_make(&desc, pass, &machine, &plan));
  return plan;
}

Test(tuning, a_kept_plan_is_made_again_for_its_problem_alone)
{
  clnorm_tuning *t = open_here(&host);
  clnorm_plan *kept = plan_with("rows_split tasks_per_unit=2", CLNORM_TRAIN);
  cr_assert_str_eq(clnorm_plan_tuning(kept), "forced");
  expect_success(clnorm_tuning_keep(t, kept));
  clnorm_plan plan = made_with(t, CLNORM_CHANNELS_FIRST, CLNORM_TRAIN, 4, shape);
  cr_assert_str_eq(clnorm_plan_tuning(&plan), "tuned");
  cr_assert_str_eq(clnorm_plan_variant(&plan), "rows_split");
  cr_assert(plan.parameters.tasks_per_unit == 2 && plan.num_steps == kept->num_steps &&
            memcmp(plan.steps, kept->steps, sizeof plan.steps) == 0);
  /* The same walk over the same memory. */
  plan = made_with(t, CLNORM_CHANNELS_FIRST, CLNORM_TRAIN, 3, (const size_t[]){32, 64, 3136});
  cr_assert_str_eq(clnorm_plan_tuning(&plan), "tuned");
  static const size_t others[][4] = {{31, 64, 56, 56}, {32, 65, 56, 56}, {32, 64, 56, 57}};
  for (int i = 0; i < 3; i++) {
    plan = made_with(t, CLNORM_CHANNELS_FIRST, CLNORM_TRAIN, 4, others[i]);
    cr_assert_str_eq(clnorm_plan_tuning(&plan), "built-in");
  }
  plan = made_with(t, CLNORM_CHANNELS_LAST, CLNORM_TRAIN, 4, shape);
  cr_assert_str_eq(clnorm_plan_tuning(&plan), "built-in");
  plan = made_with(t, CLNORM_CHANNELS_FIRST, CLNORM_BACKWARD, 4, shape);
  cr_assert_str_eq(clnorm_plan_tuning(&plan), "built-in");
  clnorm_plan_destroy(kept);
  clnorm_tuning_close(t);
}

Test(tuning, keeping_the_built_in_choice_removes_what_was_there)
{
  clnorm_tuning *t = open_here(&host);
  clnorm_plan *kept = plan_with("rows_split", CLNORM_TRAIN);
  clnorm_plan *other = plan_with("rows_split tasks_per_unit=4", CLNORM_BACKWARD);
  clnorm_plan *built_in = plan_with(CLNORM_BUILT_IN, CLNORM_TRAIN);
  cr_assert_str_eq(clnorm_plan_tuning(built_in), "built-in");
  expect_success(clnorm_tuning_keep(t, kept));
  expect_success(clnorm_tuning_keep(t, other));
  expect_success(clnorm_tuning_keep(t, kept));
  cr_assert(clnorm_tuning_count(t) == 2);
  expect_success(clnorm_tuning_keep(t, built_in));
  expect_success(clnorm_tuning_keep(t, built_in));
  cr_assert(clnorm_tuning_count(t) == 1);
  const clnorm_plan plan = made_with(t, CLNORM_CHANNELS_FIRST, CLNORM_BACKWARD, 4, shape);
  cr_assert_str_eq(clnorm_plan_tuning(&plan), "tuned");
  clnorm_plan_destroy(kept);
  clnorm_plan_destroy(other);
  clnorm_plan_destroy(built_in);
  clnorm_tuning_close(t);
}

/* In a file all the same: the plan is the built-in one. */
Test(tuning, a_choice_that_cannot_compute_the_problem_is_passed_over)
{
  static const char *const choices[] = {"columns_whole", "rows_split", "rows_apply"};
  for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
    clnorm_tuning *t = open_here(&host);
    put(t, CLNORM_TRAIN, CLNORM__ROWS, 2, 3, 5, choices[i]);
    const clnorm_plan plan = made_with(t, CLNORM_CHANNELS_FIRST, CLNORM_TRAIN, 3, (const size_t[]){3, 2, 5});
    cr_assert_str_eq(clnorm_plan_tuning(&plan), "built-in", "%s", choices[i]);
    cr_assert_str_eq(clnorm_plan_variant(&plan), "rows_whole");
    clnorm_tuning_close(t);
  }
}

Test(tuning, the_librarys_own_plans_use_the_file)
{
  clnorm_tuning *t = NULL;
  clnorm_plan *plan = plan_with("rows_split", CLNORM_TRAIN);
  cr_assert(setenv("CLNORM_TUNING_DB", folder, 1) == 0);
  expect_success(clnorm_tuning_open(NULL, &t));
  expect_success(clnorm_tuning_keep(t, plan));
  expect_success(clnorm_tuning_save(t));
  clnorm_tuning_close(t);
  clnorm_plan_destroy(plan);
  plan = plan_with(NULL, CLNORM_TRAIN);
  cr_assert_str_eq(clnorm_plan_tuning(plan), "tuned");
  cr_assert_str_eq(clnorm_plan_variant(plan), "rows_split");
  clnorm_plan_destroy(plan);
  plan = plan_with(CLNORM_BUILT_IN, CLNORM_TRAIN);
  cr_assert_str_eq(clnorm_plan_tuning(plan), "built-in");
  cr_assert_str_eq(clnorm_plan_variant(plan), "rows_whole");
  clnorm_plan_destroy(plan);
}

Test(tuning, a_forced_choice_that_is_wrong_is_an_error_that_says_so)
{
  clnorm_desc desc;
  clnorm_plan *plan = NULL;
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 4, shape);
  expect_failure(clnorm_plan_create_with(&desc, CLNORM_TRAIN, "rows_fast", &plan), CLNORM_INVALID_ARGUMENT, "choice",
                 "unknown variant");
  expect_failure(clnorm_plan_create_with(&desc, CLNORM_TRAIN, "", &plan), CLNORM_INVALID_ARGUMENT, "nothing");
  expect_failure(clnorm_plan_create_with(&desc, CLNORM_TRAIN, "columns_split", &plan), CLNORM_UNSUPPORTED,
                 "columns_split");
  expect_failure(clnorm_plan_create_with(&desc, CLNORM_INFER, "rows_whole", &plan), CLNORM_UNSUPPORTED, "rows_whole");
  cr_assert(plan == NULL);
  cr_assert_str_eq(clnorm_plan_tuning(NULL), "");
  char text[4] = "xyz";
  cr_assert(clnorm_plan_choice(NULL, text, sizeof text) == 0 && text[0] == '\0');
  cr_assert(clnorm_plan_neighbour(NULL, 0, text, sizeof text) == 0);
}

Test(tuning, each_neighbour_is_another_plan_that_its_choice_makes_again)
{
  clnorm_plan *plan = plan_with("rows_split", CLNORM_TRAIN);
  char choice[CLNORM__CHOICE_BYTES];
  char again[CLNORM__CHOICE_BYTES];
  size_t count = 0;
  int whole = 0;
  for (; clnorm_plan_neighbour(plan, count, choice, sizeof choice) != 0; count++) {
    clnorm_plan *other = plan_with(choice, CLNORM_TRAIN);
    cr_assert(clnorm_plan_choice(other, again, sizeof again) == strlen(choice));
    cr_assert_str_eq(again, choice);
    whole |= strcmp(clnorm_plan_variant(other), "rows_whole") == 0;
    clnorm_plan_destroy(other);
  }
  cr_assert(count >= 4 && whole, "%zu neighbours", count);
  cr_assert(clnorm_plan_neighbour(plan, count, choice, sizeof choice) == 0 && choice[0] == '\0');
  cr_assert(clnorm_plan_neighbour(plan, SIZE_MAX, choice, sizeof choice) == 0);
  clnorm_plan_destroy(plan);
}

/* On the CPU backend it shows in no step whether a statistic is written while the next one is summed. */
Test(tuning, what_only_calls_tell_apart_is_another_plan_too)
{
  const size_t dims[] = {2, 8, 512};
  clnorm_desc desc;
  clnorm_plan *plan = NULL;
  char choice[CLNORM__CHOICE_BYTES];
  int found = 0;
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 3, dims);
  expect_success(clnorm_plan_create_with(&desc, CLNORM_TRAIN, "rows_whole stream_eighths=0", &plan));
  for (size_t i = 0; clnorm_plan_neighbour(plan, i, choice, sizeof choice) != 0; i++) {
    found += strcmp(choice, "rows_whole flow_eighths=0 stream_eighths=0") == 0 ||
             strcmp(choice, "rows_whole stream_eighths=0 flow_eighths=0") == 0;
  }
  cr_assert(found == 1);
  clnorm_plan_destroy(plan);
}

Test(tuning, more_choices_than_there_is_room_for_are_refused)
{
  clnorm_tuning *t = open_here(&host);
  for (uint64_t i = 0; i < CLNORM__MOST_TUNED; i++) {
    put(t, CLNORM_TRAIN, CLNORM__ROWS, i + 2, 3, 5, "rows_whole");
  }
  clnorm_plan *plan = plan_with("rows_split", CLNORM_TRAIN);
  expect_failure(clnorm_tuning_keep(t, plan), CLNORM_OUT_OF_MEMORY, "4096");
  expect_success(clnorm_tuning_save(t));
  clnorm_tuning *again = open_here(&host);
  cr_assert(clnorm_tuning_count(again) == CLNORM__MOST_TUNED, "%s", clnorm_tuning_problem(again));
  clnorm_tuning_close(again);
  clnorm_tuning_close(t);
  clnorm_plan_destroy(plan);
}
