/* Claim 8: a fast and a slow decay of the learning rate. */
#include <stdio.h>

#include "exp_rows.h"
#include "exp_shared.h"

enum { BATCH = 32 };

/* What of the first rate is left at the end. */
static const struct decay {
  const char *name;
  double left;
} decays[] = {{"fast decay", 0.001}, {"slow decay", 0.3}};
enum { DECAYS = sizeof decays / sizeof decays[0] };

static double train(experiment_run *run, results *r, int seed, const data_set *sets, int with, int decay, double rate,
                    int epochs)
{
  char series[48];
  const mlp_options options = {.hidden = {64, 64}, .norm = with ? CLNORM_BATCH : 0};
  const size_t steps = (size_t)epochs * (sets[0].count / BATCH);
  const net_optimizer_options optimizer = {
      .rate = {.kind = NET_EXPONENTIAL, .base = rate, .factor = decays[decay].left, .period = steps}};
  net_score score = {0};
  training t;
  training_mlp(&t, run->device, seed, &sets[0], &sets[1], &options, optimizer);
  (void)snprintf(series, sizeof series, "%s, %s", with ? "with BN" : "without", decays[decay].name);
  for (int epoch = 1; epoch <= epochs && net_device_ok(run->device); epoch++) {
    (void)training_epoch(&t, BATCH);
    score = training_test(&t);
    results_add_point(r, 0, series, seed, epoch, 100 * score.accuracy);
    results_add_point(r, 1, series, seed, epoch, score.loss);
  }
  training_end(&t);
  return 100 * score.accuracy;
}

void exp_decay(experiment_run *run, results *r)
{
  const double rate = 0.5;
  const int epochs = run->quick ? 4 : 20;
  const data_set *all = NULL;
  if (shared_small_digits(run, r, &all) != 0) {
    return;
  }
  (void)results_add_panel(r, "held-out digits, right", "epoch", "right, %", 0);
  (void)results_add_panel(r, "held-out digits, loss", "epoch", "cross-entropy", RESULTS_LOG_Y);
  results_add_setup(
      r,
      "64-64-64-10 with ReLU and softmax, batch normalization before each ReLU or none; He's initialization, SGD from "
      "rate %g on, which falls exponentially to a thousandth of that (fast) or to three tenths (slow) within the %d "
      "epochs; batches of %d, %zu digits held out.",
      rate, epochs, BATCH, shared_held_out(all));
  for (int seed = 1; seed <= run->seeds; seed++) {
    double accuracy[2][DECAYS];
    char text[160];
    data_set sets[2];
    if (shared_split(r, all, seed, sets) != 0) {
      return;
    }
    for (int i = 0; i < 2 * DECAYS; i++) {
      const int with = i / DECAYS;
      const int decay = i % DECAYS;
      accuracy[with][decay] = train(run, r, seed, sets, with, decay, rate, epochs);
      (void)snprintf(text, sizeof text, "held-out digits right, %s, %s", with ? "with BN" : "without",
                     decays[decay].name);
      results_add_number(r, text, "%", accuracy[with][decay]);
      experiment_progress(run, (size_t)((seed - 1) * 2 * DECAYS + i + 1), (size_t)(run->seeds * 2 * DECAYS));
    }
    results_add_gain(r, "with BN: slow minus fast decay", "%", -0.5, accuracy[1][1] - accuracy[1][0]);
    results_add_gain(r, "without: fast minus slow decay", "%", 0.5, accuracy[0][0] - accuracy[0][1]);
    data_free(&sets[0]);
    data_free(&sets[1]);
  }
}
