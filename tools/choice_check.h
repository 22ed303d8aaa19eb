/* Whether the devices know the variant and the values of --choice, before anything is measured with it. */
#ifndef CLNORM_TOOLS_CHOICE_CHECK_H
#define CLNORM_TOOLS_CHOICE_CHECK_H

#include <stddef.h>

#include "device_choice.h"

/* Asks each device. That a variant cannot compute some pass or shape is no fault here.
 *   choice  NULL: nothing is asked
 * Returns EXIT_OK, or EXIT_USAGE after a line on stderr. */
int choice_check(const char *command, const char *choice, const device_choice *devices, size_t count);

#endif
