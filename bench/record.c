#include "record.h"

#include <stdio.h>

const char *record_pass_name(clnorm_pass pass)
{
  switch (pass) {
    case CLNORM_TRAIN:
      return "train";
    case CLNORM_INFER:
      return "infer";
    case CLNORM_BACKWARD:
      return "backward";
    case CLNORM_BACKWARD_FROZEN:
      return "backward-frozen";
  }
  return "?";
}

const char *record_layout_name(clnorm_layout layout)
{
  return layout == CLNORM_CHANNELS_LAST ? "channels-last" : "channels-first";
}

/* Forward: x is read, y written. Backward: x and dy are read, dx written. */
double record_tensors_moved(clnorm_pass pass) { return pass == CLNORM_TRAIN || pass == CLNORM_INFER ? 2.0 : 3.0; }

const char *record_shape_text(const bench_record *record, char *text, size_t capacity)
{
  size_t used = 0;
  text[0] = '\0';
  for (uint32_t axis = 0; axis < record->rank && used < capacity; axis++) {
    used += (size_t)snprintf(text + used, capacity - used, "%s%zu", axis == 0 ? "" : "x", record->dims[axis]);
  }
  return text;
}

bench_summary record_own_work(const bench_record *record)
{
  const bench_summary *all = &record->calls.enqueue;
  const bench_summary *bare = &record->calls.bare;
  if (all->n == 0 || bare->n == 0) {
    return (bench_summary){0};
  }
  return (bench_summary){.n = all->n < bare->n ? all->n : bare->n,
                         .median = all->median - bare->median,
                         .low = all->low - bare->high,
                         .high = all->high - bare->low};
}
