/* Whether the host has the memory for a shape: asked before it is taken, since a system that promises more than it has
 * ends the process later. */
#ifndef CLNORM_BENCH_HOST_MEMORY_H
#define CLNORM_BENCH_HOST_MEMORY_H

#include <stddef.h>

/* Bytes that the host can still give away, as the system and the control group tell; 0: nobody tells. */
double host_memory_available(void);

/* 1 with a sentence in `text` if `bytes` are more than that. */
int host_memory_lacks(double bytes, char *text, size_t capacity);

#endif
