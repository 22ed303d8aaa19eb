#include "family_shape.h"

#include <stdlib.h>
#include <string.h>

/* Product of the extents of axes from `first` to before `end`. */
static uint64_t product(const clnorm_desc *desc, uint32_t first, uint32_t end)
{
  uint64_t count = 1;
  for (uint32_t axis = first; axis < end; axis++) {
    count *= desc->dims[axis];
  }
  return count;
}

static uint32_t channel_axis(const clnorm_desc *desc)
{
  return desc->layout == CLNORM_CHANNELS_LAST ? desc->rank - 1 : 1;
}

static int is_per_activation(const clnorm_desc *desc) { return (desc->flags & CLNORM_PER_ACTIVATION) != 0; }

static void count(family_shape *shape, const clnorm_desc *desc)
{
  const uint64_t batch = desc->dims[0];
  shape->elements = product(desc, 0, desc->rank);
  shape->words = (shape->elements + 31) / 32;
  switch (desc->op) {
    case CLNORM_LAYER:
    case CLNORM_RMS:
      shape->statistics = product(desc, 0, desc->axis);
      shape->parameters = product(desc, desc->axis, desc->rank);
      return;
    case CLNORM_INSTANCE:
      shape->parameters = desc->dims[channel_axis(desc)];
      shape->statistics = batch * shape->parameters;
      return;
    case CLNORM_GROUP:
      shape->parameters = desc->dims[channel_axis(desc)];
      shape->statistics = batch * desc->groups;
      return;
    case CLNORM_BATCH:
      break;
  }
  shape->parameters = is_per_activation(desc) ? product(desc, 1, desc->rank) : desc->dims[channel_axis(desc)];
  shape->statistics = shape->parameters;
}

/* The row-major number of a place among the axes from `first` to before `end`. */
static uint64_t number_of(const clnorm_desc *desc, const uint64_t *place, uint32_t first, uint32_t end)
{
  uint64_t number = 0;
  for (uint32_t axis = first; axis < end; axis++) {
    number = number * desc->dims[axis] + place[axis];
  }
  return number;
}

static void assign(family_shape *shape, const clnorm_desc *desc, const uint64_t *place, uint64_t element)
{
  const uint64_t sample = place[0];
  const uint64_t channel = place[desc->rank > 1 ? channel_axis(desc) : 0];
  uint64_t statistic = 0;
  uint64_t parameter = channel;
  switch (desc->op) {
    case CLNORM_BATCH:
      parameter = is_per_activation(desc) ? number_of(desc, place, 1, desc->rank) : channel;
      statistic = parameter;
      break;
    case CLNORM_INSTANCE:
      statistic = sample * shape->parameters + channel;
      break;
    case CLNORM_GROUP:
      statistic = sample * desc->groups + channel / (shape->parameters / desc->groups);
      break;
    case CLNORM_LAYER:
    case CLNORM_RMS:
      statistic = number_of(desc, place, 0, desc->axis);
      parameter = number_of(desc, place, desc->axis, desc->rank);
      break;
  }
  shape->statistic[element] = (uint32_t)statistic;
  shape->parameter[element] = (uint32_t)parameter;
}

static int is_valid(const clnorm_desc *desc, const uint64_t *place, const int32_t *lengths)
{
  return desc->length_axis == 0 || (int64_t)place[desc->length_axis] < (int64_t)lengths[place[0]];
}

int family_shape_create(family_shape *shape, const clnorm_desc *desc, const int32_t *lengths)
{
  uint64_t place[CLNORM_MAX_RANK];
  memset(shape, 0, sizeof *shape);
  count(shape, desc);
  shape->statistic = calloc(shape->elements + 1, sizeof *shape->statistic);
  shape->parameter = calloc(shape->elements + 1, sizeof *shape->parameter);
  shape->valid = calloc(shape->elements + 1, sizeof *shape->valid);
  shape->values = calloc(shape->statistics + 1, sizeof *shape->values);
  if (shape->statistic == NULL || shape->parameter == NULL || shape->valid == NULL || shape->values == NULL) {
    family_shape_destroy(shape);
    return -1;
  }
  for (uint64_t i = 0; i < shape->elements; i++) {
    uint64_t rest = i;
    for (uint32_t axis = desc->rank; axis-- > 0;) {
      place[axis] = rest % desc->dims[axis];
      rest /= desc->dims[axis];
    }
    assign(shape, desc, place, i);
    shape->valid[i] = (unsigned char)is_valid(desc, place, lengths);
    shape->values[shape->statistic[i]] += shape->valid[i];
  }
  return 0;
}

void family_shape_destroy(family_shape *shape)
{
  free(shape->statistic);
  free(shape->parameter);
  free(shape->valid);
  free(shape->values);
  memset(shape, 0, sizeof *shape);
}

uint64_t family_running_of(const family_shape *shape, uint64_t statistic) { return statistic % shape->parameters; }
