/* Steps that walk rows. */
#ifndef CLNORM_SRC_STEPS_ROWS_H
#define CLNORM_SRC_STEPS_ROWS_H

#include "step_make.h"

/* Statistics of a task that reduces. */
uint32_t clnorm__rows_group(const clnorm_plan *plan, const clnorm__capabilities *capabilities);

/* Whole statistics: a task reduces all values of one, or of a group, and applies the result. */
clnorm__step *clnorm__rows_add_whole(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                                     const clnorm__capabilities *capabilities);

/* Partial results; sets how many a statistic has. */
void clnorm__rows_add_partial(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                              const clnorm__capabilities *capabilities);

void clnorm__rows_add_elementwise(clnorm_plan *plan, clnorm__role role, clnorm__when when, int from_running,
                                  const clnorm__capabilities *capabilities);

#endif
