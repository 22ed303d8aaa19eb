/* Statistics of the half types where sums cancel: means many steps of the type off 0, single elements that differ, large numbers
 * that leave small ones. Sums may be kept in other ways than those of floats, since squares of so few bits are exact in double. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family_run.h"
#include "storage_type.h"
#ifdef CLNORM_TEST_OPENCL
#include "context.h"
#endif

#define CHANNELS 3

static const clnorm_dtype halves[] = {CLNORM_F16, CLNORM_BF16};

/* So small that 1 / inv_std^2 is the variance, and no smaller than floats are. */
#define EPSILON 1e-30

/* Element i of a channel. */
typedef double values_of(clnorm_dtype dtype, size_t i);

static size_t mixed(size_t i) { return (i * 2654435761u) >> 7 & 0xffff; }

/* 1000 and its neighbours. */
static double steps_of_1000(clnorm_dtype dtype, size_t i)
{
  return 1000.0 + storage_ulp(dtype, 1000.0) * ((double)(mixed(i) % 3) - 1.0);
}

/* 1000 but for one element, one step off: the root of the count times as many standard deviations as steps. */
static double all_but_one(clnorm_dtype dtype, size_t i)
{
  return i == 77 ? 1000.0 + storage_ulp(dtype, 1000.0) : 1000.0;
}

/* Neighbours of 1 on both sides, where steps change their length. */
static double about_a_power_of_two(clnorm_dtype dtype, size_t i)
{
  return 1.0 + storage_ulp(dtype, 0.75) * ((double)(mixed(i) % 8) - 4.0);
}

/* Most are -1000, few hundreds of thousands of times smaller. */
static double with_small_ones(clnorm_dtype dtype, size_t i)
{
  return mixed(i) % 100 == 0 ? 0.003 * storage_round(dtype, 1.0 + (double)(mixed(i) % 7)) : -1000.0;
}

/* Large ones cancel, and leave the sum of the small ones. */
static double cancelling(clnorm_dtype dtype, size_t i)
{
  static const double four[] = {3000.0, 0.001, -3000.0, 0.0025};
  return storage_round(dtype, four[i % 4]);
}

/* The numbers at either end: in f16 the smallest denormal and the largest number, in bf16 as far apart. */
static double both_ends(clnorm_dtype dtype, size_t i)
{
  const double large = dtype == CLNORM_F16 ? 65504.0 : 0x1p30, small = dtype == CLNORM_F16 ? 0x1p-24 : 0x1p-30;
  return i % 2 == 0 ? (i % 4 == 0 ? large : -large) : small;
}

static const struct {
  const char *name;
  values_of *of;
  double ulps; /* of inv_std: docs/numerics.md */
} kinds[] = {{"steps of 1000", steps_of_1000, 8},  {"all but one", all_but_one, 8},
             {"about 1", about_a_power_of_two, 8}, {"with small ones", with_small_ones, 8},
             {"cancelling", cancelling, 14},       {"both ends", both_ends, 14}};

/* Samples and positions: long runs, runs that are no vectors, and without positions. */
static const size_t shapes[][2] = {{2, 40000}, {6, 3136}, {70, 49}, {3000, 1}, {5, 3}};

/* What has few values cannot be split. */
static const char *const choices[] = {"whole", "whole stream_eighths=0", "general", "split min_tile=1024"};
#define SPLIT 3
/* GPUs know no streaming. */
#define STREAMED 1

static size_t positions_of(const clnorm_desc *desc)
{
  return desc->rank == 2 ? 1 : desc->dims[desc->layout == CLNORM_CHANNELS_LAST ? 1 : 2];
}

static size_t index_of(const clnorm_desc *desc, size_t channel, size_t i)
{
  const size_t positions = positions_of(desc), n = i / positions, s = i % positions;
  return desc->layout == CLNORM_CHANNELS_LAST ? i * CHANNELS + channel : (n * CHANNELS + channel) * positions + s;
}

static clnorm_desc desc_of(clnorm_dtype dtype, clnorm_layout layout, const size_t shape[2])
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.dtype = dtype;
  desc.layout = layout;
  desc.epsilon = EPSILON;
  desc.rank = shape[1] == 1 ? 2 : 3;
  desc.dims[0] = shape[0], desc.dims[1] = CHANNELS, desc.dims[2] = CHANNELS;
  if (desc.rank == 3) {
    desc.dims[layout == CLNORM_CHANNELS_LAST ? 1 : 2] = shape[1];
  }
  return desc;
}

static trial_buffer buffer_of(void *memory, size_t element, size_t count)
{
  return (trial_buffer){memory, count * element, 0, element, count, -1};
}

static float float_at(const trial_buffer *buffer, size_t i)
{
  return (float)storage_load(CLNORM_F32, buffer->memory, (int64_t)i);
}

static void *new_memory(size_t bytes)
{
  void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  cr_assert(memory != NULL);
  return memset(memory, 0, (bytes + 63) / 64 * 64);
}

