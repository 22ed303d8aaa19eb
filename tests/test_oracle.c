/* The reference itself, held against numbers worked out by hand, and the bounds against errors of known size. */
#include <criterion/criterion.h>
#include <math.h>

#include "problem.h"

static clnorm_desc make_desc(clnorm_layout layout, uint32_t flags, uint32_t rank, const size_t *dims)
{
  clnorm_desc desc;
  desc_set(&desc, layout, flags, rank, dims);
  return desc;
}

static void assert_near(long double got, long double expected)
{
  cr_assert(fabsl(got - expected) <= 1e-15L * (1.0L + fabsl(expected)), "got %.18Lg, expected %.18Lg", got, expected);
}

/* Channel 0 holds 1, 2, 5, 8 (mean 4, variance 7.5), channel 1 holds -1, -1, 3, 3 (mean 1, variance 4). */
static const float first[8] = {1, 2, -1, -1, 5, 8, 3, 3};
static const float last[8] = {1, -1, 2, -1, 5, 3, 8, 3};
static const size_t dims[3] = {2, 2, 2};

Test(oracle, forward_is_what_pencil_and_paper_give)
{
  for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
    clnorm_desc desc = make_desc((clnorm_layout)layout, 0, 3, dims);
    desc.epsilon = 1.5;
    const float gamma[] = {3, 2};
    const float beta[] = {10, 20};
    const float running_mean[] = {2, 2};
    const float running_var[] = {1, 1};
    oracle o;
    cr_assert(oracle_create(&o, &desc, CLNORM_TRAIN,
                            &(oracle_inputs){.x = layout == CLNORM_CHANNELS_FIRST ? first : last,
                                             .gamma = gamma,
                                             .beta = beta,
                                             .running_mean = running_mean,
                                             .running_var = running_var,
                                             .weight = 0.25}) == 0);
    assert_near(o.mean[0], 4.0L);
    assert_near(o.mean[1], 1.0L);
    assert_near(o.var[0], 7.5L);
    assert_near(o.var[1], 4.0L);
    assert_near(o.inv_std[0], 1.0L / 3.0L);
    assert_near(o.running_mean[0], 0.75L * 2 + 0.25L * 4);
    assert_near(o.running_var[1], 0.75L + 0.25L * 4.0L * 4.0L / 3.0L);
    assert_near(oracle_y(&o, 0), 10.0L - 3.0L);
    assert_near(oracle_y(&o, 7), 20.0L + 2.0L * 2.0L / sqrtl(5.5L));
    oracle_destroy(&o);
  }
}

Test(oracle, per_activation_takes_statistics_over_the_batch_alone)
{
  const clnorm_desc desc = make_desc(CLNORM_CHANNELS_FIRST, CLNORM_PER_ACTIVATION, 3, dims);
  oracle o;
  cr_assert(oracle_create(&o, &desc, CLNORM_TRAIN, &(oracle_inputs){.x = first, .weight = 0.1}) == 0);
  cr_assert(o.statistics == 4 && o.values == 2);
  assert_near(o.mean[1], 5.0L);
  assert_near(o.var[1], 9.0L);
  oracle_destroy(&o);
}

/* One channel with x = -1, 1 and dy = 1, 4: xh = x*r, dbeta = 5, dgamma = 3r, dx = r*(dy - 2.5 - x*r*1.5*r). */
Test(oracle, backward_is_what_pencil_and_paper_give)
{
  clnorm_desc desc = make_desc(CLNORM_CHANNELS_FIRST, 0, 2, (const size_t[]){2, 1});
  desc.epsilon = 3.0;
  const float x[] = {-1, 1};
  const float dy[] = {1, 4};
  oracle o;
  cr_assert(oracle_create(&o, &desc, CLNORM_BACKWARD, &(oracle_inputs){.x = x, .dy = dy}) == 0);
  assert_near(o.inv_std[0], 0.5L);
  assert_near(o.dbeta[0], 5.0L);
  assert_near(o.dgamma[0], 1.5L);
  assert_near(o.dgamma_largest[0], 2.0L);
  assert_near(oracle_dx(&o, 0), 0.5L * (1.0L - 2.5L + 0.375L));
  assert_near(oracle_dx(&o, 1), 0.5L * (4.0L - 2.5L - 0.375L));
  oracle_destroy(&o);

  const float zero = 0.0f;
  const float one = 1.0f;
  cr_assert(oracle_create(&o, &desc, CLNORM_BACKWARD_FROZEN,
                          &(oracle_inputs){.x = x, .dy = dy, .running_mean = &zero, .running_var = &one}) == 0);
  assert_near(oracle_dx(&o, 1), 2.0L);
  assert_near(o.dgamma[0], 1.5L);
  oracle_destroy(&o);
}

