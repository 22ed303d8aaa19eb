/* The choice of a variant: one table, first row that applies wins, the last row always applies. */
#ifndef CLNORM_SRC_VARIANTS_H
#define CLNORM_SRC_VARIANTS_H

#include "choice.h"
#include "plan.h"

/* Fills variant, parameters, steps, partials and moments of a plan whose desc, pass, geometry and engine are set.
 *   choice   what it names is taken, the rest is as built in
 * Returns 0, with nothing filled, if the variant that it names cannot compute this plan's pass and shape. */
int clnorm__variant_choose(clnorm_plan *plan, const clnorm__capabilities *capabilities, const clnorm__choice *choice);

/* The table's name of that text; NULL if there is none. */
const char *clnorm__variant_find(const char *name, size_t length);

/* Name of row `index` of the table for one pattern; NULL past the last. */
const char *clnorm__variant_at(size_t index, clnorm__pattern pattern);

/* 1 for the last row, which computes everything and is the fastest at nothing. */
int clnorm__variant_is_last(size_t index);

#endif
