#include "data_set.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int data_make(data_set *set, size_t count, size_t channels, size_t height, size_t width, int classes)
{
  *set = (data_set){.count = count, .shape = {channels, height, width}, .classes = classes};
  set->features = channels * height * width;
  set->x = calloc(count * set->features + 1, sizeof *set->x);
  set->labels = calloc(count + 1, sizeof *set->labels);
  if (set->x == NULL || set->labels == NULL) {
    data_free(set);
    return -1;
  }
  return 0;
}

void data_free(data_set *set)
{
  free(set->x);
  free(set->labels);
  *set = (data_set){0};
}

int data_pick(data_set *part, const data_set *set, const uint32_t *order, size_t first, size_t count)
{
  const size_t features = set->features;
  if (data_make(part, count, set->shape[0], set->shape[1], set->shape[2], set->classes) != 0) {
    return -1;
  }
  memcpy(part->description, set->description, sizeof part->description);
  for (size_t i = 0; i < count; i++) {
    const size_t from = order[first + i];
    memcpy(part->x + i * features, set->x + from * features, features * sizeof *part->x);
    part->labels[i] = set->labels[from];
  }
  return 0;
}

static uint32_t *make_order(size_t count, uint64_t seed)
{
  uint32_t *order = malloc((count + 1) * sizeof *order);
  if (order != NULL) {
    data_random r;
    random_begin(&r, seed, RANDOM_SPLIT);
    random_order(&r, order, count);
  }
  return order;
}

int data_split(const data_set *set, size_t held_out, uint64_t seed, data_set *train, data_set *test)
{
  *train = *test = (data_set){0};
  uint32_t *order = make_order(set->count, seed);
  int failed = order == NULL || held_out > set->count;
  failed = failed || data_pick(test, set, order, 0, held_out) != 0;
  failed = failed || data_pick(train, set, order, held_out, set->count - held_out) != 0;
  free(order);
  if (failed) {
    data_free(test);
  }
  return failed ? -1 : 0;
}

int data_sample(data_set *part, const data_set *set, size_t count, uint64_t seed)
{
  *part = (data_set){0};
  uint32_t *order = make_order(set->count, seed);
  const int failed = order == NULL || data_pick(part, set, order, 0, count < set->count ? count : set->count) != 0;
  free(order);
  return failed ? -1 : 0;
}

/* Mean and 1 / standard deviation (0 if it is 0) of each feature. */
static void take_moments(const data_set *set, double *mean, double *inverse)
{
  for (size_t j = 0; j < set->features; j++) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < set->count; i++) {
      sum += (double)set->x[i * set->features + j];
    }
    mean[j] = sum / (double)set->count;
    for (size_t i = 0; i < set->count; i++) {
      const double d = (double)set->x[i * set->features + j] - mean[j];
      squares += d * d;
    }
    const double deviation = sqrt(squares / (double)set->count);
    inverse[j] = deviation > 0 ? 1 / deviation : 0;
  }
}

int data_standardize(data_set *set, const data_set *reference)
{
  const size_t features = set->features;
  double *moments = malloc((2 * features + 1) * sizeof *moments);
  if (moments == NULL) {
    return -1;
  }
  take_moments(reference, moments, moments + features);
  for (size_t i = 0; i < set->count * features; i++) {
    const size_t j = i % features;
    set->x[i] = (float)(((double)set->x[i] - moments[j]) * moments[features + j]);
  }
  free(moments);
  return 0;
}

void data_scale_features(data_set *set, const double *factors)
{
  for (size_t i = 0; i < set->count * set->features; i++) {
    set->x[i] = (float)((double)set->x[i] * factors[i % set->features]);
  }
}
