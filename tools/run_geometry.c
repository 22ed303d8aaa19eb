#include "run_geometry.h"

int run_channel_axis(const clnorm_desc *desc)
{
  if (desc->op == CLNORM_LAYER || desc->op == CLNORM_RMS) {
    return -1;
  }
  return desc->layout == CLNORM_CHANNELS_LAST ? (int)desc->rank - 1 : 1;
}

static int has_per_activation(const clnorm_desc *desc) { return (desc->flags & CLNORM_PER_ACTIVATION) != 0; }

/* Whether the positions of the axis have different statistics. */
static int separates_statistics(const clnorm_desc *desc, int axis)
{
  switch (desc->op) {
    case CLNORM_BATCH:
      return has_per_activation(desc) ? axis != 0 : axis == run_channel_axis(desc);
    case CLNORM_INSTANCE:
    case CLNORM_GROUP:
      return axis == 0 || axis == run_channel_axis(desc);
    case CLNORM_LAYER:
    case CLNORM_RMS:
      break;
  }
  return axis < (int)desc->axis;
}

static int separates_parameters(const clnorm_desc *desc, int axis)
{
  if (run_channel_axis(desc) < 0) {
    return axis >= (int)desc->axis;
  }
  return has_per_activation(desc) ? axis != 0 : axis == run_channel_axis(desc);
}

int run_statistics_shape(const clnorm_desc *desc, size_t dims[CLNORM_MAX_RANK])
{
  int rank = 0;
  for (int axis = 0; axis < (int)desc->rank; axis++) {
    if (separates_statistics(desc, axis)) {
      dims[rank++] = desc->op == CLNORM_GROUP && axis != 0 ? desc->groups : desc->dims[axis];
    }
  }
  return rank;
}

int run_parameters_shape(const clnorm_desc *desc, size_t dims[CLNORM_MAX_RANK])
{
  int rank = 0;
  for (int axis = 0; axis < (int)desc->rank; axis++) {
    if (separates_parameters(desc, axis)) {
      dims[rank++] = desc->dims[axis];
    }
  }
  return rank;
}
