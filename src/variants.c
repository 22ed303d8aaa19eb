#include "variants.h"

#include <string.h>

#include "descriptor.h"
#include "step_counts.h"
#include "step_held.h"

/* Bytes of the tensor that a partial result stands for at least, so that workspaces stay small beside their tensors. */
#define MIN_PARTIAL_BYTES 256

static int is_host(const clnorm__capabilities *capabilities) { return capabilities->engine == CLNORM__ENGINE_HOST; }

static int is_lanes(const clnorm__capabilities *capabilities)
{
  return capabilities->engine == CLNORM__ENGINE_CL_LANES;
}

/* The running statistics take the place of x's own. */
static int uses_running(const clnorm_plan *plan)
{
  return clnorm__op_has_running(plan->desc.op) && (plan->pass == CLNORM_INFER || plan->pass == CLNORM_BACKWARD_FROZEN);
}

static uint64_t wanted_tasks(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  return plan->parameters.tasks_per_unit * at_least(capabilities->compute_units, 1);
}

static uint32_t vector_of(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const uint64_t most = plan->parameters.vector;
  return most == 0 || most == CLNORM__UNUSED ? (capabilities->vector_width >= 16 ? 16 : 8) : (uint32_t)most;
}

/* The same in values. */
static uint64_t min_partial(const clnorm_plan *plan)
{
  return MIN_PARTIAL_BYTES / clnorm__dtype_size(plan->desc.dtype);
}

static clnorm__step *add_step(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                              const clnorm__capabilities *capabilities)
{
  clnorm__step *step = &plan->steps[plan->num_steps++];
  *step = (clnorm__step){.role = role, .when = when, .group = 1, .local = 1, .lanes = 1};
  if (is_lanes(capabilities)) {
    step->local = largest_group(capabilities, (uint32_t)plan->parameters.work_items);
  }
  step->width = vector_of(plan, capabilities);
  /* The CPU backend decides by itself, when it runs. */
  step->stream = capabilities->engine == CLNORM__ENGINE_CL_WIDE &&
                 plan->geometry.elements >= plan->parameters.stream_bytes / clnorm__dtype_size(plan->desc.dtype);
  return step;
}

/* Tasks that the CPU backend makes of little data at least, so that threads have something each. */
#define HOST_TASKS_AT_LEAST 8

/* Elements of such a task at least: two of a reduction's, which alone would be gone before another thread is awake. */
static uint64_t host_least_task(const clnorm_plan *plan) { return 2 * plan->parameters.min_tile; }

/* Tasks of the CPU backend's element-wise steps and of its columns. */
static uint64_t host_tasks(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const uint64_t elements = plan->geometry.elements;
  const uint64_t few = at_most(elements / host_least_task(plan), HOST_TASKS_AT_LEAST);
  const uint64_t many = at_most(wanted_tasks(plan, capabilities), elements / plan->parameters.apply_tile);
  return at_least(at_least(many, few), 1);
}

