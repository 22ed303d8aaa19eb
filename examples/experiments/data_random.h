/* Random numbers of the data: Philox of Random123 by seed and stream, the same on every machine. */
#ifndef CLNORM_EXPERIMENTS_DATA_RANDOM_H
#define CLNORM_EXPERIMENTS_DATA_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Who draws: streams of one seed are independent. */
typedef enum random_stream {
  RANDOM_POINTS = 1,
  RANDOM_DIGITS,
  RANDOM_SHIFT,
  RANDOM_SPLIT,
  RANDOM_SEQUENCES = 6
} random_stream;

typedef struct data_random {
  uint64_t seed;
  uint64_t stream;
  uint64_t drawn; /* how many words so far */
  uint32_t words[4];
} data_random;

void random_begin(data_random *r, uint64_t seed, random_stream stream);

uint32_t random_word(data_random *r);

/* Uniform in [0, 1), a multiple of 2^-24. */
double random_unit(data_random *r);

/* Uniform in [low, high). */
double random_between(data_random *r, double low, double high);

/* Mean 0, standard deviation 1. */
double random_normal(data_random *r);

/* 0 to bound - 1; bound from 1 on. */
uint32_t random_below(data_random *r, uint32_t bound);

/* 0 to count - 1 in a random order. */
void random_order(data_random *r, uint32_t *order, size_t count);

#endif
