/* Claim 6: how much the scale of the initial weights matters. */

#include "exp_rows.h"
#include "exp_shared.h"

static const double scales[] = {0.001, 0.01, 0.03, 0.1, 0.3, 1, 3};
enum { SCALES = sizeof scales / sizeof scales[0], BATCH = 32 };

/* Returns the range from the worst to the best accuracy of all scales. */
static double sweep(experiment_run *run, results *r, int seed, const data_set *sets, int with, int epochs)
{
  double least = 100, most = 0;
  for (int i = 0; i < SCALES; i++) {
    const mlp_options options = {
        .hidden = {64, 64, 64}, .norm = with ? CLNORM_BATCH : 0, .init = {NET_INIT_NORMAL, scales[i]}};
    training t;
    training_mlp(&t, run->device, seed, &sets[0], &sets[1], &options, sgd(0.1, 0));
    const double accuracy = 100 * training_run(&t, BATCH, epochs).accuracy;
    training_end(&t);
    results_add_point(r, 0, with ? "with BN" : "without", seed, scales[i], accuracy);
    least = accuracy < least ? accuracy : least;
    most = accuracy > most ? accuracy : most;
    experiment_progress(run, (size_t)(((seed - 1) * 2 + with) * SCALES + i + 1), (size_t)(run->seeds * 2 * SCALES));
  }
  return most - least;
}

static void judge(results *r, double without, double with)
{
  results_add_number(r, "best minus worst accuracy of all scales, without", "%", without);
  results_add_number(r, "best minus worst accuracy of all scales, with BN", "%", with);
  results_add_gain(r, "range of accuracies without minus range with BN", "%", 0, without - with);
}

void exp_init(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 2 : 10;
  const data_set *all = NULL;
  if (shared_small_digits(run, r, &all) != 0) {
    return;
  }
  (void)results_add_panel(r, "after training", "standard deviation of the initial weights", "held-out digits right, %",
                          RESULTS_LOG_X);
  results_add_setup(
      r,
      "64-64-64-64-10 with ReLU and softmax, batch normalization before each ReLU or none; the weights of the "
      "hidden layers begin normal with a standard deviation from 0.001 to 3 (He's would be 0.18). SGD with rate "
      "0.1, batches of %d, %d epochs, %zu digits held out.",
      BATCH, epochs, shared_held_out(all));
  shared_sweeps(run, r, all, epochs, sweep, judge);
}
