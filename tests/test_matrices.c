/* Channels-last samples of which a task has all: plans of a small machine, samples that can be walked so and some that cannot,
 * against the reference. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "context.h"
#include "family_run.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* groups: 0 for instance normalization. whole: samples are. */
static const struct shape {
  size_t samples, positions, channels;
  uint32_t groups;
  int whole;
} shapes[] = {
    {5, 16, 48, 0, 1},
    {4, 33, 64, 4, 1},
    /* rows that are no whole vectors, of one and of several columns a statistic */
    {6, 17, 70, 7, 1},
    {4, 16, 41, 0, 1},
    {9, 16, 1230, 3, 1},
    /* one vector, two statistics of it */
    {5, 17, 16, 2, 1},
    /* several tiles side by side: whole ones, of 5 statistics of 192 columns, in pieces that are written aligned */
    {4, 16, 2048, 32, 1},
    {7, 16, 1536, 8, 1},
    {4, 16, 1500, 375, 1},
    /* narrow, few samples, statistics longer than a tile, tiles that would end inside of a vector */
    {5, 64, 21, 3, 0},
    {13, 64, 4, 0, 0},
    {3, 64, 64, 4, 0},
    {4, 64, 1040, 1, 0},
    {4, 64, 1040, 4, 0},
};

static const struct {
  clnorm_dtype dtype;
  clnorm_activation activation;
  uint32_t flags;
} kinds[] = {{CLNORM_F32, CLNORM_ACTIVATION_NONE, 0},  {CLNORM_F16, CLNORM_ACTIVATION_RELU, CLNORM_RESIDUAL},
             {CLNORM_BF16, CLNORM_ACTIVATION_SILU, 0}, {CLNORM_F32, CLNORM_ACTIVATION_GELU, CLNORM_RESIDUAL},
             {CLNORM_F32, CLNORM_ACTIVATION_TANH, 0},  {CLNORM_BF16, CLNORM_ACTIVATION_NONE, CLNORM_RESIDUAL}};

static const unsigned presence[] = {
    TRIAL_ALL, TRIAL_ALL | TRIAL_IN_PLACE, TRIAL_ALL & ~(TRIAL_WITH_MEAN | TRIAL_WITH_INV_STD),
    TRIAL_ALL | TRIAL_IN_PLACE_RESIDUAL, TRIAL_ALL & ~(TRIAL_WITH_GAMMA | TRIAL_WITH_DGAMMA | TRIAL_WITH_DBETA)};

/* Means that a float has, and one that it has not. */
static const double means[] = {0.25, 1e5};

static clnorm_desc desc_of(const struct shape *s, size_t kind)
{
  clnorm_desc desc;
  const clnorm_op op = s->groups == 0 ? CLNORM_INSTANCE : CLNORM_GROUP;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, op, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.layout = CLNORM_CHANNELS_LAST;
  desc.rank = 3;
  desc.dims[0] = s->samples;
  desc.dims[1] = s->positions;
  desc.dims[2] = s->channels;
  desc.groups = s->groups;
  desc.dtype = kinds[kind].dtype;
  desc.activation = kinds[kind].activation;
  desc.flags = kinds[kind].flags;
  return desc;
}

/* Two cores, whatever there are, with sums in double or in two floats. */
static void become(clnorm_cl *cl, int sums_in_double)
{
  cr_assert(cl->capabilities.engine == CLNORM__ENGINE_CL_WIDE);
  cl->capabilities.compute_units = 2;
  cl->capabilities.sums_in_double = sums_in_double;
}

static void expect_whole(const clnorm_cl *cl, const clnorm_desc *desc, clnorm_pass pass, int whole)
{
  clnorm_plan plan;
  const clnorm_status status = clnorm__plan_make(desc, pass, &cl->capabilities, &plan);
  cr_assert(status == CLNORM_SUCCESS, "%s", clnorm_last_error());
  const clnorm__role role = pass == CLNORM_BACKWARD ? CLNORM__MATRIX_BACKWARD : CLNORM__MATRIX_FORWARD;
  cr_assert(strcmp(plan.variant, "columns_samples") == 0 && clnorm__plan_has_role(&plan, role) == whole,
            "%zux%zux%zu, %u groups: %s", desc->dims[0], desc->dims[1], desc->dims[2], (unsigned)desc->groups,
            plan.variant);
}

