/* Statistics whose data the work-items of a work-group hold between them: plans of small machines, so that data fits or just
 * does not, against the reference. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "context.h"
#include "family_run.h"
#include "poison.h"

#define WORK_ITEMS 16
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Expected vectors that a work-item of WORK_ITEMS holds of each tensor, with 32 floats of room for all; 0: the data does not
 * fit. split: the axis of LAYER and RMS, the groups of GROUP. */
static const struct shape {
  clnorm_op op;
  size_t dims[3];
  uint32_t split;
  uint32_t train, backward;
} shapes[] = {
    /* 512 values, all that fits in whole vectors; a vector less, one more */
    {CLNORM_BATCH, {2, 3, 256}, 0, 8, 0},
    {CLNORM_BATCH, {1, 2, 508}, 0, 8, 0},
    {CLNORM_BATCH, {2, 3, 260}, 0, 0, 0},
    /* backward: 256, all that fits of two tensors */
    {CLNORM_BATCH, {4, 2, 64}, 0, 4, 4},
    {CLNORM_BATCH, {13, 2, 20}, 0, 8, 0},
    /* odd runs: 255, one less than fits; 257; ends of work-groups; more work-items than vectors */
    {CLNORM_BATCH, {5, 3, 51}, 0, 16, 16},
    {CLNORM_BATCH, {1, 3, 257}, 0, 0, 0},
    {CLNORM_BATCH, {3, 5, 7}, 0, 2, 2},
    {CLNORM_BATCH, {7, 2, 9}, 0, 4, 4},
    {CLNORM_BATCH, {2, 4, 12}, 0, 1, 1},
    /* a parameter an element; backward of four samples at once: 64 fit */
    {CLNORM_LAYER, {9, 64, 1}, 1, 1, 1},
    {CLNORM_LAYER, {6, 63, 1}, 1, 4, 4},
    {CLNORM_LAYER, {5, 65, 1}, 1, 8, 0},
    {CLNORM_LAYER, {2, 68, 1}, 1, 2, 0},
    {CLNORM_RMS, {13, 20, 1}, 1, 1, 1},
    {CLNORM_RMS, {3, 255, 1}, 1, 16, 0},
    {CLNORM_RMS, {2, 516, 1}, 1, 0, 0},
    {CLNORM_LAYER, {4, 3, 7}, 2, 1, 1},
    {CLNORM_GROUP, {11, 6, 1}, 2, 1, 1},
    /* a parameter for neighbours */
    {CLNORM_GROUP, {3, 6, 20}, 2, 1, 0},
    {CLNORM_GROUP, {2, 12, 7}, 3, 2, 0},
    {CLNORM_INSTANCE, {2, 3, 100}, 0, 2, 0},
    {CLNORM_INSTANCE, {3, 2, 37}, 0, 4, 0},
};

static const struct {
  clnorm_dtype dtype;
  clnorm_activation activation;
  uint32_t flags;
} kinds[] = {{CLNORM_F32, CLNORM_ACTIVATION_NONE, 0},  {CLNORM_F16, CLNORM_ACTIVATION_RELU, CLNORM_RESIDUAL},
             {CLNORM_BF16, CLNORM_ACTIVATION_SILU, 0}, {CLNORM_F32, CLNORM_ACTIVATION_GELU, CLNORM_RESIDUAL},
             {CLNORM_F16, CLNORM_ACTIVATION_NONE, 0},  {CLNORM_BF16, CLNORM_ACTIVATION_NONE, CLNORM_RESIDUAL},
             {CLNORM_F32, CLNORM_ACTIVATION_TANH, 0}};

/* Means that a float has, and one that it has not. */
static const double means[] = {0.25, 3000.0};

static clnorm_desc desc_of(const struct shape *s, size_t kind)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, s->op, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.rank = s->dims[2] == 1 ? 2 : 3;
  for (uint32_t i = 0; i < desc.rank; i++) {
    desc.dims[i] = s->dims[i];
  }
  desc.axis = s->op == CLNORM_LAYER || s->op == CLNORM_RMS ? s->split : desc.axis;
  desc.groups = s->op == CLNORM_GROUP ? s->split : desc.groups;
  desc.dtype = kinds[kind].dtype;
  desc.activation = kinds[kind].activation;
  desc.flags = kinds[kind].flags;
  return desc;
}

/* Many work-items, with sums in double or in two floats. */
static void become(clnorm_cl *cl, int sums_in_double)
{
  cl->capabilities.engine = CLNORM__ENGINE_CL_LANES;
  cl->capabilities.max_work_group = WORK_ITEMS;
  cl->capabilities.compute_units = 2;
  cl->capabilities.sums_in_double = sums_in_double;
}

static void expect_held(const clnorm_cl *cl, const clnorm_desc *desc, clnorm_pass pass, uint32_t held)
{
  clnorm_plan plan;
  const clnorm_status status = clnorm__plan_make(desc, pass, &cl->capabilities, &plan);
  uint32_t most = 0;
  cr_assert(status == CLNORM_SUCCESS, "%s", clnorm_last_error());
  for (int i = 0; i < plan.num_steps; i++) {
    most = plan.steps[i].held > most ? plan.steps[i].held : most;
  }
  cr_assert(most == held, "%s %zux%zux%zu: %u vectors are held, expected %u", plan.variant, desc->dims[0],
            desc->dims[1], desc->dims[2], (unsigned)most, (unsigned)held);
}

