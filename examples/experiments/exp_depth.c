/* Claim 4: gradients in a network of 50 hidden layers before the first step, and what it has learnt after some training. */
#include <math.h>
#include <stdio.h>

#include "exp_rows.h"
#include "exp_shared.h"
#include "measures.h"

enum { DEPTH = 50, WIDTH = 64, BATCH = 128 };

static const struct kind {
  const char *name;
  net_curve curve;
  net_init init;
} kinds[] = {
    {"sigmoid", NET_SIGMOID, {NET_INIT_GLOROT, 0}},
    {"tanh", NET_TANH, {NET_INIT_GLOROT, 0}},
    {"ReLU", NET_RELU, {NET_INIT_HE, 0}},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* One backward pass without a step. Returns log10 of (gradient in the first hidden layer / in the last). */
static double look(training *t, results *r, int panel, const char *series, int seed)
{
  double first = 0, last = 0;
  net_data_batch(&t->train, 0, BATCH);
  const net_tensor *logits = net_model_forward(&t->model, &t->train.batch_x, NET_TRAIN);
  const net_tensor *dlogits = net_loss_forward(&t->loss, logits, &t->train.batch_labels);
  (void)net_model_backward(&t->model, dlogits, 0);
  for (size_t i = 0; i < t->depth && net_device_ok(t->device); i++) {
    const double rms = training_rms(&t->dense[i]->parameters[0].gradient);
    results_add_point(r, panel, series, seed, (double)i + 1, rms);
    /* The very first has more inputs than the others. */
    first = i == 1 ? rms : first;
    last = i + 1 == t->depth ? rms : last;
  }
  (void)net_loss_read(&t->loss);
  return measure_log_ratio(first, last);
}

static void compare(experiment_run *run, results *r, int seed, const data_set *sets, int kind, int epochs)
{
  char text[160];
  double ratio[2];
  double accuracy[2];
  for (int with = 0; with < 2; with++) {
    const char *series = with ? "with BN" : "without";
    mlp_options options = {.curve = kinds[kind].curve, .init = kinds[kind].init, .norm = with ? CLNORM_BATCH : 0};
    training t;
    for (int i = 0; i < DEPTH; i++) {
      options.hidden[i] = WIDTH;
    }
    training_mlp(&t, run->device, seed, &sets[0], &sets[1], &options, sgd(0.01, 0.9));
    ratio[with] = look(&t, r, kind, series, seed);
    accuracy[with] = 100 * training_run(&t, BATCH, epochs).accuracy;
    training_end(&t);
    (void)snprintf(text, sizeof text, "%s: log10 of (gradient of layer 2 / of layer %d), %s", kinds[kind].name, DEPTH,
                   series);
    results_add_number(r, text, "", ratio[with]);
    (void)snprintf(text, sizeof text, "%s: held-out digits right after training, %s", kinds[kind].name, series);
    results_add_number(r, text, "%", accuracy[with]);
  }
  (void)snprintf(text, sizeof text, "%s with BN: 2 - |log10 of gradient ratio|: within a factor of 100",
                 kinds[kind].name);
  results_add_gain(r, text, "", 0, 2 - fabs(ratio[1]));
}

void exp_depth(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 1 : 5;
  const data_set *all = NULL;
  if (shared_small_digits(run, r, &all) != 0) {
    return;
  }
  for (int k = 0; k < KINDS; k++) {
    (void)results_add_panel(r, kinds[k].name, "hidden layer", "gradient of the weights, rms", RESULTS_LOG_Y);
  }
  results_add_setup(
      r,
      "%d hidden layers of %d units on digits of 8 x 8, batch normalization before each activation or none; sigmoid "
      "and tanh with Glorot's initialization, ReLU with He's. Gradients of one batch of %d before the first step. "
      "Then %d epochs of SGD with rate 0.01 and momentum 0.9.",
      DEPTH, WIDTH, BATCH, epochs);
  for (int seed = 1; seed <= run->seeds; seed++) {
    data_set sets[2];
    data_set part = {0};
    const int failed = data_sample(&part, all, run->quick ? 400 : all->count, (uint64_t)seed) != 0 ||
                       shared_split(r, &part, seed, sets) != 0;
    data_free(&part);
    if (failed) {
      r->failed = 1;
      return;
    }
    for (int k = 0; k < KINDS; k++) {
      compare(run, r, seed, sets, k, epochs);
      experiment_progress(run, (size_t)((seed - 1) * KINDS + k + 1), (size_t)(run->seeds * KINDS));
    }
    data_free(&sets[0]);
    data_free(&sets[1]);
  }
}
