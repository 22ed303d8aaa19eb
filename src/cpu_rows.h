/* What the tasks of the rows pattern share: blocks of neighbouring statistics, their sums and their element-wise steps
 * (cpu_rows.c). */
#ifndef CLNORM_SRC_CPU_ROWS_H
#define CLNORM_SRC_CPU_ROWS_H

#include "cpu_call.h"

/* Statistics that a task walks side by side. */
#define CLNORM__ROWS_GROUP 16

/* A block of elements: `count` neighbouring statistics, of each the same part of its runs. */
typedef struct clnorm__rows_block {
  size_t at;               /* first element */
  size_t segments, stride; /* runs a statistic, and their distance */
  size_t length, pitch;    /* elements of each run, and the distance of neighbouring statistics' runs */
  size_t count;            /* statistics, at most CLNORM__ROWS_GROUP */
} clnorm__rows_block;

/* 1 if it is better walked as a matrix. */
static inline int clnorm__rows_are_matrix(const clnorm__rows_block *b)
{
  return b->length <= CLNORM__MATRIX_RUN && (b->count == 1 || b->pitch == b->length);
}

static inline clnorm__matrix clnorm__rows_matrix(const clnorm__rows_block *b)
{
  return (clnorm__matrix){b->segments, b->count * b->length, b->stride, b->length};
}

/* Scale and shift of z of a block's statistics. */
typedef struct clnorm__rows_z {
  float scale[CLNORM__ROWS_GROUP], shift[CLNORM__ROWS_GROUP];
} clnorm__rows_z;

/* Elements before which what a block sums is asked for. */
size_t clnorm__rows_ahead_of(const clnorm__cpu_call *call, const clnorm__rows_block *b);

/* Sums over a block: of g, g * (x - mean) and x - mean of the i-th statistic at out[0..2][i]. z: where g is not dy, else not
 * read. */
void clnorm__rows_sums(const clnorm__cpu_call *call, const clnorm__rows_block *b, const float *mean,
                       const clnorm__rows_z *z, double out[3][CLNORM__ROWS_GROUP]);

/* What an element-wise step reads and writes: y from x, or dx from x and dy (dy is NULL in the first case). */
typedef struct clnorm__rows_sweep {
  const void *x, *dy;
  void *out;
} clnorm__rows_sweep;

/* The element-wise step of a block, coefficient k of its i-th statistic at c[k * pitch + i]. */
void clnorm__rows_sweep_block(const clnorm__cpu_call *call, const clnorm__rows_sweep *s, const clnorm__rows_block *b,
                              const float *c, size_t pitch);

/* A task of a step with tiles, or with whole statistics as one tile. */
typedef struct clnorm__rows_tile {
  clnorm__rows_block b;
  uint64_t c;    /* first statistic */
  uint64_t part; /* index of the partial result */
} clnorm__rows_tile;

/* The tile's part of up to CLNORM__ROWS_GROUP statistics from the `done`-th of the task's group on; count 0 past the last. */
clnorm__rows_tile clnorm__rows_tile_of(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task,
                                       uint64_t done);

/* Stores a partial result of statistic c. */
void clnorm__rows_put_partial(const clnorm__cpu_call *call, uint64_t part, uint64_t c, double a, double b, double d);

#endif
