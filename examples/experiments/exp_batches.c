/* Claim 11: small batches, for batch, group, layer and instance normalization. */
#include <stdio.h>

#include "exp_rows.h"
#include "training.h"

static const size_t batches[] = {1, 2, 4, 8, 32};
enum { BATCHES = sizeof batches / sizeof batches[0], GROUPS = 4 };

static const struct variant {
  const char *name;
  clnorm_op op;
} variants[] = {
    {"batch", CLNORM_BATCH},
    {"group", CLNORM_GROUP},
    {"layer", CLNORM_LAYER},
    {"instance", CLNORM_INSTANCE},
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

static double train(experiment_run *run, results *r, int seed, const data_set *sets, const struct variant *v,
                    size_t batch, int epochs)
{
  training t;
  training_cnn(&t, run->device, seed, &sets[0], &sets[1], v->op, GROUPS, sgd(0.1 * (double)batch / 32, 0.9));
  const double accuracy = 100 * training_run(&t, batch, epochs).accuracy;
  training_end(&t);
  results_add_point(r, 0, v->name, seed, (double)batch, 100 - accuracy);
  return accuracy;
}

void exp_batches(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 1 : 4;
  const data_set *all = NULL;
  if (store_digits(run->store, &all) != 0) {
    r->failed = 1;
    return;
  }
  results_add_data(r, all->description);
  (void)results_add_panel(r, "after the same number of epochs", "batch", "held-out digits wrong, %",
                          RESULTS_LOG_X | RESULTS_LOG_Y);
  results_add_setup(
      r,
      "The network for images of the experiment cnn on %d digits of 8 x 8, 400 held out, with batch, group (%d "
      "groups), layer or instance normalization; SGD with momentum 0.9 and rate 0.1 for batches of 32, in "
      "proportion less for smaller ones; %d epochs for all.",
      run->quick ? 64 : 1000, GROUPS, epochs);
  for (int seed = 1; seed <= run->seeds; seed++) {
    double accuracy[VARIANTS][BATCHES];
    data_set part = {0};
    data_set sets[2] = {{0}};
    if (data_sample(&part, all, run->quick ? 464 : 1400, (uint64_t)seed) != 0 ||
        data_split(&part, 400, (uint64_t)seed, &sets[0], &sets[1]) != 0) {
      r->failed = 1;
      data_free(&part);
      return;
    }
    for (int i = 0; i < VARIANTS * BATCHES; i++) {
      const int v = i / BATCHES;
      const int b = i % BATCHES;
      char text[160];
      accuracy[v][b] = train(run, r, seed, sets, &variants[v], batches[b], epochs);
      (void)snprintf(text, sizeof text, "held-out digits right, %s, batch %zu", variants[v].name, batches[b]);
      results_add_number(r, text, "%", accuracy[v][b]);
      experiment_progress(run, (size_t)((seed - 1) * VARIANTS * BATCHES + i + 1),
                          (size_t)(run->seeds * VARIANTS * BATCHES));
    }
    results_add_gain(r, "batch normalization: batch 32 minus batch 2", "%", 1, accuracy[0][4] - accuracy[0][1]);
    results_add_gain(r, "group normalization: batch 2 minus batch 32", "%", -1, accuracy[1][1] - accuracy[1][4]);
    results_add_gain(r, "batch 2: group minus batch normalization", "%", 0, accuracy[1][1] - accuracy[0][1]);
    data_free(&part);
    data_free(&sets[0]);
    data_free(&sets[1]);
  }
}
