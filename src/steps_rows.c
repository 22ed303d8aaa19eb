#include "steps_rows.h"

uint32_t clnorm__rows_group(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const int takes_groups = !is_lanes(capabilities) && plan->geometry.run < plan->parameters.short_run;
  return takes_groups ? (uint32_t)plan->parameters.short_run_group : 1;
}

/* Statistics a task of the element-wise steps; not so many that there are too few tasks. */
static uint32_t group_of_elementwise(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  if (!is_wide(capabilities)) {
    return clnorm__rows_group(plan, capabilities);
  }
  uint32_t group = (uint32_t)plan->parameters.apply_group;
  while (group > 1 && ceil_div(g->statistics, group) * g->segments < clnorm__wanted_tasks(plan, capabilities)) {
    group = group == 64 ? 16 : 1;
  }
  return group;
}

/* Vectors, work-items along a run and statistics a task; returns the groups of statistics. */
static uint64_t shape_rows_step(const clnorm_plan *plan, clnorm__step *step, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *geometry = &plan->geometry;
  if (!is_host(capabilities)) {
    clnorm__step_limit_width(step, geometry->run);
  }
  step->lanes = power_of_two_above(ceil_div(geometry->run, step->width), step->local);
  step->group = clnorm__rows_group(plan, capabilities);
  return ceil_div(geometry->statistics, step->group);
}

clnorm__step *clnorm__rows_add_whole(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                                     const clnorm__capabilities *capabilities)
{
  clnorm__step *step = clnorm__step_add(plan, role, when, capabilities);
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

void clnorm__rows_add_partial(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                              const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *geometry = &plan->geometry;
  clnorm__step *step = clnorm__step_add(plan, role, when, capabilities);
  const uint64_t groups = shape_rows_step(plan, step, capabilities);
  const uint64_t wanted = ceil_div(clnorm__wanted_tasks(plan, capabilities), groups);
  const uint64_t pays = geometry->values / plan->parameters.min_tile * step->group;
  const uint64_t most = at_least(at_most(pays, geometry->values / clnorm__min_partial(plan)), 1);
  tile_rows(step, geometry->segments, geometry->run, at_most(wanted, most));
  step->tasks = groups * step->outer_tiles * step->inner_tiles;
  plan->partials = step->outer_tiles * step->inner_tiles;
}

void clnorm__rows_add_elementwise(clnorm_plan *plan, clnorm__role role, clnorm__when when, int from_running,
                                  const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *geometry = &plan->geometry;
  clnorm__step *step = clnorm__step_add(plan, role, when, capabilities);
  (void)shape_rows_step(plan, step, capabilities);
  step->group = group_of_elementwise(plan, capabilities);
  const uint64_t groups = ceil_div(geometry->statistics, step->group);
  step->from_running = from_running;
  if (is_host(capabilities) && geometry->run > CLNORM__MATRIX_RUN) {
    /* The CPU backend walks long runs in the order of the memory, whatever statistic they are of. */
    step->group = 1;
    tile_rows(step, geometry->segments * geometry->statistics, geometry->run, clnorm__host_tasks(plan, capabilities));
    step->tasks = step->outer_tiles * step->inner_tiles;
    return;
  }
  const uint64_t tiles = is_lanes(capabilities)  ? ceil_div(geometry->values, plan->parameters.apply_tile)
                         : is_host(capabilities) ? ceil_div(clnorm__host_tasks(plan, capabilities), groups)
                                                 : ceil_div(clnorm__wanted_tasks(plan, capabilities), groups);
  tile_rows(step, geometry->segments, geometry->run, at_least(tiles, 1));
  step->tasks = groups * step->outer_tiles * step->inner_tiles;
}