Test(oracle, an_error_of_twice_the_bound_counts_as_two)
{
  const clnorm_desc desc = make_desc(CLNORM_CHANNELS_FIRST, 0, 3, dims);
  oracle o;
  float y[8];
  cr_assert(oracle_create(&o, &desc, CLNORM_TRAIN, &(oracle_inputs){.x = first, .weight = 0.1}) == 0);
  for (int i = 0; i < 8; i++) {
    y[i] = (float)oracle_y(&o, (uint64_t)i);
  }
  cr_assert(oracle_compare(&o, ORACLE_Y, y).units < 0.1);
  y[5] = (float)(oracle_y(&o, 5) + 2.0L * (long double)oracle_bound(&o, ORACLE_Y, 5));
  oracle_error error = oracle_compare(&o, ORACLE_Y, y);
  cr_assert(error.index == 5 && error.units > 1.9 && error.units < 2.1, "%g at %llu", error.units,
            (unsigned long long)error.index);
  y[3] = NAN;
  error = oracle_compare(&o, ORACLE_Y, y);
  cr_assert(error.index == 3 && isinf(error.units) && isinf(error.absolute));
  oracle_destroy(&o);
}

static void assert_bound(const oracle *o, oracle_quantity quantity, uint64_t i, double expected)
{
  const double bound = oracle_bound(o, quantity, i);
  cr_assert(fabs(bound - expected) <= 1e-3 * expected, "%s[%llu]: bound %.6g, expected %.6g",
            oracle_quantity_name(quantity), (unsigned long long)i, bound, expected);
}

/* One channel: x = -1, 1; r = 1/2; xh = -1/2, 1/2; gamma 3, beta 10; running 2 and 1 become 1.5 and 1.25 (weight 1/4). */
Test(oracle, every_bound_has_the_size_that_is_derived_for_it)
{
  clnorm_desc desc = make_desc(CLNORM_CHANNELS_FIRST, 0, 2, (const size_t[]){2, 1});
  desc.epsilon = 3.0;
  const float x[] = {-1, 1};
  const float dy[] = {1, 4};
  const float gamma = 3.0f;
  const float beta = 10.0f;
  const float running[] = {2.0f, 1.0f};
  oracle o;
  oracle_inputs in = {.x = x,
                      .dy = dy,
                      .gamma = &gamma,
                      .beta = &beta,
                      .running_mean = &running[0],
                      .running_var = &running[1],
                      .weight = 0.25};
  cr_assert(oracle_create(&o, &desc, CLNORM_TRAIN, &in) == 0);
  assert_bound(&o, ORACLE_Y, 0, 4 * 0x1p-23 * 11.5 + 3e-6);
  /* The mean is 0: only its floor is left. */
  assert_bound(&o, ORACLE_MEAN, 0, 0x1p-40);
  assert_bound(&o, ORACLE_INV_STD, 0, 8 * 0x1p-24);
  assert_bound(&o, ORACLE_RUNNING_MEAN, 0, 4 * 0x1p-24 * 1.5 + 0.25 * 0x1p-40);
  /* The unbiased variance is 2, with an ulp of 2^-22. */
  assert_bound(&o, ORACLE_RUNNING_VAR, 0, 4 * 0x1p-24 * 1.25 + 0.25 * 5 * 0x1p-22);
  oracle_destroy(&o);

  in.outliers = 1;
  cr_assert(oracle_create(&o, &desc, CLNORM_TRAIN, &in) == 0);
  assert_bound(&o, ORACLE_INV_STD, 0, 14 * 0x1p-24);
  assert_bound(&o, ORACLE_RUNNING_VAR, 0, 4 * 0x1p-24 * 1.25 + 0.25 * 17 * 0x1p-22);
  oracle_destroy(&o);

  /* dbeta = 5, dgamma = 1.5; the largest terms are 4 and 2; mean(dy) = 2.5, xh*mean(dy*xh) = 0.375. */
  cr_assert(oracle_create(&o, &desc, CLNORM_BACKWARD, &in) == 0);
  assert_bound(&o, ORACLE_DBETA, 0, 2 * 0x1p-21 + 0x1p-22 * 4);
  assert_bound(&o, ORACLE_DGAMMA, 0, 2 * 0x1p-23 + 0x1p-22 * 2);
  assert_bound(&o, ORACLE_DX, 1, 8 * 0x1p-24 * 1.5 * (4 + 2.5 + 0.375));
  oracle_destroy(&o);

  cr_assert(oracle_create(&o, &desc, CLNORM_BACKWARD_FROZEN, &in) == 0);
  assert_bound(&o, ORACLE_DX, 1, 8 * 0x1p-24 * 1.5 * 4);
  oracle_destroy(&o);
}

