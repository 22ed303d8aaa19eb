/* The choice of a variant: one table, first row that applies wins, the last row always applies. */
#ifndef CLNORM_SRC_VARIANTS_H
#define CLNORM_SRC_VARIANTS_H

#include "plan.h"

/* Fills variant, steps and partials of a plan whose desc, pass, geometry, engine and parameters are set. */
void clnorm__variant_choose(clnorm_plan *plan, const clnorm__capabilities *capabilities);

#endif
