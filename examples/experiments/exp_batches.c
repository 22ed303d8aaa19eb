/* Claim 11: small batches, for batch, group, layer and instance normalization. In a dense network a batch is all that a
 * statistic has; behind a convolution there are the positions of an image too. */
#include <stdio.h>

#include "exp_rows.h"
#include "exp_shared.h"

static const size_t batches[] = {1, 2, 4, 8, 32};
enum { BATCHES = sizeof batches / sizeof batches[0], GROUPS = 4, TRAINED = 1000, HELD_OUT = 400 };

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

/* A sample of the dense network has one value a channel, of which instance normalization would leave nothing. */
static const struct network {
  const char *name;
  int variants; /* the first ones */
} networks[] = {{"dense", 3}, {"convolutional", 4}};
enum { NETWORKS = sizeof networks / sizeof networks[0], DENSE = 0, TRAININGS = (3 + 4) * BATCHES };

static void begin(training *t, net_device *device, int seed, const data_set *sets, int network, clnorm_op op,
                  size_t batch)
{
  const net_optimizer_options optimizer = sgd(0.1 * (double)batch / 32, 0.9);
  const mlp_options options = {.hidden = {64, 64}, .norm = op, .groups = GROUPS};
  if (network == DENSE) {
    training_mlp(t, device, seed, &sets[0], &sets[1], &options, optimizer);
  } else {
    training_cnn(t, device, seed, &sets[0], &sets[1], op, GROUPS, optimizer);
  }
}

/* One value has no variance: clnorm refuses the step, and its own words go to the setup. */
static void show_refusal(experiment_run *run, results *r, const data_set *sets)
{
  training t;
  begin(&t, run->device, 1, sets, DENSE, CLNORM_BATCH, 1);
  (void)training_epoch(&t, 1);
  training_end(&t);
  if (net_device_ok(run->device)) {
    net_device_fail(run->device, "batch normalization took a batch of one value a statistic");
    return;
  }
  results_add_setup(r, " The dense network cannot be trained with batch normalization and batches of 1 (%s).",
                    run->device->error);
  net_device_clear(run->device);
}

static double train(experiment_run *run, results *r, int seed, const data_set *sets, int network,
                    const struct variant *v, size_t batch, int epochs)
{
  training t;
  char text[160];
  begin(&t, run->device, seed, sets, network, v->op, batch);
  const double accuracy = 100 * training_run(&t, batch, epochs).accuracy;
  training_end(&t);
  results_add_point(r, network, v->name, seed, (double)batch, 100 - accuracy);
  (void)snprintf(text, sizeof text, "%s network: held-out digits right, %s, batch %zu", networks[network].name, v->name,
                 batch);
  results_add_number(r, text, "%", accuracy);
  return accuracy;
}

/* All trainings of a seed; of the dense network the accuracies are kept. */
static void run_seed(experiment_run *run, results *r, int seed, const data_set *sets, int epochs,
                     double dense[VARIANTS][BATCHES])
{
  size_t done = 0;
  for (int n = 0; n < NETWORKS; n++) {
    for (int v = 0; v < networks[n].variants; v++) {
      for (int b = 0; b < BATCHES; b++) {
        const int refused = n == DENSE && variants[v].op == CLNORM_BATCH && batches[b] == 1;
        const double accuracy = refused ? 0 : train(run, r, seed, sets, n, &variants[v], batches[b], epochs);
        if (n == DENSE) {
          dense[v][b] = accuracy;
        }
        experiment_progress(run, (size_t)(seed - 1) * TRAININGS + ++done, (size_t)run->seeds * TRAININGS);
      }
    }
  }
}

static void describe(results *r, const data_set *sets, int epochs)
{
  for (int n = 0; n < NETWORKS; n++) {
    (void)results_add_panel(r, n == DENSE ? "64-64-64-10" : "convolutional network", "batch",
                            "held-out digits wrong, %", RESULTS_LOG_X | RESULTS_LOG_Y);
  }
  results_add_setup(
      r,
      "Two networks on %zu digits of 8 x 8, %zu held out: 64-64-64-10 with ReLU and batch, group (%d groups) or layer "
      "normalization, in which a batch is all that batch normalization's statistics have; and the network for images "
      "of "
      "the experiment cnn with these and instance normalization, in which a batch of 2 still gives them 128 and 32 "
      "values. SGD with momentum 0.9 and rate 0.1 for batches of 32, in proportion less for smaller ones; %d epochs "
      "for "
      "all. The parts are of the dense network.",
      sets[0].count, sets[1].count, GROUPS, epochs);
}

void exp_batches(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 1 : 4;
  const size_t trained = run->quick ? 64 : TRAINED;
  const data_set *all = NULL;
  if (shared_small_digits(run, r, &all) != 0) {
    return;
  }
  for (int seed = 1; seed <= run->seeds; seed++) {
    double accuracy[VARIANTS][BATCHES] = {{0}};
    data_set part = {0};
    data_set sets[2] = {{0}};
    if (data_sample(&part, all, trained + HELD_OUT, (uint64_t)seed) != 0 ||
        data_split(&part, HELD_OUT, (uint64_t)seed, &sets[0], &sets[1]) != 0) {
      r->failed = 1;
      data_free(&part);
      return;
    }
    if (seed == 1) {
      describe(r, sets, epochs);
      show_refusal(run, r, sets);
    }
    run_seed(run, r, seed, sets, epochs, accuracy);
    results_add_gain(r, "batch normalization: batch 32 minus batch 2", "%", 1, accuracy[0][4] - accuracy[0][1]);
    results_add_gain(r, "group normalization: batch 2 minus batch 32", "%", -1, accuracy[1][1] - accuracy[1][4]);
    results_add_gain(r, "batch 2: group minus batch normalization", "%", 0, accuracy[1][1] - accuracy[0][1]);
    data_free(&part);
    data_free(&sets[0]);
    data_free(&sets[1]);
  }
}
