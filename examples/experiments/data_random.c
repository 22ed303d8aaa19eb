#include "data_random.h"

#include <Random123/philox.h>
#include <math.h>
#include <string.h>

#define TWO_PI 6.283185307179586

void random_begin(data_random *r, uint64_t seed, random_stream stream)
{
  *r = (data_random){.seed = seed, .stream = (uint64_t)stream};
}

uint32_t random_word(data_random *r)
{
  const unsigned place = (unsigned)(r->drawn % 4);
  if (place == 0) {
    const uint64_t block = r->drawn / 4;
    const philox4x32_ctr_t counter = {{(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)r->stream, 0}};
    const philox4x32_key_t key = {{(uint32_t)r->seed, (uint32_t)(r->seed >> 32)}};
    const philox4x32_ctr_t made = philox4x32(counter, key);
    memcpy(r->words, made.v, sizeof r->words);
  }
  r->drawn++;
  return r->words[place];
}

double random_unit(data_random *r) { return (double)(random_word(r) >> 8) / 16777216.0; }

double random_between(data_random *r, double low, double high) { return low + (high - low) * random_unit(r); }

/* Box and Muller's transform, of which only one of the two numbers is taken: a draw is always two words. */
double random_normal(data_random *r)
{
  const double radius = sqrt(-2.0 * log(1.0 - random_unit(r)));
  return radius * cos(TWO_PI * random_unit(r));
}

uint32_t random_below(data_random *r, uint32_t bound) { return (uint32_t)(((uint64_t)random_word(r) * bound) >> 32); }

void random_order(data_random *r, uint32_t *order, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    const uint32_t j = random_below(r, (uint32_t)i + 1);
    order[i] = order[j];
    order[j] = (uint32_t)i;
  }
}
