#include "chart_axis.h"

#include <math.h>

/* The part of the axis' length that stays free beside the outermost values. */
#define LOG_MARGIN 0.06

/* The least ratio of the ends: two of the finest ticks lie within it. */
#define LOG_LEAST 2.5

/* Sums of rounded steps may miss an end by that part of a step. */
#define ROUNDING 1e-9

axis axis_linear(double high, size_t most)
{
  static const double factors[] = {1.0, 2.0, 5.0, 10.0};
  axis a = {.low = 0.0};
  high = isfinite(high) && high > 0.0 ? high : 1.0;
  most = most < 2 ? 2 : most > AXIS_TICKS - 1 ? AXIS_TICKS - 1 : most;
  const double power = pow(10.0, floor(log10(high / (double)most)));
  double step = power;
  for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
    step = factors[i] * power;
    if (ceil(high / step - ROUNDING) <= (double)most) {
      break;
    }
  }
  const size_t steps = (size_t)ceil(high / step - ROUNDING);
  for (size_t i = 0; i <= steps && i < AXIS_TICKS; i++) {
    a.ticks[a.count++] = (double)i * step;
  }
  a.high = a.ticks[a.count - 1];
  return a;
}

/* How many ticks there would be; with `a` they are stored. `factors` of every `stride`-th decade. */
static size_t place_ticks(axis *a, double low, double high, const double *factors, size_t factor_count, int stride)
{
  size_t count = 0;
  const int first = (int)floor(log10(low));
  const int last = (int)ceil(log10(high));
  for (int decade = first; decade <= last; decade++) {
    for (size_t i = 0; i < factor_count && decade % stride == 0; i++) {
      const double tick = factors[i] * pow(10.0, decade);
      if (tick >= low * (1.0 - ROUNDING) && tick <= high * (1.0 + ROUNDING)) {
        if (a != NULL && count < AXIS_TICKS) {
          a->ticks[count] = tick;
        }
        count++;
      }
    }
  }
  return count;
}

axis axis_log(double low, double high, size_t most)
{
  static const double factors[] = {1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, /* the next ones are coarser */ 1.0,
                                   2.0, 5.0, 1.0};
  static const struct {
    size_t first, count;
  } sets[] = {{0, 8}, {8, 3}, {11, 1}};
  if (!(low > 0.0) || !isfinite(high) || high < low) {
    low = 1.0;
    high = 10.0;
  }
  most = most < 2 ? 2 : most > AXIS_TICKS - 1 ? AXIS_TICKS - 1 : most;
  const double margin = pow(high / low, LOG_MARGIN);
  axis a = {.low = low / margin, .high = high * margin, .logarithmic = 1};
  if (a.high < LOG_LEAST * a.low) {
    const double middle = sqrt(low * high);
    a.low = middle / sqrt(LOG_LEAST);
    a.high = middle * sqrt(LOG_LEAST);
  }
  int stride = 1;
  size_t set = 0;
  while (place_ticks(NULL, a.low, a.high, &factors[sets[set].first], sets[set].count, stride) > most) {
    if (set < 2) {
      set++;
    } else {
      stride++;
    }
  }
  a.count = place_ticks(&a, a.low, a.high, &factors[sets[set].first], sets[set].count, stride);
  return a;
}

double axis_place(const axis *a, double value)
{
  double place = 0.0;
  if (a->logarithmic) {
    place = value > 0.0 ? log(value / a->low) / log(a->high / a->low) : 0.0;
  } else {
    place = (value - a->low) / (a->high - a->low);
  }
  return place < 0.0 || isnan(place) ? 0.0 : place > 1.0 ? 1.0 : place;
}
