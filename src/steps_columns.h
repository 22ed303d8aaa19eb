/* Steps that walk columns. */
#ifndef CLNORM_SRC_STEPS_COLUMNS_H
#define CLNORM_SRC_STEPS_COLUMNS_H

#include "step_make.h"

/* Whole statistics: a task reduces all rows of its columns and applies the result. */
clnorm__step *clnorm__columns_add_whole(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                                        const clnorm__capabilities *capabilities);

/* Partial results; sets how many a column has. */
void clnorm__columns_add_partial(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                                 const clnorm__capabilities *capabilities);

void clnorm__columns_add_elementwise(clnorm_plan *plan, clnorm__role role, clnorm__when when, int from_running,
                                     const clnorm__capabilities *capabilities);

#endif
