/* The plain numbers of a normalization: which elements belong to which statistic, as one of two walks over memory.
 *
 * rows      a statistic owns `segments` runs of `run` contiguous elements, `segment_stride` apart; statistic c begins
 *           at c * statistic_stride.
 * columns   a matrix of `rows` rows and `columns` contiguous columns; a statistic owns one column.
 *
 * samples   rows of one run each, whose elements have parameters of their own: each `repeat` neighbours share one, of
 *           `run_parameters` a run, and statistic c begins with parameter c % parameter_groups * run_parameters.
 *           Instance: repeat = run. Group: run = channels of a group * repeat. Layer, RMS: repeat = 1.
 *           Channels-last: columns, each `repeat` rows of them a sample, of which a statistic owns run_parameters.
 *
 * Every number is in elements. A shape in which runs would be one element long is always walked as columns. What neither
 * walk describes (other strides than dense ones, lengths, several channels of one statistic side by side) has axes alone,
 * which describe everything: axes.h. */
#ifndef CLNORM_SRC_GEOMETRY_H
#define CLNORM_SRC_GEOMETRY_H

#include "axes.h"

typedef enum clnorm__pattern { CLNORM__ROWS = 1, CLNORM__COLUMNS = 2 } clnorm__pattern;

typedef struct clnorm__geometry {
  clnorm__pattern pattern;
  uint64_t elements;   /* of the tensor */
  uint64_t statistics; /* how many means there are */
  uint64_t values;     /* elements a statistic */
  uint64_t parameters; /* elements of gamma */
  /* rows */
  uint64_t segments;
  uint64_t run;
  uint64_t segment_stride;
  uint64_t statistic_stride;
  /* samples */
  uint64_t repeat;
  uint64_t run_parameters;
  uint64_t parameter_groups;
  /* columns */
  uint64_t rows;
  uint64_t columns;
  /* any */
  clnorm__axes axes;
  clnorm__strides strides[CLNORM_TENSORS];
} clnorm__geometry;

/* Derives the geometry from a descriptor whose fields are valid and whose dimensions' product does not overflow. */
void clnorm__geometry_derive(const clnorm_desc *desc, clnorm__geometry *geometry);

#endif
