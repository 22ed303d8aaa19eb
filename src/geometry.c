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

void clnorm__geometry_derive(const clnorm_desc *desc, clnorm__geometry *geometry)
{
  memset(geometry, 0, sizeof *geometry);
  const uint32_t channel_axis = desc->layout == CLNORM_CHANNELS_LAST ? desc->rank - 1 : 1;
  const uint64_t batch = desc->dims[0];
  const uint64_t channels = desc->dims[channel_axis];
  const uint64_t spatial = spatial_size(desc, channel_axis);

  if (desc->flags & CLNORM_PER_ACTIVATION) {
    set_columns(geometry, batch, channels * spatial);
  } else if (desc->layout == CLNORM_CHANNELS_LAST || spatial == 1) {
    set_columns(geometry, batch * spatial, channels);
  } else {
    set_rows(geometry, batch, channels, spatial);
  }
}
