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

/* 1 if a task can have all of samples that are matrices: there are enough of them to fill the device, rows are not narrow, and what a
 * task has of them side by side ends where statistics do. */
int clnorm__columns_hold_samples(const clnorm_plan *plan, const clnorm__capabilities *capabilities);

/* Such samples: a task reduces `least` or more, one after the other, and applies the result. */
clnorm__step *clnorm__columns_add_samples(clnorm_plan *plan, clnorm__role role, uint64_t tasks, uint64_t least,
                                          const clnorm__capabilities *capabilities);

void clnorm__columns_add_elementwise(clnorm_plan *plan, clnorm__role role, clnorm__when when, int from_running,
                                     const clnorm__capabilities *capabilities);

#endif
