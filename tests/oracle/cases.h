/* The one table of shapes: the tests, `clnorm check` and `clnorm bench` all read it.
 *
 *   for (size_t i = 0; i < cases_count(); i++) {
 *     const oracle_case *c = cases_at(i);
 *     if ((c->suites & CASES_CHECK) && case_has_layout(c, CLNORM_CHANNELS_LAST)) {
 *       clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH);
 *       case_apply(c, CLNORM_CHANNELS_LAST, &desc);
 *       generate_x(x, &desc, c->kind, seed, c->mean, c->std);
 *     }
 *   } */
#ifndef CLNORM_TESTS_CASES_H
#define CLNORM_TESTS_CASES_H

#include "clnorm/clnorm.h"
#include "generate.h"

/* Who takes a case. A suite's smaller part is marked beside the whole. */
#define CASES_CHECK 1u       /* checked against the reference on every device */
#define CASES_CHECK_QUICK 2u /* the part of CASES_CHECK that is over in seconds on slow devices */
#define CASES_CHECK_LARGE 4u /* checked too, but over a million elements: devices that are fast enough */
#define CASES_BENCH_QUICK 8u
#define CASES_BENCH_FULL 16u   /* includes the quick ones */
#define CASES_BENCH_LARGE 32u  /* for GPUs: tensors beyond their caches */
#define CASES_BENCH_SIZES 64u  /* one shape, N from 1 to 1024: 256 KiB to 256 MiB */
#define CASES_BENCH_CALLS 128u /* so small that only the calls count */
#define CASES_BENCH_FAMILY 256u /* none of this table: the rows are bench/suite.c's */

#define CASES_FIRST 1u /* which layouts make sense: channels-first, channels-last */
#define CASES_LAST 2u
#define CASES_BOTH 3u

typedef struct oracle_case {
  unsigned suites;
  unsigned layouts;
  uint32_t flags; /* of the descriptor */
  uint32_t rank;
  size_t dims[5]; /* N, C, then the positions, whatever the layout */
  generate_kind kind;
  double mean, std;
} oracle_case;

size_t cases_count(void);
const oracle_case *cases_at(size_t index);

int case_has_layout(const oracle_case *c, clnorm_layout layout);

/* Sets layout, flags, rank and dims of a descriptor that clnorm_desc_init has filled. */
void case_apply(const oracle_case *c, clnorm_layout layout, clnorm_desc *desc);

#endif
