/* Claim 5: the gap between the losses of training and validation. */
#include <stdio.h>

#include "exp_rows.h"
#include "training.h"

enum { BATCH = 32, DIGITS = 1000 };

typedef struct outcome {
  double gap, accuracy, loss;
} outcome;

static outcome train(experiment_run *run, results *r, int seed, const data_set *sets, int with, int epochs)
{
  char series[48];
  const char *kind = with ? "with BN" : "without";
  const mlp_options options = {.hidden = {128, 64}, .norm = with ? CLNORM_BATCH : 0};
  outcome out = {0};
  training t;
  training_mlp(&t, run->device, seed, &sets[0], &sets[1], &options, adam(0.001));
  for (int epoch = 1; epoch <= epochs && net_device_ok(run->device); epoch++) {
    (void)training_epoch(&t, BATCH);
    const net_score trained = training_train(&t);
    const net_score held_out = training_test(&t);
    (void)snprintf(series, sizeof series, "training, %s", kind);
    results_add_point(r, 0, series, seed, epoch, trained.loss);
    (void)snprintf(series, sizeof series, "validation, %s", kind);
    results_add_point(r, 0, series, seed, epoch, held_out.loss);
    results_add_point(r, 1, kind, seed, epoch, held_out.loss - trained.loss);
    out = (outcome){held_out.loss - trained.loss, 100 * held_out.accuracy, held_out.loss};
  }
  training_end(&t);
  return out;
}

void exp_gap(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 4 : 30;
  const data_set *all = NULL;
  const data_set *test = NULL;
  if (store_mnist(run->store, &all, &test) != 0) {
    r->failed = 1;
    return;
  }
  results_add_data(r, all->description);
  (void)results_add_panel(r, "losses", "epoch", "cross-entropy", RESULTS_LOG_Y);
  (void)results_add_panel(r, "validation minus training", "epoch", "cross-entropy", 0);
  results_add_setup(
      r,
      "%zu-128-64-10 with ReLU and softmax on %zu digits, other ones for each seed, %zu held out; batch "
      "normalization before each ReLU or none. He's initialization, Adam with rate 0.001, batches of %d, %d epochs. "
      "Both losses are taken in inference after the epoch.",
      all->features, all->count < DIGITS ? all->count : DIGITS, test->count < DIGITS ? test->count : DIGITS, BATCH,
      epochs);
  for (int seed = 1; seed <= run->seeds; seed++) {
    data_set sets[2] = {{0}};
    if (data_sample(&sets[0], all, DIGITS, (uint64_t)seed) != 0 || data_sample(&sets[1], test, DIGITS, 1) != 0) {
      r->failed = 1;
    } else {
      outcome out[2];
      for (int with = 0; with < 2; with++) {
        char text[160];
        const char *kind = with ? "with BN" : "without";
        out[with] = train(run, r, seed, sets, with, epochs);
        (void)snprintf(text, sizeof text, "loss of validation minus training at the end, %s", kind);
        results_add_number(r, text, "", out[with].gap);
        (void)snprintf(text, sizeof text, "loss of validation at the end, %s", kind);
        results_add_number(r, text, "", out[with].loss);
        (void)snprintf(text, sizeof text, "held-out digits right at the end, %s", kind);
        results_add_number(r, text, "%", out[with].accuracy);
        experiment_progress(run, (size_t)(2 * (seed - 1) + with + 1), (size_t)(2 * run->seeds));
      }
      results_add_gain(r, "gap without minus gap with BN", "", 0, out[0].gap - out[1].gap);
    }
    data_free(&sets[0]);
    data_free(&sets[1]);
  }
}