Test(oracle, a_number_where_none_is_due_is_an_error)
{
  const clnorm_desc desc = make_desc(CLNORM_CHANNELS_FIRST, 0, 3, dims);
  float x[8] = {1, NAN, -1, -1, 5, 8, 3, 3};
  float mean[2] = {0.0f, 1.0f};
  oracle o;
  cr_assert(oracle_create(&o, &desc, CLNORM_TRAIN, &(oracle_inputs){.x = x, .weight = 0.1}) == 0);
  cr_assert(isinf(oracle_compare(&o, ORACLE_MEAN, mean).units));
  mean[0] = NAN;
  cr_assert(oracle_compare(&o, ORACLE_MEAN, mean).units == 0.0);
  oracle_destroy(&o);
}

Test(oracle, ulps_are_those_of_float)
{
  cr_assert(oracle_ulp(1.0) == 0x1p-23);
  cr_assert(oracle_ulp(-1.99) == 0x1p-23);
  cr_assert(oracle_ulp(1e6) == 0.0625);
  cr_assert(oracle_ulp(0.0) == 0x1p-149);
  cr_assert(oracle_ulp(1e-42) == 0x1p-149);
}

Test(oracle, neighbours_sum_to_twice_the_mean)
{
  const clnorm_desc desc = make_desc(CLNORM_CHANNELS_LAST, 0, 3, (const size_t[]){4, 3, 6});
  float x[72];
  generate_x(x, &desc, GENERATE_NEIGHBOURS, 1, 1000.0, 4.0);
  for (int row = 0; row < 24; row += 2) {
    for (int c = 0; c < 3; c++) {
      cr_assert(x[row * 3 + c] + x[(row + 1) * 3 + c] == 2000.0f);
    }
  }
}

Test(oracle, generated_data_has_the_mean_and_spread_that_was_asked_for)
{
  static float x[40000];
  double sum = 0.0;
  double squares = 0.0;
  generate_normal(x, 40000, 7, 3.0, 2.0);
  for (int i = 0; i < 40000; i++) {
    sum += x[i];
    squares += (x[i] - 3.0) * (x[i] - 3.0);
  }
  /* Five standard errors: 2/sqrt(40000) = 0.01 of the mean, 4*sqrt(2/40000) = 0.028 of the variance. */
  cr_assert(fabs(sum / 40000 - 3.0) < 0.05 && fabs(squares / 40000 - 4.0) < 0.14);
}
