/* What a check of one pass came to. */
#ifndef CLNORM_BENCH_VERDICT_H
#define CLNORM_BENCH_VERDICT_H

#include <stdint.h>

typedef struct verdict {
  int ok;
  double max_err, tolerance; /* of the worst element of all results, and its bound */
  double units;              /* max_err in bounds */
  char reason[256];          /* if not ok */
} verdict;

/* The worst number of one result. */
typedef struct verdict_number {
  const char *name; /* "y" */
  uint64_t index;
  double units, got, expected, tolerance;
} verdict_number;

/* Takes a result into account; the first that misses its bound ends *result's being ok. */
void verdict_take(verdict *result, const verdict_number *worst);

void verdict_fail(verdict *result, const char *reason);

#endif
