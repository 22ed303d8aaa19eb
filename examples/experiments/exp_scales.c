/* Claim 7: features at different scales that nobody has brought to one. */
#include <math.h>
#include <stdio.h>

#include "data_points.h"
#include "exp_rows.h"
#include "training.h"

enum { BATCH = 16 };

/* A task as it comes, with features of different scales; training and held-out samples. */
typedef int (*make_task)(experiment_run *run, int seed, data_set *train, data_set *test);

static int make_circles(experiment_run *run, int seed, data_set *train, data_set *test)
{
  static const double factors[] = {1, 100};
  (void)run;
  *train = *test = (data_set){0};
  if (points_circles(train, 300, 2, 0.1, 2 * (uint64_t)seed) != 0 ||
      points_circles(test, 500, 2, 0.1, 2 * (uint64_t)seed + 1) != 0) {
    return -1;
  }
  data_scale_features(train, factors);
  data_scale_features(test, factors);
  return 0;
}

static int make_wine(experiment_run *run, int seed, data_set *train, data_set *test)
{
  const data_set *all = NULL;
  return store_wine(run->store, &all) != 0 ? -1 : data_split(all, all->count / 3, (uint64_t)seed, train, test);
}

static const struct task {
  const char *name;
  make_task make;
} tasks[] = {{"circles", make_circles}, {"wine", make_wine}};
enum { TASKS = sizeof tasks / sizeof tasks[0] };

static const struct variant {
  const char *name;
  int standardized;
  clnorm_op norm;
  int norm_input;
} variants[] = {
    {"without, raw", 0, 0, 0},
    {"without, scaled", 1, 0, 0},
    {"BN, raw", 0, CLNORM_BATCH, 0},
    {"BN, scaled", 1, CLNORM_BATCH, 0},
    {"BN of input too, raw", 0, CLNORM_BATCH, 1},
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

static double train(experiment_run *run, int seed, const data_set *sets, const struct variant *v, int epochs)
{
  const mlp_options options = {.hidden = {32, 32}, .norm = v->norm, .norm_input = v->norm_input};
  training t;
  training_mlp(&t, run->device, seed, &sets[0], &sets[1], &options, sgd(0.01, 0.9));
  const double accuracy = 100 * training_run(&t, BATCH, epochs).accuracy;
  training_end(&t);
  return accuracy;
}

static void compare(experiment_run *run, results *r, int seed, int task, int epochs)
{
  char text[160];
  double accuracy[VARIANTS] = {0};
  data_set raw[2] = {{0}};
  data_set scaled[2] = {{0}};
  int failed = tasks[task].make(run, seed, &raw[0], &raw[1]) != 0 ||
               tasks[task].make(run, seed, &scaled[0], &scaled[1]) != 0 || data_standardize(&scaled[1], &raw[0]) != 0 ||
               data_standardize(&scaled[0], &raw[0]) != 0;
  for (int v = 0; v < VARIANTS && !failed; v++) {
    accuracy[v] = train(run, seed, variants[v].standardized ? scaled : raw, &variants[v], epochs);
    results_add_point(r, task, variants[v].name, seed, 0, accuracy[v]);
    (void)snprintf(text, sizeof text, "%s: held-out samples right, %s", tasks[task].name, variants[v].name);
    results_add_number(r, text, "%", accuracy[v]);
  }
  if (!failed) {
    (void)snprintf(text, sizeof text, "%s: what scaling brings without BN minus what it brings with BN",
                   tasks[task].name);
    results_add_gain(r, text, "%", 0, (accuracy[1] - accuracy[0]) - (accuracy[3] - accuracy[2]));
  }
  if (seed == 1) {
    results_add_data(r, raw[0].description);
  }
  r->failed |= failed;
  for (int i = 0; i < 2; i++) {
    data_free(&raw[i]);
    data_free(&scaled[i]);
  }
}

void exp_scales(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 8 : 40;
  (void)results_add_panel(r, "circles, scales 1 and 100", "", "held-out points right, %", RESULTS_BARS);
  (void)results_add_panel(r, "wine, 13 scales", "", "held-out samples right, %", RESULTS_BARS);
  results_add_setup(
      r,
      "Two circles of 300 points whose second feature is multiplied by 100, and 13 measurements of wines (two "
      "thirds to train with), both raw and with each feature scaled to mean 0 and variance 1. Two hidden layers of "
      "32, ReLU, batch normalization before each ReLU or none, or of the input as well; He's initialization, SGD with "
      "rate 0.01 and momentum 0.9, batches of %d, %d epochs.",
      BATCH, epochs);
  for (int seed = 1; seed <= run->seeds; seed++) {
    for (int task = 0; task < TASKS; task++) {
      compare(run, r, seed, task, epochs);
      experiment_progress(run, (size_t)((seed - 1) * TASKS + task + 1), (size_t)(run->seeds * TASKS));
    }
  }
}
