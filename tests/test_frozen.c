/* Backward with frozen statistics: dx waits for no sum, so tensors are read once, summed and written on the way. Every way in which
 * runs and rows are walked, past the caches and through them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "family_run.h"
#include "plan.h"
#ifdef CLNORM_TEST_OPENCL
#include "context.h"
#endif

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Samples, channels, positions. Channels-first: runs that are whole vectors, that are not, long and short ones, neighbours of which
 * are written together; more segments than are walked at a time. Channels-last: rows of whole vectors, narrow ones that are folded
 * with a rest, rows that are no whole vectors, wider than a tile, more of them than are walked at a time.
 * The last one: tiles of pieces of several statistics' runs. */
static const size_t shapes[][3] = {{11, 3, 512}, {3, 2, 515},   {90, 19, 49}, {24, 33, 64},  {37, 16, 5},
                                   {5, 3, 67},   {2, 1040, 21}, {3, 48, 300}, {1, 67, 1200}, {14, 8, 217}};

/* Past the caches, whatever their size, and through them; GPUs know no such thing. */
static const char *const choices[] = {"whole stream_eighths=0", "split stream_eighths=0 min_tile=1024",
                                      "split stream_eighths=1073741824 min_tile=1024"};
static const char *const choices_of_gpus[COUNT(choices)] = {"whole", "split min_tile=1024", "split"};

static const struct {
  clnorm_dtype dtype;
  clnorm_activation activation;
  uint32_t flags;
} kinds[] = {
    {CLNORM_F32, CLNORM_ACTIVATION_NONE, 0},
    {CLNORM_BF16, CLNORM_ACTIVATION_NONE, CLNORM_RESIDUAL},
    {CLNORM_F32, CLNORM_ACTIVATION_RELU, CLNORM_RESIDUAL | CLNORM_ACCUMULATE_DGAMMA | CLNORM_ACCUMULATE_DBETA}};

/* All, in place, the sums or the tensors alone. */
static const unsigned presences[] = {TRIAL_ALL,
                                     TRIAL_ALL | TRIAL_IN_PLACE,
                                     TRIAL_ALL | TRIAL_IN_PLACE_RESIDUAL,
                                     TRIAL_ALL & ~(TRIAL_WITH_DX | TRIAL_WITH_DRESIDUAL),
                                     TRIAL_ALL & ~(TRIAL_WITH_DGAMMA | TRIAL_WITH_DBETA),
                                     TRIAL_ALL & ~(TRIAL_WITH_GAMMA | TRIAL_WITH_DGAMMA | TRIAL_WITH_DX)};

static clnorm_desc desc_of(const size_t dims[3], clnorm_layout layout, size_t kind)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.rank = 3;
  memcpy(desc.dims, dims, 3 * sizeof *dims);
  desc.layout = layout;
  desc.dtype = kinds[kind].dtype;
  desc.activation = kinds[kind].activation;
  desc.flags = kinds[kind].flags;
  return desc;
}

static const clnorm__capabilities *machine_of(const family_run *r)
{
#ifdef CLNORM_TEST_OPENCL
  if (family_run_get_cl(r) != NULL) {
    return &family_run_get_cl(r)->capabilities;
  }
#endif
  (void)r;
  return &clnorm__host_capabilities;
}

/* The plan that the choice makes; what has few values cannot be split. */
static int make_plan(const clnorm__capabilities *machine, const clnorm_desc *desc, const char *choice,
                     clnorm_plan *plan)
{
  char text[128];
  (void)snprintf(text, sizeof text, "%s_%s", desc->layout == CLNORM_CHANNELS_FIRST ? "rows" : "columns", choice);
  return clnorm__plan_make_with(desc, CLNORM_BACKWARD_FROZEN, text, machine, plan) == CLNORM_SUCCESS;
}

static int is_one_sweep(const clnorm_plan *plan)
{
  return plan->steps[0].role == CLNORM__ROWS_FROZEN || plan->steps[0].role == CLNORM__COLUMNS_FROZEN;
}

static void check_layout(clnorm_layout layout)
{
  size_t wrong = 0, whole = 0, split = 0;
  family_run *r = family_run_open();
  const clnorm__capabilities *machine = machine_of(r);
  const char *const *known = machine->engine == CLNORM__ENGINE_CL_LANES ? choices_of_gpus : choices;
  for (size_t kind = 0; kind < COUNT(kinds); kind++) {
    for (size_t i = 0; i < COUNT(shapes); i++) {
      const clnorm_desc desc = desc_of(shapes[i], layout, kind);
      const trial_data data = family_run_data(0.25, i + kind);
      for (size_t c = 0; c < COUNT(choices); c++) {
        clnorm_plan plan;
        if (!make_plan(machine, &desc, known[c], &plan)) {
          continue;
        }
        r->forced = known[c];
        whole += is_one_sweep(&plan) && plan.partials == 0;
        split += is_one_sweep(&plan) && plan.partials > 1;
        wrong += family_run_check_pass(r, &desc, CLNORM_BACKWARD_FROZEN, &data, presences, COUNT(presences));
      }
    }
  }
  family_run_close(r);
  cr_assert(wrong == 0, "%zu passes are wrong", wrong);
  cr_assert(whole == COUNT(kinds) * COUNT(shapes), "%zu whole plans with one sweep", whole);
  cr_assert(split >= COUNT(kinds), "%zu split plans with one sweep", split);
}

Test(frozen, runs_are_summed_and_written_as_the_reference_does) { check_layout(CLNORM_CHANNELS_FIRST); }

Test(frozen, rows_of_a_matrix_are_summed_and_written_as_the_reference_does) { check_layout(CLNORM_CHANNELS_LAST); }

/* Without an activation the residual's gradient is dy: in its place there is nothing to write. */
Test(frozen, the_residuals_gradient_in_the_place_of_dy_is_there_already)
{
  static const unsigned nothing[] = {
      (TRIAL_ALL & ~(TRIAL_WITH_DX | TRIAL_WITH_DGAMMA | TRIAL_WITH_DBETA)) | TRIAL_IN_PLACE_RESIDUAL,
      (TRIAL_ALL & ~TRIAL_WITH_DX) | TRIAL_IN_PLACE_RESIDUAL};
  static const char *const ways[] = {"whole", "split min_tile=1024"};
  size_t wrong = 0;
  family_run *r = family_run_open();
  for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
    for (size_t i = 0; i < COUNT(ways); i++) {
      clnorm_desc desc = desc_of(shapes[3], (clnorm_layout)layout, 0);
      const trial_data data = family_run_data(0.25, i);
      desc.flags = CLNORM_RESIDUAL;
      r->forced = ways[i];
      wrong += family_run_check_pass(r, &desc, CLNORM_BACKWARD, &data, nothing, COUNT(nothing));
      wrong += family_run_check_pass(r, &desc, CLNORM_BACKWARD_FROZEN, &data, nothing, COUNT(nothing));
    }
  }
  family_run_close(r);
  cr_assert(wrong == 0, "%zu passes are wrong", wrong);
}