/* Both passes of a shape, as a kind of what is stored and fused, with and without arguments. */
static size_t check_shape(family_run *r, size_t shape, size_t kind)
{
  const clnorm_desc desc = desc_of(&shapes[shape], kind);
  const size_t turn = shape + kind;
  /* Half numbers do not have large means. */
  const trial_data data = family_run_data(means[desc.dtype == CLNORM_F32 ? turn % COUNT(means) : 0], turn);
  const unsigned with[] = {family_run_presences[turn % FAMILY_RUN_PRESENCES],
                           family_run_presences[(turn + 2) % FAMILY_RUN_PRESENCES]};
  return family_run_check(r, &desc, &data, with, COUNT(with));
}

/* What each shape's plans hold; and every `each`-th shape as one kind. `turn` tells which. */
static void check_shapes(int sums_in_double, size_t turn, size_t each)
{
  size_t wrong = 0;
  family_run *r = family_run_open();
  clnorm_cl *cl = family_run_get_cl(r);
  become(cl, sums_in_double && cl->capabilities.has_double);
  for (size_t shape = 0; shape < COUNT(shapes); shape++) {
    const size_t kind = (shape * 3 + turn) % COUNT(kinds);
    const clnorm_desc desc = desc_of(&shapes[shape], kind);
    expect_held(cl, &desc, CLNORM_TRAIN, shapes[shape].train);
    expect_held(cl, &desc, CLNORM_BACKWARD, shapes[shape].backward);
    wrong += shape % each == turn % each ? check_shape(r, shape, kind) : 0;
  }
  family_run_close(r);
  cr_assert(wrong == 0, "%zu passes are wrong", wrong);
}

/* PoCL and rusticl compile five to ten seconds for some of the shapes. They take turns: what one computes with sums in two
 * floats the other does in double or not at all, and between them they compute all. */
static int compiles_slowly(const char *name)
{
  const char *device = getenv("CLNORM_DEVICE");
  return device != NULL && strcmp(device, name) == 0;
}

Test(held, data_that_fits_and_that_does_not_is_normalized_as_the_reference_does)
{
  const size_t turn = compiles_slowly("pocl") ? 1 : 0;
  check_shapes(0, turn, turn == 1 || compiles_slowly("rusticl") ? 3 : 1);
}

Test(held, with_sums_in_double_where_there_is_double_too) { check_shapes(1, compiles_slowly("rusticl") ? 1 : 2, 3); }

/* More room: up to all 16 vectors, of which only the first work-items have the last. */
Test(held, as_much_as_is_allowed)
{
  static const struct {
    size_t dims[3];
    const char *forced;
  } some[] = {{{3, 2, 340}, "whole held=64"}, {{2, 2, 127}, "whole held=64"}, {{7, 2, 12}, "whole held=8"}};
  family_run *r = family_run_open();
  become(family_run_get_cl(r), 0);
  for (size_t i = 0; i < COUNT(some); i++) {
    const struct shape shape = {CLNORM_BATCH, {some[i].dims[0], some[i].dims[1], some[i].dims[2]}, 0, 0, 0};
    const clnorm_desc desc = desc_of(&shape, 0);
    const trial_data data = {.kind = GENERATE_NORMAL, .mean = 1e4, .std = 1.0, .seed = i, .batch_number = 1};
    trial *t = trial_create(&desc, &data);
    trial_result result;
    r->forced = some[i].forced;
    cr_assert(t != NULL, "no memory");
    cr_expect(trial_check(t, CLNORM_TRAIN, TRIAL_ALL, family_run_pass, r, &result), "%s", result.problem);
    cr_expect(trial_check(t, CLNORM_BACKWARD, TRIAL_ALL, family_run_pass, r, &result), "%s", result.problem);
    trial_destroy(t);
  }
  family_run_close(r);
}

/* ---- other statistics ------------------------------------------------------------------------------------------- */

/* Samples and channels of three runs of 20: which of the statistics an element is of. */
static size_t statistic_of(const clnorm_desc *desc, size_t element)
{
  return desc->op == CLNORM_BATCH ? element / 20 % 3 : element / 60;
}

Test(held, nan_and_infinity_stay_inside_their_own_statistic)
{
  static const struct shape of[] = {{CLNORM_BATCH, {5, 3, 20}, 0, 2, 2}, {CLNORM_LAYER, {5, 3, 20}, 1, 1, 1}};
  backend *b = backend_open();
  become(backend_get_cl(b), 0);
  for (size_t i = 0; i < COUNT(of); i++) {
    const clnorm_desc desc = desc_of(&of[i], 0);
    for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD; pass += CLNORM_BACKWARD - CLNORM_TRAIN) {
      expect_held(backend_get_cl(b), &desc, (clnorm_pass)pass, pass == CLNORM_TRAIN ? of[i].train : of[i].backward);
      const poison_case case_of = {&desc, (size_t)5 * 3 * 20, statistic_of, 1};
      const size_t values = of[i].op == CLNORM_BATCH ? 5 * 20 : 3 * 20;
      cr_assert(poison_check(b, &case_of, (clnorm_pass)pass, NAN) == values);
      cr_assert(poison_check(b, &case_of, (clnorm_pass)pass, -INFINITY) == values);
    }
  }
  backend_close(b);
}
