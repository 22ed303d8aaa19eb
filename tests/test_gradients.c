/* Central differences of a loss L = sum(w * y) against the gradients, two ways:
 *
 * Of the reference: y in long double, a step of 1e-5. The error is h^2/6 times the third derivative and 2^-64/h of
 * rounding: under 1e-8 of the gradients here, so the reference's own formulas are right to seven digits.
 *
 * Of the library itself: its float y at x + h and x - h, a step of 2^-5. The third derivative leaves h^2/6 ~ 2e-4 of a
 * gradient of about 1; rounding of y leaves 4 ulp * sqrt(elements) / h ~ 1e-4: the bound is 2e-3 of the largest gradient. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

static const size_t dims[4] = {3, 2, 2, 3};

#define REFERENCE_STEP 1e-5L
#define REFERENCE_BOUND 1e-7L
#define LIBRARY_STEP 0x1p-5f
#define LIBRARY_BOUND 2e-3

typedef struct setting {
  clnorm_layout layout;
  uint32_t flags;
  int frozen;
} setting;

static const setting settings[] = {
    {CLNORM_CHANNELS_FIRST, 0, 0}, {CLNORM_CHANNELS_LAST, 0, 0}, {CLNORM_CHANNELS_FIRST, CLNORM_PER_ACTIVATION, 0},
    {CLNORM_CHANNELS_FIRST, 0, 1}, {CLNORM_CHANNELS_LAST, 0, 1}, {CLNORM_CHANNELS_LAST, CLNORM_PER_ACTIVATION, 1},
};

#define SETTINGS (sizeof settings / sizeof settings[0])

static problem *open_problem(const setting *s)
{
  clnorm_desc desc;
  desc_set(&desc, s->layout, s->flags, 4, dims);
  desc.epsilon = 1e-2; /* keeps the third derivative of few values small */
  return problem_make(&desc, GENERATE_NORMAL, 0.3, 1.0, 2);
}

/* The loss with x moved by `step` at one element, in long double from the formulas alone: a plain loop for each statistic,
 * not the oracle, whose x is float. */
static long double loss(const problem *p, const oracle *shape, const long double *x, const long double *gamma,
                        const long double *beta, int frozen)
{
  long double sum = 0.0L;
  for (uint64_t k = 0; k < shape->statistics; k++) {
    long double mean = 0.0L;
    long double var = 0.0L;
    for (uint64_t i = 0; i < shape->elements; i++) {
      mean += oracle_statistic_of(shape, i) == k ? x[i] / (long double)shape->values : 0.0L;
    }
    mean = frozen ? (long double)p->running_mean[k] : mean;
    for (uint64_t i = 0; i < shape->elements; i++) {
      var += oracle_statistic_of(shape, i) == k ? (x[i] - mean) * (x[i] - mean) / (long double)shape->values : 0.0L;
    }
    var = frozen ? (long double)p->running_var[k] : var;
    for (uint64_t i = 0; i < shape->elements; i++) {
      if (oracle_statistic_of(shape, i) == k) {
        sum += (long double)p->dy[i] * (gamma[k] * (x[i] - mean) / sqrtl(var + (long double)p->desc.epsilon) + beta[k]);
      }
    }
  }
  return sum;
}

static void assert_close(long double got, long double expected, long double bound, const char *what, uint64_t i)
{
  cr_assert(fabsl(got - expected) <= bound * (1.0L + fabsl(expected)), "%s[%llu]: %.9Lg, central difference %.9Lg",
            what, (unsigned long long)i, got, expected);
}

/* Moves one number there and back. */
#define DIFFERENCE(number, step, call)                                                                           \
  (difference_from((number), (step)), high = (call), *(number) -= 2 * (step), low = (call), *(number) += (step), \
   (high - low) / (2 * (step)))

static void difference_from(long double *number, long double step) { *number += step; }