/* Both passes of a shape, as a kind of what is stored and fused, with and without arguments. */
static size_t check_shape(family_run *r, size_t shape, size_t kind)
{
  const clnorm_desc desc = desc_of(&shapes[shape], kind);
  const size_t turn = shape + kind;
  /* Half numbers do not have large means. */
  const trial_data data = {.kind = GENERATE_NORMAL,
                           .mean = means[desc.dtype == CLNORM_F32 ? shape % COUNT(means) : 0],
                           .std = 1.5,
                           .seed = turn + 1,
                           .batch_number = 1,
                           .offset = turn % 2 == 0 ? 16 : turn % 7};
  return family_run_check(r, &desc, &data, presence, COUNT(presence));
}

/* Every shape as one kind; `turn` tells which. */
static void check_shapes(int sums_in_double, const char *forced, size_t turn)
{
  size_t wrong = 0;
  family_run *r = family_run_open();
  clnorm_cl *cl = family_run_get_cl(r);
  become(cl, sums_in_double);
  r->forced = forced;
  for (size_t shape = 0; shape < COUNT(shapes); shape++) {
    const size_t kind = (shape + turn) % COUNT(kinds);
    const clnorm_desc desc = desc_of(&shapes[shape], kind);
    expect_whole(cl, &desc, CLNORM_TRAIN, shapes[shape].whole);
    expect_whole(cl, &desc, CLNORM_BACKWARD, shapes[shape].whole);
    wrong += check_shape(r, shape, kind);
  }
  family_run_close(r);
  cr_assert(wrong == 0, "%zu passes are wrong", wrong);
}

Test(matrices, whole_samples_are_normalized_as_the_reference_does) { check_shapes(1, NULL, 0); }
Test(matrices, past_the_caches_too) { check_shapes(1, "samples stream_eighths=0", 2); }
Test(matrices, with_sums_in_two_floats_too) { check_shapes(0, NULL, 3); }

/* ---- other statistics ------------------------------------------------------------------------------------------- */

enum { SAMPLES = 6, POSITIONS = 16, CHANNELS = 48, GROUPS = 12, ELEMENTS = SAMPLES * POSITIONS * CHANNELS };
enum { SPOILT = 2 * GROUPS + 3 }; /* the third sample's fourth statistic */

static size_t statistic_of(size_t element)
{
  return element / (POSITIONS * CHANNELS) * GROUPS + element % CHANNELS / (CHANNELS / GROUPS);
}

static void check_poison(backend *b, clnorm_pass pass, float poison)
{
  static const struct shape shape = {SAMPLES, POSITIONS, CHANNELS, GROUPS, 1};
  static float x[ELEMENTS], dy[ELEMENTS], clean[ELEMENTS], out[ELEMENTS];
  const clnorm_desc desc = desc_of(&shape, 0);
  generate_normal(x, ELEMENTS, 1, 3.0, 1.0);
  generate_normal(dy, ELEMENTS, 2, 0.0, 1.0);
  backend_args args = {.x = x};
  expect_whole(backend_get_cl(b), &desc, pass, 1);
  for (int spoilt = 0; spoilt < 2; spoilt++) {
    float *result = spoilt ? out : clean;
    args.y = pass == CLNORM_TRAIN ? result : NULL;
    args.dy = pass == CLNORM_TRAIN ? NULL : dy;
    args.dx = pass == CLNORM_TRAIN ? NULL : result;
    for (size_t i = 0; spoilt && i < ELEMENTS; i++) {
      x[i] = statistic_of(i) == SPOILT && i % 20 == 17 ? poison : x[i];
    }
    cr_assert(backend_run(b, &desc, pass, &args) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  }
  size_t spoilt = 0;
  for (size_t i = 0; i < ELEMENTS; i++) {
    if (statistic_of(i) == SPOILT) {
      cr_assert(isnan(out[i]), "%g: element %zu of its statistic is %g", (double)poison, i, (double)out[i]);
      spoilt++;
    } else {
      cr_assert(memcmp(&out[i], &clean[i], sizeof out[i]) == 0, "%g: element %zu", (double)poison, i);
    }
  }
  cr_assert(spoilt == (size_t)POSITIONS * CHANNELS / GROUPS);
}

Test(matrices, nan_and_infinity_stay_inside_their_own_statistic)
{
  backend *b = backend_open();
  become(backend_get_cl(b), 1);
  check_poison(b, CLNORM_TRAIN, NAN);
  check_poison(b, CLNORM_TRAIN, INFINITY);
  check_poison(b, CLNORM_BACKWARD, NAN);
  check_poison(b, CLNORM_BACKWARD, INFINITY);
  backend_close(b);
}
