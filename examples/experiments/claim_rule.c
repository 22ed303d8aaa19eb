#include "claim_rule.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The true median lies below the value of index r only if at most r of n fair coins show heads. */
size_t claim_rank(size_t n)
{
  double probability = pow(0.5, (double)n);
  double sum = probability;
  size_t r = 0;
  for (;; r++) {
    probability *= (double)(n - r) / (double)(r + 1);
    if (!(sum + probability <= 0.05)) {
      return r;
    }
    sum += probability;
  }
}

double claim_quantile(const double *sorted, size_t n, double part)
{
  if (n == 0) {
    return 0;
  }
  const double place = part * (double)(n - 1);
  const size_t below = (size_t)place;
  const size_t above = below + 1 < n ? below + 1 : below;
  const double fraction = place - (double)below;
  /* Beside an infinity, 0 times it and the way from it to a number would be NaN. */
  if (!(fraction > 0) || sorted[below] == sorted[above] || isinf(sorted[below])) {
    return sorted[below];
  }
  return sorted[below] + fraction * (sorted[above] - sorted[below]);
}

void claim_summarize(double *values, size_t n, claim_interval *interval)
{
  qsort(values, n, sizeof *values, compare);
  *interval = (claim_interval){.n = n, .median = claim_quantile(values, n, 0.5), .low = -INFINITY, .high = INFINITY};
  if (n >= 5) {
    const size_t r = claim_rank(n);
    interval->low = values[r];
    interval->high = values[n - 1 - r];
  }
}

claim_verdict claim_judge(const claim_interval *interval, double threshold)
{
  if (interval->low > threshold) {
    return CLAIM_HOLDS;
  }
  return interval->high <= threshold ? CLAIM_FAILS : CLAIM_UNCLEAR;
}

claim_verdict claim_and(claim_verdict a, claim_verdict b)
{
  if (a == CLAIM_FAILS || b == CLAIM_FAILS) {
    return CLAIM_FAILS;
  }
  return a == CLAIM_HOLDS && b == CLAIM_HOLDS ? CLAIM_HOLDS : CLAIM_UNCLEAR;
}

const char *claim_text(claim_verdict verdict)
{
  switch (verdict) {
    case CLAIM_HOLDS:
      return "holds";
    case CLAIM_FAILS:
      return "does not hold";
    default:
      return "unclear";
  }
}
