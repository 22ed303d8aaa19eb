/* The numbers that experiments take from their trainings, against ones worked out by hand. */
#include <criterion/criterion.h>
#include <math.h>

#include "measures.h"

Test(measures, ratio_of_gradients_tells_what_vanished_from_what_is_none)
{
  cr_expect(fabs(measure_log_ratio(1e-3, 10) + 4) < 1e-12 && measure_log_ratio(2, 2) == 0);
  cr_expect(measure_log_ratio(0, 1) == -INFINITY && measure_log_ratio(1, 0) == INFINITY);
  cr_expect(isnan(measure_log_ratio(0, 0)));
  cr_expect(isnan(measure_log_ratio(NAN, 1)) && isnan(measure_log_ratio(1, NAN)) && isnan(measure_log_ratio(NAN, NAN)));
  cr_expect(isnan(measure_log_ratio(INFINITY, 1)) && isnan(measure_log_ratio(1, INFINITY)));
}

Test(measures, largest_rate_is_none_where_nothing_trains)
{
  const double rates[] = {0.1, 1, 10};
  const double falls[] = {0.8, 0.9, 0.2};
  const double slips[] = {0.95, 0.8, 0.1};
  const double chance[] = {0.1, 0.12, 0.11};
  const double little[] = {0.1, 0.31, 0.1};
  cr_expect(measure_largest_rate(rates, falls, 3, 0.1) == 1);
  cr_expect(measure_largest_rate(rates, slips, 3, 0.1) == 0.1);
  cr_expect(measure_largest_rate(rates, chance, 3, 0.1) == 0);
  cr_expect(measure_largest_rate(rates, little, 3, 0.1) == 1);
}

Test(measures, median_does_not_mind_two_wild_epochs)
{
  double epochs[] = {30, 0.1, 0.3, 9, 0.2};
  double wrong[] = {1, NAN, 2};
  cr_expect(measure_median(epochs, 5) == 0.3);
  cr_expect(isnan(measure_median(wrong, 3)) && isnan(measure_median(wrong, 0)));
}

Test(measures, drift_is_a_way_in_standard_deviations)
{
  const double mean[] = {1, 2}, deviation[] = {2, 2};
  const double moved[] = {4, 2}, wider[] = {2, 6};
  cr_expect(measure_drift(mean, deviation, mean, deviation, 2) == 0);
  /* Squares: 9 of the mean, 16 of the deviation, over 4 + 4. */
  cr_expect(fabs(measure_drift(moved, wider, mean, deviation, 2) - sqrt(25.0 / 8)) < 1e-12);
}
