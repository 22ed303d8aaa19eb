/* Arithmetic of tasks, tiles and work-groups, for the files that fill a plan's steps. */
#ifndef CLNORM_SRC_STEP_COUNTS_H
#define CLNORM_SRC_STEP_COUNTS_H

#include "capabilities.h"

/* Bytes of local memory that a work-item's part of a reduction takes: a vector of pairs. */
#define CLNORM__LOCAL_BYTES_PER_ITEM 32

static inline int is_host(const clnorm__capabilities *capabilities)
{
  return capabilities->engine == CLNORM__ENGINE_HOST;
}

/* Many work-items share a task. */
static inline int is_lanes(const clnorm__capabilities *capabilities)
{
  return capabilities->engine == CLNORM__ENGINE_CL_LANES;
}

/* A lone work-item with wide vectors has a task. */
static inline int is_wide(const clnorm__capabilities *capabilities)
{
  return capabilities->engine == CLNORM__ENGINE_CL_WIDE;
}

static inline uint64_t ceil_div(uint64_t value, uint64_t by) { return value / by + (value % by != 0); }
static inline uint64_t round_up(uint64_t value, uint64_t to) { return ceil_div(value, to) * to; }
static inline uint64_t at_least(uint64_t value, uint64_t least) { return value < least ? least : value; }
static inline uint64_t at_most(uint64_t value, uint64_t most) { return value > most ? most : value; }

/* The largest power of two that is neither above `value` nor above `most`; 1 if there is none. */
static inline uint32_t power_of_two_below(uint64_t value, uint32_t most)
{
  uint32_t power = 1;
  while (power * 2 <= value && power * 2 <= most) {
    power *= 2;
  }
  return power;
}

/* The least power of two that is not below `value`, at most the power of two `most`. */
static inline uint32_t power_of_two_above(uint64_t value, uint32_t most)
{
  uint32_t power = 1;
  while (power < value && power < most) {
    power *= 2;
  }
  return power;
}

/* The largest work-group, a power of two up to `most`, that the device takes and has local memory for. */
static inline uint32_t largest_group(const clnorm__capabilities *capabilities, uint32_t most)
{
  const uint64_t fits = capabilities->local_memory / CLNORM__LOCAL_BYTES_PER_ITEM;
  return power_of_two_below(at_most(capabilities->max_work_group, fits), most);
}

#endif
