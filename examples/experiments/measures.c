#include "measures.h"

#include <math.h>

#include "claim_rule.h"

double measure_log_ratio(double first, double last)
{
  /* 0 over 0 is NaN by itself. */
  const int is_ratio = isfinite(first) && isfinite(last) && first >= 0 && last >= 0;
  return is_ratio ? log10(first / last) : NAN;
}

double measure_largest_rate(const double *rates, const double *accuracy, size_t count, double chance)
{
  double best = 0;
  double found = 0;
  for (size_t i = 0; i < count; i++) {
    best = accuracy[i] > best ? accuracy[i] : best;
  }
  for (size_t i = 0; i < count && best > 3 * chance; i++) {
    found = accuracy[i] >= 0.9 * best && rates[i] > found ? rates[i] : found;
  }
  return found;
}

double measure_median(double *values, size_t count)
{
  claim_interval interval;
  for (size_t i = 0; i < count; i++) {
    if (isnan(values[i])) {
      return NAN;
    }
  }
  claim_summarize(values, count, &interval);
  return count > 0 ? interval.median : NAN;
}

double measure_drift(const double *mean, const double *deviation, const double *mean_before,
                     const double *deviation_before, size_t units)
{
  double moved = 0, scale = 0;
  for (size_t j = 0; j < units; j++) {
    const double by = mean[j] - mean_before[j];
    const double wider = deviation[j] - deviation_before[j];
    moved += by * by + wider * wider;
    scale += deviation_before[j] * deviation_before[j];
  }
  return sqrt(moved / (scale > 0 ? scale : 1e-30));
}
