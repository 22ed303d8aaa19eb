/* Statistics within one sample: layer, RMS, instance and group normalization. */
#include "step_held.h"
#include "steps_columns.h"
#include "variant_builders.h"

/* Elements that a task of gradients has at least for each parameter, so that its partial results, 16 bytes a
 * parameter, stay small beside its part of the tensor. */
#define MIN_ELEMENTS 16
#define MIN_ELEMENTS_WIDE 32

/* Tasks on PoCL in place of one of tasks_per_unit: its first thread takes half of the tasks and one more, which of eight is a
 * quarter too many. */
#define WIDE_TASKS 4

static uint64_t least_samples(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const uint64_t least = is_wide(capabilities) ? MIN_ELEMENTS_WIDE : MIN_ELEMENTS;
  if (plan->geometry.pattern == CLNORM__COLUMNS) {
    return ceil_div(least, plan->geometry.repeat);
  }
  return ceil_div(least * plan->geometry.parameters, plan->geometry.run);
}

/* Columns that a task of samples has side by side at least: whole lines of every type. */
#define MIN_COLUMNS 64

/* Matrices beside each other: first whole ones, then statistics of each. */
static void tile_matrices(const clnorm_plan *plan, clnorm__step *step, uint64_t least,
                          const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  const uint64_t samples = g->statistics / g->parameter_groups, tasks = clnorm__host_tasks(plan, capabilities);
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
  return is_wide(capabilities) && g->pattern == CLNORM__ROWS && g->run_parameters != 1 && g->repeat < COPIED_REPEAT &&
         g->run <= COPIED_RUN && g->statistics / g->parameter_groups >= COPIED_SAMPLES * tasks;
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
  clnorm__step *step = clnorm__step_add(plan, role, when, capabilities);
  const uint64_t tasks = is_lanes(capabilities)  ? ceil_div(g->elements, plan->parameters.apply_tile)
                         : is_host(capabilities) ? clnorm__host_tasks(plan, capabilities)
                                                 : WIDE_TASKS * clnorm__wanted_tasks(plan, capabilities);
  step->from_running = clnorm__plan_uses_running(plan);
  step->shared = sharing_of(g, role, capabilities);
  if (!is_host(capabilities)) {
    clnorm__step_limit_width(step, clnorm__step_piece(g, step));
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
  clnorm__step *step = clnorm__step_add_merge(plan, role, when, capabilities);
  step->width = 1;
  step->from_running = 0;
  step->inner_tiles = plan->partials / (plan->geometry.rows / plan->geometry.repeat);
  return step;
}

/* A merge whose tasks are tiles of parameters. */
static clnorm__step *add_parameter_merge(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                                         const clnorm__capabilities *capabilities)
{
  clnorm__step *step = clnorm__step_add_merge(plan, role, when, capabilities);
  step->outer_tiles = step->tasks = ceil_div(plan->geometry.parameters, step->outer_tile);
  return step;
}

/* Numbers of each statistic that running ones follow. */
#define MOMENTS 2

static void add_running(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  if (!clnorm__plan_averages_samples(plan)) {
    return;
  }
  plan->moments = MOMENTS;
  add_parameter_merge(plan, CLNORM__MERGE_RUNNING, CLNORM__WITH_RUNNING, capabilities);
}

static void build_matrices(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  const int backward = plan->pass == CLNORM_BACKWARD;
  const clnorm__when when = backward && !clnorm__plan_derives(plan) ? CLNORM__WITHOUT_STATISTICS : CLNORM__ALWAYS;
  clnorm__columns_add_partial(plan, CLNORM__COLUMNS_STATS, when, capabilities);
  add_matrix_merge(plan, CLNORM__MATRIX_STATS, CLNORM__ALWAYS, capabilities);
  if (!backward) {
    clnorm__columns_add_elementwise(plan, CLNORM__COLUMNS_APPLY, CLNORM__ALWAYS, 0, capabilities);
    add_running(plan, capabilities);
    return;
  }
  clnorm__columns_add_partial(plan, CLNORM__COLUMNS_GRADIENTS, CLNORM__ALWAYS, capabilities);
  add_matrix_merge(plan, CLNORM__MATRIX_GRADIENTS, CLNORM__ALWAYS, capabilities);
  clnorm__columns_add_elementwise(plan, CLNORM__COLUMNS_DX, CLNORM__WITH_INPUTS, 0, capabilities);
  clnorm__step *merge = add_matrix_merge(plan, CLNORM__SAMPLES_MERGE, CLNORM__WITH_PARAMETERS, capabilities);
  merge->inner_tile = g->parameter_groups;
  merge->outer_tiles = merge->tasks = ceil_div(g->parameters, merge->outer_tile);
}

static void build_whole_matrices(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const uint64_t tasks = WIDE_TASKS * clnorm__wanted_tasks(plan, capabilities);
  if (plan->pass != CLNORM_BACKWARD) {
    clnorm__columns_add_samples(plan, CLNORM__MATRIX_FORWARD, tasks, 1, capabilities);
    add_running(plan, capabilities);
    return;
  }
  const clnorm__step *backward = clnorm__columns_add_samples(plan, CLNORM__MATRIX_BACKWARD, tasks,
                                                             least_samples(plan, capabilities), capabilities);
  clnorm__step *merge = add_parameter_merge(plan, CLNORM__SAMPLES_MERGE, CLNORM__WITH_PARAMETERS, capabilities);
  plan->partials = backward->outer_tiles;
  merge->inner_tile = backward->outer_tile * plan->geometry.parameter_groups;
  merge->width = backward->width;
}

/* Elements of samples that are written while others are read: of shorter ones little is read meanwhile. Of longer ones what is read
 * does not stay in the second cache: three samples of x; eight of x and dy. */
#define LEAST_FLOW 256
#define MOST_FLOW 65536
#define MOST_BACKWARD_FLOW 8192

static void let_flow(const clnorm_plan *plan, const clnorm__capabilities *capabilities, clnorm__role role,
                     uint64_t most, clnorm__step *step)
{
  const clnorm__geometry *g = &plan->geometry;
  if (is_wide(capabilities) && capabilities->sums_in_double && step->shared == CLNORM__OWN && !step->from_running &&
      g->parameter_groups == 1 && g->run >= LEAST_FLOW && g->run <= most) {
    step->role = role;
  }
}

void clnorm__build_samples(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  if (plan->geometry.pattern == CLNORM__COLUMNS && !is_host(capabilities)) {
    if (clnorm__plan_has_matrices(plan) && clnorm__columns_hold_samples(plan, capabilities)) {
      build_whole_matrices(plan, capabilities);
    } else if (clnorm__plan_has_matrices(plan)) {
      build_matrices(plan, capabilities);
    } else {
      /* With the running statistics instance normalization is batch normalization. */
      plan->merged = plan->geometry.columns;
      clnorm__build_split(plan, capabilities);
    }
    return;
  }
  if (plan->pass == CLNORM_TRAIN || plan->pass == CLNORM_INFER) {
    clnorm__step *forward = add_samples(plan, CLNORM__SAMPLES_FORWARD, CLNORM__ALWAYS, 1, capabilities);
    clnorm__step_hold(plan, capabilities, CLNORM__SAMPLES_FORWARD_HELD, 1, forward);
    let_flow(plan, capabilities, CLNORM__SAMPLES_FLOW, MOST_FLOW, forward);
    add_running(plan, capabilities);
    return;
  }
  clnorm__step *backward =
      add_samples(plan, CLNORM__SAMPLES_BACKWARD, CLNORM__ALWAYS, least_samples(plan, capabilities), capabilities);
  if (backward->shared == CLNORM__OWN) {
    /* x, g, and two sums of two floats. Where neighbours share a parameter, each parameter's sums are taken apart. */
    clnorm__step_hold(plan, capabilities, CLNORM__SAMPLES_BACKWARD_HELD, 6, backward);
    let_flow(plan, capabilities, CLNORM__SAMPLES_BACKWARD_FLOW, MOST_BACKWARD_FLOW, backward);
  }
  clnorm__step *merge = add_parameter_merge(plan, CLNORM__SAMPLES_MERGE, CLNORM__WITH_PARAMETERS, capabilities);
  plan->partials = backward->outer_tiles;
  merge->inner_tile = backward->outer_tile;
  merge->width = is_wide(capabilities) ? backward->width : 1;
}
