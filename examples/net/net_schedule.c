#include "net_schedule.h"

#include <math.h>

double net_schedule_rate(const net_schedule *schedule, size_t step)
{
  const double pi = 3.14159265358979323846;
  if (step < schedule->warmup) {
    return schedule->base * (double)(step + 1) / (double)schedule->warmup;
  }
  const double periods = (double)(step - schedule->warmup) / (double)(schedule->period != 0 ? schedule->period : 1);
  switch (schedule->kind) {
    case NET_STEPS:
      return schedule->base * pow(schedule->factor, floor(periods));
    case NET_EXPONENTIAL:
      return schedule->base * pow(schedule->factor, periods);
    case NET_COSINE: {
      const double share = 0.5 * (1.0 + cos(pi * fmin(periods, 1.0))); /* 1 at the start, 0 at the end */
      return schedule->base * (schedule->factor + (1.0 - schedule->factor) * share);
    }
    case NET_CONSTANT:
      break;
  }
  return schedule->base;
}
