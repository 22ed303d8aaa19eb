/* The OpenCL sources, embedded at build time. */
#ifndef CLNORM_HOST_KERNEL_SOURCES_H
#define CLNORM_HOST_KERNEL_SOURCES_H

#include <stddef.h>

typedef struct clnorm__kernel_source {
  const char *name; /* stem of the file: "rows_train", "common" */
  const char *text;
} clnorm__kernel_source;

extern const clnorm__kernel_source clnorm__kernel_sources[];
extern const size_t clnorm__kernel_sources_count;

#endif
