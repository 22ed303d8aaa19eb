/* Every variant of the table and every value of every parameter, forced: the same bounds hold whoever chooses. The bounds:
 * tolerance.c. */
#include "variants.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef CLNORM_TEST_OPENCL
#include "context.h"
#endif
#include "clnorm/tuning.h"
#include "problem.h"

/* Passes of a variant that were forced at least, so that no table can shrink to nothing unseen. */
#define FORCED_AT_LEAST 8

static clnorm__engine engine_of(const backend *b)
{
#ifdef CLNORM_TEST_OPENCL
  if (!backend_is_cpu(b)) {
    return backend_get_cl(b)->capabilities.engine;
  }
#endif
  (void)b;
  return CLNORM__ENGINE_HOST;
}

/* TEST_VARIANTS is the list that forced_tests.cmake runs whole suites with. */
Test(variants, the_suites_are_run_with_each_of_the_table)
{
  char list[256] = "";
  size_t length = 0;
  for (size_t i = 0; clnorm__variant_at(i, CLNORM__ROWS) != NULL; i++) {
    const char *rows = clnorm__variant_at(i, CLNORM__ROWS);
    const char *columns = clnorm__variant_at(i, CLNORM__COLUMNS);
    cr_assert(strncmp(rows, "rows_", 5) == 0 && strncmp(columns, "columns_", 8) == 0);
    cr_assert_str_eq(rows + 5, columns + 8);
    length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i == 0 ? "" : ",", rows + 5);
  }
  cr_assert_str_eq(list, TEST_VARIANTS);
}

/* Checks the passes that the choice can compute; returns how many. */
static size_t check_passes(backend *b, problem *p, const char *choice, const char *variant)
{
  size_t forced = 0;
  backend_force(b, choice);
  for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    clnorm_plan *plan = NULL;
    const clnorm_status status = clnorm_plan_create_with(&p->desc, pass, variant, &plan);
    clnorm_plan_destroy(plan);
    if (status == CLNORM_UNSUPPORTED) {
      continue;
    }
    problem_check(p, b, pass, WITH_ALL);
    cr_assert(backend_was_forced(b), "%s %s: %s was not taken", desc_text(&p->desc), pass_text(pass), choice);
    if (pass == CLNORM_BACKWARD) {
      problem_check(p, b, pass, WITH_ALL & ~(WITH_MEAN | WITH_INV_STD));
    }
    forced++;
  }
  return forced;
}

static void check_variant(const char *name)
{
  size_t forced = 0;
  backend *b = backend_open();
  for (size_t i = 0; i < cases_count(); i++) {
    for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
      if ((cases_at(i)->suites & CASES_CHECK_QUICK) && case_has_layout(cases_at(i), (clnorm_layout)layout)) {
        problem *p = problem_from_case(cases_at(i), (clnorm_layout)layout);
        forced += check_passes(b, p, name, name);
        problem_free(p);
      }
    }
  }
  cr_log_info("%s: %zu passes", name, forced);
  cr_assert(forced >= FORCED_AT_LEAST, "%s was forced on %zu passes only", name, forced);
  backend_close(b);
}

/* Batch normalization is not made of samples: the suites `samples` and `family` are about them. */
static int is_for_batch(size_t variant)
{
  return strcmp(clnorm__variant_at(variant, CLNORM__ROWS), "rows_samples") != 0;
}

Test(variants, each_passes_the_table_of_cases)
{
  for (size_t i = 0; clnorm__variant_at(i, CLNORM__ROWS) != NULL; i++) {
    if (!is_for_batch(i)) {
      continue;
    }
    check_variant(clnorm__variant_at(i, CLNORM__ROWS));
    check_variant(clnorm__variant_at(i, CLNORM__COLUMNS));
  }
}

/* (N, C, S): short and long runs, ends of vectors, enough values to be split, more columns than a group has. */
static const size_t shapes[][3] = {{5, 19, 49}, {40, 3, 77}, {3, 2, 1500}, {300, 37, 1}, {130, 270, 1}};

#define SHAPES (sizeof shapes / sizeof shapes[0])

