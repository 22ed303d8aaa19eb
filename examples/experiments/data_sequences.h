/* Synthetic sequences of different lengths. */
#ifndef CLNORM_EXPERIMENTS_DATA_SEQUENCES_H
#define CLNORM_EXPERIMENTS_DATA_SEQUENCES_H

#include "data_set.h"

/* Noisy waves of `least` to `most` steps, one number a step, of three classes that only the whole tells apart: a slow sine, a
 * fast sine, a sine that becomes faster; phase, amplitude and length are random. A sample has `most` features, those behind its
 * length are 0.
 *   lengths   receives [count] lengths, to be freed
 * 0, or -1 without the memory. */
int sequences_make(data_set *set, int32_t **lengths, size_t count, size_t least, size_t most, uint64_t seed);

#endif
