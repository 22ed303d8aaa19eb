/* Digits drawn by the program, for machines without MNIST, and what becomes of digits in another domain. */
#ifndef CLNORM_EXPERIMENTS_DATA_DIGITS_H
#define CLNORM_EXPERIMENTS_DATA_DIGITS_H

#include "data_set.h"

/* `count` grey images of side x side, 0 (paper) to 1 (ink), of the digits 0 to 9 in turn: strokes of a random width, turned,
 * slanted, scaled and shifted at random, with a little noise. 0, or -1 without the memory. */
int digits_draw(data_set *set, size_t count, size_t side, uint64_t seed);

/* The same digits in another domain: paler (0.4 of the contrast), on grey paper (0.3 is added, rising by 0.3 from top to
 * bottom) and with normal noise of 0.1. */
void digits_shift_domain(data_set *set, uint64_t seed);

#endif
