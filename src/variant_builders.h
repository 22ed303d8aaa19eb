/* What fills a plan's steps, one function for each row of the table in variants.c. */
#ifndef CLNORM_SRC_VARIANT_BUILDERS_H
#define CLNORM_SRC_VARIANT_BUILDERS_H

#include "step_make.h"

/* Element-wise, or in tasks whose partial results are merged. */
void clnorm__build_split(clnorm_plan *plan, const clnorm__capabilities *capabilities);

/* A task has all of a statistic. */
void clnorm__build_whole(clnorm_plan *plan, const clnorm__capabilities *capabilities);

/* Statistics within one sample. */
void clnorm__build_samples(clnorm_plan *plan, const clnorm__capabilities *capabilities);

/* Anything, one element at a time. */
void clnorm__build_general(clnorm_plan *plan, const clnorm__capabilities *capabilities);

#endif
