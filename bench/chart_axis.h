/* Where an axis has its ticks: round numbers, few enough to be read. */
#ifndef CLNORM_BENCH_CHART_AXIS_H
#define CLNORM_BENCH_CHART_AXIS_H

#include <stddef.h>

#define AXIS_TICKS 16

typedef struct axis {
  double low, high; /* the ends: of a linear axis ticks themselves */
  int logarithmic;
  size_t count;
  double ticks[AXIS_TICKS]; /* rising, within the ends */
} axis;

/* From 0 to at least `high`, ticks at multiples of 1, 2 or 5 times a power of ten, at most `most` (2 to 15) steps.
 * high <= 0 or not finite: 0 to 1. */
axis axis_linear(double high, size_t most);

/* From `low` to `high`, both positive, and a little wider, at least from 1 to 2.5. Ticks at round numbers within each
 * power of ten, at 1, 2 and 5 of each, at powers of ten, at every second, third ... of them: the first that are at most
 * `most` (2 to 15). Bad ends: 1 to 10. */
axis axis_log(double low, double high, size_t most);

/* Where a value lies: 0 at the lower end, 1 at the upper one; outside values at the ends. */
double axis_place(const axis *a, double value);

#endif
