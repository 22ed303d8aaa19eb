#include "axes.h"

#include <string.h>

#include "strides.h"

/* What an axis takes part in. */
typedef struct member {
  int statistic, parameter;
} member;

typedef struct list {
  uint64_t count, extent[CLNORM__MAX_AXES];
  member of[CLNORM__MAX_AXES];
  int kept[CLNORM__MAX_AXES]; /* 1: lengths are about it, so it stays an axis of its own */
  clnorm__strides strides[CLNORM_TENSORS];
} list;

static member member_of(const clnorm_desc *desc, uint32_t axis)
{
  const uint32_t channel_axis = desc->layout == CLNORM_CHANNELS_LAST ? desc->rank - 1 : 1;
  const int channel = axis == channel_axis, sample = axis == 0;
  switch (desc->op) {
    case CLNORM_BATCH:
      if (desc->flags & CLNORM_PER_ACTIVATION) {
        return (member){!sample, !sample};
      }
      return (member){channel, channel};
    case CLNORM_INSTANCE:
      return (member){sample || channel, channel};
    case CLNORM_GROUP:
      return (member){sample, channel}; /* of the channels' two axes the first is a statistic's, see push_axis */
    case CLNORM_LAYER:
    case CLNORM_RMS:
      break;
  }
  return (member){axis < desc->axis, axis >= desc->axis};
}

static void push(list *l, const clnorm_desc *desc, uint32_t axis, uint64_t extent, uint64_t times, member of)
{
  const int has_lengths = desc->length_axis != 0;
  const int kept = has_lengths && (axis == 0 || axis == desc->length_axis);
  if (extent == 1 && !kept) {
    return;
  }
  l->extent[l->count] = extent;
  l->of[l->count] = of;
  l->kept[l->count] = kept;
  for (int t = 0; t < CLNORM_TENSORS; t++) {
    l->strides[t].of[l->count] = clnorm__stride_of(desc, (clnorm_tensor)t, axis) * (int64_t)times;
  }
  l->count++;
}

static void push_axis(list *l, const clnorm_desc *desc, uint32_t axis)
{
  const member of = member_of(desc, axis);
  const uint64_t extent = desc->dims[axis];
  if (desc->op == CLNORM_GROUP && of.parameter) {
    const uint64_t channels = extent / desc->groups;
    push(l, desc, axis, desc->groups, channels, (member){1, 1});
    push(l, desc, axis, channels, 1, (member){0, 1});
  } else {
    push(l, desc, axis, extent, 1, of);
  }
}

/* 1 if axis i and the one after it are walked as one in all tensors. */
static int joins_next(const list *l, uint64_t i)
{
  if (l->kept[i] || l->kept[i + 1] || l->of[i].statistic != l->of[i + 1].statistic ||
      l->of[i].parameter != l->of[i + 1].parameter) {
    return 0;
  }
  for (int t = 0; t < CLNORM_TENSORS; t++) {
    if (l->strides[t].of[i] != l->strides[t].of[i + 1] * (int64_t)l->extent[i + 1]) {
      return 0;
    }
  }
  return 1;
}

static void remove_axis(list *l, uint64_t i)
{
  l->count--;
  for (; i < l->count; i++) {
    l->extent[i] = l->extent[i + 1];
    l->of[i] = l->of[i + 1];
    l->kept[i] = l->kept[i + 1];
    for (int t = 0; t < CLNORM_TENSORS; t++) {
      l->strides[t].of[i] = l->strides[t].of[i + 1];
    }
  }
  for (int t = 0; t < CLNORM_TENSORS; t++) {
    l->strides[t].of[l->count] = 0;
  }
}

static void join(list *l)
{
  for (uint64_t i = 0; i + 1 < l->count;) {
    if (joins_next(l, i)) {
      l->extent[i + 1] *= l->extent[i];
      remove_axis(l, i);
    } else {
      i++;
    }
  }
}

void clnorm__axes_derive(const clnorm_desc *desc, clnorm__axes *axes, clnorm__strides strides[CLNORM_TENSORS])
{
  list l;
  memset(&l, 0, sizeof l);
  memset(axes, 0, sizeof *axes);
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    push_axis(&l, desc, axis);
  }
  join(&l);
  memcpy(strides, l.strides, sizeof l.strides);
  axes->count = l.count;
  for (uint64_t i = 0; i < CLNORM__MAX_AXES; i++) {
    axes->extent[i] = i < l.count ? l.extent[i] : 1;
  }
  axes->sample = axes->length = CLNORM__NO_AXIS;
  uint64_t statistics = 1, parameters = 1;
  for (uint64_t i = l.count; i-- > 0;) {
    axes->statistic_stride[i] = l.of[i].statistic ? statistics : 0;
    axes->parameter_stride[i] = l.of[i].parameter ? parameters : 0;
    statistics *= l.of[i].statistic ? l.extent[i] : 1;
    parameters *= l.of[i].parameter ? l.extent[i] : 1;
    if (l.kept[i]) {
      /* Axis 0 is the first that is kept, the length axis the second. */
      axes->length = axes->length == CLNORM__NO_AXIS ? i : axes->length;
      axes->sample = i;
    }
  }
}
