#include "generate.h"

#include <Random123/philox.h>
#include <math.h>

#include "reference.h"

#define FIRST_FACTOR 1e4
#define BLOCK_FACTOR 1e6

/* Of so many values one is not the mean. */
#define SPARSE 64
#define BLOCK 256
#define PI 3.14159265358979323846

/* A number in (0, 1) from 32 random bits. */
static double unit(uint32_t bits) { return ((double)bits + 0.5) * 0x1p-32; }

static philox4x32_ctr_t draw(uint64_t index, uint64_t seed)
{
  const philox4x32_ctr_t counter = {{(uint32_t)index, (uint32_t)(index >> 32), 0, 0}};
  const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
  return philox4x32(counter, key);
}

/* Box and Muller's two normal numbers for each pair of uniform ones. */
static double normal_of(const philox4x32_ctr_t *bits, unsigned which)
{
  const double radius = sqrt(-2.0 * log(unit(bits->v[which & 2u])));
  const double angle = 2.0 * PI * unit(bits->v[(which & 2u) + 1]);
  return radius * ((which & 1u) ? sin(angle) : cos(angle));
}

void generate_normal(float *out, uint64_t count, uint64_t seed, double mean, double std)
{
  for (uint64_t i = 0; i < count; i += 4) {
    const philox4x32_ctr_t bits = draw(i / 4, seed);
    for (unsigned j = 0; j < 4 && i + j < count; j++) {
      out[i + j] = (float)(mean + std * normal_of(&bits, j));
    }
  }
}

void generate_uniform(float *out, uint64_t count, uint64_t seed, double low, double high)
{
  for (uint64_t i = 0; i < count; i += 4) {
    const philox4x32_ctr_t bits = draw(i / 4, seed);
    for (unsigned j = 0; j < 4 && i + j < count; j++) {
      out[i + j] = (float)(low + (high - low) * unit(bits.v[j]));
    }
  }
}

/* How many values of its own statistic stand before an element. */
static uint64_t rank_in_statistic(const oracle *shape, uint64_t element)
{
  return element / (shape->repeat * shape->statistics) * shape->repeat + element % shape->repeat;
}

static void scale_every(float *out, const oracle *shape, uint64_t every, double mean, double factor)
{
  for (uint64_t i = 0; i < shape->elements; i++) {
    if (rank_in_statistic(shape, i) % every == 0) {
      out[i] = (float)(mean + factor * ((double)out[i] - mean));
    }
  }
}

/* The first of a pair is mean + k*std/4, the second mean - k*std/4, with |k| <= 8, so that in units of std/4 even a
 * plain float holds the squares of 262,144 values exactly; a last value without a partner is the mean. */
static void fill_neighbours(float *out, const oracle *shape, uint64_t seed, double mean, double std)
{
  for (uint64_t i = 0; i < shape->elements; i++) {
    const uint64_t rank = rank_in_statistic(shape, i);
    const uint64_t pair = rank / 2 * shape->statistics + oracle_statistic_of(shape, i);
    const philox4x32_ctr_t bits = draw(pair, seed);
    const double step = floor(unit(bits.v[0]) * 17.0) - 8.0;
    const int alone = shape->values % 2 == 1 && rank + 1 == shape->values;
    out[i] = (float)(mean + (alone ? 0.0 : rank % 2 == 0 ? step : -step) * std / 4.0);
  }
}

void generate_x(float *out, const clnorm_desc *desc, generate_kind kind, uint64_t seed, double mean, double std)
{
  oracle shape;
  oracle_shape(&shape, desc);
  switch (kind) {
    case GENERATE_NORMAL:
      generate_normal(out, shape.elements, seed, mean, std);
      break;
    case GENERATE_OUTLIER:
      generate_normal(out, shape.elements, seed, mean, std);
      scale_every(out, &shape, shape.values, mean, FIRST_FACTOR);
      break;
    case GENERATE_OUTLIERS:
      generate_normal(out, shape.elements, seed, mean, std);
      scale_every(out, &shape, BLOCK, mean, BLOCK_FACTOR);
      break;
    case GENERATE_NEIGHBOURS:
      fill_neighbours(out, &shape, seed, mean, std);
      break;
    case GENERATE_SPARSE:
      generate_normal(out, shape.elements, seed, mean, std);
      for (uint64_t i = 0; i < shape.elements; i++) {
        out[i] = rank_in_statistic(&shape, i) % SPARSE == 0 ? out[i] : (float)mean;
      }
      break;
    case GENERATE_CONSTANT:
      for (uint64_t i = 0; i < shape.elements; i++) {
        out[i] = (float)mean;
      }
      break;
  }
}

int generate_has_outliers(generate_kind kind) { return kind == GENERATE_OUTLIER || kind == GENERATE_OUTLIERS; }

const char *generate_kind_name(generate_kind kind)
{
  switch (kind) {
    case GENERATE_NORMAL:
      return "normal";
    case GENERATE_OUTLIER:
      return "first value 1e4 times the rest";
    case GENERATE_OUTLIERS:
      return "every 256th value 1e6 times the rest";
    case GENERATE_NEIGHBOURS:
      return "neighbours sum to twice the mean";
    case GENERATE_CONSTANT:
      return "constant";
    case GENERATE_SPARSE:
      return "one value but each 64th";
  }
  return "?";
}
