#include "step_flow.h"

#include "descriptor.h"
#include "step_make.h"

/* Statistics whose data is read between the two times that one's is. */
#define STATISTICS 2

/* Shorter runs share lines with their neighbours, and are walked together with them. */
#define LEAST_RUN 256

/* Statistics of a task at least: while the first one is summed nothing is written. */
#define LEAST_STATISTICS 4

/* Of which each element is read twice: x; backward dy too, and what an activation's derivative needs of the residual. */
static uint64_t tensors_read_twice(const clnorm_plan *plan)
{
  if (plan->pass == CLNORM_TRAIN) {
    return 1;
  }
  return clnorm__plan_derives(plan) && (plan->desc.flags & CLNORM_RESIDUAL) != 0 ? 3 : 2;
}

int clnorm__flow_pays(const clnorm_plan *plan, uint64_t second_cache)
{
  const uint64_t bytes = tensors_read_twice(plan) * plan->geometry.values * clnorm__dtype_size(plan->desc.dtype);
  /* Backward conversions of half types take longer than the memory: 0.96 to 1.2 of the time without. */
  const int waits_for_memory = plan->pass == CLNORM_TRAIN || plan->desc.dtype == CLNORM_F32;
  return waits_for_memory && plan->geometry.run >= LEAST_RUN &&
         STATISTICS * bytes <= second_cache / 8 * plan->parameters.flow_eighths;
}

void clnorm__step_let_flow(const clnorm_plan *plan, const clnorm__capabilities *capabilities, clnorm__role role,
                           clnorm__step *step)
{
  const clnorm__geometry *g = &plan->geometry;
  const uint64_t each = g->statistics / clnorm__wanted_tasks(plan, capabilities);
  if (!is_wide(capabilities) || !capabilities->sums_in_double || g->pattern != CLNORM__ROWS || !step->stream ||
      step->from_running || step->group != 1 || each < LEAST_STATISTICS ||
      !clnorm__flow_pays(plan, capabilities->second_cache)) {
    return;
  }
  step->role = role;
  step->outer_tile = each;
  step->outer_tiles = step->tasks = ceil_div(g->statistics, each);
}