static size_t check_choice(backend *b, problem *p, const char *variant, const char *value)
{
  char choice[CLNORM__CHOICE_BYTES + 64];
  (void)snprintf(choice, sizeof choice, "%s%s", variant, value);
  return check_passes(b, p, choice, variant);
}

/* Each variant with the values. */
static void check_variants_with(backend *b, problem *p, const char *values)
{
  size_t forced = 0;
  for (size_t v = 0; clnorm__variant_at(v, CLNORM__ROWS) != NULL; v++) {
    forced += check_choice(b, p, clnorm__variant_at(v, CLNORM__ROWS), values);
    forced += check_choice(b, p, clnorm__variant_at(v, CLNORM__COLUMNS), values);
  }
  cr_assert(forced >= 4, "%s%s was forced on %zu passes only", desc_text(&p->desc), values, forced);
}

/* Every `each`-th value. */
static void check_values_of(backend *b, problem *p, const clnorm__tunable *parameter, size_t each)
{
  for (size_t k = 0; clnorm__tunable_is_used(parameter, engine_of(b)) && k < parameter->count; k += each) {
    char value[64];
    (void)snprintf(value, sizeof value, " %s=%llu", parameter->name, (unsigned long long)parameter->values[k]);
    check_variants_with(b, p, value);
  }
}

static void check_values(clnorm_layout layout)
{
  backend *b = backend_open();
  const clnorm__tunable *parameter;
  for (size_t s = 0; s < SHAPES; s++) {
    clnorm_desc desc;
    desc_set(&desc, layout, 0, 3, shapes[s]);
    problem *p = problem_make(&desc, GENERATE_NORMAL, 100.0, 1.5, s + 1);
    for (size_t i = 0; (parameter = clnorm__tunable_at(i)) != NULL; i++) {
      /* On a device every parameter on one of the shapes, for the time it takes. */
      if (backend_is_cpu(b) || (i + s) % SHAPES == 0) {
        check_values_of(b, p, parameter, 1);
      }
    }
    problem_free(p);
  }
  backend_close(b);
}

Test(variants, each_value_of_each_parameter_is_as_exact_channels_first) { check_values(CLNORM_CHANNELS_FIRST); }

Test(variants, each_value_of_each_parameter_is_as_exact_channels_last) { check_values(CLNORM_CHANNELS_LAST); }

/* Of each layout on the CPU backend; on a device of one, in turn, because most of their programs are new. */
#define RANDOM_CHOICES 2

/* Values of all parameters at once, from a fixed seed. */
static void random_values(clnorm__engine engine, uint32_t *state, char text[CLNORM__CHOICE_BYTES])
{
  const clnorm__tunable *parameter;
  size_t length = 0;
  for (size_t i = 0; (parameter = clnorm__tunable_at(i)) != NULL; i++) {
    *state = *state * 1664525u + 1013904223u;
    if (clnorm__tunable_is_used(parameter, engine)) {
      const uint64_t value = parameter->values[(*state >> 16) % parameter->count];
      length += (size_t)snprintf(text + length, CLNORM__CHOICE_BYTES - length, " %s=%llu", parameter->name,
                                 (unsigned long long)value);
    }
  }
}

static const char *past_the_caches(const backend *b)
{
  return engine_of(b) == CLNORM__ENGINE_CL_LANES ? "" : " stream_eighths=0";
}

/* Rows that are no whole vectors and longer than a tile: a longer tile, two pieces, two longer pieces. */
Test(variants, wide_odd_rows_are_as_exact)
{
  static const size_t wide[][2] = {{130, 1037}, {130, 1501}, {130, 2049}};
  backend *b = backend_open();
  for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
    clnorm_desc desc;
    desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 2, wide[i]);
    problem *p = problem_make(&desc, GENERATE_NORMAL, 100.0, 1.5, i + 1);
    const size_t applied = check_choice(b, p, "columns_apply", past_the_caches(b));
    const size_t split = check_choice(b, p, "columns_split", past_the_caches(b));
    cr_assert(applied == 1 && split == 3, "%s: %zu and %zu passes", desc_text(&desc), applied, split);
    problem_free(p);
  }
  backend_close(b);
}

