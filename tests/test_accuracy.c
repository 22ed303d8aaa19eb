/* How exact the results are where it is hard: a mean far from 0, outliers, huge values, NaN and infinity.
 *
 * Absolute bounds of y on (16,8,32,32) at standard deviation 1, beside those of tolerance.c: 1e-6 at mean/std 0 and 1e2,
 * 2e-6 at 1e4 and 1e6. Measured for comparison: rounding y alone to float gives up to 2.4e-7 here (|y| < 4.3). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

static const size_t dims[4] = {16, 8, 32, 32};

static problem *open_problem(clnorm_layout layout, generate_kind kind, double mean, double std)
{
  clnorm_desc desc;
  desc_set(&desc, layout, 0, 4, dims);
  return problem_make(&desc, kind, mean, std, 3);
}

#define FOR_EACH_LAYOUT(layout) \
  for (clnorm_layout layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++)
#define FOR_EACH_PASS(pass) for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++)

Test(accuracy, a_mean_far_from_zero_costs_nothing)
{
  static const struct {
    double mean, bound;
  } table[] = {{0.0, 1e-6}, {1e2, 1e-6}, {1e4, 2e-6}, {1e6, 2e-6}, {-1e4, 2e-6}};
  backend *b = backend_open();
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    FOR_EACH_LAYOUT(layout)
    {
      problem *p = open_problem(layout, GENERATE_NORMAL, table[i].mean, 1.0);
      problem_check(p, b, CLNORM_TRAIN, WITH_ALL & ~(WITH_GAMMA | WITH_BETA));
      cr_assert(p->absolute <= table[i].bound, "%s at mean %g (%s): y is off by %.3g, bound %.3g", desc_text(&p->desc),
                table[i].mean, backend_variant(b), p->absolute, table[i].bound);
      FOR_EACH_PASS(pass) { problem_check(p, b, pass, WITH_ALL); }
      problem_free(p);
    }
  }
  backend_close(b);
}

/* The same for a shape that takes the split variants, and for one whose runs fit no vector. */
Test(accuracy, a_mean_far_from_zero_costs_nothing_in_other_shapes)
{
  static const size_t others[][4] = {{4, 2, 96, 97}, {31, 5, 7, 7}, {700, 3, 1, 1}};
  backend *b = backend_open();
  for (size_t s = 0; s < sizeof others / sizeof others[0]; s++) {
    FOR_EACH_LAYOUT(layout)
    {
      clnorm_desc desc;
      desc_set(&desc, layout, 0, 4, others[s]);
      for (double mean = 1.0; mean <= 1e6; mean *= 1e3) {
        problem *p = problem_make(&desc, GENERATE_NORMAL, mean, 1.0, s + 1);
        FOR_EACH_PASS(pass) { problem_check(p, b, pass, WITH_ALL); }
        problem_free(p);
      }
    }
  }
  backend_close(b);
}

Test(accuracy, outliers_that_head_the_data_leave_the_rest_exact)
{
  static const generate_kind kinds[] = {GENERATE_OUTLIER, GENERATE_OUTLIERS};
  static const double means[] = {0.0, 1.0, 100.0};
  backend *b = backend_open();
  for (size_t k = 0; k < 2; k++) {
    for (size_t m = 0; m < 3; m++) {
      FOR_EACH_LAYOUT(layout)
      {
        problem *p = open_problem(layout, kinds[k], means[m], 1.0);
        FOR_EACH_PASS(pass) { problem_check(p, b, pass, WITH_ALL); }
        problem_free(p);
      }
    }
  }
  backend_close(b);
}

Test(accuracy, a_small_spread_about_a_mean_of_five_is_exact)
{
  backend *b = backend_open();
  FOR_EACH_LAYOUT(layout)
  {
    problem *p = open_problem(layout, GENERATE_NORMAL, 5.0, 0.1);
    FOR_EACH_PASS(pass) { problem_check(p, b, pass, WITH_ALL); }
    problem_free(p);
  }
  backend_close(b);
}

/* Squares of 1e15 are 1e30: inside float's range, whose sums over 16,384 values stay inside it too. */
Test(accuracy, values_of_1e15_stay_finite_and_exact)
{
  backend *b = backend_open();
  FOR_EACH_LAYOUT(layout)
  {
    problem *p = open_problem(layout, GENERATE_NORMAL, 0.0, 1e15);
    problem_check(p, b, CLNORM_TRAIN, WITH_ALL);
    problem_check(p, b, CLNORM_INFER, WITH_ALL);
    problem_check(p, b, CLNORM_BACKWARD, WITH_ALL);
    problem_free(p);
    p = open_problem(layout, GENERATE_NORMAL, 1e15, 1e12);
    problem_check(p, b, CLNORM_TRAIN, WITH_ALL);
    problem_check(p, b, CLNORM_BACKWARD, WITH_ALL);
    problem_free(p);
  }
  backend_close(b);
}

