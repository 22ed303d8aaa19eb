#include <stdio.h>
#include <stdlib.h>

#include "array.h"
#include "cases.h"
#include "check_case.h"
#include "checker.h"
#include "generate.h"
#include "message.h"
#include "run_options.h"

/* Up to this many elements every subset of the optional arguments is run. */
#define ALL_SUBSETS_ELEMENTS 1000

/* Up to this many elements a shape of plain normal data is also run with means far from 0. */
#define FAR_MEANS_ELEMENTS 100000

static const double far_means[] = {1e2, 1e4, 1e6};

/* The runs of a shape in all passes: for the time that is left. */
#define RUNS_OF_FEW 12
#define RUNS_OF_ALL 140

/* ---- one shape ---------------------------------------------------------------------------------------------- */

static double cost_of(size_t elements)
{
  return checker_cost(elements, elements <= ALL_SUBSETS_ELEMENTS ? RUNS_OF_ALL : RUNS_OF_FEW);
}

static int check_passes(checker *c, const check_input *input)
{
  clnorm_counts counts;
  const check_subject subject = {.table = CHECK_BATCH, .desc = &input->desc, .label = input->label};
  c->done++;
  if (clnorm_desc_counts(&input->desc, &counts) != CLNORM_SUCCESS) {
    return complain_status(CLNORM_INVALID_SHAPE, "check");
  }
  const check_breadth breadth = counts.elements <= ALL_SUBSETS_ELEMENTS ? CHECK_ALL : CHECK_FEW;
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    check_result result;
    checker_show(c, run_pass_name((clnorm_pass)pass), input->label, (double)(pass - CLNORM_TRAIN) / 4,
                 cost_of(counts.elements));
    if (check_case(c->engine, input, (clnorm_pass)pass, breadth, &result) != 0) {
      return complain(EXIT_DEVICE, "check: not enough memory for %zu elements", counts.elements);
    }
    const int code = checker_add(c, &subject, &result);
    if (code != EXIT_OK) {
      return code;
    }
  }
  c->cost_done += cost_of(counts.elements);
  return EXIT_OK;
}

static int check_generated(checker *c, const oracle_case *shape, clnorm_layout layout, double mean, double std)
{
  check_input input = {.mean = mean, .std = std, .outliers = generate_has_outliers(shape->kind)};
  clnorm_counts counts;
  clnorm_status status = clnorm_desc_init(&input.desc, sizeof input.desc, CLNORM_BATCH, CLNORM_PRESET_TORCH);
  case_apply(shape, layout, &input.desc);
  if (status == CLNORM_SUCCESS) {
    status = clnorm_desc_counts(&input.desc, &counts);
  }
  if (status != CLNORM_SUCCESS) {
    return complain_status((int)status, "check");
  }
  float *x = malloc(counts.elements * sizeof *x);
  if (x == NULL) {
    return complain(EXIT_DEVICE, "check: not enough memory for %zu elements", counts.elements);
  }
  generate_x(x, &input.desc, shape->kind, 100, mean, std);
  input.x = x;
  (void)snprintf(input.label, sizeof input.label, "%s, mean %g, std %g%s", generate_kind_name(shape->kind), mean, std,
                 shape->flags & CLNORM_PER_ACTIVATION ? ", per activation" : "");
  const int code = check_passes(c, &input);
  free(x);
  return code;
}

/* The digits as they lie in the file, (N, 28, 28) with 28 channels, and flattened, (N, 784). */
static int check_digits(checker *c, int flat)
{
  const array *digits = c->digits;
  check_input input = {.x = digits->data, .mean = 33, .std = 79};
  const clnorm_status status = clnorm_desc_init(&input.desc, sizeof input.desc, CLNORM_BATCH, CLNORM_PRESET_TORCH);
  if (status != CLNORM_SUCCESS) {
    return complain_status((int)status, "check");
  }
  input.desc.rank = flat ? 2 : 3;
  input.desc.dims[0] = digits->dims[0];
  input.desc.dims[1] = flat ? digits->dims[1] * digits->dims[2] : digits->dims[1];
  input.desc.dims[2] = flat ? 0 : digits->dims[2];
  (void)snprintf(input.label, sizeof input.label, "digits of --data%s", flat ? ", flattened" : "");
  return check_passes(c, &input);
}

/* ---- all shapes --------------------------------------------------------------------------------------------- */

static int is_wanted(const check_request *request, const oracle_case *shape)
{
  return (shape->suites & (request->quick ? CASES_CHECK_QUICK : CASES_CHECK | CASES_CHECK_LARGE)) != 0;
}

static size_t case_elements(const oracle_case *shape)
{
  size_t elements = 1;
  for (uint32_t axis = 0; axis < shape->rank; axis++) {
    elements *= shape->dims[axis];
  }
  return elements;
}

static int has_far_means(const check_request *request, const oracle_case *shape)
{
  return !request->quick && shape->kind == GENERATE_NORMAL && shape->mean == 0 &&
         case_elements(shape) <= FAR_MEANS_ELEMENTS;
}

int checker_batch(checker *c, int run)
{
  int code = EXIT_OK;
  if ((c->request->ops >> CLNORM_BATCH & 1u) == 0 || (c->request->types >> CLNORM_F32 & 1u) == 0) {
    return code;
  }
  for (size_t i = 0; i < cases_count() && code == EXIT_OK; i++) {
    const oracle_case *shape = cases_at(i);
    for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST && code == EXIT_OK; layout++) {
      if (!is_wanted(c->request, shape) || !case_has_layout(shape, (clnorm_layout)layout)) {
        continue;
      }
      const size_t means = has_far_means(c->request, shape) ? sizeof far_means / sizeof far_means[0] : 0;
      if (!run) {
        c->total += 1 + (int)means;
        c->cost_total += (double)(1 + means) * cost_of(case_elements(shape));
      }
      code = run ? check_generated(c, shape, (clnorm_layout)layout, shape->mean, shape->std) : code;
      for (size_t m = 0; run && m < means && code == EXIT_OK; m++) {
        code = check_generated(c, shape, (clnorm_layout)layout, far_means[m] * shape->std, shape->std);
      }
    }
  }
  for (int flat = 0; flat < 2 && c->digits != NULL && code == EXIT_OK; flat++) {
    if (!run) {
      c->total++;
      c->cost_total += cost_of(c->digits->count);
    }
    code = run ? check_digits(c, flat) : code;
  }
  return code;
}
