/* Claim 3: the learning rates that a network trains with. */
#include <math.h>

#include "exp_rows.h"
#include "exp_shared.h"
#include "measures.h"

static const double rates[] = {0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30};
enum { RATES = sizeof rates / sizeof rates[0], BATCH = 32 };

static double sweep(experiment_run *run, results *r, int seed, const data_set *sets, int with, int epochs)
{
  double accuracy[RATES];
  const char *series = with ? "with BN" : "without";
  for (int i = 0; i < RATES; i++) {
    const mlp_options options = {.hidden = {64, 64}, .norm = with ? CLNORM_BATCH : 0};
    training t;
    training_mlp(&t, run->device, seed, &sets[0], &sets[1], &options, sgd(rates[i], 0));
    const net_score score = training_run(&t, BATCH, epochs);
    const net_score trained = training_train(&t);
    accuracy[i] = score.accuracy;
    results_add_point(r, 0, series, seed, rates[i], trained.loss);
    results_add_point(r, 1, series, seed, rates[i], 100 * score.accuracy);
    training_end(&t);
    experiment_progress(run, (size_t)(((seed - 1) * 2 + with) * RATES + i + 1), (size_t)(run->seeds * 2 * RATES));
  }
  return measure_largest_rate(rates, accuracy, RATES, 1.0 / sets[0].classes);
}

static void judge(results *r, double without, double with)
{
  results_add_number(r, "largest rate that trains, without", "", without);
  results_add_number(r, "largest rate that trains, with BN", "", with);
  results_add_gain(r, "log10 of (largest rate with BN / without)", "", 0.3, log10(with / without));
}

void exp_rates(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 2 : 10;
  const data_set *all = NULL;
  if (shared_small_digits(run, r, &all) != 0) {
    return;
  }
  (void)results_add_panel(r, "loss after training", "learning rate", "loss of the training digits",
                          RESULTS_LOG_X | RESULTS_LOG_Y);
  (void)results_add_panel(r, "accuracy after training", "learning rate", "held-out digits right, %", RESULTS_LOG_X);
  results_add_setup(
      r,
      "64-64-64-10 with ReLU and softmax, batch normalization before each ReLU or none; He's initialization, SGD "
      "without momentum, constant rates from 0.01 to 30, batches of %d, %d epochs, %zu digits held out. The largest "
      "rate is that whose network is still right for 90 %% of what the best rate of its kind gets; 0 if that is no "
      "more than three times chance.",
      BATCH, epochs, shared_held_out(all));
  shared_sweeps(run, r, all, epochs, sweep, judge);
}
