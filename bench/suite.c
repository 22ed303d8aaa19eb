#include "suite.h"

#include <stdlib.h>
#include <storage_type.h>
#include <string.h>

static void set_passes(bench_case *c, const suite_plan *plan)
{
  for (size_t i = 0; i < plan->pass_count; i++) {
    const clnorm_pass pass = plan->passes[i];
    const int own = pass == CLNORM_TRAIN || pass == CLNORM_BACKWARD;
    if (plan->chosen || own || norm_has_running(c->kind.op)) {
      c->passes[c->pass_count++] = pass;
    }
  }
}

static int add_one(bench_suite *suite, const suite_plan *plan, uint32_t rank, const size_t *dims, clnorm_layout layout)
{
  bench_case *cases = realloc(suite->cases, (suite->count + 1) * sizeof *cases);
  if (cases == NULL) {
    return -1;
  }
  suite->cases = cases;
  bench_case *made = &cases[suite->count++];
  *made = (bench_case){.kind = plan->kind, .rank = rank, .layout = layout, .data = plan->data};
  memcpy(made->dims, dims, rank * sizeof *dims);
  set_passes(made, plan);
  return 0;
}

int suite_add(bench_suite *suite, const suite_plan *plan, uint32_t rank, const size_t *dims)
{
  if (!norm_has_channels(plan->kind.op)) {
    return add_one(suite, plan, rank, dims, CLNORM_CHANNELS_FIRST);
  }
  if (plan->layouts & CASES_FIRST) {
    if (add_one(suite, plan, rank, dims, CLNORM_CHANNELS_FIRST) != 0) {
      return -1;
    }
    if (rank == 2) {
      return 0;
    }
  }
  return plan->layouts & CASES_LAST ? add_one(suite, plan, rank, dims, CLNORM_CHANNELS_LAST) : 0;
}

int suite_add_table(bench_suite *suite, const suite_plan *plan, unsigned suites)
{
  for (size_t i = 0; i < cases_count(); i++) {
    const oracle_case *c = cases_at(i);
    suite_plan here = *plan;
    here.layouts = c->rank == 2 ? plan->layouts : c->layouts & plan->layouts;
    if ((c->suites & suites) != 0 && suite_add(suite, &here, c->rank, c->dims) != 0) {
      return -1;
    }
  }
  return 0;
}

/* Rows of transformers, activations of common networks, and what a fused step or a half type costs beside the plain one. */
static const struct {
  norm_kind kind;
  uint32_t rank;
  size_t dims[4];
} family[] = {
    {{CLNORM_LAYER, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0}, 2, {4096, 1024}},
    {{CLNORM_LAYER, 1, 0, CLNORM_F16, CLNORM_ACTIVATION_NONE, 0.0, 0}, 2, {4096, 1024}},
    {{CLNORM_LAYER, 1, 0, CLNORM_BF16, CLNORM_ACTIVATION_NONE, 0.0, 0}, 2, {4096, 1024}},
    {{CLNORM_LAYER, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0}, 2, {32768, 1024}},
    {{CLNORM_LAYER, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0}, 2, {257, 768}},
    {{CLNORM_RMS, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0}, 2, {4096, 1024}},
    {{CLNORM_RMS, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0}, 2, {32768, 1024}},
    {{CLNORM_RMS, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0}, 2, {257, 768}},
    {{CLNORM_GROUP, 1, 8, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0}, 4, {32, 64, 56, 56}},
    {{CLNORM_GROUP, 1, 32, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0}, 4, {64, 512, 7, 7}},
    {{CLNORM_INSTANCE, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0}, 4, {32, 64, 56, 56}},
    {{CLNORM_BATCH, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0}, 4, {32, 64, 56, 56}},
    {{CLNORM_BATCH, 1, 0, CLNORM_F16, CLNORM_ACTIVATION_NONE, 0.0, 0}, 4, {32, 64, 56, 56}},
    {{CLNORM_BATCH, 1, 0, CLNORM_BF16, CLNORM_ACTIVATION_NONE, 0.0, 0}, 4, {32, 64, 56, 56}},
    {{CLNORM_BATCH, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0}, 4, {64, 512, 7, 7}},
    {{CLNORM_BATCH, 1, 0, CLNORM_F16, CLNORM_ACTIVATION_NONE, 0.0, 0}, 4, {64, 512, 7, 7}},
    {{CLNORM_BATCH, 1, 0, CLNORM_BF16, CLNORM_ACTIVATION_NONE, 0.0, 0}, 4, {64, 512, 7, 7}},
    {{CLNORM_BATCH, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_RELU, 0.0, 0}, 4, {32, 64, 56, 56}},
    {{CLNORM_BATCH, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_GELU, 0.0, 0}, 4, {32, 64, 56, 56}},
    {{CLNORM_BATCH, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 1}, 4, {32, 64, 56, 56}},
    {{CLNORM_BATCH, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_RELU, 0.0, 1}, 4, {32, 64, 56, 56}},
    {{CLNORM_BATCH, 1, 0, CLNORM_F16, CLNORM_ACTIVATION_RELU, 0.0, 1}, 4, {32, 64, 56, 56}},
    {{CLNORM_BATCH, 1, 0, CLNORM_BF16, CLNORM_ACTIVATION_GELU, 0.0, 1}, 4, {32, 64, 56, 56}},
};

int suite_add_family(bench_suite *suite, const suite_plan *plan, int (*wants)(void *context, const norm_kind *kind),
                     void *context)
{
  for (size_t i = 0; i < sizeof family / sizeof family[0]; i++) {
    suite_plan here = *plan;
    here.kind = family[i].kind;
    if ((wants == NULL || wants(context, &here.kind)) && suite_add(suite, &here, family[i].rank, family[i].dims) != 0) {
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
  const clnorm_status status = clnorm_desc_init(desc, sizeof *desc, what->kind.op, CLNORM_PRESET_TORCH);
  if (status == CLNORM_SUCCESS) {
    case_apply(&c, what->layout, desc);
    norm_kind_apply(&what->kind, desc);
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

double suite_bytes(const bench_case *what) { return suite_elements(what) * (double)storage_size(what->kind.dtype); }
