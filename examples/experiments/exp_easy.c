/* Claim 14: "If you don't see it helping, your problem is probably too easy." */
#include <math.h>
#include <stdio.h>

#include "exp_rows.h"
#include "exp_shared.h"

enum { BATCH = 32, DEEP = 10 };

/* An easy problem, and two harder ones with the same digits. */
static const struct problem {
  const char *name;
  int badly_conditioned;
  mlp_options options;
} problems[] = {
    {"easy", 0, {.hidden = {64}}},
    {"deep",
     0,
     {.hidden = {32, 32, 32, 32, 32, 32, 32, 32, 32, 32}, .curve = NET_SIGMOID, .init = {NET_INIT_GLOROT, 0}}},
    {"badly conditioned", 1, {.hidden = {64}}},
};
enum { PROBLEMS = sizeof problems / sizeof problems[0] };

/* Feature j is multiplied by a number between 0.01 and 100. */
static void condition_badly(data_set *set)
{
  double factors[64];
  data_random r;
  random_begin(&r, 14, RANDOM_SHIFT);
  for (int j = 0; j < 64; j++) {
    factors[j] = pow(10, random_between(&r, -2, 2));
  }
  if (set->features <= 64) {
    data_scale_features(set, factors);
  }
}

static double train(experiment_run *run, int seed, const data_set *sets, const mlp_options *options, int epochs)
{
  training t;
  training_mlp(&t, run->device, seed, &sets[0], &sets[1], options, sgd(0.03, 0.9));
  const double accuracy = 100 * training_run(&t, BATCH, epochs).accuracy;
  training_end(&t);
  return accuracy;
}

static double gain(experiment_run *run, results *r, int seed, const data_set *all, int problem, int epochs)
{
  double accuracy[2] = {0};
  data_set sets[2];
  if (shared_split(r, all, seed, sets) != 0) {
    return 0;
  }
  for (int i = 0; i < 2 && problems[problem].badly_conditioned; i++) {
    condition_badly(&sets[i]);
  }
  for (int with = 0; with < 2; with++) {
    char text[160];
    mlp_options options = problems[problem].options;
    options.norm = with ? CLNORM_BATCH : 0;
    accuracy[with] = train(run, seed, sets, &options, epochs);
    (void)snprintf(text, sizeof text, "%s, %s", problems[problem].name, with ? "with BN" : "without");
    results_add_point(r, 0, text, seed, 0, accuracy[with]);
    results_add_number(r, text, "%", accuracy[with]);
  }
  data_free(&sets[0]);
  data_free(&sets[1]);
  return accuracy[1] - accuracy[0];
}

void exp_easy(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 4 : 20;
  const data_set *all = NULL;
  if (shared_small_digits(run, r, &all) != 0) {
    return;
  }
  (void)results_add_panel(r, "after training", "", "held-out digits right, %", RESULTS_BARS);
  results_add_setup(
      r,
      "Digits of 8 x 8, %zu held out. Easy: 64-64-10 with ReLU. Deep: %d hidden layers of 32 with sigmoid, Glorot's "
      "initialization. Badly conditioned: the easy network, but each feature is multiplied by a number of its own from "
      "0.01 to 100. Batch normalization before each activation or none; SGD with rate 0.03 and momentum 0.9, batches "
      "of %d, %d epochs.",
      shared_held_out(all), DEEP, BATCH, epochs);
  for (int seed = 1; seed <= run->seeds; seed++) {
    double gains[PROBLEMS];
    for (int p = 0; p < PROBLEMS; p++) {
      gains[p] = gain(run, r, seed, all, p, epochs);
      experiment_progress(run, (size_t)((seed - 1) * PROBLEMS + p + 1), (size_t)(run->seeds * PROBLEMS));
    }
    for (int p = 1; p < PROBLEMS; p++) {
      char text[160];
      (void)snprintf(text, sizeof text, "what BN brings, %s minus easy", problems[p].name);
      results_add_gain(r, text, "%", 0, gains[p] - gains[0]);
    }
    results_add_gain(r, "1 - |what BN brings in the easy problem|: it is not seen", "%", 0, 1 - fabs(gains[0]));
  }
}