/* Values whose variance is about epsilon's size and below. */
/* dx is an ordinary number in each of these; gamma * inv_std^2 * mean(dy * xh), a factor of it, is none. */
Test(accuracy, gradients_of_wide_and_narrow_data_are_exact)
{
  static const struct {
    double std, epsilon;
    float dy, gamma;
  } table[] = {{1e15, 1e-5, 1e-12f, 1.0f},   {1e12, 1e-5, 1e-17f, 1.0f}, {1e10, 1e-5, 1e-20f, 1.0f},
               {1e-18, 1.2e-38, 1e3f, 1.0f}, {1e-15, 1e-32, 1e9f, 1.0f}, {1e-3, 1e-12, 1e3f, 1e30f}};
  backend *b = backend_open();
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    FOR_EACH_LAYOUT(layout)
    {
      clnorm_desc desc;
      desc_set(&desc, layout, 0, 4, dims);
      desc.epsilon = table[i].epsilon;
      problem *p = problem_make(&desc, GENERATE_NORMAL, 0.0, table[i].std, 3);
      for (size_t k = 0; k < p->counts.elements; k++) {
        p->dy[k] *= table[i].dy;
      }
      for (size_t c = 0; c < p->counts.statistics; c++) {
        p->gamma[c] *= table[i].gamma;
      }
      problem_check(p, b, CLNORM_BACKWARD, WITH_ALL);
      problem_free(p);
    }
  }
  backend_close(b);
}

Test(accuracy, tiny_values_are_normalized_against_epsilon)
{
  backend *b = backend_open();
  FOR_EACH_LAYOUT(layout)
  {
    problem *p = open_problem(layout, GENERATE_NORMAL, 0.0, 1e-4);
    FOR_EACH_PASS(pass) { problem_check(p, b, pass, WITH_ALL); }
    problem_free(p);
  }
  backend_close(b);
}

/* Every sum is exact in any order: mean and variance have to be the correctly rounded ones, 0 ulp. */
Test(accuracy, sums_that_are_exact_in_any_order_leave_no_error_at_all)
{
  backend *b = backend_open();
  FOR_EACH_LAYOUT(layout)
  {
    problem *p = open_problem(layout, GENERATE_NEIGHBOURS, 1000.0, 4.0);
    p->desc.running_variance = CLNORM_VARIANCE_POPULATION;
    p->desc.average_factor = 1.0;
    problem_check(p, b, CLNORM_TRAIN, WITH_ALL);
    oracle o;
    cr_assert(oracle_create(&o, &p->desc, CLNORM_TRAIN, &(oracle_inputs){.x = p->x, .weight = 1.0}) == 0);
    for (size_t c = 0; c < p->counts.statistics; c++) {
      cr_assert(p->mean[c] == 1000.0f, "mean[%zu] is %.9g", c, (double)p->mean[c]);
      cr_assert(p->new_running_var[c] == (float)o.var[c], "variance[%zu] is %.9g, expected %.9g", c,
                (double)p->new_running_var[c], (double)(float)o.var[c]);
    }
    oracle_destroy(&o);
    problem_free(p);
  }
  backend_close(b);
}

/* Constants whose multiples float does not hold, too. */
Test(accuracy, a_constant_channel_gives_exactly_beta)
{
  static const double constants[] = {0.0, 100.0, 0.1, -1e-3, 1e6 / 3.0, 3.3e15};
  backend *b = backend_open();
  for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
    FOR_EACH_LAYOUT(layout)
    {
      problem *p = open_problem(layout, GENERATE_CONSTANT, constants[i], 0.0);
      problem_check(p, b, CLNORM_TRAIN, WITH_ALL);
      for (size_t e = 0; e < p->counts.elements; e++) {
        const size_t c = layout == CLNORM_CHANNELS_LAST ? e % 8 : e / 1024 % 8;
        cr_assert(p->y[e] == p->beta[c], "constant %g: y[%zu] is %.9g, beta %.9g", constants[i], e, (double)p->y[e],
                  (double)p->beta[c]);
      }
      for (size_t c = 0; c < p->counts.statistics; c++) {
        cr_assert(p->mean[c] == (float)constants[i]);
      }
      problem_free(p);
    }
  }
  backend_close(b);
}

