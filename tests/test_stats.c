/* The median and its interval against known values. The ranks are those of the usual tables of the sign test: with n
 * samples the interval from the r-th smallest to the r-th largest holds the median with at least 95 % confidence. */
#include <criterion/criterion.h>
#include <math.h>

#include "stats.h"

Test(stats, no_samples_give_zeros)
{
  bench_summary s = {7, 7, 7, 7};
  bench_summarize(NULL, 0, &s);
  cr_assert(s.n == 0 && s.median == 0 && s.low == 0 && s.high == 0);
}

Test(stats, median_of_odd_and_even_counts)
{
  double odd[] = {5, 1, 4};
  double even[] = {9, 1, 4, 2};
  bench_summary s;
  bench_summarize(odd, 3, &s);
  cr_assert(s.n == 3 && s.median == 4);
  bench_summarize(even, 4, &s);
  cr_assert(s.n == 4 && s.median == 3);
}

Test(stats, interval_ranks_are_those_of_the_tables)
{
  static const size_t known[][2] = {{1, 1},   {2, 1},   {5, 1},   {6, 1},   {8, 1},   {9, 2},  {11, 2},
                                    {12, 3},  {14, 3},  {15, 4},  {17, 5},  {20, 6},  {25, 8}, {30, 10},
                                    {40, 14}, {50, 18}, {60, 22}, {80, 31}, {100, 40}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    const size_t rank = bench_interval_rank(known[i][0]);
    cr_assert(rank + 1 == known[i][1], "n = %zu: from the %zu-th, expected the %zu-th", known[i][0], rank + 1,
              known[i][1]);
  }
}

/* By adding up binomial coefficients in another way than stats.c: exact in double up to n = 50. */
Test(stats, intervals_cover_95_percent_and_no_rank_more_would)
{
  for (size_t n = 6; n <= 50; n++) {
    const size_t rank = bench_interval_rank(n);
    double ways = 1;
    double below = 0;
    for (size_t i = 0; i <= rank; i++) {
      below += ways;
      ways = ways * (double)(n - i) / (double)(i + 1);
    }
    cr_assert(1 - 2 * ldexp(below, -(int)n) >= 0.95, "n = %zu", n);
    cr_assert(1 - 2 * ldexp(below + ways, -(int)n) < 0.95, "n = %zu", n);
  }
}

/* For large n the rank is n/2 - 1.96*sqrt(n)/2, by the normal distribution. */
Test(stats, many_samples_do_not_underflow)
{
  const size_t n = 100000;
  const double expected = 0.5 * (double)n - 0.5 * 1.959964 * sqrt((double)n);
  cr_assert(fabs((double)bench_interval_rank(n) - expected) < 3);
}

Test(stats, interval_ends_are_samples)
{
  double samples[12];
  bench_summary s;
  for (int i = 0; i < 12; i++) {
    samples[i] = (i * 5) % 12; /* 0 to 11 in another order */
  }
  bench_summarize(samples, 12, &s);
  cr_assert(s.low == 2 && s.median == 5.5 && s.high == 9, "%g %g %g", s.low, s.median, s.high);
}

Test(stats, one_wild_sample_moves_nothing)
{
  double samples[20];
  bench_summary s;
  for (int i = 0; i < 20; i++) {
    samples[i] = i == 7 ? 1e9 : 1.0;
  }
  bench_summarize(samples, 20, &s);
  cr_assert(s.low == 1 && s.median == 1 && s.high == 1);
}