Test(variants, values_of_all_parameters_at_once_are_as_exact)
{
  uint32_t state = 7;
  backend *b = backend_open();
  for (size_t s = 0; s < SHAPES; s++) {
    for (size_t i = 0; i < RANDOM_CHOICES; i++) {
      clnorm_desc desc;
      char values[CLNORM__CHOICE_BYTES];
      if (!backend_is_cpu(b) && i != s % RANDOM_CHOICES) {
        continue;
      }
      desc_set(&desc, i % 2 == 0 ? CLNORM_CHANNELS_FIRST : CLNORM_CHANNELS_LAST, 0, 3, shapes[s]);
      problem *p = problem_make(&desc, GENERATE_NORMAL, 100.0, 1.5, s + 1);
      random_values(engine_of(b), &state, values);
      check_variants_with(b, p, values);
      problem_free(p);
    }
  }
  backend_close(b);
}

#ifdef CLNORM_TEST_OPENCL
/* As a GPU would run them, with sums in two floats: the parameters that kernels are compiled for, and of their values some,
 * because compiling takes all the time: of the work-items 32 and 512, where test_engines.c has 64 and 256. */
Test(variants, values_that_many_work_items_are_compiled_for_are_as_exact)
{
  static const struct {
    const char *name;
    size_t each;
  } some[] = {{"vector", 2}, {"work_items", 4}, {"apply_tile", 2}, {"held", 2}};
  /* Nobody runs PoCL's code for them, so it may be the one that is compiled soonest. */
  cr_assert(setenv("POCL_EXTRA_BUILD_FLAGS", "-cl-opt-disable", 1) == 0);
  backend *b = backend_open();
  const clnorm__tunable *parameter;
  if (!backend_is_cpu(b)) {
    clnorm__capabilities *machine = &backend_get_cl(b)->capabilities;
    machine->engine = CLNORM__ENGINE_CL_LANES;
    machine->max_work_group = 1024;
    machine->sums_in_double = 0;
  }
  for (size_t s = 0; s < SHAPES && !backend_is_cpu(b); s += 3) {
    clnorm_desc desc;
    desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 3, shapes[s]);
    problem *p = problem_make(&desc, GENERATE_NORMAL, 100.0, 1.5, s + 1);
    for (size_t i = 0; (parameter = clnorm__tunable_at(i)) != NULL; i++) {
      for (size_t n = 0; n < sizeof some / sizeof some[0]; n++) {
        if (strcmp(parameter->name, some[n].name) == 0) {
          check_values_of(b, p, parameter, some[n].each);
        }
      }
    }
    problem_free(p);
  }
  backend_close(b);
}
#endif

/* What a search would try, two steps far from the built-in choice. */
Test(variants, neighbours_of_neighbours_are_exact_too)
{
  backend *b = backend_open();
  for (size_t s = 0; s < SHAPES; s += 2) {
    clnorm_desc desc;
    char choice[CLNORM__CHOICE_BYTES];
    desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 3, shapes[s]);
    problem *p = problem_make(&desc, GENERATE_NORMAL, 3.0, 1.0, s + 1);
    for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
      backend_force(b, CLNORM_BUILT_IN);
      problem_check(p, b, pass, WITH_ALL);
      for (int step = 0; step < 2; step++) {
        size_t count = 0;
        while (clnorm_plan_neighbour(backend_plan(b), count, choice, sizeof choice) != 0) {
          count++;
        }
        /* Little data in one step leaves nothing to choose. */
        cr_assert(count > 0 || pass == CLNORM_INFER, "%s %s has no neighbours", desc_text(&desc), pass_text(pass));
        if (count == 0) {
          break;
        }
        cr_assert(clnorm_plan_neighbour(backend_plan(b), count / 2, choice, sizeof choice) != 0);
        backend_force(b, choice);
        problem_check(p, b, pass, WITH_ALL);
        cr_assert(backend_was_forced(b), "%s %s: %s was not taken", desc_text(&desc), pass_text(pass), choice);
      }
    }
    problem_free(p);
  }
  backend_close(b);
}
