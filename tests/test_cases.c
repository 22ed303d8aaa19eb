/* The table of cases on every pass, and what other libraries got wrong. The bounds: tolerance.c. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#ifdef CLNORM_TEST_OPENCL
#include "context.h"
#endif
#include "plan.h"
#include "problem.h"

/* Cases of over a million elements run where a device is fast enough. Backward is where others failed, with statistics that
 * it computes itself; training in those that are no more than this. */
#define LARGE_TRAINING ((size_t)7 << 20)

static const clnorm__capabilities *capabilities_of(const backend *b)
{
#ifdef CLNORM_TEST_OPENCL
  if (!backend_is_cpu(b)) {
    return &backend_get_cl(b)->capabilities;
  }
#endif
  (void)b;
  return &clnorm__host_capabilities;
}

/* Whether the variant that the suite is run with is the library's own choice: then the suite computes the same without it. */
static int is_chosen_anyway(const backend *b, const clnorm_desc *desc, clnorm_pass pass)
{
  const char *forced = getenv("CLNORM_TEST_VARIANT");
  clnorm_plan plan;
  if (forced == NULL) {
    return 0;
  }
  cr_assert(clnorm__plan_make(desc, pass, capabilities_of(b), &plan) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  return strcmp(strchr(plan.variant, '_') + 1, forced) == 0;
}

/* Large ones take most of the time for the reference, so only what differs. */
static void check_large(problem *p, backend *b, clnorm_pass pass, unsigned with)
{
  if (!is_chosen_anyway(b, &p->desc, pass)) {
    problem_check(p, b, pass, with);
  }
}

static void run_case(backend *b, const oracle_case *c, clnorm_layout layout)
{
  problem *p = problem_from_case(c, layout);
  if (c->suites & CASES_CHECK_LARGE) {
    if (p->counts.elements <= LARGE_TRAINING) {
      check_large(p, b, CLNORM_TRAIN, WITH_ALL);
    }
    check_large(p, b, CLNORM_BACKWARD, WITH_ALL & ~(WITH_MEAN | WITH_INV_STD));
  } else {
    for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
      problem_check(p, b, pass, WITH_ALL);
    }
    problem_check(p, b, CLNORM_BACKWARD, WITH_ALL & ~(WITH_MEAN | WITH_INV_STD));
  }
  problem_free(p);
}

static int wanted(const backend *b, const oracle_case *c, unsigned suite)
{
  if (!(c->suites & suite)) {
    return 0;
  }
  return backend_is_fast(b) || (c->suites & CASES_CHECK_QUICK);
}

static void run_table(unsigned suite, clnorm_layout layout)
{
  backend *b = backend_open();
  for (size_t i = 0; i < cases_count(); i++) {
    if (wanted(b, cases_at(i), suite) && case_has_layout(cases_at(i), layout)) {
      run_case(b, cases_at(i), layout);
    }
  }
  backend_close(b);
}

Test(cases, channels_first_ones_pass) { run_table(CASES_CHECK, CLNORM_CHANNELS_FIRST); }

Test(cases, channels_last_ones_pass) { run_table(CASES_CHECK, CLNORM_CHANNELS_LAST); }

Test(cases, large_channels_first_ones_pass) { run_table(CASES_CHECK_LARGE, CLNORM_CHANNELS_FIRST); }

Test(cases, large_channels_last_ones_pass) { run_table(CASES_CHECK_LARGE, CLNORM_CHANNELS_LAST); }

Test(cases, one_value_a_channel_trains_to_an_error_and_infers)
{
  backend *b = backend_open();
  clnorm_desc desc;
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 3, (const size_t[]){1, 10, 1});
  problem *p = problem_make(&desc, GENERATE_NORMAL, 0.0, 1.0, 1);
  float mean[10] = {0};
  float var[10] = {0};
  const backend_args args = {.x = p->x, .y = p->y, .running_mean = mean, .running_var = var};
  cr_assert(backend_run(b, &desc, CLNORM_TRAIN, &args) == CLNORM_TOO_FEW_VALUES);
  for (int c = 0; c < 10; c++) {
    cr_assert(mean[c] == 0.0f && var[c] == 0.0f);
  }
  problem_check(p, b, CLNORM_INFER, WITH_ALL);
  problem_free(p);
  backend_close(b);
}

