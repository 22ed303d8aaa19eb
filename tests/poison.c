#include "poison.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "generate.h"

static void run(backend *b, const poison_case *of, clnorm_pass pass, float *x, float *dy, float *result)
{
  backend_args args = {.x = x};
  if (pass == CLNORM_TRAIN) {
    args.y = result;
  } else {
    args.dy = dy;
    args.dx = result;
  }
  cr_assert(backend_run(b, of->desc, pass, &args) == CLNORM_SUCCESS, "%s", clnorm_last_error());
}

static size_t count_spoilt(const poison_case *of, float poison, const float *clean, const float *out)
{
  size_t spoilt = 0;
  for (size_t i = 0; i < of->elements; i++) {
    if (of->statistic_of(of->desc, i) == of->spoilt) {
      cr_assert(isnan(out[i]), "%g: element %zu of its statistic is %g", (double)poison, i, (double)out[i]);
      spoilt++;
    } else {
      cr_assert(memcmp(&out[i], &clean[i], sizeof out[i]) == 0, "%g: element %zu", (double)poison, i);
    }
  }
  return spoilt;
}

size_t poison_check(backend *b, const poison_case *of, clnorm_pass pass, float poison)
{
  const size_t n = of->elements;
  float *x = calloc(4 * n, sizeof *x), *dy = x + n, *clean = x + 2 * n, *out = x + 3 * n;
  cr_assert(x != NULL, "no memory");
  generate_normal(x, n, 1, 3.0, 1.0);
  generate_normal(dy, n, 2, 0.0, 1.0);
  run(b, of, pass, x, dy, clean);
  for (size_t i = 0; i < n; i++) {
    x[i] = of->statistic_of(of->desc, i) == of->spoilt && i % 20 == 7 ? poison : x[i];
  }
  run(b, of, pass, x, dy, out);
  const size_t spoilt = count_spoilt(of, poison, clean, out);
  free(x);
  return spoilt;
}
