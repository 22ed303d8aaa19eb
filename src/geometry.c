#include "geometry.h"

#include <string.h>

/* Positions of one sample and channel: the product of the dimensions that are neither N nor C. */
static uint64_t spatial_size(const clnorm_desc *desc, uint32_t channel_axis)
{
  uint64_t size = 1;
  for (uint32_t axis = 1; axis < desc->rank; axis++) {
    if (axis != channel_axis) {
      size *= desc->dims[axis];
    }
  }
  return size;
}

static void set_columns(clnorm__geometry *geometry, uint64_t rows, uint64_t columns)
{
  geometry->pattern = CLNORM__COLUMNS;
  geometry->rows = rows;
  geometry->columns = columns;
  geometry->statistics = columns;
  geometry->parameters = columns;
  geometry->values = rows;
  geometry->elements = rows * columns;
}

static void set_rows(clnorm__geometry *geometry, uint64_t batch, uint64_t channels, uint64_t spatial)
{
  geometry->pattern = CLNORM__ROWS;
  geometry->segments = batch;
  geometry->run = spatial;
  geometry->segment_stride = channels * spatial;
  geometry->statistic_stride = spatial;
  geometry->statistics = channels;
  geometry->parameters = channels;
  geometry->values = batch * spatial;
  geometry->elements = batch * channels * spatial;
}

/* Statistics one after the other in memory, each of one run; or side by side in the columns of each sample. */
static void set_samples(clnorm__geometry *geometry, clnorm__pattern pattern, uint64_t statistics, uint64_t values,
                        uint64_t parameters, uint64_t repeat)
{
  geometry->pattern = pattern;
  geometry->segments = 1;
  geometry->run = geometry->segment_stride = geometry->statistic_stride = values;
  geometry->statistics = statistics;
  geometry->values = values;
  geometry->parameters = parameters;
  geometry->elements = statistics * values;
  geometry->repeat = repeat;
  geometry->run_parameters = repeat == 0 ? 1 : values / repeat;
  geometry->parameter_groups = parameters / geometry->run_parameters;
  geometry->rows = pattern == CLNORM__COLUMNS ? geometry->elements / parameters : 0;
  geometry->columns = pattern == CLNORM__COLUMNS ? parameters : 0;
}

static void derive_batch(const clnorm_desc *desc, uint64_t channels, uint64_t spatial, clnorm__geometry *geometry)
{
  const uint64_t batch = desc->dims[0];
  if (desc->flags & CLNORM_PER_ACTIVATION) {
    set_columns(geometry, batch, channels * spatial);
  } else if (desc->layout == CLNORM_CHANNELS_LAST || spatial == 1) {
    set_columns(geometry, batch * spatial, channels);
  } else {
    set_rows(geometry, batch, channels, spatial);
  }
}

static void derive_layer(const clnorm_desc *desc, clnorm__geometry *geometry)
{
  uint64_t statistics = 1, values = 1;
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    *(axis < desc->axis ? &statistics : &values) *= desc->dims[axis];
  }
  set_samples(geometry, CLNORM__ROWS, statistics, values, values, 1);
}

void clnorm__geometry_derive(const clnorm_desc *desc, clnorm__geometry *geometry)
{
  memset(geometry, 0, sizeof *geometry);
  const int last = desc->layout == CLNORM_CHANNELS_LAST;
  const clnorm__pattern pattern = last ? CLNORM__COLUMNS : CLNORM__ROWS;
  const uint32_t channel_axis = last ? desc->rank - 1 : 1;
  clnorm__axes_derive(desc, &geometry->axes, geometry->strides);
  if (desc->op == CLNORM_LAYER || desc->op == CLNORM_RMS) {
    derive_layer(desc, geometry);
    return;
  }
  const uint64_t batch = desc->dims[0];
  const uint64_t channels = desc->dims[channel_axis];
  const uint64_t spatial = spatial_size(desc, channel_axis);
  if (desc->op == CLNORM_BATCH) {
    derive_batch(desc, channels, spatial, geometry);
  } else if (desc->op == CLNORM_INSTANCE) {
    set_samples(geometry, pattern, batch * channels, spatial, channels, spatial);
  } else {
    set_samples(geometry, pattern, batch * desc->groups, channels / desc->groups * spatial, channels, spatial);
  }
}
