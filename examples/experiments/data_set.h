/* A set of labelled samples in the host's memory, and what is done to it before a training. */
#ifndef CLNORM_EXPERIMENTS_DATA_SET_H
#define CLNORM_EXPERIMENTS_DATA_SET_H

#include <stddef.h>
#include <stdint.h>

#include "data_random.h"

typedef struct data_set {
  size_t count;         /* samples */
  size_t shape[3];      /* of a sample: channels, height, width; (D, 1, 1) where it is no image */
  size_t features;      /* their product */
  int classes;          /* labels are 0 to classes - 1 */
  float *x;             /* [count, features], owned */
  int32_t *labels;      /* [count], owned */
  char description[96]; /* "MNIST, 8000 handwritten digits", "synthetic: ..." */
} data_set;

/* An empty set of that size. 0, or -1 without the memory (and then it is empty). */
int data_make(data_set *set, size_t count, size_t channels, size_t height, size_t width, int classes);

/* Leaves *set empty. An empty structure is allowed. */
void data_free(data_set *set);

/* `part` receives copies of the samples order[first] to order[first + count - 1]. 0 or -1. */
int data_pick(data_set *part, const data_set *set, const uint32_t *order, size_t first, size_t count);

/* Two disjoint random parts, of `held_out` samples and of the others. 0 or -1. */
int data_split(const data_set *set, size_t held_out, uint64_t seed, data_set *train, data_set *test);

/* The first `count` samples of a random order (all, if there are fewer). 0 or -1. */
int data_sample(data_set *part, const data_set *set, size_t count, uint64_t seed);

/* Subtracts from each feature its mean in `reference`, and divides by its standard deviation there (features that do not
 * vary stay at 0). `set` may be `reference`. 0 or -1. */
int data_standardize(data_set *set, const data_set *reference);

/* Multiplies feature j by factors[j]. */
void data_scale_features(data_set *set, const double *factors);

#endif
