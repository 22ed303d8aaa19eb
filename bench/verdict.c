#include "verdict.h"

#include <math.h>
#include <stdio.h>

void verdict_take(verdict *result, const verdict_number *worst)
{
  if (worst->units >= result->units) {
    result->units = worst->units;
    result->max_err = fabs(worst->got - worst->expected);
    result->tolerance = worst->tolerance;
  }
  if (!(worst->units <= 1.0) && result->ok) {
    result->ok = 0;
    (void)snprintf(result->reason, sizeof result->reason, "%s[%llu] is %.9g, expected %.9g within %.2g", worst->name,
                   (unsigned long long)worst->index, worst->got, worst->expected, worst->tolerance);
  }
}

void verdict_fail(verdict *result, const char *reason)
{
  result->ok = 0;
  (void)snprintf(result->reason, sizeof result->reason, "%s", reason);
}
