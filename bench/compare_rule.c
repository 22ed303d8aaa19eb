#include "compare_rule.h"

#include <math.h>

static int is_estimate(const compare_estimate *e)
{
  return isfinite(e->high) && e->low > 0.0 && e->low <= e->median && e->median <= e->high;
}

static compare_verdict judge(const compare_result *r)
{
  if (r->high < 1.0 && r->ratio < 1.0 - COMPARE_APART) {
    return COMPARE_FASTER;
  }
  if (r->low > 1.0 && r->ratio > 1.0 + COMPARE_APART) {
    return COMPARE_SLOWER;
  }
  return r->low >= 1.0 - COMPARE_SAME && r->high <= 1.0 + COMPARE_SAME ? COMPARE_SAME_SPEED : COMPARE_UNSURE;
}

compare_result compare_estimates(const compare_estimate *then, const compare_estimate *now)
{
  compare_result result = {COMPARE_NONE, 0.0, 0.0, 0.0};
  if (!is_estimate(then) || !is_estimate(now)) {
    return result;
  }
  result.ratio = now->median / then->median;
  result.low = now->low / then->high;
  result.high = now->high / then->low;
  result.verdict = judge(&result);
  return result;
}

compare_estimate compare_quotient(const compare_estimate *time, const compare_estimate *copy)
{
  if (!is_estimate(time) || !is_estimate(copy)) {
    return (compare_estimate){0.0, 0.0, 0.0};
  }
  return (compare_estimate){time->median / copy->median, time->low / copy->high, time->high / copy->low};
}

compare_verdict compare_both(compare_verdict time, compare_verdict copies)
{
  if (time == COMPARE_NONE || copies == COMPARE_NONE || time == copies) {
    return time;
  }
  return COMPARE_UNSURE;
}

int compare_is_slower_by(const compare_result *time, const compare_result *copies, double percent)
{
  const double limit = 1.0 + 0.01 * percent;
  return compare_both(time->verdict, copies->verdict) == COMPARE_SLOWER && time->ratio > limit &&
         (copies->verdict == COMPARE_NONE || copies->ratio > limit);
}

const char *compare_verdict_name(compare_verdict verdict)
{
  static const char *const names[] = {"", "FASTER", "SLOWER", "SAME", "UNSURE"};
  return names[verdict];
}
