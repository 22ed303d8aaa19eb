/* Any strides and axes, one element at a time. */
#include "variant_builders.h"

static clnorm__step *add_general(clnorm_plan *plan, clnorm__role role, clnorm__when when, uint64_t tasks,
                                 const clnorm__capabilities *capabilities)
{
  clnorm__step *step = clnorm__step_add(plan, role, when, capabilities);
  step->width = 1;
  step->stream = 0;
  step->from_running = clnorm__plan_uses_running(plan);
  step->tasks = tasks;
  step->lanes = step->local;
  step->outer_tile = step->outer_tiles = step->inner_tile = step->inner_tiles = 1;
  return step;
}

/* Numbers of each statistic that steps leave for others. */
#define MOMENTS 3

static void add_running(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  if (clnorm__plan_averages_samples(plan)) {
    plan->moments = MOMENTS;
    add_general(plan, CLNORM__GENERAL_RUNNING, CLNORM__WITH_RUNNING, plan->geometry.parameters, capabilities);
  }
}

void clnorm__build_general(clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const clnorm__geometry *g = &plan->geometry;
  if (plan->pass == CLNORM_TRAIN || plan->pass == CLNORM_INFER) {
    /* Statistics of nothing are written in training; inference has nothing to write, and a call of it may name no tensors. */
    const int is_idle = g->elements == 0 && plan->pass == CLNORM_INFER;
    add_general(plan, CLNORM__GENERAL_FORWARD, CLNORM__ALWAYS, is_idle ? 0 : g->statistics, capabilities);
    add_running(plan, capabilities);
    if (plan->desc.flags & CLNORM_RELU_MASK) {
      clnorm__step *step = add_general(plan, CLNORM__GENERAL_MASK, CLNORM__ALWAYS, 0, capabilities);
      step->outer_tile = step->local > 1 ? step->local : plan->parameters.merge_tile;
      step->outer_tiles = step->tasks = ceil_div(ceil_div(g->elements, 32), step->outer_tile);
    }
    return;
  }
  plan->moments = MOMENTS;
  add_general(plan, CLNORM__GENERAL_MOMENTS, CLNORM__ALWAYS, g->statistics, capabilities);
  add_general(plan, CLNORM__GENERAL_PARAMETERS, CLNORM__WITH_PARAMETERS, g->parameters, capabilities);
  add_general(plan, CLNORM__GENERAL_DX, CLNORM__WITH_INPUTS, g->statistics, capabilities);
}
