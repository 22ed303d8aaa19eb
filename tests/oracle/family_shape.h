/* Which statistic and which parameter each element of a tensor belongs to, and whether it is padding: worked out from the
 * descriptor by index arithmetic, element by element, in dense order of dims. */
#ifndef CLNORM_TESTS_FAMILY_SHAPE_H
#define CLNORM_TESTS_FAMILY_SHAPE_H

#include "clnorm/clnorm.h"

typedef struct family_shape {
  uint64_t elements, statistics, parameters, words; /* words: of the mask */
  /* [elements] */
  uint32_t *statistic, *parameter;
  unsigned char *valid; /* 0: padding */
  uint64_t *values;     /* [statistics] how many valid elements each has */
} family_shape;

/* desc must be valid, with fewer than 2^32 elements.
 *   lengths   [N], NULL if desc->length_axis is 0
 * Returns 0, or -1 if memory is short; then there is nothing to destroy. */
int family_shape_create(family_shape *shape, const clnorm_desc *desc, const int32_t *lengths);

/* Of a created or zeroed shape. */
void family_shape_destroy(family_shape *shape);

/* BATCH and INSTANCE: the parameter that shares its running statistics with a statistic. */
uint64_t family_running_of(const family_shape *shape, uint64_t statistic);

#endif
