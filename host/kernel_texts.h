/* Which files of kernels/ the program of a role is made of. */
#ifndef CLNORM_HOST_KERNEL_TEXTS_H
#define CLNORM_HOST_KERNEL_TEXTS_H

#include "plan.h"

#define CLNORM__MOST_KERNEL_TEXTS 16

/* Their texts in order, the kernel's own last; returns how many. sums_in_double: of the two ways to add that a role may have. */
size_t clnorm__kernel_texts(clnorm__role role, int sums_in_double, const char *texts[CLNORM__MOST_KERNEL_TEXTS]);

#endif
