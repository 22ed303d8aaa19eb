/* What the forward and the backward tasks of samples share: see geometry.h. A task's samples lie one after the other in
 * memory, and so does what it writes. */
#ifndef CLNORM_SRC_CPU_SAMPLES_H
#define CLNORM_SRC_CPU_SAMPLES_H

#include "cpu_call.h"

/* Samples that are measured together, so that their divisions and roots do not wait for each other, and the elements that
 * they may have together: x and dy of them stay in the first cache. */
#define CLNORM__SAMPLES 16
#define CLNORM__SAMPLES_ELEMENTS 4096

/* ---- writing (cpu_samples_write.c) ------------------------------------------------------------------------------ */

/* Past the cache only whole lines are written. Pieces that begin or end within one go through a buffer that joins
 * neighbours, unless they are so long that their ends do not show. */
#define CLNORM__JOINED CLNORM__SAMPLES_ELEMENTS

/* Bytes of a cache line, and the most elements of one. */
#define CLNORM__LINE 64
#define CLNORM__LINE_ELEMENTS 32

typedef struct clnorm__writer {
  const clnorm__cpu_call *call;
  char *out;         /* where the next elements belong; if it joins the line that the buffer begins in */
  size_t line;       /* elements of one */
  size_t placed;     /* bytes of an element that is placed */
  int converts;      /* floats are placed, whatever the tensor is of */
  int whole_lines;   /* every piece begins at a whole line */
  int stream;        /* what is placed is written past the cache */
  int joins;         /* what is placed is written to the buffer */
  size_t begin, end; /* of the elements in the buffer */
  _Alignas(CLNORM__LINE) char buffer[(CLNORM__JOINED + 2 * CLNORM__LINE_ELEMENTS) * sizeof(float)];
} clnorm__writer;

/* From element `at` of a tensor on, in pieces that have their own parameters: samples, or runs of one. `out` may be NULL. */
void clnorm__writer_open(clnorm__writer *w, const clnorm__cpu_call *call, void *out, uint64_t at, int floats);

/* Where the next n elements are to be written, n <= clnorm__writer_most. */
void *clnorm__writer_place(clnorm__writer *w, size_t n);

static inline size_t clnorm__writer_most(const clnorm__writer *w) { return w->joins ? CLNORM__JOINED : SIZE_MAX; }

void clnorm__writer_close(clnorm__writer *w);

/* ---- a task's samples (cpu_samples.c) --------------------------------------------------------------------------- */

/* The range of a task's statistics. */
typedef struct clnorm__range {
  uint64_t begin, end;
} clnorm__range;

clnorm__range clnorm__samples_of(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task);

/* Statistics at a time. */
size_t clnorm__samples_together(const clnorm__geometry *geometry);

/* The distance to what comes next, for prefetching. While a block is written the next one is asked for, which spreads what is
 * read over all of the time: (32768, 1024) training 1.1 copies instead of 1.3, asked for while it is summed. Blocks that leave
 * the second cache nothing are asked for shortly before. */
#define CLNORM__BLOCK_AHEAD 32768
#define CLNORM__NEAR_AHEAD 1024

typedef struct clnorm__distances {
  size_t sums, writes;
} clnorm__distances;

clnorm__distances clnorm__samples_distances(const clnorm__geometry *geometry, size_t count);

/* Index of the first parameter of statistic c. */
static inline uint64_t clnorm__first_parameter(const clnorm__geometry *g, uint64_t c)
{
  return g->parameter_groups == 1 ? 0 : c % g->parameter_groups * g->run_parameters;
}

/* An argument's parameters from the first on; NULL stays NULL. */
static inline const float *clnorm__parameters_from(const float *array, uint64_t first)
{
  return array == NULL ? NULL : array + first;
}

/* A part of samples: of each of `count` beside each other, from statistic c on, `length` elements from `offset` on. If it is less
 * than a whole sample count is 1, and it is within one run or whole runs. */
typedef struct clnorm__part {
  uint64_t c, offset;
  size_t count, length;
} clnorm__part;

static inline size_t clnorm__part_at(const clnorm__geometry *g, const clnorm__part *p)
{
  return (size_t)(p->c * g->run + p->offset);
}

/* The part of a sample from `offset` on that is as long as it may be. */
clnorm__part clnorm__part_of(const clnorm__geometry *g, uint64_t c, uint64_t offset, size_t most);

/* Elements of a run that a part is of. */
static inline size_t clnorm__part_run(const clnorm__geometry *g, const clnorm__part *p)
{
  return p->length < g->repeat ? p->length : (size_t)g->repeat;
}

/* Mean and variance of `count` <= CLNORM__SAMPLES neighbours from statistic c on; of RMS 0 and the mean of squares. */
void clnorm__samples_measure(const clnorm__cpu_call *call, uint64_t c, size_t count, double *mean, double *variance);

/* What training leaves of statistic c. */
void clnorm__samples_keep(const clnorm__cpu_call *call, uint64_t c, double mean, double variance, double inv_std);

/* A statistic as coefficients need it. */
typedef struct clnorm__spread {
  double mean, inv_std;
} clnorm__spread;

/* Coefficients of y of a statistic's elements with that parameter, coefficient k at out[k * pitch]. */
void clnorm__samples_coefficients(const clnorm__cpu_call *call, const clnorm__spread *s, uint64_t parameter, float *out,
                                  size_t pitch);

/* ---- channels-last (cpu_samples_columns.c) ---------------------------------------------------------------------- */

/* Both roles, where samples are matrices. */
clnorm__cpu_task clnorm__cpu_columns_samples_forward, clnorm__cpu_columns_samples_backward;

#endif
