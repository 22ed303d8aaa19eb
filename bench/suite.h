/* What is measured: shapes, and of each which normalizations and passes. */
#ifndef CLNORM_BENCH_SUITE_H
#define CLNORM_BENCH_SUITE_H

#include <cases.h>

#include "norm_kind.h"
#include "workload.h"

#define SUITE_PASSES 4

typedef struct bench_case {
  norm_kind kind;
  uint32_t rank;
  size_t dims[5]; /* N, C, then the positions, whatever the layout; layer, rms: in the order of the memory */
  clnorm_layout layout;
  const bench_data *data; /* NULL: synthetic */
  clnorm_pass passes[SUITE_PASSES];
  size_t pass_count;
} bench_case;

typedef struct bench_suite {
  bench_case *cases;
  size_t count;
} bench_suite;

/* What the shapes that are added next are measured with.
 *   layouts   CASES_FIRST, CASES_LAST
 *   chosen    1: the passes are a user's choice, and all of them are measured; 0: those that are another computation than
 *             one before, which leaves infer and backward-frozen out where there are no running statistics */
typedef struct suite_plan {
  norm_kind kind;
  unsigned layouts;
  const bench_data *data;
  const clnorm_pass *passes;
  size_t pass_count;
  int chosen;
} suite_plan;

/* Adds one shape in each of the layouts, but where the layout changes nothing only once: of rank 2, and for layer and rms. 0, or
 * -1 if there is not the memory. */
int suite_add(bench_suite *suite, const suite_plan *plan, uint32_t rank, const size_t *dims);

/* Adds the shapes of the common table that are marked with one of `suites` (CASES_BENCH_...). */
int suite_add_table(bench_suite *suite, const suite_plan *plan, unsigned suites);

/* The suite `family`: each row brings its own kind, in place of the plan's. Rows that `wants` (NULL: all are wanted) refuses are
 * left out. */
int suite_add_family(bench_suite *suite, const suite_plan *plan, int (*wants)(void *context, const norm_kind *kind),
                     void *context);

void suite_free(bench_suite *suite);

/* The descriptor of a case. */
clnorm_status suite_describe(const bench_case *what, clnorm_desc *desc);

/* Elements of a case's tensor, as a measure of how long it takes; bytes of it. */
double suite_elements(const bench_case *what);
double suite_bytes(const bench_case *what);

#endif
