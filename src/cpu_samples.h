/* What the forward and the backward tasks of samples share: see geometry.h. A task's samples lie one after the other in
 * memory, and so does what it writes. */
#ifndef CLNORM_SRC_CPU_SAMPLES_H
#define CLNORM_SRC_CPU_SAMPLES_H

#include "cpu_call.h"

/* Samples that are measured together, so that their divisions and roots do not wait for each other, and the elements that
 * they may have together: x and dy of them stay in the first cache. */
#define CLNORM__SAMPLES 16
#define CLNORM__SAMPLES_ELEMENTS 4096

/* Past the cache only whole lines are written. Pieces that begin or end within one go through a buffer that joins
 * neighbours, unless they are so long that their ends do not show. */
#define CLNORM__JOINED 4096

/* Floats of a cache line. */
#define CLNORM__LINE 16

typedef struct clnorm__writer {
  const clnorm__cpu_kernels *kernels;
  float *out;        /* where the next elements belong; if it joins the line that the buffer begins with */
  int whole_lines;   /* every piece begins at a whole line */
  int stream;        /* what is placed is written past the cache */
  int joins;         /* what is placed is written to the buffer */
  size_t begin, end; /* of the elements in the buffer */
  _Alignas(64) float buffer[CLNORM__JOINED + 2 * CLNORM__LINE];
} clnorm__writer;

/* Tensors of samples are of floats. */
static inline const float *clnorm__floats(const void *tensor) { return tensor; }
static inline float *clnorm__floats_out(void *tensor) { return tensor; }

/* For pieces that have their own parameters: samples, or runs of one. */
void clnorm__writer_open(clnorm__writer *w, const clnorm__cpu_call *call, float *out);

/* Where the next n elements are to be written, n <= CLNORM__JOINED where the writer joins. */
float *clnorm__writer_place(clnorm__writer *w, size_t n);

void clnorm__writer_close(clnorm__writer *w);

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

/* Mean and variance of `count` <= CLNORM__SAMPLES neighbours from statistic c on; of RMS 0 and the mean of squares. */
void clnorm__samples_measure(const clnorm__cpu_call *call, uint64_t c, size_t count, double *mean, double *variance);

/* out = in, normalized by the running statistics (or dx from dy, frozen), of statistics c to c + count. */
void clnorm__samples_apply_running(const clnorm__cpu_call *call, clnorm__writer *w, const float *in, uint64_t c,
                                   size_t count);

/* An argument's parameters from the first on; NULL stays NULL. */
static inline const float *clnorm__parameters_from(const float *array, uint64_t first)
{
  return array == NULL ? NULL : array + first;
}

#endif
