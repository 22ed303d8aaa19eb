/* Steps that write a statistic while they sum the next one: whole rows of a CPU's device, kernels/rows_*_flow.cl. */
#ifndef CLNORM_SRC_STEP_FLOW_H
#define CLNORM_SRC_STEP_FLOW_H

#include "plan.h"

/* Gives a step with whole rows that role, and several statistics a task, where that is faster. */
void clnorm__step_let_flow(const clnorm_plan *plan, const clnorm__capabilities *capabilities, clnorm__role role,
                           clnorm__step *step);

/* 1 if runs are long enough to be walked one by one, and what is read while others are written is still in the second cache when its
 * turn comes. */
int clnorm__flow_pays(const clnorm_plan *plan, uint64_t second_cache);

#endif
