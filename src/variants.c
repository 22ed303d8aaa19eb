#include "variants.h"

#include <string.h>

#include "descriptor.h"
#include "steps_columns.h"
#include "steps_rows.h"
#include "variant_builders.h"

/* What a variant can do at all, and where it is the built-in choice. */
typedef int predicate(const clnorm_plan *plan, const clnorm__capabilities *capabilities);

static int always(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  (void)plan;
  (void)capabilities;
  return 1;
}

/* What fast variants compute. */
static int is_lean(const clnorm_plan *plan)
{
  return plan->desc.dtype != CLNORM_F64 && clnorm__desc_is_lean(&plan->desc);
}

/* Of no elements the general variant makes sums of nothing. */
static int is_fast(const clnorm_plan *plan)
{
  return plan->desc.op == CLNORM_BATCH && plan->geometry.elements != 0 && is_lean(plan);
}

static int is_elementwise(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  (void)capabilities;
  return is_fast(plan) && plan->pass == CLNORM_INFER;
}

static int reduces(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  (void)capabilities;
  return is_fast(plan) && plan->pass != CLNORM_INFER;
}

/* Bytes of a sample's column at least, so that its partial results, coefficients and moments, up to 52, stay small beside it; and
 * where a task has all of a sample, so that there are none but moments, 8. */
#define MIN_COLUMN_BYTES 128
#define MIN_WHOLE_BYTES 32

/* Whether samples that are matrices beside each other can be walked. */
static int walks_matrices(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  if (is_host(capabilities)) {
    return g->run_parameters <= CLNORM__MATRIX_COLUMNS;
  }
  const int whole = clnorm__plan_has_matrices(plan) && clnorm__columns_hold_samples(plan, capabilities);
  return g->repeat * clnorm__dtype_size(plan->desc.dtype) >= (whole ? MIN_WHOLE_BYTES : MIN_COLUMN_BYTES);
}

/* Rows of one run each, as they lie in memory, or matrices. */
static int are_samples(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  return plan->desc.op != CLNORM_BATCH && g->elements != 0 && is_lean(plan) &&
         (g->pattern == CLNORM__ROWS || walks_matrices(plan, capabilities));
}

/* Few values: partial results and coefficients would weigh as much as the tensor. */
static int can_be_split(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  return reduces(plan, capabilities) && plan->geometry.values >= 2 * clnorm__min_partial(plan);
}

/* Whole statistics a task pay off when there are enough of them to fill the device, or so little data that splitting it
 * gains nothing. */
static int rows_fill_device(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *geometry = &plan->geometry;
  const uint64_t tasks = ceil_div(geometry->statistics, clnorm__rows_group(plan, capabilities));
  const uint64_t enough = capabilities->compute_units * plan->parameters.whole_tasks_per_unit;
  return tasks >= enough || geometry->values <= plan->parameters.min_tile;
}

/* Few rows: one tile would hold them all, and partial results would weigh as much as the tensor. */
static int columns_are_short(const clnorm_plan *plan)
{
  const clnorm__geometry *geometry = &plan->geometry;
  /* On the CPU backend what would be one tile. */
  const uint64_t little =
      plan->engine == CLNORM__ENGINE_HOST ? 2 * clnorm__host_least_task(plan) - 1 : plan->parameters.min_tile;
  return geometry->rows < 2 * plan->parameters.min_tile_rows || geometry->elements <= little;
}

static int whole_pays(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  if (!can_be_split(plan, capabilities)) {
    return 1;
  }
  return plan->geometry.pattern == CLNORM__ROWS ? rows_fill_device(plan, capabilities) : columns_are_short(plan);
}

static const struct {
  const char *rows_name;
  const char *columns_name;
  predicate *can; /* it may be chosen for such a plan */
  predicate *is_built_in;
  void (*build)(clnorm_plan *plan, const clnorm__capabilities *capabilities);
} variants[] = {
    {"rows_apply", "columns_apply", is_elementwise, always, clnorm__build_split},
    {"rows_whole", "columns_whole", reduces, whole_pays, clnorm__build_whole},
    {"rows_split", "columns_split", can_be_split, always, clnorm__build_split},
    {"rows_samples", "columns_samples", are_samples, always, clnorm__build_samples},
    {"rows_general", "columns_general", always, always, clnorm__build_general},
};

#define VARIANTS (sizeof variants / sizeof variants[0])

const char *clnorm__variant_at(size_t index, clnorm__pattern pattern)
{
  if (index >= VARIANTS) {
    return NULL;
  }
  return pattern == CLNORM__ROWS ? variants[index].rows_name : variants[index].columns_name;
}

int clnorm__variant_is_last(size_t index) { return index == VARIANTS - 1; }

const char *clnorm__variant_find(const char *name, size_t length)
{
  for (size_t i = 0; i < 2 * VARIANTS; i++) {
    const char *known = clnorm__variant_at(i / 2, i % 2 == 0 ? CLNORM__ROWS : CLNORM__COLUMNS);
    if (strlen(known) == length && memcmp(known, name, length) == 0) {
      return known;
    }
  }
  return NULL;
}

static void set_parameters(clnorm_plan *plan, const clnorm__choice *choice)
{
  const clnorm__tunable *parameter;
  plan->parameters = *clnorm__parameters_built_in(plan->engine);
  for (size_t i = 0; (parameter = clnorm__tunable_at(i)) != NULL; i++) {
    const uint64_t value = clnorm__tunable_get(&choice->parameters, parameter);
    if (value != CLNORM__UNUSED) {
      clnorm__tunable_set(&plan->parameters, parameter, value);
    }
  }
}

/* Every vector of a tensor that a step reads or writes begins a multiple of its own length after the tensor's first element. */
static int vectors_are_whole(const clnorm_plan *plan, const clnorm__step *step)
{
  const clnorm__geometry *g = &plan->geometry;
  if (g->pattern == CLNORM__COLUMNS) {
    return g->columns % step->width == 0;
  }
  const uint64_t piece = clnorm__step_piece(g, step);
  return piece % step->width == 0 && g->run % step->width == 0 && g->segment_stride % step->width == 0 &&
         g->statistic_stride % step->width == 0;
}

/* Where many work-items share a task. A lone one of PoCL has nothing of it. */
static void set_alignment(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  for (int i = 0; i < plan->num_steps; i++) {
    clnorm__step *step = &plan->steps[i];
    step->aligned = is_lanes(capabilities) && step->width > 1 && vectors_are_whole(plan, step);
  }
}

int clnorm__variant_choose(clnorm_plan *plan, const clnorm__capabilities *capabilities, const clnorm__choice *choice)
{
  set_parameters(plan, choice);
  for (size_t i = 0; i < VARIANTS; i++) {
    const char *name = clnorm__variant_at(i, plan->geometry.pattern);
    const int wanted = choice->variant != NULL ? choice->variant == name : variants[i].is_built_in(plan, capabilities);
    if (wanted && variants[i].can(plan, capabilities)) {
      plan->variant = name;
      plan->num_steps = 0;
      plan->partials = plan->moments = 0;
      memset(plan->steps, 0, sizeof plan->steps);
      variants[i].build(plan, capabilities);
      set_alignment(plan, capabilities);
      return 1;
    }
  }
  return 0;
}
