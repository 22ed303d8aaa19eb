#include "trial_inputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "storage.h"

#define FIRST_FACTOR 1e4
#define BLOCK_FACTOR 1e6
#define BLOCK 256
#define SPARSE 64

/* Normal numbers with as many digits as a double has: two floats, one far below the other. */
static double *new_normal(uint64_t count, uint64_t seed, clnorm_dtype dtype, double mean, double std)
{
  double *out = malloc((count + 1) * sizeof *out);
  float *made = malloc((2 * count + 1) * sizeof *made);
  if (out != NULL && made != NULL) {
    generate_normal(made, 2 * count, seed, 0.0, 1.0);
    for (uint64_t i = 0; i < count; i++) {
      out[i] = storage_round(dtype, mean + std * ((double)made[i] + 0x1p-25 * (double)made[count + i]));
    }
  }
  free(made);
  if (made == NULL) {
    free(out);
    out = NULL;
  }
  return out;
}

static double *new_uniform(uint64_t count, uint64_t seed, clnorm_dtype dtype, double low, double high)
{
  double *out = malloc((count + 1) * sizeof *out);
  float *made = malloc((count + 1) * sizeof *made);
  if (out != NULL && made != NULL) {
    generate_uniform(made, count, seed, low, high);
    for (uint64_t i = 0; i < count; i++) {
      out[i] = storage_round(dtype, made[i]);
    }
  }
  free(made);
  if (made == NULL) {
    free(out);
    out = NULL;
  }
  return out;
}

/* What a normal value becomes that has `rank` values of its statistic before it; *partner is kept between neighbours. */
static double shaped(const trial_data *data, double value, uint64_t rank, double *partner)
{
  const double mean = data->mean;
  switch (data->kind) {
    case GENERATE_OUTLIER:
      return rank == 0 ? mean + FIRST_FACTOR * (value - mean) : value;
    case GENERATE_OUTLIERS:
      return rank % BLOCK == 0 ? mean + BLOCK_FACTOR * (value - mean) : value;
    case GENERATE_CONSTANT:
      return mean;
    case GENERATE_SPARSE:
      return rank % SPARSE == 0 ? value : mean;
    case GENERATE_NEIGHBOURS:
      *partner = rank % 2 == 0 ? data->std / 4.0 * nearbyint(4.0 * (value - mean) / data->std) : -*partner;
      return mean + *partner;
    case GENERATE_NORMAL:
      break;
  }
  return value;
}

static int shape_x(trial_inputs *in, const clnorm_desc *desc, const trial_data *data)
{
  uint64_t *rank = calloc(in->shape.statistics + 1, sizeof *rank);
  double *partner = calloc(in->shape.statistics + 1, sizeof *partner);
  const int failed = rank == NULL || partner == NULL;
  for (uint64_t i = 0; i < in->shape.elements && !failed; i++) {
    const uint64_t k = in->shape.statistic[i];
    if (in->shape.valid[i]) {
      in->x[i] = storage_round(desc->dtype, shaped(data, in->x[i], rank[k]++, &partner[k]));
    }
  }
  free(rank);
  free(partner);
  return failed ? -1 : 0;
}

static void spoil_padding(trial_inputs *in)
{
  for (uint64_t i = 0; i < in->shape.elements; i++) {
    if (!in->shape.valid[i]) {
      in->x[i] = in->dy[i] = in->residual[i] = NAN;
    }
  }
}

/* From -1 to the extent + 1, all of them in turn. */
static int32_t *new_lengths(const clnorm_desc *desc, uint64_t seed)
{
  const uint64_t kinds = desc->dims[desc->length_axis] + 3;
  int32_t *lengths = malloc((desc->dims[0] + 1) * sizeof *lengths);
  for (uint64_t n = 0; n < desc->dims[0] && lengths != NULL; n++) {
    lengths[n] = (int32_t)((kinds - 2 + n * 5 + seed) % kinds) - 1;
  }
  return lengths;
}

static uint32_t *new_mask(uint64_t words, uint64_t elements, uint64_t seed)
{
  uint32_t *mask = calloc(words + 1, sizeof *mask);
  uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
  for (uint64_t i = 0; i < elements && mask != NULL; i++) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    mask[i / 32] |= (uint32_t)(state >> 63) << i % 32;
  }
  return mask;
}

static int is_complete(const trial_inputs *in)
{
  return in->x != NULL && in->dy != NULL && in->residual != NULL && in->dx != NULL && in->gamma != NULL &&
         in->beta != NULL && in->running_mean != NULL && in->running_var != NULL && in->dgamma != NULL &&
         in->dbeta != NULL && in->mask != NULL;
}

static void fill(trial_inputs *in, const clnorm_desc *desc, const trial_data *data)
{
  const clnorm_dtype tensor = desc->dtype;
  const clnorm_dtype number = storage_number(desc->dtype);
  const uint64_t elements = in->shape.elements;
  const uint64_t parameters = in->shape.parameters;
  const uint64_t seed = 100 * data->seed;
  const double std = data->std == 0.0 ? 1.0 : data->std;
  in->x = new_normal(elements, seed, tensor, data->mean, data->std);
  /* Not about 0: a shift in x - mean then shows in dgamma, multiplied by the count. */
  in->dy = new_normal(elements, seed + 1, tensor, 0.5, 1.0);
  in->residual = new_normal(elements, seed + 2, tensor, 0.0, 1.0);
  in->dx = new_normal(elements, seed + 3, tensor, 0.0, 2.0);
  in->gamma = new_uniform(parameters, seed + 4, number, -2.0, 2.0);
  in->beta = new_normal(parameters, seed + 5, number, 0.0, 1.0);
  in->running_mean = new_normal(parameters, seed + 6, number, data->mean, 0.1 * std);
  in->running_var = new_uniform(parameters, seed + 7, number, 0.5 * std * std, 2.0 * std * std);
  in->dgamma = new_normal(parameters, seed + 8, number, 0.0, 10.0);
  in->dbeta = new_normal(parameters, seed + 9, number, 0.0, 10.0);
  in->mask = new_mask(in->shape.words, elements, seed);
}

int trial_inputs_create(trial_inputs *in, const clnorm_desc *desc, const trial_data *data)
{
  memset(in, 0, sizeof *in);
  if (desc->length_axis != 0) {
    in->lengths = new_lengths(desc, data->seed);
    if (in->lengths == NULL) {
      return -1;
    }
  }
  if (family_shape_create(&in->shape, desc, in->lengths) == 0) {
    fill(in, desc, data);
    if (is_complete(in) && shape_x(in, desc, data) == 0) {
      spoil_padding(in);
      return 0;
    }
  }
  trial_inputs_destroy(in);
  return -1;
}

void trial_inputs_destroy(trial_inputs *in)
{
  double *arrays[] = {in->x,    in->dy,           in->residual,    in->dx,     in->gamma,
                      in->beta, in->running_mean, in->running_var, in->dgamma, in->dbeta};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
    free(arrays[i]);
  }
  free(in->lengths);
  free(in->mask);
  family_shape_destroy(&in->shape);
  memset(in, 0, sizeof *in);
}
