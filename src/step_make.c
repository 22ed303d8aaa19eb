#include "step_make.h"

#include "descriptor.h"

/* Bytes of the tensor that a partial result stands for at least, so that workspaces stay small beside their tensors. */
#define MIN_PARTIAL_BYTES 256

int clnorm__plan_uses_running(const clnorm_plan *plan)
{
  return clnorm__op_has_running(plan->desc.op) && (plan->pass == CLNORM_INFER || plan->pass == CLNORM_BACKWARD_FROZEN);
}

uint64_t clnorm__wanted_tasks(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  return plan->parameters.tasks_per_unit * at_least(capabilities->compute_units, 1);
}

static uint32_t vector_of(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const uint64_t most = plan->parameters.vector;
  return most == 0 || most == CLNORM__UNUSED ? (capabilities->vector_width >= 16 ? 16 : 8) : (uint32_t)most;
}

uint64_t clnorm__min_partial(const clnorm_plan *plan)
{
  return MIN_PARTIAL_BYTES / clnorm__dtype_size(plan->desc.dtype);
}

clnorm__step *clnorm__step_add(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                               const clnorm__capabilities *capabilities)
{
  clnorm__step *step = &plan->steps[plan->num_steps++];
  *step = (clnorm__step){.role = role, .when = when, .group = 1, .local = 1, .lanes = 1};
  if (is_lanes(capabilities)) {
    step->local = largest_group(capabilities, (uint32_t)plan->parameters.work_items);
  }
  step->width = vector_of(plan, capabilities);
  /* The CPU backend decides by itself, when it runs. */
  step->stream = is_wide(capabilities) &&
                 clnorm__plan_exceeds(plan, clnorm__near_cache(capabilities->cache, capabilities->compute_units));
  return step;
}

/* Tasks that the CPU backend makes of little data at least, so that threads have something each. */
#define HOST_TASKS_AT_LEAST 8

uint64_t clnorm__host_least_task(const clnorm_plan *plan) { return 2 * plan->parameters.min_tile; }

uint64_t clnorm__host_tasks(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const uint64_t elements = plan->geometry.elements;
  const uint64_t few = at_most(elements / clnorm__host_least_task(plan), HOST_TASKS_AT_LEAST);
  const uint64_t many = at_most(clnorm__wanted_tasks(plan, capabilities), elements / plan->parameters.apply_tile);
  return at_least(at_least(many, few), 1);
}

void clnorm__step_limit_width(clnorm__step *step, uint64_t contiguous)
{
  while (step->width > 4 && step->width > contiguous) {
    step->width /= 2;
  }
}

int clnorm__plan_has_matrices(const clnorm_plan *plan)
{
  return plan->desc.op != CLNORM_BATCH && !clnorm__plan_uses_running(plan);
}

int clnorm__plan_averages_samples(const clnorm_plan *plan)
{
  return plan->pass == CLNORM_TRAIN && plan->desc.op == CLNORM_INSTANCE;
}

int clnorm__plan_derives(const clnorm_plan *plan)
{
  return plan->engine != CLNORM__ENGINE_HOST && plan->desc.activation != CLNORM_ACTIVATION_NONE;
}

clnorm__step *clnorm__step_add_merge(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                                     const clnorm__capabilities *capabilities)
{
  clnorm__step *step = clnorm__step_add(plan, role, when, capabilities);
  clnorm__step_limit_width(step, plan->merged);
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
