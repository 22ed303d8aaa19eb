/* What the search takes for faster: runners of known times. */
#include "tuner.h"

#include <criterion/criterion.h>
#include <string.h>

#include "measure.h"

typedef struct sleeper {
  double seconds;
  int fails;
} sleeper;

/* Busy, so that no timer's slack adds to it. */
static int run(void *self, size_t times)
{
  const sleeper *s = self;
  const double end = measure_now() + s->seconds * (double)times;
  while (measure_now() < end) {
  }
  return s->fails ? -1 : 0;
}

static runner runner_of(sleeper *s) { return (runner){.self = s, .run = run}; }

static bench_summary compare(double first, double second)
{
  sleeper a = {first, 0};
  sleeper b = {second, 0};
  const runner ra = runner_of(&a);
  const runner rb = runner_of(&b);
  bench_summary ratio;
  double seconds = 0.0;
  cr_assert(tuner_compare(&ra, &rb, 0.002, &ratio, &seconds) == 0);
  cr_assert(ratio.n >= 20 && ratio.low <= ratio.median && ratio.median <= ratio.high);
  cr_assert(seconds >= first, "%g s for runs of %g s", seconds, first);
  return ratio;
}

Test(tuner, a_third_less_time_is_a_gain)
{
  const bench_summary ratio = compare(3e-4, 2e-4);
  cr_assert(tuner_gains(&ratio) && ratio.median < 0.8, "%g to %g", ratio.low, ratio.high);
}

Test(tuner, the_same_time_and_more_time_are_none)
{
  bench_summary ratio = compare(2e-4, 2e-4);
  cr_assert(!tuner_gains(&ratio), "%g to %g", ratio.low, ratio.high);
  ratio = compare(2e-4, 3e-4);
  cr_assert(!tuner_gains(&ratio) && ratio.median > 1.2, "%g to %g", ratio.low, ratio.high);
}

/* Less than what is asked for is no gain either, though it is there. */
Test(tuner, a_hundredth_less_time_is_none)
{
  const bench_summary ratio = compare(2e-4, 1.98e-4);
  cr_assert(!tuner_gains(&ratio), "%g to %g", ratio.low, ratio.high);
}

Test(tuner, a_run_that_fails_is_no_comparison)
{
  sleeper a = {1e-4, 0};
  sleeper b = {1e-4, 1};
  const runner ra = runner_of(&a);
  const runner rb = runner_of(&b);
  bench_summary ratio;
  double seconds;
  cr_assert(tuner_compare(&ra, &rb, 0.001, &ratio, &seconds) == -1);
  cr_assert(tuner_compare(&rb, &ra, 0.001, &ratio, &seconds) == -1);
}

Test(tuner, the_whole_interval_has_to_lie_below_the_gain)
{
  cr_assert(tuner_gains(&(bench_summary){24, 0.90, 0.85, 0.96}));
  cr_assert(!tuner_gains(&(bench_summary){24, 0.90, 0.85, 0.98}));
  cr_assert(!tuner_gains(&(bench_summary){5, 0.90, 0.85, 0.96}));
  cr_assert(!tuner_gains(&(bench_summary){0}));
}

static const bench_case small = {.kind = {CLNORM_BATCH, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0},
                                 .rank = 3,
                                 .dims = {40, 3, 77},
                                 .layout = CLNORM_CHANNELS_FIRST};

/* The whole of it, on the CPU backend: results are told for each pass, and what was found is kept, no more. */
Test(tuner, a_search_tries_choices_and_keeps_winners_alone)
{
  const bench_device device = {"cpu", "clnorm", NULL};
  const tuner_options options = {.passes = {CLNORM_TRAIN, CLNORM_INFER}, .pass_count = 2, .time = 1.0};
  clnorm_tuning *tuning = NULL;
  tuner_result results[2];
  size_t winners = 0;
  cr_assert(clnorm_tuning_open("/nowhere", &tuning) == CLNORM_SUCCESS);
  tuner_run(&device, &small, &options, tuning, results);
  for (int i = 0; i < 2; i++) {
    cr_assert(results[i].outcome == RECORD_OK, "%s", results[i].reason);
    cr_assert(results[i].pass == options.passes[i] && results[i].seconds > 0.0);
    const int won = strcmp(results[i].choice, results[i].built_in) != 0;
    cr_assert(!won || tuner_gains(&results[i].ratio));
    winners += won;
  }
  cr_assert(results[0].tried >= 3, "%zu choices for train", results[0].tried);
  cr_assert(clnorm_tuning_count(tuning) == winners);
  clnorm_tuning_close(tuning);
}

Test(tuner, a_shape_that_cannot_be_trained_is_told_and_nothing_is_kept)
{
  const bench_case single = {.rank = 2, .dims = {1, 5}, .layout = CLNORM_CHANNELS_FIRST};
  const bench_device device = {"cpu", "clnorm", NULL};
  const tuner_options options = {.passes = {CLNORM_TRAIN}, .pass_count = 1, .time = 0.1};
  clnorm_tuning *tuning = NULL;
  tuner_result result;
  cr_assert(clnorm_tuning_open("/nowhere", &tuning) == CLNORM_SUCCESS);
  tuner_run(&device, &single, &options, tuning, &result);
  cr_assert(result.outcome == RECORD_FAILED && result.reason[0] != '\0');
  cr_assert(clnorm_tuning_count(tuning) == 0);
  clnorm_tuning_close(tuning);
}
