#include "suite.h"

#include <stdlib.h>
#include <string.h>

static int add_one(bench_suite *suite, uint32_t rank, const size_t *dims, clnorm_layout layout, const bench_data *data)
{
  bench_case *cases = realloc(suite->cases, (suite->count + 1) * sizeof *cases);
  if (cases == NULL) {
    return -1;
  }
  suite->cases = cases;
  cases[suite->count] = (bench_case){.rank = rank, .layout = layout, .data = data};
  memcpy(cases[suite->count].dims, dims, rank * sizeof *dims);
  suite->count++;
  return 0;
}

int suite_add(bench_suite *suite, uint32_t rank, const size_t *dims, unsigned layouts, const bench_data *data)
{
  if (layouts & CASES_FIRST) {
    if (add_one(suite, rank, dims, CLNORM_CHANNELS_FIRST, data) != 0) {
      return -1;
    }
    if (rank == 2) {
      return 0;
    }
  }
  return layouts & CASES_LAST ? add_one(suite, rank, dims, CLNORM_CHANNELS_LAST, data) : 0;
}

int suite_add_table(bench_suite *suite, unsigned suites, unsigned layouts, const bench_data *data)
{
  for (size_t i = 0; i < cases_count(); i++) {
    const oracle_case *c = cases_at(i);
    const unsigned both = c->rank == 2 ? layouts : c->layouts & layouts;
    if ((c->suites & suites) != 0 && suite_add(suite, c->rank, c->dims, both, data) != 0) {
      return -1;
    }
  }
  return 0;
}

void suite_free(bench_suite *suite)
{
  free(suite->cases);
  *suite = (bench_suite){0};
}

clnorm_status suite_describe(const bench_case *what, clnorm_desc *desc)
{
  oracle_case c = {.layouts = CASES_BOTH, .rank = what->rank};
  memcpy(c.dims, what->dims, sizeof c.dims);
  const clnorm_status status = clnorm_desc_init(desc, sizeof *desc, CLNORM_BATCH, CLNORM_PRESET_TORCH);
  if (status == CLNORM_SUCCESS) {
    case_apply(&c, what->layout, desc);
  }
  return status;
}

double suite_elements(const bench_case *what)
{
  double elements = 1.0;
  for (uint32_t axis = 0; axis < what->rank; axis++) {
    elements *= (double)what->dims[axis];
  }
  return elements;
}