Test(gradients, the_reference_agrees_with_central_differences)
{
  for (size_t s = 0; s < SETTINGS; s++) {
    problem *p = open_problem(&settings[s]);
    const int frozen = settings[s].frozen;
    oracle o;
    const oracle_inputs in = {
        .x = p->x, .dy = p->dy, .gamma = p->gamma, .running_mean = p->running_mean, .running_var = p->running_var};
    cr_assert(oracle_create(&o, &p->desc, frozen ? CLNORM_BACKWARD_FROZEN : CLNORM_BACKWARD, &in) == 0);
    long double x[36];
    long double gamma[12];
    long double beta[12];
    long double high;
    long double low;
    for (uint64_t i = 0; i < o.elements; i++) {
      x[i] = p->x[i];
    }
    for (uint64_t k = 0; k < o.statistics; k++) {
      gamma[k] = p->gamma[k];
      beta[k] = p->beta[k];
    }
    for (uint64_t i = 0; i < o.elements; i++) {
      const long double d = DIFFERENCE(&x[i], REFERENCE_STEP, loss(p, &o, x, gamma, beta, frozen));
      assert_close(oracle_dx(&o, i), d, REFERENCE_BOUND, "dx", i);
    }
    for (uint64_t k = 0; k < o.statistics; k++) {
      const long double dg = DIFFERENCE(&gamma[k], REFERENCE_STEP, loss(p, &o, x, gamma, beta, frozen));
      const long double db = DIFFERENCE(&beta[k], REFERENCE_STEP, loss(p, &o, x, gamma, beta, frozen));
      assert_close(o.dgamma[k], dg, REFERENCE_BOUND, "dgamma", k);
      assert_close(o.dbeta[k], db, REFERENCE_BOUND, "dbeta", k);
    }
    oracle_destroy(&o);
    problem_free(p);
  }
}

/* The library's own loss, from its float y. */
static double library_loss(backend *b, problem *p, int frozen)
{
  double sum = 0.0;
  const backend_args args = {.x = p->x,
                             .y = p->y,
                             .gamma = p->gamma,
                             .beta = p->beta,
                             .running_mean = frozen ? p->running_mean : NULL,
                             .running_var = frozen ? p->running_var : NULL};
  const clnorm_status status = backend_run(b, &p->desc, frozen ? CLNORM_INFER : CLNORM_TRAIN, &args);
  cr_assert(status == CLNORM_SUCCESS, "%s", clnorm_last_error());
  for (size_t i = 0; i < p->counts.elements; i++) {
    sum += (double)p->dy[i] * (double)p->y[i];
  }
  return sum;
}

static void check_numbers(backend *b, problem *p, int frozen, float *numbers, const float *gradient, size_t count,
                          const char *what)
{
  double largest = 1.0;
  for (size_t i = 0; i < count; i++) {
    largest = fmax(largest, fabs((double)gradient[i]));
  }
  for (size_t i = 0; i < count; i++) {
    const float kept = numbers[i];
    const float high = kept + LIBRARY_STEP;
    const float low = kept - LIBRARY_STEP;
    numbers[i] = high;
    const double above = library_loss(b, p, frozen);
    numbers[i] = low;
    const double below = library_loss(b, p, frozen);
    numbers[i] = kept;
    const double expected = (above - below) / ((double)high - (double)low);
    cr_assert(fabs((double)gradient[i] - expected) <= LIBRARY_BOUND * largest, "%s[%zu]: %.9g, central difference %.9g",
              what, i, (double)gradient[i], expected);
  }
}

Test(gradients, the_library_agrees_with_central_differences_of_itself)
{
  backend *b = backend_open();
  for (size_t s = 0; s < SETTINGS; s++) {
    problem *p = open_problem(&settings[s]);
    const int frozen = settings[s].frozen;
    /* The loss is linear in the gradients' inputs only through y, so dy keeps its place as the weight. */
    problem_check(p, b, frozen ? CLNORM_BACKWARD_FROZEN : CLNORM_BACKWARD, WITH_ALL);
    check_numbers(b, p, frozen, p->x, p->dx, p->counts.elements, "dx");
    check_numbers(b, p, frozen, p->gamma, p->dgamma, p->counts.parameters, "dgamma");
    check_numbers(b, p, frozen, p->beta, p->dbeta, p->counts.parameters, "dbeta");
    problem_free(p);
  }
  backend_close(b);
}
