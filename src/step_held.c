#include "step_held.h"

#include "step_counts.h"

/* The axis HELD of kernels/held.h ends here. */
#define MOST_VECTORS 16

/* Work-items that share a statistic at least, if it has a vector for each: the lanes that a GPU moves together, one or two
 * such rows of them. Fewer, with more to hold, would leave some idle; more make the trees of the sums deeper. */
#define LEAST_WORK_ITEMS 64

/* The widest vector, up to the step's, that a run is made of; 1 if there is no other. */
static uint32_t whole_width(uint64_t run, uint32_t width)
{
  while (width > 1 && run % width != 0) {
    width = width > 4 ? width / 2 : 1;
  }
  return width;
}

static int can_be_held(const clnorm_plan *plan, const clnorm__capabilities *capabilities, const clnorm__step *step)
{
  const clnorm__geometry *g = &plan->geometry;
  return is_lanes(capabilities) && g->pattern == CLNORM__ROWS && g->values != 0 && !step->from_running;
}

void clnorm__step_hold(const clnorm_plan *plan, const clnorm__capabilities *capabilities, clnorm__role held_role,
                       uint32_t tensors, clnorm__step *step)
{
  const clnorm__geometry *g = &plan->geometry;
  if (!can_be_held(plan, capabilities, step)) {
    return;
  }
  const uint32_t width = whole_width(clnorm__step_piece(g, step), step->width);
  const uint64_t vectors = g->values / width, room = plan->parameters.held / tensors / width;
  if (room == 0) {
    return;
  }
  const uint32_t most = power_of_two_below(room, MOST_VECTORS), largest = largest_group(capabilities, UINT32_MAX / 2);
  const uint64_t wanted = at_least(ceil_div(vectors, most), at_most(vectors, LEAST_WORK_ITEMS));
  const uint32_t local = power_of_two_above(wanted, largest);
  if (ceil_div(vectors, local) > most) {
    return;
  }
  step->role = held_role;
  step->width = width;
  step->local = step->lanes = local;
  step->held = power_of_two_above(ceil_div(vectors, local), MOST_VECTORS);
}
