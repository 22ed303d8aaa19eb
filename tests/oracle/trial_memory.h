/* One argument of a trial in memory: its elements at their strides, guards before, after and between them. */
#ifndef CLNORM_TESTS_TRIAL_MEMORY_H
#define CLNORM_TESTS_TRIAL_MEMORY_H

#include "trial.h"

typedef struct trial_memory {
  trial_buffer buffer;
  unsigned char *before;  /* the memory as it was before the run */
  unsigned char *covered; /* a byte for each: 1 if it belongs to an element */
  clnorm_dtype dtype;     /* of the elements; 32-bit integers count as floats, bit by bit */
  uint32_t rank;
  size_t dims[CLNORM_MAX_RANK];
  int64_t strides[CLNORM_MAX_RANK];
  uint64_t elements;
} trial_memory;

/* Lays out a tensor; a row of zeros is dense. `memory` must be zeroed. Returns 0, or -1 if memory is short. */
int trial_memory_open(trial_memory *m, clnorm_dtype dtype, uint32_t rank, const size_t *dims, const int64_t *strides,
                      size_t offset);
void trial_memory_close(trial_memory *m);

/* Stores elements in order of dims, NaN first, so that of elements that share an address one that is no NaN remains. */
void trial_memory_store(trial_memory *m, const double *values);
/* Loads them in that order. */
void trial_memory_load(const trial_memory *m, double *values);

/* From here on changes count. Returns 0, or -1 if memory is short. */
int trial_memory_seal(trial_memory *m);

/* How far from the start the first byte lies that was changed and should not have been; SIZE_MAX: none.
 *   writable   1: elements may have changed */
size_t trial_memory_damage(const trial_memory *m, int writable);

#endif
