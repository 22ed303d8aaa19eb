#include "data_sequences.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CLASSES 3

/* The wave's phase t steps after its start. */
static double phase_of(int label, double t)
{
  static const double slow = 0.35;
  static const double fast = 0.8;
  switch (label) {
    case 0:
      return slow * t;
    case 1:
      return fast * t;
    default:
      return slow * t + 0.018 * t * t;
  }
}

int sequences_make(data_set *set, int32_t **lengths, size_t count, size_t least, size_t most, uint64_t seed)
{
  data_random r;
  random_begin(&r, seed, RANDOM_SEQUENCES);
  *lengths = malloc((count + 1) * sizeof **lengths);
  if (*lengths == NULL || data_make(set, count, most, 1, 1, CLASSES) != 0) {
    free(*lengths);
    *lengths = NULL;
    return -1;
  }
  for (size_t i = 0; i < count; i++) {
    const int label = (int)(i % CLASSES);
    const size_t length = least + random_below(&r, (uint32_t)(most - least) + 1);
    const double begin = random_between(&r, 0, 6.283185307179586);
    const double amplitude = random_between(&r, 0.6, 1.4);
    for (size_t t = 0; t < length; t++) {
      set->x[i * most + t] = (float)(amplitude * sin(begin + phase_of(label, (double)t)) + 0.1 * random_normal(&r));
    }
    set->labels[i] = label;
    (*lengths)[i] = (int32_t)length;
  }
  (void)snprintf(set->description, sizeof set->description, "synthetic: %zu waves of %zu to %zu steps, 3 kinds", count,
                 least, most);
  return 0;
}