/* Runs a pass with one value of channel 3 replaced, and compares all other channels bit by bit with the run before. */
static void check_isolation(backend *b, problem *p, clnorm_pass pass, float poison)
{
  const size_t spoilt = p->desc.layout == CLNORM_CHANNELS_LAST ? 8 * 517 + 3 : (5 * 8 + 3) * 1024 + 517;
  const size_t bytes = p->counts.elements * sizeof(float);
  const int forward = pass == CLNORM_TRAIN || pass == CLNORM_INFER;
  float *clean = malloc(bytes);
  cr_assert(clean != NULL);
  problem_check(p, b, pass, WITH_ALL);
  memcpy(clean, forward ? p->y : p->dx, bytes);

  float mean[8];
  float inv_std[8];
  backend_args args = {.x = p->x, .gamma = p->gamma, .batch_number = 1};
  const float kept = p->x[spoilt];
  p->x[spoilt] = poison;
  if (forward) {
    args.y = p->y, args.beta = p->beta;
    args.running_mean = p->new_running_mean, args.running_var = p->new_running_var;
    memcpy(p->new_running_mean, p->running_mean, sizeof mean);
    memcpy(p->new_running_var, p->running_var, sizeof mean);
    args.mean = pass == CLNORM_TRAIN ? mean : NULL, args.inv_std = pass == CLNORM_TRAIN ? inv_std : NULL;
  } else {
    args.dy = p->dy, args.dx = p->dx, args.dgamma = p->dgamma, args.dbeta = p->dbeta;
  }
  cr_assert(backend_run(b, &p->desc, pass, &args) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  const float *result = forward ? p->y : p->dx;
  for (size_t e = 0; e < p->counts.elements; e++) {
    const size_t c = p->desc.layout == CLNORM_CHANNELS_LAST ? e % 8 : e / 1024 % 8;
    if (c != 3) {
      cr_assert(memcmp(&result[e], &clean[e], sizeof(float)) == 0,
                "%s %s with %g in channel 3: element %zu of channel %zu", desc_text(&p->desc), pass_text(pass),
                (double)poison, e, c);
    } else if (pass != CLNORM_INFER && isnan(poison)) {
      cr_assert(isnan(result[e]), "%s %s with NaN: element %zu of its channel is %g", desc_text(&p->desc),
                pass_text(pass), e, (double)result[e]);
    }
  }
  if (pass == CLNORM_TRAIN) {
    cr_assert(!isfinite(mean[3]) && !isfinite(p->new_running_mean[3]) && isfinite(mean[2]) && isfinite(mean[4]));
  }
  if (pass == CLNORM_INFER) {
    cr_assert(!isfinite(result[spoilt]));
  }
  p->x[spoilt] = kept;
  free(clean);
}

Test(accuracy, nan_and_infinity_stay_inside_their_own_statistic)
{
  static const float poisons[] = {NAN, INFINITY, -INFINITY};
  backend *b = backend_open();
  for (size_t i = 0; i < 3; i++) {
    FOR_EACH_LAYOUT(layout)
    {
      problem *p = open_problem(layout, GENERATE_NORMAL, 1.0, 2.0);
      check_isolation(b, p, CLNORM_TRAIN, poisons[i]);
      check_isolation(b, p, CLNORM_INFER, poisons[i]);
      check_isolation(b, p, CLNORM_BACKWARD, poisons[i]);
      problem_free(p);
    }
  }
  backend_close(b);
}

/* 1e25 squared overflows float: whatever becomes of its own channel, the others do not notice. */
Test(accuracy, an_overflow_stays_inside_its_own_statistic)
{
  backend *b = backend_open();
  FOR_EACH_LAYOUT(layout)
  {
    problem *p = open_problem(layout, GENERATE_NORMAL, 1.0, 2.0);
    const size_t spoilt = layout == CLNORM_CHANNELS_LAST ? 3 : (size_t)3 * 1024;
    problem_check(p, b, CLNORM_TRAIN, WITH_ALL);
    float *clean = malloc(p->counts.elements * sizeof(float));
    cr_assert(clean != NULL);
    memcpy(clean, p->y, p->counts.elements * sizeof(float));
    p->x[spoilt] = 1e25f;
    backend_args args = {.x = p->x, .y = p->y, .gamma = p->gamma, .beta = p->beta};
    cr_assert(backend_run(b, &p->desc, CLNORM_TRAIN, &args) == CLNORM_SUCCESS, "%s", clnorm_last_error());
    for (size_t e = 0; e < p->counts.elements; e++) {
      const size_t c = layout == CLNORM_CHANNELS_LAST ? e % 8 : e / 1024 % 8;
      cr_assert(c == 3 || memcmp(&p->y[e], &clean[e], sizeof(float)) == 0, "element %zu", e);
    }
    free(clean);
    problem_free(p);
  }
  backend_close(b);
}
