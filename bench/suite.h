/* Which shapes are measured. */
#ifndef CLNORM_BENCH_SUITE_H
#define CLNORM_BENCH_SUITE_H

#include <cases.h>

#include "workload.h"

typedef struct bench_case {
  uint32_t rank;
  size_t dims[5]; /* N, C, then the positions */
  clnorm_layout layout;
  const bench_data *data; /* NULL: synthetic */
} bench_case;

typedef struct bench_suite {
  bench_case *cases;
  size_t count;
} bench_suite;

/* Adds one shape in each of the layouts (CASES_FIRST, CASES_LAST), but a shape of rank 2 only once, since both layouts
 * mean the same memory there. 0, or -1 if there is not the memory. */
int suite_add(bench_suite *suite, uint32_t rank, const size_t *dims, unsigned layouts, const bench_data *data);

/* Adds the shapes of the common table that are marked with one of `suites` (CASES_BENCH_...). */
int suite_add_table(bench_suite *suite, unsigned suites, unsigned layouts, const bench_data *data);

void suite_free(bench_suite *suite);

/* The descriptor of a case. */
clnorm_status suite_describe(const bench_case *what, clnorm_desc *desc);

/* Elements of a case's tensor, as a measure of how long it takes. */
double suite_elements(const bench_case *what);

#endif
