/* Samples that a device of wide vectors walks in ways of its own, against the reference: channels-last ones of which a task has
 * all, and those that are written while others are read. Plans of a small machine; shapes that can be walked so and some that
 * cannot. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "backend.h"
#include "context.h"
#include "family_run.h"
#include "poison.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Channels-last. own: samples are walked so. */
static const struct shape {
  size_t samples, positions, channels;
  uint32_t groups;
  int own;
  clnorm_op op;
} shapes[] = {
    {5, 16, 48, 1, 1, CLNORM_INSTANCE},
    {4, 33, 64, 4, 1, CLNORM_GROUP},
    /* rows that are no whole vectors, of one and of several columns a statistic */
    {6, 17, 70, 7, 1, CLNORM_GROUP},
    {4, 16, 41, 1, 1, CLNORM_INSTANCE},
    {9, 16, 1230, 3, 1, CLNORM_GROUP},
    /* one vector, two statistics of it */
    {5, 17, 16, 2, 1, CLNORM_GROUP},
    /* several tiles side by side: whole ones, of 5 statistics of 192 columns, in pieces that are written aligned */
    {4, 16, 2048, 32, 1, CLNORM_GROUP},
    {7, 16, 1536, 8, 1, CLNORM_GROUP},
    {4, 16, 1500, 375, 1, CLNORM_GROUP},
    /* narrow, few samples, statistics longer than a tile, tiles that would end inside of a vector */
    {5, 64, 21, 3, 0, CLNORM_GROUP},
    {13, 64, 4, 1, 0, CLNORM_INSTANCE},
    {3, 64, 64, 4, 0, CLNORM_GROUP},
    {4, 64, 1040, 1, 0, CLNORM_GROUP},
    {4, 64, 1040, 4, 0, CLNORM_GROUP},
    /* layer and RMS: one sample, the fewest that are written while others are read, several tasks of some; ends of each kind */
    {1, 1, 256, 1, 1, CLNORM_LAYER},
    {3, 3, 100, 1, 1, CLNORM_LAYER},
    {37, 1, 257, 1, 1, CLNORM_RMS},
    {130, 7, 73, 1, 1, CLNORM_LAYER},
    {21, 32, 40, 1, 1, CLNORM_RMS},
    {50, 1, 1039, 1, 1, CLNORM_LAYER},
    {5, 5, 51, 1, 0, CLNORM_LAYER},
};

static const struct {
  clnorm_dtype dtype;
  clnorm_activation activation;
  uint32_t flags;
} kinds[] = {{CLNORM_F32, CLNORM_ACTIVATION_NONE, 0},  {CLNORM_F16, CLNORM_ACTIVATION_RELU, CLNORM_RESIDUAL},
             {CLNORM_BF16, CLNORM_ACTIVATION_SILU, 0}, {CLNORM_F32, CLNORM_ACTIVATION_GELU, CLNORM_RESIDUAL},
             {CLNORM_F32, CLNORM_ACTIVATION_TANH, 0},  {CLNORM_BF16, CLNORM_ACTIVATION_NONE, CLNORM_RESIDUAL}};

/* Means that a float has, and one that it has not. */
static const double means[] = {0.25, 1e5};

static clnorm_desc desc_of(const struct shape *s, size_t kind)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, s->op, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.layout = CLNORM_CHANNELS_LAST;
  desc.rank = 3;
  desc.dims[0] = s->samples;
  desc.dims[1] = s->positions;
  desc.dims[2] = s->channels;
  desc.groups = s->op == CLNORM_GROUP ? s->groups : desc.groups;
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

/* What walks samples of the shape; a role that no plan has where nothing does. */
static clnorm__role role_of(const clnorm_cl *cl, const clnorm_desc *desc, clnorm_pass pass)
{
  if (desc->op == CLNORM_INSTANCE || desc->op == CLNORM_GROUP) {
    return pass == CLNORM_BACKWARD ? CLNORM__MATRIX_BACKWARD : CLNORM__MATRIX_FORWARD;
  }
  return !cl->capabilities.sums_in_double ? CLNORM__ROLE_COUNT
         : pass == CLNORM_BACKWARD        ? CLNORM__SAMPLES_BACKWARD_FLOW
                                          : CLNORM__SAMPLES_FLOW;
}

