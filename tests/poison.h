/* Values that are no numbers, which may spoil their own statistic and nothing else. */
#ifndef CLNORM_TESTS_POISON_H
#define CLNORM_TESTS_POISON_H

#include "backend.h"

typedef struct poison_case {
  const clnorm_desc *desc;
  size_t elements;
  size_t (*statistic_of)(const clnorm_desc *desc, size_t element); /* which statistic an element is of */
  size_t spoilt;                                                   /* the statistic that gets the poison */
} poison_case;

/* Runs the pass (TRAIN or BACKWARD) without and with `poison` in some of the spoilt statistic's elements: all of its results have to
 * be NaN, and all others the same bits. Returns how many elements the statistic has. */
size_t poison_check(backend *b, const poison_case *of, clnorm_pass pass, float poison);

#endif
