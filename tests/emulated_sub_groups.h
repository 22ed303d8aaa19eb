/* OpenCL C's sub-groups made of local memory and barriers, for devices that have none, under the sums of kernels/reduce.h. */
#ifndef CLNORM_TESTS_EMULATED_SUB_GROUPS_H
#define CLNORM_TESTS_EMULATED_SUB_GROUPS_H

#include "clnorm/opencl.h"

/* What a program is compiled for. broken: 1: each work-item reads its own number in place of another's. */
typedef struct emulated {
  unsigned local, size; /* work-items of a group, and of a sub-group, which are neighbours */
  int in_double, broken;
} emulated;

/* The program of the kernel sums(const __global float *hi, const __global float *lo, __global float *sums): each work-item's
 * number, hi + lo, summed over its group twice in a row, of which in the second sum the last term is the first sum, the others 0.
 * sums: of all work-items the first sums' hi, then their lo, the second's hi, their lo. NULL if it does not compile. */
cl_program emulated_sub_groups_build(cl_context context, cl_device_id device, const emulated *e);

#endif
