/* The numbers that the choice of a variant and its steps depend on, with what is built in for each engine.
 *
 *   tasks_per_unit       Tasks a compute unit: enough to even out uneven cores (on OpenCL; the CPU backend gives each thread
 *                        a share of neighbours), few enough that their fixed costs do not show. On PoCL 4 instead of 8:
 *                        64x512x7x7 channels-last training 0.86, backward 0.84 of the time, because half as many partial
 *                        results are merged.
 *   min_tile             Elements that one task of a reduction should have at least: below, the launch and the merge cost
 *                        more than the parallelism gains.
 *   apply_tile           Elements of a tile of the element-wise steps where many work-items share it: 4 vectors of 4 for
 *                        each of 256. On the CPU backend of the columns' reductions too: smaller tiles spend their time
 *                        on shifts, coefficients and partial results. 64x512x7x7 channels-last in tiles of 98304 instead
 *                        of 32768 elements: training 0.87, backward 0.9 of the time; of 131072 instead of 65536: 0.93, 0.96.
 *   short_run            A run shorter than this many elements makes neighbouring channels share cache lines and starves
 *   short_run_group      the prefetcher, so a task takes several channels at once (where one work-item does a task). On PoCL
 *                        with 512 instead of 256: 64x64x20x20 channels-first training 0.6, backward 0.75 of the time;
 *                        with 1024: 64x128x28x28 1.2.
 *   apply_group          The same of element-wise steps: neighbours lie beside each other, and the longer a piece of memory, the
 *                        better it is prefetched. Inference of 64x64x20x20 0.75, of 32x64x56x56 0.9 of the time of 1.
 *   whole_tasks_per_unit Tasks a compute unit from which on no statistic is split, and no sample that is a matrix. On PoCL 2:
 *                        64x64x20x20 in 4 tasks takes 0.7 of the time that it takes split.
 *   column_group_small   Vectors of columns that one work-item of a wide device walks together, for matrices up to that
 *   column_group_large   many and for wider ones: whole rows if it can, because then a tile is contiguous. With pieces of
 *                        rows of 4096 bytes each load waits for the store 4096 bytes before it. Up to a quarter more
 *                        where rows are no whole vectors and would leave a tile with a few columns.
 *   min_tile_rows        Rows of a columns tile: below, the merge of the partial results shows.
 *   merge_tile           Statistics a task of the merge steps; where work-items share a task, one for each of them.
 *   vector               Elements a vector; 0: 16 or 8, as the device tells.
 *   work_items           Work-items a group where they share the work; less if the device cannot.
 *   held                 Floats of a statistic's data that a work-item may hold in registers where many share a task, of all
 *                        tensors together; 0: none. 32 beside the thirty or so that sums of pairs take are 64 registers,
 *                        of which a compute unit with 65536 has enough for 1024 work-items at once.
 *   stream_eighths       Eighths of a CPU's last-level cache that a tensor reaches where streaming stores win: what is written
 *                        would push out what is still to be read. With 32 MiB, time written past the cache to time written
 *                        through it: CPU backend, tensors of 6 MB 1.1 to 1.7, of 17 MB 0.75 to 0.9, of 26 MB 0.8 to 0.9, of
 *                        103 MB 0.75 to 0.95. PoCL, a copy of 6 MB 1.3, of 26 MB 0.9, of 103 MB 0.75; training of 8 and 13 MB
 *                        0.75 and 0.7. Of which caches: clnorm__near_cache.
 *   flow_eighths         Eighths of a core's second cache that the data of two statistics may fill for one of them to be written
 *                        while the other is read. Of 2 MB, time with it to time without: CPU backend, training of 32x256x56x56
 *                        channels-first 0.85, backward 0.78; where two do not fit, backward of 128x64x32x32 1.1.
 *   serial_below         Elements below which waking other threads costs more than they save: about 10 microseconds of
 *                        work. */
#ifndef CLNORM_SRC_PARAMETERS_H
#define CLNORM_SRC_PARAMETERS_H

#include <stddef.h>

#include "capabilities.h"

/* For thresholds: nothing reaches it. */
#define CLNORM__NEVER ((uint64_t)1 << 62)

/* X(name, host, wide, lanes, the values that a choice may set, ...). NONE: the engine does not use it. Every built-in value
 * is one that may be set. */
#define CLNORM__PARAMETER_TABLE(X, NONE)                                                 \
  X(tasks_per_unit, 8, 4, 8, 1, 2, 4, 8, 16, 32, 64)                                     \
  X(min_tile, 16384, 16384, 4096, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072)   \
  X(apply_tile, 131072, NONE, 4096, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072) \
  X(short_run, 256, 512, NONE, 16, 32, 64, 128, 256, 512, 1024, 4096, CLNORM__NEVER)     \
  X(short_run_group, 16, 16, NONE, 1, 16, 64)                                            \
  X(apply_group, NONE, 64, NONE, 1, 16, 64)                                              \
  X(whole_tasks_per_unit, 4, 2, 1, 1, 2, 4, 8, 16)                                       \
  X(column_group_small, 16, 16, NONE, 1, 16, 64)                                         \
  X(column_group_large, 64, 64, NONE, 1, 16, 64)                                         \
  X(min_tile_rows, 64, 64, 64, 64, 128, 256, 512, 1024, 2048)                            \
  X(merge_tile, 64, 64, 64, 16, 32, 64, 128, 256)                                        \
  X(vector, NONE, 0, 4, 0, 4, 8, 16)                                                     \
  X(work_items, NONE, NONE, 256, 32, 64, 128, 256, 512, 1024)                            \
  X(held, NONE, NONE, 32, 0, 8, 16, 32, 64)                                              \
  X(stream_eighths, 3, 2, NONE, 0, 1, 2, 3, 4, 6, 8, 16, 1073741824)                     \
  X(flow_eighths, 7, 7, NONE, 0, 4, 7, 10, 16, 32, 1073741824)                           \
  X(serial_below, 32768, NONE, NONE, 0, 4096, 8192, 16384, 32768, 65536, 131072)

#define CLNORM__UNUSED UINT64_MAX

typedef struct clnorm__parameters {
#define CLNORM__PARAMETER_MEMBER(name, ...) uint64_t name;
  CLNORM__PARAMETER_TABLE(CLNORM__PARAMETER_MEMBER, CLNORM__UNUSED)
#undef CLNORM__PARAMETER_MEMBER
} clnorm__parameters;

/* What is built in. */
const clnorm__parameters *clnorm__parameters_built_in(clnorm__engine engine);

/* A row of the table. */
typedef struct clnorm__tunable {
  const char *name;
  size_t offset;          /* of its member */
  const uint64_t *values; /* that may be set, rising */
  size_t count;
} clnorm__tunable;

/* NULL past the last. */
const clnorm__tunable *clnorm__tunable_at(size_t index);

uint64_t clnorm__tunable_get(const clnorm__parameters *parameters, const clnorm__tunable *parameter);
void clnorm__tunable_set(clnorm__parameters *parameters, const clnorm__tunable *parameter, uint64_t value);

/* 1 if the engine reads it at all. */
int clnorm__tunable_is_used(const clnorm__tunable *parameter, clnorm__engine engine);

/* Index of the value among those that may be set; `count` if it is none of them. */
size_t clnorm__tunable_index(const clnorm__tunable *parameter, uint64_t value);

#endif