Test(cases, nothing_to_infer_is_a_success)
{
  backend *b = backend_open();
  for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
    clnorm_desc desc;
    float mean[3] = {0};
    float var[3] = {1, 1, 1};
    float unused = 0.0f;
    float y = 0.0f;
    desc_set(&desc, (clnorm_layout)layout, 0, 4, (const size_t[]){0, 3, 4, 5});
    const backend_args args = {.x = &unused, .y = &y, .running_mean = mean, .running_var = var};
    const clnorm_status status = backend_run(b, &desc, CLNORM_INFER, &args);
    cr_assert(status == CLNORM_SUCCESS, "%s", clnorm_last_error());
  }
  backend_close(b);
}

/* Moves a tensor from (N, C, S) to (N, S, C). */
static void to_channels_last(const float *from, float *to, size_t n, size_t c, size_t s)
{
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < c; j++) {
      for (size_t k = 0; k < s; k++) {
        to[(i * s + k) * c + j] = from[(i * c + j) * s + k];
      }
    }
  }
}

/* Both layouts of the same numbers stay within their bounds of the same reference, so within two bounds of each other. */
Test(cases, both_layouts_of_one_tensor_agree)
{
  static const size_t shapes[][4] = {{4, 8, 10, 10}, {4, 1, 9, 9}, {4, 9, 1, 1}};
  backend *b = backend_open();
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    clnorm_desc first;
    clnorm_desc last;
    const size_t positions = shapes[i][2] * shapes[i][3];
    desc_set(&first, CLNORM_CHANNELS_FIRST, 0, 4, shapes[i]);
    desc_set(&last, CLNORM_CHANNELS_LAST, 0, 4, shapes[i]);
    problem *a = problem_make(&first, GENERATE_NORMAL, 0.5, 2.0, i + 1);
    problem *z = problem_make(&last, GENERATE_NORMAL, 0.5, 2.0, i + 1);
    float *moved = new_floats(a->counts.elements);
    to_channels_last(a->x, z->x, shapes[i][0], shapes[i][1], positions);
    to_channels_last(a->dy, z->dy, shapes[i][0], shapes[i][1], positions);
    for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
      const int forward = pass == CLNORM_TRAIN || pass == CLNORM_INFER;
      problem_check(a, b, pass, WITH_ALL);
      problem_check(z, b, pass, WITH_ALL);
      to_channels_last(forward ? a->y : a->dx, moved, shapes[i][0], shapes[i][1], positions);
      for (size_t e = 0; e < a->counts.elements; e++) {
        const double difference = (double)moved[e] - (double)(forward ? z->y[e] : z->dx[e]);
        cr_assert(difference < 1e-5 && difference > -1e-5, "%s: element %zu differs by %g", pass_text(pass), e,
                  difference);
      }
    }
    free(moved);
    problem_free(a);
    problem_free(z);
  }
  backend_close(b);
}

/* (32,4,1024,2048) has 2^28 elements, 1 GiB: too much for a test's time, so it is planned, and a 128th of it,
 * (4,4,256,512), is run, for which the same variant is chosen. */
Test(cases, a_gibibyte_can_be_planned_and_its_variant_is_right)
{
  backend *b = backend_open();
  clnorm_desc desc;
  clnorm_plan *plan = NULL;
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 4, (const size_t[]){32, 4, 1024, 2048});
  cr_assert(clnorm_plan_create(&desc, CLNORM_BACKWARD, &plan) == CLNORM_SUCCESS);
  const char *variant = clnorm_plan_variant(plan);
  if (backend_is_fast(b)) {
    desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 4, (const size_t[]){4, 4, 256, 512});
    problem *p = problem_make(&desc, GENERATE_NORMAL, 0.0, 1.0, 1);
    problem_check(p, b, CLNORM_BACKWARD, WITH_ALL);
    cr_assert(!backend_is_cpu(b) || backend_was_forced(b) || strcmp(variant, backend_variant(b)) == 0, "%s and %s",
              variant, backend_variant(b));
    problem_free(p);
  }
  clnorm_plan_destroy(plan);
  backend_close(b);
}