/* A vector wider than what lies contiguous would be all remainder. */
static void limit_width(clnorm__step *step, uint64_t contiguous)
{
  while (step->width > 4 && step->width > contiguous) {
    step->width /= 2;
  }
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

/* Statistics a task. */
static uint32_t group_of_rows(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const int takes_groups = !is_lanes(capabilities) && plan->geometry.run < plan->parameters.short_run;
  return takes_groups ? (uint32_t)plan->parameters.short_run_group : 1;
}

/* Statistics a task of the element-wise steps; not so many that there are too few tasks. */
static uint32_t group_of_elementwise(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  if (capabilities->engine != CLNORM__ENGINE_CL_WIDE) {
    return group_of_rows(plan, capabilities);
  }
  uint32_t group = (uint32_t)plan->parameters.apply_group;
  while (group > 1 && ceil_div(g->statistics, group) * g->segments < wanted_tasks(plan, capabilities)) {
    group = group == 64 ? 16 : 1;
  }
  return group;
}

/* Vectors, work-items along a run and statistics a task; returns the groups of statistics. */
static uint64_t shape_rows_step(const clnorm_plan *plan, clnorm__step *step, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *geometry = &plan->geometry;
  if (!is_host(capabilities)) {
    limit_width(step, geometry->run);
  }
  step->lanes = power_of_two_above(ceil_div(geometry->run, step->width), step->local);
  step->group = group_of_rows(plan, capabilities);
  return ceil_div(geometry->statistics, step->group);
}

static clnorm__step *add_rows_whole(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                                    const clnorm__capabilities *capabilities)
{
  clnorm__step *step = add_step(plan, role, when, capabilities);
  step->from_running = plan->pass == CLNORM_BACKWARD_FROZEN;
  step->outer_tile = plan->geometry.segments;
  step->inner_tile = plan->geometry.run;
  step->outer_tiles = step->inner_tiles = 1;
  step->tasks = shape_rows_step(plan, step, capabilities);
  return step;
}

/* Tiles of one statistic: whole runs if there are enough of them, else pieces of runs. */
static void tile_rows(clnorm__step *step, uint64_t outer, uint64_t inner, uint64_t tiles)
{
  step->outer_tile = at_least(ceil_div(outer, tiles), 1);
  step->outer_tiles = ceil_div(outer, step->outer_tile);
  const uint64_t pieces = at_least(tiles / at_least(step->outer_tiles, 1), 1);
  /* Pieces begin at multiples of a cache line, as far as the run itself does. */
  step->inner_tile = at_most(round_up(at_least(ceil_div(inner, pieces), 1), 64), at_least(inner, 1));
  step->inner_tiles = ceil_div(inner, step->inner_tile);
}

static void add_rows_partial(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                             const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *geometry = &plan->geometry;
  clnorm__step *step = add_step(plan, role, when, capabilities);
  const uint64_t groups = shape_rows_step(plan, step, capabilities);
  const uint64_t wanted = ceil_div(wanted_tasks(plan, capabilities), groups);
  const uint64_t pays = geometry->values / plan->parameters.min_tile * step->group;
  const uint64_t most = at_least(at_most(pays, geometry->values / min_partial(plan)), 1);
  tile_rows(step, geometry->segments, geometry->run, at_most(wanted, most));
  step->tasks = groups * step->outer_tiles * step->inner_tiles;
  plan->partials = step->outer_tiles * step->inner_tiles;
}

static void add_rows_elementwise(clnorm_plan *plan, clnorm__role role, clnorm__when when, int from_running,
                                 const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *geometry = &plan->geometry;
  clnorm__step *step = add_step(plan, role, when, capabilities);
  (void)shape_rows_step(plan, step, capabilities);
  step->group = group_of_elementwise(plan, capabilities);
  const uint64_t groups = ceil_div(geometry->statistics, step->group);
  step->from_running = from_running;
  if (is_host(capabilities) && geometry->run > CLNORM__MATRIX_RUN) {
    /* The CPU backend walks long runs in the order of the memory, whatever statistic they are of. */
    step->group = 1;
    tile_rows(step, geometry->segments * geometry->statistics, geometry->run, host_tasks(plan, capabilities));
    step->tasks = step->outer_tiles * step->inner_tiles;
    return;
  }
  const uint64_t tiles = is_lanes(capabilities)  ? ceil_div(geometry->values, plan->parameters.apply_tile)
                         : is_host(capabilities) ? ceil_div(host_tasks(plan, capabilities), groups)
                                                 : ceil_div(wanted_tasks(plan, capabilities), groups);
  tile_rows(step, geometry->segments, geometry->run, at_least(tiles, 1));
  step->tasks = groups * step->outer_tiles * step->inner_tiles;
}

/* ---- columns ------------------------------------------------------------------------------------------------ */

/* Matrices narrower than this are folded, to rows of about so many columns, at most of so many. */
#define NARROW 40
#define FOLDED_COLUMNS 128
#define MOST_FOLDED_COLUMNS 512

/* Rows beside each other that a reduction takes for one, so that narrow ones fill vectors; 1: as they are. A divisor of the
 * rows, if possible one that makes whole vectors. */
static uint64_t fold_of(const clnorm_plan *plan, const clnorm__step *step, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  const uint64_t most = g->rows / (4 * plan->parameters.min_tile_rows);
  uint64_t best = 1;
  if (capabilities->engine != CLNORM__ENGINE_CL_WIDE || step->per_sample || g->columns >= NARROW ||
      g->columns % step->width == 0) {
    return 1;
  }
  for (uint64_t fold = 2; fold <= most && fold * g->columns <= MOST_FOLDED_COLUMNS; fold++) {
    const int is_whole = fold * g->columns % step->width == 0, was_whole = best * g->columns % step->width == 0;
    if (g->rows % fold == 0 &&
        (is_whole > was_whole || (is_whole == was_whole && best * g->columns < FOLDED_COLUMNS))) {
      best = fold;
    }
  }
  return best;
}

/* 1 if an element-wise step walks a tile as one row: where rows are no whole vectors, vectors cross from one to the next. */
static int is_one_row(const clnorm_plan *plan, const clnorm__step *step, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  return capabilities->engine == CLNORM__ENGINE_CL_WIDE && g->columns % step->width != 0 &&
         g->columns <= plan->parameters.column_group_large * step->width;
}

static void tile_columns(clnorm_plan *plan, clnorm__step *step, uint64_t fold, uint64_t tasks, uint64_t min_rows,
                         const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *geometry = &plan->geometry;
  step->rows = geometry->rows / fold;
  step->columns = geometry->columns * fold;
  if (is_lanes(capabilities)) {
    step->lanes = power_of_two_above(ceil_div(step->columns, step->width), step->local);
  } else {
    if (!step->folded) {
      limit_width(step, step->columns);
    }
    const uint64_t vectors = ceil_div(step->columns, step->width);
    const clnorm__parameters *p = &plan->parameters;
    const int is_small = vectors <= p->column_group_small && !(step->folded && fold == 1);
    step->group = (uint32_t)(is_small ? p->column_group_small : p->column_group_large);
  }
  step->inner_tile = (uint64_t)step->lanes * step->group * step->width;
  step->inner_tiles = ceil_div(step->columns, step->inner_tile);
  const uint64_t rows = step->per_sample ? geometry->repeat : step->rows;
  const uint64_t samples = step->rows / at_least(rows, 1);
  const uint64_t wanted = at_least(tasks / at_least(step->inner_tiles * samples, 1), 1);
  const uint64_t most = at_least(rows / at_least(min_rows, 1), 1);
  step->outer_tile = at_least(ceil_div(rows, at_most(wanted, most)), 1);
  step->outer_tiles = samples * ceil_div(rows, step->outer_tile);
  step->tasks = step->outer_tiles * step->inner_tiles;
}

static clnorm__step *add_columns_whole(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                                       const clnorm__capabilities *capabilities)
{
  clnorm__step *step = add_step(plan, role, when, capabilities);
  step->from_running = plan->pass == CLNORM_BACKWARD_FROZEN;
  tile_columns(plan, step, 1, 1, plan->geometry.rows, capabilities);
  return step;
}

/* Channels-last samples with statistics of their own. */
static int has_matrices(const clnorm_plan *plan) { return plan->desc.op != CLNORM_BATCH && !uses_running(plan); }

static void add_columns_partial(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                                const clnorm__capabilities *capabilities)
{
  clnorm__step *step = add_step(plan, role, when, capabilities);
  step->per_sample = has_matrices(plan);
  const uint64_t tasks = is_host(capabilities) ? host_tasks(plan, capabilities) : wanted_tasks(plan, capabilities);
  const uint64_t fold = fold_of(plan, step, capabilities);
  step->folded = fold != 1;
  tile_columns(plan, step, fold, tasks, plan->parameters.min_tile_rows, capabilities);
  plan->partials = step->outer_tiles * fold;
}

static void add_columns_elementwise(clnorm_plan *plan, clnorm__role role, clnorm__when when, int from_running,
                                    const clnorm__capabilities *capabilities)
{
  clnorm__step *step = add_step(plan, role, when, capabilities);
  const uint64_t tasks = is_lanes(capabilities)  ? ceil_div(plan->geometry.elements, plan->parameters.apply_tile)
                         : is_host(capabilities) ? host_tasks(plan, capabilities)
                                                 : wanted_tasks(plan, capabilities);
  step->from_running = from_running;
  step->per_sample = has_matrices(plan);
  step->folded = is_one_row(plan, step, capabilities);
  tile_columns(plan, step, 1, at_least(tasks, 1), 1, capabilities);
}

/* ---- both --------------------------------------------------------------------------------------------------- */

static clnorm__step *add_merge(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                               const clnorm__capabilities *capabilities)
{
  clnorm__step *step = add_step(plan, role, when, capabilities);
  limit_width(step, plan->merged);
  if (is_lanes(capabilities)) {
    /* Neighbouring work-items on neighbouring statistics. */
    step->width = 1;
    step->local = power_of_two_below(capabilities->max_work_group, (uint32_t)plan->parameters.merge_tile);
  }
  step->lanes = step->local;
  step->outer_tile = is_lanes(capabilities) ? step->local : plan->parameters.merge_tile;
  step->outer_tiles = ceil_div(plan->merged, step->outer_tile);
  step->inner_tile = step->inner_tiles = 1;
  step->tasks = step->outer_tiles;
  step->from_running = plan->pass == CLNORM_BACKWARD_FROZEN;
  return step;
}

static void add_partial(clnorm_plan *plan, clnorm__role rows, clnorm__role columns, clnorm__when when,
                        const clnorm__capabilities *capabilities)
{
  if (plan->geometry.pattern == CLNORM__ROWS) {
    add_rows_partial(plan, rows, when, capabilities);
  } else {
    add_columns_partial(plan, columns, when, capabilities);
  }
}

static void add_elementwise(clnorm_plan *plan, clnorm__role rows, clnorm__role columns, clnorm__when when,
                            int from_running, const clnorm__capabilities *capabilities)
{
  if (plan->geometry.pattern == CLNORM__ROWS) {
    add_rows_elementwise(plan, rows, when, from_running, capabilities);
  } else {
    add_columns_elementwise(plan, columns, when, from_running, capabilities);
  }
}

/* Backward passes of an activation compute z again. The CPU backend finds by itself what it needs for that. */
static int derives(const clnorm_plan *plan)
{
  return plan->engine != CLNORM__ENGINE_HOST && plan->desc.activation != CLNORM_ACTIVATION_NONE;
}

/* Backward without saved statistics: a training forward pass that stops before y. With an activation, on OpenCL, always: z
 * needs what a saved mean has lost, which these steps find out, reading x only where it matters. */
static void add_own_statistics(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const clnorm__when when = derives(plan) ? CLNORM__ALWAYS : CLNORM__WITHOUT_STATISTICS;
  add_partial(plan, CLNORM__ROWS_STATS, CLNORM__COLUMNS_STATS, when, capabilities);
  add_merge(plan, CLNORM__MERGE_STATS, when, capabilities)->owns_saved = 1;
}

static void build_split(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const int frozen = plan->pass == CLNORM_BACKWARD_FROZEN;
  switch (plan->pass) {
    case CLNORM_TRAIN:
      add_partial(plan, CLNORM__ROWS_STATS, CLNORM__COLUMNS_STATS, CLNORM__ALWAYS, capabilities);
      add_merge(plan, CLNORM__MERGE_STATS, CLNORM__ALWAYS, capabilities);
      add_elementwise(plan, CLNORM__ROWS_APPLY, CLNORM__COLUMNS_APPLY, CLNORM__ALWAYS, 0, capabilities);
      break;
    case CLNORM_INFER:
      add_elementwise(plan, CLNORM__ROWS_APPLY, CLNORM__COLUMNS_APPLY, CLNORM__ALWAYS, 1, capabilities);
      break;
    case CLNORM_BACKWARD:
      add_own_statistics(plan, capabilities);
      /* fall through */
    case CLNORM_BACKWARD_FROZEN:
      add_partial(plan, CLNORM__ROWS_GRADIENTS, CLNORM__COLUMNS_GRADIENTS, CLNORM__WITH_SUMS, capabilities);
      plan->steps[plan->num_steps - 1].from_running = frozen && derives(plan);
      add_merge(plan, CLNORM__MERGE_GRADIENTS, CLNORM__WITH_SUMS, capabilities);
      add_elementwise(plan, CLNORM__ROWS_DX, CLNORM__COLUMNS_DX, CLNORM__WITH_INPUTS, frozen, capabilities);
      break;
  }
}

static clnorm__step *add_whole(clnorm_plan *plan, clnorm__role rows, clnorm__role columns, clnorm__when when,
                               const clnorm__capabilities *capabilities)
{
  return plan->geometry.pattern == CLNORM__ROWS ? add_rows_whole(plan, rows, when, capabilities)
                                                : add_columns_whole(plan, columns, when, capabilities);
}

static void build_whole(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  if (plan->pass == CLNORM_TRAIN) {
    clnorm__step *train = add_whole(plan, CLNORM__ROWS_TRAIN, CLNORM__COLUMNS_TRAIN, CLNORM__ALWAYS, capabilities);
    clnorm__step_hold(plan, capabilities, CLNORM__ROWS_TRAIN_HELD, 1, train);
    return;
  }
  if (plan->pass == CLNORM_BACKWARD) {
    add_whole(plan, CLNORM__ROWS_TRAIN, CLNORM__COLUMNS_TRAIN, CLNORM__WITHOUT_STATISTICS, capabilities)->owns_saved =
        1;
  }
  clnorm__step *backward =
      add_whole(plan, CLNORM__ROWS_BACKWARD, CLNORM__COLUMNS_BACKWARD, CLNORM__ALWAYS, capabilities);
  clnorm__step_hold(plan, capabilities, CLNORM__ROWS_BACKWARD_HELD, 2, backward);
}

/* ---- general ------------------------------------------------------------------------------------------------ */

static clnorm__step *add_general(clnorm_plan *plan, clnorm__role role, clnorm__when when, uint64_t tasks,
                                 const clnorm__capabilities *capabilities)
{
  clnorm__step *step = add_step(plan, role, when, capabilities);
  step->width = 1;
  step->stream = 0;
  step->from_running = uses_running(plan);
  step->tasks = tasks;
  step->lanes = step->local;
  step->outer_tile = step->outer_tiles = step->inner_tile = step->inner_tiles = 1;
  return step;
}

/* Training where several statistics make one running statistic. */
static void add_running(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  if (plan->pass == CLNORM_TRAIN && plan->desc.op == CLNORM_INSTANCE) {
    plan->has_moments = 1;
    add_general(plan, CLNORM__GENERAL_RUNNING, CLNORM__WITH_RUNNING, plan->geometry.parameters, capabilities);
  }
}

static void build_general(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  if (plan->pass == CLNORM_TRAIN || plan->pass == CLNORM_INFER) {
    add_general(plan, CLNORM__GENERAL_FORWARD, CLNORM__ALWAYS, g->statistics, capabilities);
    add_running(plan, capabilities);
    if (plan->desc.flags & CLNORM_RELU_MASK) {
      clnorm__step *step = add_general(plan, CLNORM__GENERAL_MASK, CLNORM__ALWAYS, 0, capabilities);
      step->outer_tile = step->local > 1 ? step->local : plan->parameters.merge_tile;
      step->outer_tiles = step->tasks = ceil_div(ceil_div(g->elements, 32), step->outer_tile);
    }
    return;
  }
  plan->has_moments = 1;
  add_general(plan, CLNORM__GENERAL_MOMENTS, CLNORM__ALWAYS, g->statistics, capabilities);
  add_general(plan, CLNORM__GENERAL_PARAMETERS, CLNORM__WITH_PARAMETERS, g->parameters, capabilities);
  add_general(plan, CLNORM__GENERAL_DX, CLNORM__WITH_INPUTS, g->statistics, capabilities);
}

/* ---- samples ------------------------------------------------------------------------------------------------ */

/* Elements that a task of samples_backward has at least for each parameter, so that its partial results, 16 bytes a
 * parameter, stay small beside its part of the tensor. */
#define MIN_ELEMENTS 16
#define MIN_ELEMENTS_WIDE 32

/* Tasks on PoCL in place of one of tasks_per_unit: its first thread takes half of the tasks and one more, which of eight is a
 * quarter too many. */
#define WIDE_TASKS 4

static uint64_t least_samples(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  if (plan->geometry.pattern == CLNORM__COLUMNS) {
    return ceil_div(MIN_ELEMENTS, plan->geometry.repeat);
  }
  const uint64_t least = capabilities->engine == CLNORM__ENGINE_CL_WIDE ? MIN_ELEMENTS_WIDE : MIN_ELEMENTS;
  return ceil_div(least * plan->geometry.parameters, plan->geometry.run);
}

/* Columns that a task of samples has side by side at least: whole lines of every type. */
#define MIN_COLUMNS 64

/* Matrices beside each other: first whole ones, then statistics of each. */
static void tile_matrices(const clnorm_plan *plan, clnorm__step *step, uint64_t least,
                          const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  const uint64_t samples = g->statistics / g->parameter_groups, tasks = host_tasks(plan, capabilities);
  step->outer_tile = at_least(ceil_div(samples, tasks), least);
  step->outer_tiles = ceil_div(samples, step->outer_tile);
  const uint64_t pieces = at_least(tasks / step->outer_tiles, 1);
  const uint64_t groups = at_least(ceil_div(g->parameter_groups, pieces), ceil_div(MIN_COLUMNS, g->run_parameters));
  step->inner_tile = groups * g->run_parameters;
  step->inner_tiles = ceil_div(g->parameter_groups, groups);
  step->tasks = step->outer_tiles * step->inner_tiles;
}

/* Fewer neighbours with the same parameter: their sums cost more than their elements. Longer samples: six floats an element leave
 * the second cache. Fewer samples of a task with the same parameters do not pay for the copies: 64x512x7x7 in 32 groups takes
 * 0.86 of the time without them with 16, 1.06 with 8. */
#define COPIED_REPEAT 128
#define COPIED_RUN 8192
#define COPIED_SAMPLES 16

/* Not where a compute unit would have fewer tasks of so many samples than this. */
#define COPIED_TASKS 2

static int copies_pay(const clnorm__geometry *g, const clnorm__capabilities *capabilities)
{
  const uint64_t tasks = COPIED_TASKS * at_least(capabilities->compute_units, 1);
  return capabilities->engine == CLNORM__ENGINE_CL_WIDE && g->pattern == CLNORM__ROWS && g->run_parameters != 1 &&
         g->repeat < COPIED_REPEAT && g->run <= COPIED_RUN &&
         g->statistics / g->parameter_groups >= COPIED_SAMPLES * tasks;
}

static clnorm__sharing sharing_of(const clnorm__geometry *g, clnorm__role role,
                                  const clnorm__capabilities *capabilities)
{
  if (g->repeat == 1) {
    return CLNORM__OWN;
  }
  return role == CLNORM__SAMPLES_BACKWARD && copies_pay(g, capabilities) ? CLNORM__COPIED : CLNORM__SHARED;
}

static clnorm__step *add_samples(clnorm_plan *plan, clnorm__role role, clnorm__when when, uint64_t least,
                                 const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  clnorm__step *step = add_step(plan, role, when, capabilities);
  const uint64_t tasks = is_lanes(capabilities)  ? ceil_div(g->elements, plan->parameters.apply_tile)
                         : is_host(capabilities) ? host_tasks(plan, capabilities)
                                                 : WIDE_TASKS * wanted_tasks(plan, capabilities);
  step->from_running = uses_running(plan);
  step->shared = sharing_of(g, role, capabilities);
  if (!is_host(capabilities)) {
    limit_width(step, clnorm__step_piece(g, step));
  }
  step->lanes = power_of_two_above(ceil_div(g->run, step->width), step->local);
  step->local = step->lanes;
  if (step->shared == CLNORM__COPIED) {
    least = at_least(least, COPIED_SAMPLES * g->parameter_groups);
  }
  step->outer_tile = at_least(ceil_div(g->statistics, at_least(tasks, 1)), least);
  step->outer_tiles = step->tasks = ceil_div(g->statistics, step->outer_tile);
  step->inner_tile = step->inner_tiles = 1;
  if (g->pattern == CLNORM__COLUMNS) {
    tile_matrices(plan, step, least, capabilities);
  }
  return step;
}

/* A merge of columns' partial results. */
static clnorm__step *add_matrix_merge(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                                      const clnorm__capabilities *capabilities)
{
  clnorm__step *step = add_merge(plan, role, when, capabilities);
  step->width = 1;
  step->from_running = 0;
  step->inner_tiles = plan->partials / (plan->geometry.rows / plan->geometry.repeat);
  return step;
}

static void build_matrices(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  const int backward = plan->pass == CLNORM_BACKWARD;
  const clnorm__when when = backward && !derives(plan) ? CLNORM__WITHOUT_STATISTICS : CLNORM__ALWAYS;
  add_columns_partial(plan, CLNORM__COLUMNS_STATS, when, capabilities);
  add_matrix_merge(plan, CLNORM__MATRIX_STATS, CLNORM__ALWAYS, capabilities);
  if (!backward) {
    add_columns_elementwise(plan, CLNORM__COLUMNS_APPLY, CLNORM__ALWAYS, 0, capabilities);
    add_running(plan, capabilities);
    return;
  }
  add_columns_partial(plan, CLNORM__COLUMNS_GRADIENTS, CLNORM__ALWAYS, capabilities);
  add_matrix_merge(plan, CLNORM__MATRIX_GRADIENTS, CLNORM__ALWAYS, capabilities);
  add_columns_elementwise(plan, CLNORM__COLUMNS_DX, CLNORM__WITH_INPUTS, 0, capabilities);
  clnorm__step *merge = add_matrix_merge(plan, CLNORM__SAMPLES_MERGE, CLNORM__WITH_PARAMETERS, capabilities);
  merge->inner_tile = g->parameter_groups;
  merge->outer_tiles = merge->tasks = ceil_div(g->parameters, merge->outer_tile);
}

static void build_samples(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  if (plan->geometry.pattern == CLNORM__COLUMNS && !is_host(capabilities)) {
    if (has_matrices(plan)) {
      build_matrices(plan, capabilities);
    } else {
      /* With the running statistics instance normalization is batch normalization. */
      plan->merged = plan->geometry.columns;
      build_split(plan, capabilities);
    }
    return;
  }
  if (plan->pass == CLNORM_TRAIN || plan->pass == CLNORM_INFER) {
    clnorm__step *forward = add_samples(plan, CLNORM__SAMPLES_FORWARD, CLNORM__ALWAYS, 1, capabilities);
    clnorm__step_hold(plan, capabilities, CLNORM__SAMPLES_FORWARD_HELD, 1, forward);
    add_running(plan, capabilities);
    return;
  }
  clnorm__step *backward =
      add_samples(plan, CLNORM__SAMPLES_BACKWARD, CLNORM__ALWAYS, least_samples(plan, capabilities), capabilities);
  if (backward->shared == CLNORM__OWN) {
    /* x, g, and two sums of two floats. Where neighbours share a parameter, each parameter's sums are taken apart. */
    clnorm__step_hold(plan, capabilities, CLNORM__SAMPLES_BACKWARD_HELD, 6, backward);
  }
  clnorm__step *merge = add_merge(plan, CLNORM__SAMPLES_MERGE, CLNORM__WITH_PARAMETERS, capabilities);
  plan->partials = backward->outer_tiles;
  merge->inner_tile = backward->outer_tile;
  merge->width = capabilities->engine == CLNORM__ENGINE_CL_WIDE ? backward->width : 1;
  merge->outer_tiles = merge->tasks = ceil_div(plan->geometry.parameters, merge->outer_tile);
}

/* ---- the table ---------------------------------------------------------------------------------------------- */

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

static int is_fast(const clnorm_plan *plan) { return plan->desc.op == CLNORM_BATCH && is_lean(plan); }

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

/* Bytes of a sample's column at least, so that its partial results, coefficients and moments, up to 52, stay small beside it. */
#define MIN_COLUMN_BYTES 128

/* Whether samples that are matrices beside each other can be walked. */
static int walks_matrices(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  return is_host(capabilities) ? g->run_parameters <= CLNORM__MATRIX_COLUMNS
                               : g->repeat * clnorm__dtype_size(plan->desc.dtype) >= MIN_COLUMN_BYTES;
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
  return reduces(plan, capabilities) && plan->geometry.values >= 2 * min_partial(plan) && plan->geometry.elements != 0;
}

/* Whole statistics a task pay off when there are enough of them to fill the device, or so little data that splitting it
 * gains nothing. */
static int rows_fill_device(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *geometry = &plan->geometry;
  const uint64_t tasks = ceil_div(geometry->statistics, group_of_rows(plan, capabilities));
  const uint64_t enough = capabilities->compute_units * plan->parameters.whole_tasks_per_unit;
  return tasks >= enough || geometry->values <= plan->parameters.min_tile;
}

/* Few rows: one tile would hold them all, and partial results would weigh as much as the tensor. */
static int columns_are_short(const clnorm_plan *plan)
{
  const clnorm__geometry *geometry = &plan->geometry;
  /* On the CPU backend what would be one tile. */
  const uint64_t little =
      plan->engine == CLNORM__ENGINE_HOST ? 2 * host_least_task(plan) - 1 : plan->parameters.min_tile;
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
    {"rows_apply", "columns_apply", is_elementwise, always, build_split},
    {"rows_whole", "columns_whole", reduces, whole_pays, build_whole},
    {"rows_split", "columns_split", can_be_split, always, build_split},
    {"rows_samples", "columns_samples", are_samples, always, build_samples},
    {"rows_general", "columns_general", always, always, build_general},
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
      plan->num_steps = plan->has_moments = 0;
      plan->partials = 0;
      memset(plan->steps, 0, sizeof plan->steps);
      variants[i].build(plan, capabilities);
      set_alignment(plan, capabilities);
      return 1;
    }
  }
  return 0;
}

const clnorm__capabilities clnorm__host_capabilities = {
    .engine = CLNORM__ENGINE_HOST,
    .compute_units = 8, /* a constant, so that tiles and with them the last bits are the same on every machine */
    .vector_width = 16,
    .max_work_group = 1,
    .local_memory = 0,
    .max_allocation = UINT64_MAX,
    .has_double = 1,
    .fma = 0,
};
