#include "steps_columns.h"

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
  if (!is_wide(capabilities) || step->per_sample || g->columns >= NARROW || g->columns % step->width == 0) {
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

/* Columns of a tile of rows that are no whole vectors: as many as arrays of coefficients have place for, or up to a quarter more
 * where that leaves no tile shorter than a quarter; 0: it cannot be done. */
#define LONGER 4

static uint64_t folded_tile(const clnorm_plan *plan, const clnorm__step *step)
{
  const uint64_t columns = plan->geometry.columns, group = plan->parameters.column_group_large;
  const uint64_t shortest = at_least(group / LONGER, 1) * step->width;
  for (uint64_t vectors = group; vectors <= group + group / LONGER; vectors++) {
    const uint64_t tile = vectors * step->width;
    if (columns <= tile || columns % tile >= shortest) {
      return tile;
    }
  }
  return 0;
}

/* How an element-wise step walks rows that are no whole vectors: a tile as one row, whose vectors cross from one to the next, or
 * where rows are longer than a tile piece by piece, of a vector at least. */
static clnorm__folding folding_of(const clnorm_plan *plan, const clnorm__step *step,
                                  const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  const uint64_t tile = folded_tile(plan, step);
  if (!is_wide(capabilities) || g->columns % step->width == 0 || tile == 0) {
    return CLNORM__UNFOLDED;
  }
  return g->columns <= tile ? CLNORM__FOLDED : CLNORM__PIECES;
}

static void tile_columns(clnorm_plan *plan, clnorm__step *step, uint64_t fold, uint64_t tasks, uint64_t min_rows,
                         const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *geometry = &plan->geometry;
  step->rows = geometry->rows / fold;
  step->columns = geometry->columns * fold;
  /* Element-wise; reductions are folded to fit. */
  const int is_folded = step->folded != CLNORM__UNFOLDED && fold == 1;
  if (is_lanes(capabilities)) {
    step->lanes = power_of_two_above(ceil_div(step->columns, step->width), step->local);
  } else {
    if (step->folded == CLNORM__UNFOLDED) {
      clnorm__step_limit_width(step, step->columns);
    }
    const uint64_t vectors = ceil_div(step->columns, step->width);
    const clnorm__parameters *p = &plan->parameters;
    const int is_small = vectors <= p->column_group_small && !is_folded;
    step->group = (uint32_t)(is_small ? p->column_group_small : p->column_group_large);
  }
  step->inner_tile = (uint64_t)step->lanes * step->group * step->width;
  const uint64_t longer = is_folded ? folded_tile(plan, step) : 0;
  if (longer > step->inner_tile) {
    step->group += step->group / LONGER;
    step->inner_tile = longer;
  }
  step->inner_tiles = ceil_div(step->columns, step->inner_tile);
  const uint64_t rows = step->per_sample ? geometry->repeat : step->rows;
  const uint64_t samples = step->rows / at_least(rows, 1);
  const uint64_t wanted = at_least(tasks / at_least(step->inner_tiles * samples, 1), 1);
  const uint64_t most = at_least(rows / at_least(min_rows, 1), 1);
  step->outer_tile = at_least(ceil_div(rows, at_most(wanted, most)), 1);
  step->outer_tiles = samples * ceil_div(rows, step->outer_tile);
  step->tasks = step->outer_tiles * step->inner_tiles;
}

clnorm__step *clnorm__columns_add_whole(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                                        const clnorm__capabilities *capabilities)
{
  clnorm__step *step = clnorm__step_add(plan, role, when, capabilities);
  step->from_running = plan->pass == CLNORM_BACKWARD_FROZEN;
  tile_columns(plan, step, 1, 1, plan->geometry.rows, capabilities);
  return step;
}

void clnorm__columns_add_partial(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                                 const clnorm__capabilities *capabilities)
{
  clnorm__step *step = clnorm__step_add(plan, role, when, capabilities);
  step->per_sample = clnorm__plan_has_matrices(plan);
  const uint64_t tasks =
      is_host(capabilities) ? clnorm__host_tasks(plan, capabilities) : clnorm__wanted_tasks(plan, capabilities);
  const uint64_t fold = fold_of(plan, step, capabilities);
  step->folded = fold != 1 ? CLNORM__FOLDED : CLNORM__UNFOLDED;
  tile_columns(plan, step, fold, tasks, plan->parameters.min_tile_rows, capabilities);
  plan->partials = step->outer_tiles * fold;
}

void clnorm__columns_add_elementwise(clnorm_plan *plan, clnorm__role role, clnorm__when when, int from_running,
                                     const clnorm__capabilities *capabilities)
{
  clnorm__step *step = clnorm__step_add(plan, role, when, capabilities);
  const uint64_t tasks = is_lanes(capabilities)  ? ceil_div(plan->geometry.elements, plan->parameters.apply_tile)
                         : is_host(capabilities) ? clnorm__host_tasks(plan, capabilities)
                                                 : clnorm__wanted_tasks(plan, capabilities);
  step->from_running = from_running;
  step->per_sample = clnorm__plan_has_matrices(plan);
  step->folded = folding_of(plan, step, capabilities);
  tile_columns(plan, step, 1, at_least(tasks, 1), 1, capabilities);
}

/* Of columns that are more than a tile, tiles of whole statistics; 0: there are none. */
static void tile_statistics(const clnorm__geometry *g, clnorm__step *step)
{
  if (step->inner_tiles > 1) {
    step->inner_tile -= step->inner_tile % g->run_parameters;
    step->inner_tiles = step->inner_tile != 0 ? ceil_div(step->columns, step->inner_tile) : 0;
  }
}

clnorm__step *clnorm__columns_add_samples(clnorm_plan *plan, clnorm__role role, uint64_t tasks, uint64_t least,
                                          const clnorm__capabilities *capabilities)
{
  clnorm__step *step = clnorm__step_add(plan, role, CLNORM__ALWAYS, capabilities);
  const uint64_t samples = plan->geometry.rows / plan->geometry.repeat;
  step->per_sample = 1;
  step->folded = folding_of(plan, step, capabilities);
  tile_columns(plan, step, 1, 1, 1, capabilities);
  tile_statistics(&plan->geometry, step);
  step->outer_tile = at_least(ceil_div(samples, at_least(tasks, 1)), least);
  step->outer_tiles = ceil_div(samples, step->outer_tile);
  step->tasks = step->outer_tiles * step->inner_tiles;
  return step;
}

int clnorm__columns_hold_samples(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  clnorm_plan other = *plan;
  const clnorm__geometry *g = &plan->geometry;
  const uint64_t enough = plan->parameters.whole_tasks_per_unit * at_least(capabilities->compute_units, 1);
  if (!is_wide(capabilities) || g->statistics / g->parameter_groups < enough) {
    return 0;
  }
  other.num_steps = 0;
  const clnorm__step *step = clnorm__columns_add_samples(&other, CLNORM__MATRIX_FORWARD, 1, 1, capabilities);
  return (g->columns >= NARROW || g->columns % step->width == 0) &&
         (step->inner_tiles == 1 || (step->inner_tiles > 1 && step->inner_tile % step->width == 0));
}
