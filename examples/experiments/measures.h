/* Numbers that experiments take from what their trainings gave. */
#ifndef CLNORM_EXPERIMENTS_MEASURES_H
#define CLNORM_EXPERIMENTS_MEASURES_H

#include <stddef.h>

/* log10 of (first / last), gradients of two layers: -INFINITY where the first has vanished, INFINITY where the last has. NaN,
 * which is no ratio, where both have or one is not finite. */
double measure_log_ratio(double first, double last);

/* The largest of the rates whose accuracy (from 0 to 1) is 90 % of the best or more; 0 if the best is no more than three times
 * `chance`, so that none has trained. */
double measure_largest_rate(const double *rates, const double *accuracy, size_t count, double chance);

/* The median, of which the values are sorted; NaN if one of them is NaN, or there are none. */
double measure_median(double *values, size_t count);

/* How far a layer's inputs have moved, in standard deviations: Wasserstein's distance between normal distributions of these
 * means and deviations, root mean square over the units, over that of the deviations before. */
double measure_drift(const double *mean, const double *deviation, const double *mean_before,
                     const double *deviation_before, size_t units);

#endif
