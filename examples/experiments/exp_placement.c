/* Claim 12: normalization before or after the activation. */
#include <stdio.h>

#include "exp_rows.h"
#include "training.h"

enum { BATCH = 64 };

static const struct variant {
  const char *name;
  mlp_options options;
} variants[] = {
    {"without", {.hidden = {128, 64}}},
    {"before", {.hidden = {128, 64}, .norm = CLNORM_BATCH}},
    {"after", {.hidden = {128, 64}, .norm = CLNORM_BATCH, .norm_after = 1}},
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

void exp_placement(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 2 : 8;
  const data_set *train_all = NULL;
  const data_set *test_all = NULL;
  data_set train = {0};
  data_set test = {0};
  if (store_mnist(run->store, &train_all, &test_all) != 0 ||
      data_sample(&train, train_all, run->quick ? 1500 : 4000, 1) != 0 ||
      data_sample(&test, test_all, run->quick ? 500 : 2000, 1) != 0) {
    r->failed = 1;
  } else {
    results_add_data(r, train_all->description);
    (void)results_add_panel(r, "held-out digits", "epoch", "right, %", 0);
    (void)results_add_panel(r, "training", "epoch", "mean loss of the epoch", RESULTS_LOG_Y);
    results_add_setup(
        r,
        "%zu-128-64-10 with ReLU and softmax on %zu digits, batch normalization before each ReLU, after it, or none; "
        "He's initialization, SGD with rate 0.05 and momentum 0.9, batches of %d, %d epochs.",
        train.features, train.count, BATCH, epochs);
  }
  for (int seed = 1; seed <= run->seeds && !r->failed; seed++) {
    double accuracy[VARIANTS] = {0};
    for (int v = 0; v < VARIANTS; v++) {
      char text[160];
      training t;
      training_mlp(&t, run->device, seed, &train, &test, &variants[v].options, sgd(0.05, 0.9));
      for (int epoch = 1; epoch <= epochs && net_device_ok(run->device); epoch++) {
        const net_score met = training_epoch(&t, BATCH);
        accuracy[v] = 100 * training_test(&t).accuracy;
        results_add_point(r, 0, variants[v].name, seed, epoch, accuracy[v]);
        results_add_point(r, 1, variants[v].name, seed, epoch, met.loss);
      }
      training_end(&t);
      (void)snprintf(text, sizeof text, "held-out digits right, %s", variants[v].name);
      results_add_number(r, text, "%", accuracy[v]);
      experiment_progress(run, (size_t)((seed - 1) * VARIANTS + v + 1), (size_t)(run->seeds * VARIANTS));
    }
    results_add_gain(r, "before the activation minus without", "%", -0.5, accuracy[1] - accuracy[0]);
    results_add_gain(r, "after the activation minus without", "%", -0.5, accuracy[2] - accuracy[0]);
  }
  data_free(&train);
  data_free(&test);
}
