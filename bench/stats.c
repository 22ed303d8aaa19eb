#include "stats.h"

#include <math.h>
#include <stdlib.h>

#define CONFIDENCE 0.95

static int ascending(const void *left, const void *right)
{
  const double a = *(const double *)left;
  const double b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Each sample lies below the true median with probability 1/2, independently, so the number of those that do is
 * binomial. The interval misses on one side if at most r do: with the probability P(B <= r). */
size_t bench_interval_rank(size_t n)
{
  const double most = (1.0 - CONFIDENCE) / 2.0;
  double below = 0.0;
  size_t rank = 0;
  for (size_t i = 0; 2 * (i + 1) <= n; i++) {
    /* In logarithms: 2^-n is no double beyond 1074 samples. */
    const double log_ways = lgamma((double)n + 1.0) - lgamma((double)i + 1.0) - lgamma((double)(n - i) + 1.0);
    below += exp(log_ways - (double)n * log(2.0));
    if (below > most) {
      break;
    }
    rank = i;
  }
  return rank;
}

void bench_summarize(double *samples, size_t n, bench_summary *summary)
{
  *summary = (bench_summary){.n = n};
  if (n == 0) {
    return;
  }
  qsort(samples, n, sizeof *samples, ascending);
  const size_t rank = bench_interval_rank(n);
  summary->median = n % 2 == 1 ? samples[n / 2] : 0.5 * (samples[n / 2 - 1] + samples[n / 2]);
  summary->low = samples[rank];
  summary->high = samples[n - 1 - rank];
}