/* What is wrong with one channel's statistics; in two sweeps, in a type with 64 bits. */
static int is_wrong(const clnorm_desc *desc, size_t kind, size_t channel, const trial_buffer *buffers)
{
  const size_t n = desc->dims[0] * positions_of(desc);
  long double sum = 0.0L, size = 0.0L, squares = 0.0L;
  for (size_t i = 0; i < n; i++) {
    const double x = storage_load(desc->dtype, buffers[TRIAL_X].memory, (int64_t)index_of(desc, channel, i));
    sum += x, size += fabs(x);
  }
  const long double mean = sum / (long double)n;
  for (size_t i = 0; i < n; i++) {
    const long double d =
        storage_load(desc->dtype, buffers[TRIAL_X].memory, (int64_t)index_of(desc, channel, i)) - mean;
    squares += d * d;
  }
  const long double inv_std = 1.0L / sqrtl(squares / (long double)n + EPSILON);
  const float got_mean = float_at(&buffers[TRIAL_MEAN], channel), got = float_at(&buffers[TRIAL_INV_STD], channel);
  const long double mean_bound = 0x1p-22L * fabsl(mean) + 0x1p-40L * size / (long double)n + 0x1p-126L;
  const long double bound = (long double)kinds[kind].ulps * 0x1p-23L * inv_std;
  if (fabsl(got_mean - mean) <= mean_bound && fabsl(got - inv_std) <= bound) {
    return 0;
  }
  (void)fprintf(stderr, "%s %s, %zu x %zu: mean %.9g, expected %.12Lg; inv_std %.9g, expected %.12Lg\n",
                storage_name(desc->dtype), kinds[kind].name, desc->dims[0], n / desc->dims[0], (double)got_mean, mean,
                (double)got, inv_std);
  return 1;
}

static int is_gpu(const family_run *r)
{
#ifdef CLNORM_TEST_OPENCL
  return family_run_get_cl(r) != NULL && family_run_get_cl(r)->capabilities.engine == CLNORM__ENGINE_CL_LANES;
#else
  (void)r;
  return 0;
#endif
}

static size_t check(family_run *r, const clnorm_desc *desc, size_t kind, size_t *split)
{
  const size_t n = desc->dims[0] * positions_of(desc), elements = n * CHANNELS;
  void *memory[] = {new_memory(2 * elements), new_memory(2 * elements), new_memory(4 * CHANNELS),
                    new_memory(4 * CHANNELS)};
  trial_buffer buffers[TRIAL_SLOTS];
  for (size_t slot = 0; slot < TRIAL_SLOTS; slot++) {
    buffers[slot] = (trial_buffer){.shared = -1};
  }
  buffers[TRIAL_X] = buffer_of(memory[0], 2, elements);
  buffers[TRIAL_Y] = buffer_of(memory[1], 2, elements);
  buffers[TRIAL_MEAN] = buffer_of(memory[2], 4, CHANNELS);
  buffers[TRIAL_INV_STD] = buffer_of(memory[3], 4, CHANNELS);
  for (size_t c = 0; c < CHANNELS; c++) {
    for (size_t i = 0; i < n; i++) {
      storage_store(desc->dtype, memory[0], (int64_t)index_of(desc, c, i), kinds[kind].of(desc->dtype, i + c));
    }
  }
  size_t wrong = 0;
  for (size_t choice = 0; choice < sizeof choices / sizeof choices[0]; choice++) {
    if (choice == STREAMED && is_gpu(r)) {
      continue;
    }
    r->forced = choices[choice];
    memset(memory[2], 0xff, 4 * CHANNELS), memset(memory[3], 0xff, 4 * CHANNELS);
    const int status = family_run_pass(r, desc, CLNORM_TRAIN, buffers, 1);
    if (choice == SPLIT && status == CLNORM_UNSUPPORTED) {
      continue;
    }
    cr_assert(status == CLNORM_SUCCESS, "%s", clnorm_last_error());
    *split += choice == SPLIT;
    for (size_t c = 0; c < CHANNELS; c++) {
      wrong += (size_t)is_wrong(desc, kind, c, buffers);
    }
  }
  for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) {
    free(memory[i]);
  }
  return wrong;
}

static void check_layout(clnorm_layout layout)
{
  size_t wrong = 0, split = 0;
  family_run *r = family_run_open();
  const size_t first = getenv("CLNORM_TEST_SLOW") == NULL ? 0 : 1;
  for (size_t t = 0; t < 2; t++) {
    for (size_t s = first; s < sizeof shapes / sizeof shapes[0]; s++) {
      const clnorm_desc desc = desc_of(halves[t], layout, shapes[s]);
      for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        wrong += check(r, &desc, kind, &split);
      }
    }
  }
  family_run_close(r);
  cr_assert(wrong == 0, "%zu statistics are wrong", wrong);
  cr_assert(split >= sizeof kinds / sizeof kinds[0], "%zu split plans", split);
}

Test(half_moments, of_runs_lose_nothing_that_counts) { check_layout(CLNORM_CHANNELS_FIRST); }

Test(half_moments, of_columns_lose_nothing_that_counts) { check_layout(CLNORM_CHANNELS_LAST); }
