/* The axes of a normalization in any layout, storage or order: what the variant `general` walks over.
 *
 * Each axis of the descriptor is one here, a group normalization's channels are two (the group, and the channel within it);
 * axes of one place are left out, and neighbours that can be walked as one are one. The order stays that of dims, so an
 * index made of some axes, the last the fastest, is an index into a dense array of them.
 *
 * The first part is an argument of kernels: kernels/general.h declares the same structure. */
#ifndef CLNORM_SRC_AXES_H
#define CLNORM_SRC_AXES_H

#include "clnorm/clnorm.h"

/* CLNORM_MAX_RANK, and one more for the groups. */
#define CLNORM__MAX_AXES 9

#define CLNORM__NO_AXIS UINT64_MAX

typedef struct clnorm__axes {
  uint64_t count;
  uint64_t sample, length;                     /* indices of the axes that lengths are about; NO_AXIS: there are none */
  uint64_t extent[CLNORM__MAX_AXES];           /* from `count` on 1 */
  uint64_t statistic_stride[CLNORM__MAX_AXES]; /* in mean and inv_std; 0: a statistic is taken over the axis */
  uint64_t parameter_stride
      [CLNORM__MAX_AXES]; /* in gamma, and the running statistics if there are any; 0: not an axis of it */
} clnorm__axes;

/* Elements between neighbours along each axis, one row a tensor. */
typedef struct clnorm__strides {
  int64_t of[CLNORM__MAX_AXES];
} clnorm__strides;

/* From a descriptor whose dimensions' product does not overflow. */
void clnorm__axes_derive(const clnorm_desc *desc, clnorm__axes *axes, clnorm__strides strides[CLNORM_TENSORS]);

#endif
