/* Whether the work-items of one work-group can hold a statistic's data between them, so that memory is read once. */
#ifndef CLNORM_SRC_STEP_HELD_H
#define CLNORM_SRC_STEP_HELD_H

#include "plan.h"

/* Gives a step of whole statistics the held role, with width, local, lanes and held to match, if the data fits, by the plan's
 * parameter `held` and the device's work-groups; else leaves it as it is.
 *   tensors   floats that are held of each place */
void clnorm__step_hold(const clnorm_plan *plan, const clnorm__capabilities *capabilities, clnorm__role held_role,
                       uint32_t tensors, clnorm__step *step);

#endif
