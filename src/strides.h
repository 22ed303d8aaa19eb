/* Where the elements of a tensor are: the descriptor's strides, or dense ones. */
#ifndef CLNORM_SRC_STRIDES_H
#define CLNORM_SRC_STRIDES_H

#include "clnorm/clnorm.h"

/* Elements from a place to its neighbour along the axis. */
int64_t clnorm__stride_of(const clnorm_desc *desc, clnorm_tensor tensor, uint32_t axis);

/* 1 if every tensor is dense, as strides of 0 say or in numbers. */
int clnorm__strides_are_dense(const clnorm_desc *desc);

/* 1 if both tensors have the same strides. */
int clnorm__strides_are_equal(const clnorm_desc *desc, clnorm_tensor a, clnorm_tensor b);

/* Elements that a tensor reaches before and after its element (0, ..., 0), that one counted as after; 0 and 0 if it is empty. */
typedef struct clnorm__reach {
  uint64_t before, after;
} clnorm__reach;

clnorm__reach clnorm__reach_of(const clnorm_desc *desc, clnorm_tensor tensor);

/* 1 if two tensors whose ranges overlap have no element in common for all that, like the even and the odd channels of one
 * array: both have the same strides, and their first elements, at these bytes, are not a sum of steps apart. */
int clnorm__tensors_interleave(const clnorm_desc *desc, clnorm_tensor a, clnorm_tensor b, uint64_t a_begin,
                               uint64_t b_begin);

/* Errors: OVERFLOW (a tensor reaches over 2^62 elements), INVALID_SHAPE (an output would meet an element twice). */
clnorm_status clnorm__strides_check(const clnorm_desc *desc);

#endif
