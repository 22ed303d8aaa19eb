/* What the processor calls itself. */
#ifndef CLNORM_SRC_CPU_NAME_H
#define CLNORM_SRC_CPU_NAME_H

#include <stddef.h>

/* "AMD EPYC 7B13", or "unknown model". Returns text. */
const char *clnorm__cpu_name(char *text, size_t capacity);

#endif
