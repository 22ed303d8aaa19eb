/* Ticks of the report's plots: round, rising, within the ends, not too many. */
#include <criterion/criterion.h>
#include <math.h>

#include "chart_axis.h"

static int is_near(double a, double b) { return fabs(a - b) <= 1e-9 * fabs(b); }

static void expect_ticks(const axis *a, const double *ticks, size_t count, const char *what)
{
  cr_expect(a->count == count, "%s: %zu ticks, expected %zu", what, a->count, count);
  for (size_t i = 0; i < count && i < a->count; i++) {
    cr_expect(is_near(a->ticks[i], ticks[i]) || (ticks[i] == 0 && a->ticks[i] == 0), "%s: tick %zu is %g, expected %g",
              what, i, a->ticks[i], ticks[i]);
  }
}

Test(chart_axis, linear_ticks_known_by_hand)
{
  const axis a = axis_linear(97.0, 6);
  const axis b = axis_linear(1.0, 5);
  const axis c = axis_linear(5.3, 6);
  const axis d = axis_linear(6000.0, 6);
  expect_ticks(&a, (double[]){0, 20, 40, 60, 80, 100}, 6, "97");
  expect_ticks(&b, (double[]){0, 0.2, 0.4, 0.6, 0.8, 1}, 6, "1");
  expect_ticks(&c, (double[]){0, 1, 2, 3, 4, 5, 6}, 7, "5.3");
  expect_ticks(&d, (double[]){0, 1000, 2000, 3000, 4000, 5000, 6000}, 7, "6000");
}

Test(chart_axis, linear_ends_hold_the_value_and_no_whole_step_more)
{
  for (double high = 1.3e-7; high < 1e9; high *= 1.37) {
    for (size_t most = 2; most <= 15; most++) {
      const axis a = axis_linear(high, most);
      const double step = a.ticks[1] - a.ticks[0];
      cr_assert(a.count >= 2 && a.count <= most + 1, "%g, %zu: %zu ticks", high, most, a.count);
      cr_assert(a.low == 0 && a.ticks[0] == 0 && a.high == a.ticks[a.count - 1]);
      cr_assert(a.high >= high * (1 - 1e-9) && a.high - step < high, "%g, %zu: to %g", high, most, a.high);
    }
  }
}

Test(chart_axis, log_ticks_known_by_hand)
{
  const axis a = axis_log(3.0, 250.0, 7);
  const axis b = axis_log(262144, 268435456, 10);
  const axis c = axis_log(1e-7, 5.0, 4);
  const axis d = axis_log(10.0, 10.0, 8);
  expect_ticks(&a, (double[]){5, 10, 20, 50, 100, 200}, 6, "3 to 250");
  expect_ticks(&b, (double[]){2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8}, 10, "256 KiB to 256 MiB");
  expect_ticks(&c, (double[]){1e-6, 1e-4, 1e-2, 1}, 4, "1e-7 to 5");
  expect_ticks(&d, (double[]){8, 10, 15}, 3, "10 to 10");
}

Test(chart_axis, log_ends_hold_both_values_and_two_ticks)
{
  for (double low = 1e-9; low < 1e9; low *= 7.3) {
    for (double ratio = 1.0; ratio < 1e12; ratio *= 1.9) {
      for (size_t most = 3; most <= 15; most += 4) {
        const axis a = axis_log(low, low * ratio, most);
        cr_assert(a.low <= low * (1 + 1e-12) && a.high >= low * ratio * (1 - 1e-12));
        cr_assert(a.count >= 1 && a.count <= most, "%g x %g, %zu: %zu ticks", low, ratio, most, a.count);
        for (size_t i = 0; i < a.count; i++) {
          cr_assert(a.ticks[i] >= a.low * (1 - 1e-8) && a.ticks[i] <= a.high * (1 + 1e-8));
          cr_assert(i == 0 || a.ticks[i] > a.ticks[i - 1]);
        }
      }
    }
  }
}

Test(chart_axis, nonsense_still_gives_an_axis)
{
  static const double bad[] = {0.0, -1.0, NAN, INFINITY};
  for (size_t i = 0; i < 4; i++) {
    const axis a = axis_linear(bad[i], 5);
    const axis b = axis_log(bad[i], bad[i], 5);
    cr_expect(a.high == 1 && a.count > 1);
    cr_expect(b.low > 0 && b.high > b.low && b.count > 1);
  }
  const axis swapped = axis_log(1e6, 1.0, 5);
  cr_expect(swapped.low < swapped.high && swapped.high < 20 && swapped.count > 1);
}

Test(chart_axis, places_are_the_part_of_the_way)
{
  const axis a = axis_linear(10, 5);
  axis b = axis_log(1, 100, 8);
  b.low = 1;
  b.high = 100;
  cr_expect(axis_place(&a, 5) == 0.5 && axis_place(&a, -1) == 0 && axis_place(&a, 11) == 1 && axis_place(&a, NAN) == 0);
  cr_expect(is_near(axis_place(&b, 10), 0.5) && axis_place(&b, 0) == 0 && axis_place(&b, 1000) == 1);
}
