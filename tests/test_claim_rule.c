/* The rule of verdicts. Expected ranks are from tables of the binomial distribution; the interval's errors are counted on
 * drawn samples. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>

#include "claim_rule.h"

Test(claim_rule, ranks_are_those_of_the_binomial_distribution)
{
  /* The largest r for which a binomial variable of n and 1/2 is at most r with a probability of at most 5 %. */
  static const struct {
    size_t n, rank;
  } table[] = {{5, 0},  {6, 0},  {7, 0},  {8, 1},  {10, 1},  {11, 2},  {12, 2},
               {13, 3}, {15, 3}, {20, 5}, {25, 7}, {30, 10}, {100, 41}};
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    cr_assert(claim_rank(table[i].n) == table[i].rank, "n = %zu: %zu", table[i].n, claim_rank(table[i].n));
  }
}

static claim_verdict judge(const double *from, size_t n, double threshold, claim_interval *interval)
{
  double values[64];
  for (size_t i = 0; i < n; i++) {
    values[i] = from[i];
  }
  claim_summarize(values, n, interval);
  return claim_judge(interval, threshold);
}

Test(claim_rule, five_seeds_that_agree_decide)
{
  claim_interval interval;
  const double better[] = {0.3, 0.1, 0.5, 0.2, 0.4};
  const double worse[] = {-0.3, -0.1, -0.5, -0.2, -0.4};
  const double mixed[] = {0.3, 0.1, -0.5, 0.2, 0.4};
  cr_assert(judge(better, 5, 0, &interval) == CLAIM_HOLDS);
  cr_assert(interval.median == 0.3 && interval.low == 0.1 && interval.high == 0.5 && interval.n == 5);
  cr_assert(judge(worse, 5, 0, &interval) == CLAIM_FAILS);
  cr_assert(judge(mixed, 5, 0, &interval) == CLAIM_UNCLEAR);
  /* The threshold counts, and what equals it does not exceed it. */
  cr_assert(judge(better, 5, 0.1, &interval) == CLAIM_UNCLEAR);
  cr_assert(judge(better, 5, 0.5, &interval) == CLAIM_FAILS);
}

Test(claim_rule, four_seeds_decide_nothing)
{
  claim_interval interval;
  const double better[] = {1, 2, 3, 4};
  cr_assert(judge(better, 4, 0, &interval) == CLAIM_UNCLEAR);
  cr_assert(interval.median == 2.5 && interval.low == -INFINITY && interval.high == INFINITY);
  cr_assert(judge(better, 0, 0, &interval) == CLAIM_UNCLEAR && interval.median == 0);
}

Test(claim_rule, one_outlier_of_eight_is_borne)
{
  claim_interval interval;
  const double gains[] = {1, 2, 3, -100, 4, 5, 6, 7};
  cr_assert(judge(gains, 8, 0, &interval) == CLAIM_HOLDS);
  cr_assert(interval.low == 1 && interval.high == 6 && interval.median == 3.5);
}

Test(claim_rule, infinities_have_a_place)
{
  claim_interval interval;
  const double gains[] = {-INFINITY, 1, 2, 3, 4};
  cr_assert(judge(gains, 5, 0, &interval) == CLAIM_UNCLEAR);
  cr_assert(interval.low == -INFINITY && interval.median == 2);
}

/* A median that is a number beside an infinity, and one that is an infinity. */
Test(claim_rule, infinities_beside_the_median_leave_it)
{
  static const struct {
    double values[6];
    size_t n;
    double median;
  } rows[] = {
      {{1, 2, 3, INFINITY, INFINITY}, 5, 3},
      {{1, 2, INFINITY, INFINITY, INFINITY}, 5, INFINITY},
      {{-INFINITY, -INFINITY, -INFINITY, 1, 2}, 5, -INFINITY},
      {{-INFINITY, -INFINITY, -INFINITY, -INFINITY, 1, 2}, 6, -INFINITY},
      {{1, 2, 3, INFINITY, INFINITY, INFINITY}, 6, INFINITY},
      {{-INFINITY, -INFINITY, -INFINITY, 1, 2, 3}, 6, -INFINITY},
      {{-INFINITY, -INFINITY, -INFINITY, INFINITY, INFINITY, INFINITY}, 6, -INFINITY},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    claim_interval interval;
    (void)judge(rows[i].values, rows[i].n, 0, &interval);
    cr_expect(interval.median == rows[i].median, "row %zu: %g", i, interval.median);
  }
}

Test(claim_rule, all_parts_have_to_hold)
{
  static const claim_verdict all[] = {CLAIM_UNCLEAR, CLAIM_HOLDS, CLAIM_FAILS};
  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < 3; j++) {
      const claim_verdict expected = all[i] == CLAIM_FAILS || all[j] == CLAIM_FAILS   ? CLAIM_FAILS
                                     : all[i] == CLAIM_HOLDS && all[j] == CLAIM_HOLDS ? CLAIM_HOLDS
                                                                                      : CLAIM_UNCLEAR;
      cr_assert(claim_and(all[i], all[j]) == expected);
    }
  }
  cr_assert_str_eq(claim_text(CLAIM_HOLDS), "holds");
  cr_assert_str_eq(claim_text(CLAIM_FAILS), "does not hold");
  cr_assert_str_eq(claim_text(CLAIM_UNCLEAR), "unclear");
}

Test(claim_rule, quantiles_are_linear_between_neighbours)
{
  const double sorted[] = {1, 2, 4, 8};
  cr_assert(claim_quantile(sorted, 4, 0) == 1 && claim_quantile(sorted, 4, 1) == 8);
  cr_assert(claim_quantile(sorted, 4, 0.5) == 3 && claim_quantile(sorted, 4, 0.25) == 1.75);
  cr_assert(claim_quantile(sorted, 1, 0.7) == 1 && claim_quantile(sorted, 0, 0.5) == 0);
}

/* An exponential variable of median log 2, from a generator of its own. */
static double draw(uint64_t *state)
{
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return -log(((double)(*state >> 11) + 0.5) / 9007199254740992.0);
}

Test(claim_rule, each_end_misses_the_median_in_at_most_five_of_a_hundred)
{
  static const size_t counts[] = {5, 7, 10, 20};
  enum { TRIALS = 20000 };
  uint64_t state = 12345;
  for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
    int above = 0, below = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
      double values[20];
      claim_interval interval;
      for (size_t i = 0; i < counts[c]; i++) {
        values[i] = draw(&state);
      }
      claim_summarize(values, counts[c], &interval);
      above += interval.low > log(2);
      below += interval.high < log(2);
    }
    /* 5 % and four standard deviations of such a count. */
    cr_assert(above <= 0.0562 * TRIALS && below <= 0.0562 * TRIALS, "n = %zu: %d and %d of %d", counts[c], above, below,
              TRIALS);
    cr_assert(above > 0 && below > 0);
  }
}
