#include "step_flow.h"

#include "descriptor.h"
#include "step_make.h"

/* Statistics whose data is read between the two times that one's is. */
#define STATISTICS 2

/* Shorter runs share lines with their neighbours, and are walked together with them. */
#define LEAST_RUN 256

/* Statistics of a task at least: while the first one is summed nothing is written. */
#define LEAST_STATISTICS 4

int clnorm__flow_pays(const clnorm_plan *plan, uint32_t tensors, uint64_t second_cache)
{
  const uint64_t element = clnorm__dtype_size(plan->desc.dtype);
  /* Backward conversions of half types take longer than the memory: 0.96 to 1.2 of the time without. */
  const int waits_for_memory = tensors == 1 || plan->desc.dtype == CLNORM_F32;
  return waits_for_memory && plan->geometry.run >= LEAST_RUN &&
         STATISTICS * tensors * element * plan->geometry.values <= second_cache / 8 * plan->parameters.flow_eighths;
}

void clnorm__step_let_flow(const clnorm_plan *plan, const clnorm__capabilities *capabilities, clnorm__role role,
                           uint32_t tensors, clnorm__step *step)
{
  const clnorm__geometry *g = &plan->geometry;
  const uint64_t each = g->statistics / clnorm__wanted_tasks(plan, capabilities);
  if (!is_wide(capabilities) || !capabilities->sums_in_double || g->pattern != CLNORM__ROWS || !step->stream ||
      step->from_running || step->group != 1 || each < LEAST_STATISTICS ||
      !clnorm__flow_pays(plan, tensors, capabilities->second_cache)) {
    return;
  }
  step->role = role;
  step->outer_tile = each;
  step->outer_tiles = step->tasks = ceil_div(g->statistics, each);
}
