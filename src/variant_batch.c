/* One statistic a channel: whole, or split into tasks and merged. */
#include "step_flow.h"
#include "step_held.h"
#include "steps_columns.h"
#include "steps_rows.h"
#include "variant_builders.h"

static void add_partial(clnorm_plan *plan, clnorm__role rows, clnorm__role columns, clnorm__when when,
                        const clnorm__capabilities *capabilities)
{
  if (plan->geometry.pattern == CLNORM__ROWS) {
    clnorm__rows_add_partial(plan, rows, when, capabilities);
  } else {
    clnorm__columns_add_partial(plan, columns, when, capabilities);
  }
}

static void add_elementwise(clnorm_plan *plan, clnorm__role rows, clnorm__role columns, clnorm__when when,
                            int from_running, const clnorm__capabilities *capabilities)
{
  if (plan->geometry.pattern == CLNORM__ROWS) {
    clnorm__rows_add_elementwise(plan, rows, when, from_running, capabilities);
  } else {
    clnorm__columns_add_elementwise(plan, columns, when, from_running, capabilities);
  }
}

/* Backward without saved statistics: a training forward pass that stops before y. With an activation, on OpenCL, always: z
 * needs what a saved mean has lost, which these steps find out, reading x only where it matters. */
static void add_own_statistics(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const clnorm__when when = clnorm__plan_derives(plan) ? CLNORM__ALWAYS : CLNORM__WITHOUT_STATISTICS;
  add_partial(plan, CLNORM__ROWS_STATS, CLNORM__COLUMNS_STATS, when, capabilities);
  clnorm__step_add_merge(plan, CLNORM__MERGE_STATS, when, capabilities)->owns_saved = 1;
}

/* Columns that a lone work-item writes faster by themselves: rows that are no whole vectors, as one row or in pieces, and of half
 * types, past the caches, of which two vectors make one line and other rows' would come between them. */
static int are_written_apart(const clnorm_plan *plan, const clnorm__step *step,
                             const clnorm__capabilities *capabilities)
{
  const int are_lines = step->columns % step->width == 0 && (!step->stream || plan->desc.dtype == CLNORM_F32);
  return is_wide(capabilities) && plan->geometry.pattern == CLNORM__COLUMNS && !are_lines;
}

/* dx waits for no sum, so one step makes it on the way. */
static void add_frozen(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  add_partial(plan, CLNORM__ROWS_FROZEN, CLNORM__COLUMNS_FROZEN, CLNORM__WITH_SUMS, capabilities);
  clnorm__step *step = &plan->steps[plan->num_steps - 1];
  const int is_apart = are_written_apart(plan, step, capabilities);
  step->role = is_apart ? CLNORM__COLUMNS_GRADIENTS : step->role;
  step->from_running = !is_apart || clnorm__plan_derives(plan);
  clnorm__step_add_merge(plan, CLNORM__MERGE_GRADIENTS, CLNORM__WITH_SUMS, capabilities);
  const clnorm__when when = is_apart ? CLNORM__WITH_INPUTS : CLNORM__WITHOUT_SUMS;
  add_elementwise(plan, CLNORM__ROWS_DX, CLNORM__COLUMNS_DX, when, 1, capabilities);
}

void clnorm__build_split(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  switch (plan->pass) {
    case CLNORM_TRAIN:
      add_partial(plan, CLNORM__ROWS_STATS, CLNORM__COLUMNS_STATS, CLNORM__ALWAYS, capabilities);
      clnorm__step_add_merge(plan, CLNORM__MERGE_STATS, CLNORM__ALWAYS, capabilities);
      add_elementwise(plan, CLNORM__ROWS_APPLY, CLNORM__COLUMNS_APPLY, CLNORM__ALWAYS, 0, capabilities);
      break;
    case CLNORM_INFER:
      add_elementwise(plan, CLNORM__ROWS_APPLY, CLNORM__COLUMNS_APPLY, CLNORM__ALWAYS, 1, capabilities);
      break;
    case CLNORM_BACKWARD:
      add_own_statistics(plan, capabilities);
      add_partial(plan, CLNORM__ROWS_GRADIENTS, CLNORM__COLUMNS_GRADIENTS, CLNORM__WITH_SUMS, capabilities);
      clnorm__step_add_merge(plan, CLNORM__MERGE_GRADIENTS, CLNORM__WITH_SUMS, capabilities);
      add_elementwise(plan, CLNORM__ROWS_DX, CLNORM__COLUMNS_DX, CLNORM__WITH_INPUTS, 0, capabilities);
      break;
    case CLNORM_BACKWARD_FROZEN:
      add_frozen(plan, capabilities);
      break;
  }
}

static clnorm__step *add_whole(clnorm_plan *plan, clnorm__role rows, clnorm__role columns, clnorm__when when,
                               const clnorm__capabilities *capabilities)
{
  return plan->geometry.pattern == CLNORM__ROWS ? clnorm__rows_add_whole(plan, rows, when, capabilities)
                                                : clnorm__columns_add_whole(plan, columns, when, capabilities);
}

void clnorm__build_whole(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  if (plan->pass == CLNORM_BACKWARD_FROZEN) {
    add_whole(plan, CLNORM__ROWS_FROZEN, CLNORM__COLUMNS_FROZEN, CLNORM__ALWAYS, capabilities);
    return;
  }
  if (plan->pass == CLNORM_TRAIN) {
    clnorm__step *train = add_whole(plan, CLNORM__ROWS_TRAIN, CLNORM__COLUMNS_TRAIN, CLNORM__ALWAYS, capabilities);
    clnorm__step_hold(plan, capabilities, CLNORM__ROWS_TRAIN_HELD, 1, train);
    clnorm__step_let_flow(plan, capabilities, CLNORM__ROWS_TRAIN_FLOW, train);
    return;
  }
  add_whole(plan, CLNORM__ROWS_TRAIN, CLNORM__COLUMNS_TRAIN, CLNORM__WITHOUT_STATISTICS, capabilities)->owns_saved = 1;
  clnorm__step *backward =
      add_whole(plan, CLNORM__ROWS_BACKWARD, CLNORM__COLUMNS_BACKWARD, CLNORM__ALWAYS, capabilities);
  clnorm__step_hold(plan, capabilities, CLNORM__ROWS_BACKWARD_HELD, 2, backward);
  clnorm__step_let_flow(plan, capabilities, CLNORM__ROWS_BACKWARD_FLOW, backward);
}