static void expect_own(const clnorm_cl *cl, const clnorm_desc *desc, clnorm_pass pass, int own)
{
  clnorm_plan plan;
  const clnorm_status status = clnorm__plan_make(desc, pass, &cl->capabilities, &plan);
  cr_assert(status == CLNORM_SUCCESS, "%s", clnorm_last_error());
  const clnorm__role role = role_of(cl, desc, pass);
  cr_assert(clnorm__plan_has_role(&plan, role) == (own && role != CLNORM__ROLE_COUNT), "%zux%zux%zu, %u groups: %s",
            desc->dims[0], desc->dims[1], desc->dims[2], (unsigned)desc->groups, plan.variant);
}

/* Both passes of a shape, as a kind of what is stored and fused, with and without arguments. */
static size_t check_shape(family_run *r, size_t shape, size_t kind)
{
  const clnorm_desc desc = desc_of(&shapes[shape], kind);
  /* Half numbers do not have large means. */
  const double mean = means[desc.dtype == CLNORM_F32 ? shape % COUNT(means) : 0];
  const trial_data data = family_run_data(mean, shape + kind);
  return family_run_check(r, &desc, &data, family_run_presences, FAMILY_RUN_PRESENCES);
}

/* Every `each`-th shape as one kind; `turn` tells which. */
static void check_shapes(int sums_in_double, const char *forced, size_t turn, size_t each)
{
  size_t wrong = 0;
  family_run *r = family_run_open();
  clnorm_cl *cl = family_run_get_cl(r);
  become(cl, sums_in_double);
  r->forced = forced;
  for (size_t shape = 0; shape < COUNT(shapes); shape += each) {
    const size_t kind = (shape + turn) % COUNT(kinds);
    const clnorm_desc desc = desc_of(&shapes[shape], kind);
    expect_own(cl, &desc, CLNORM_TRAIN, shapes[shape].own);
    expect_own(cl, &desc, CLNORM_BACKWARD, shapes[shape].own);
    wrong += check_shape(r, shape, kind);
  }
  family_run_close(r);
  cr_assert(wrong == 0, "%zu passes are wrong", wrong);
}

/* Other stores and other sums in the same walks. */
static size_t some_shapes(void) { return getenv("CLNORM_TEST_SLOW") == NULL ? 1 : 4; }

Test(walked_samples, they_are_normalized_as_the_reference_does) { check_shapes(1, NULL, 0, 1); }
Test(walked_samples, past_the_caches_too) { check_shapes(1, "samples stream_eighths=0", 2, some_shapes()); }
Test(walked_samples, with_sums_in_two_floats_too) { check_shapes(0, NULL, 3, some_shapes()); }

/* ---- other statistics ------------------------------------------------------------------------------------------- */

enum { SAMPLES = 6, POSITIONS = 16, CHANNELS = 48, GROUPS = 12, ELEMENTS = SAMPLES * POSITIONS * CHANNELS };

static const struct shape grouped = {SAMPLES, POSITIONS, CHANNELS, GROUPS, 1, CLNORM_GROUP};
static const struct shape layered = {SAMPLES, POSITIONS, CHANNELS, 1, 1, CLNORM_LAYER};

static size_t statistic_of(const clnorm_desc *desc, size_t element)
{
  const size_t groups = desc->op == CLNORM_GROUP ? desc->groups : 1;
  return element / (POSITIONS * CHANNELS) * groups + element % CHANNELS / (CHANNELS / groups);
}

/* A statistic of the third sample. */
static void check_poison(backend *b, const struct shape *shape, clnorm_pass pass)
{
  const clnorm_desc desc = desc_of(shape, 0);
  const size_t values = (size_t)POSITIONS * CHANNELS / shape->groups;
  const poison_case of = {&desc, ELEMENTS, statistic_of, shape->groups == 1 ? 2 : 2 * GROUPS + 3};
  expect_own(backend_get_cl(b), &desc, pass, 1);
  cr_assert(poison_check(b, &of, pass, NAN) == values);
  cr_assert(poison_check(b, &of, pass, INFINITY) == values);
}

Test(walked_samples, nan_and_infinity_stay_inside_their_own_statistic)
{
  static const clnorm_pass passes[] = {CLNORM_TRAIN, CLNORM_BACKWARD};
  backend *b = backend_open();
  become(backend_get_cl(b), 1);
  for (size_t i = 0; i < COUNT(passes); i++) {
    check_poison(b, &grouped, passes[i]);
    check_poison(b, &layered, passes[i]);
  }
  backend_close(b);
}
