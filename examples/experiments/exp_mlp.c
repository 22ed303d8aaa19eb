/* The networks of handwritten digits: 784-128-64-10 with and without normalization, 784-64-10 with Adam. */
#include <stdint.h>

#include "exp_rows.h"
#include "exp_shared.h"

enum { QUICK_TRAIN = 2000, QUICK_TEST = 500 };

/* Trains and gives the last accuracy on the held-out digits. */
static double train(experiment_run *run, results *r, int seed, const data_set *train_set, const data_set *test_set,
                    const mlp_options *options, net_optimizer_options optimizer, size_t batch, int epochs,
                    const char *series)
{
  training t;
  training_mlp(&t, run->device, seed, train_set, test_set, options, optimizer);
  const double accuracy = shared_curve(&t, r, seed, series, batch, epochs);
  training_end(&t);
  return accuracy;
}

void exp_mlp(experiment_run *run, results *r)
{
  data_set train_set, test_set;
  const int epochs = run->quick ? 2 : 10;
  const mlp_options plain = {.hidden = {128, 64}};
  const mlp_options normalized = {.hidden = {128, 64}, .norm = CLNORM_BATCH};
  if (shared_digits(run, r, run->quick ? QUICK_TRAIN : SIZE_MAX, run->quick ? QUICK_TEST : SIZE_MAX, &train_set,
                    &test_set) == 0) {
    results_add_setup(
        r,
        "%zu-128-64-10 with ReLU and softmax, batch normalization before each ReLU or none, on %zu digits; %zu "
        "held out. He's initialization, SGD with rate 0.05 and momentum 0.9, batches of 64, %d epochs.",
        train_set.features, train_set.count, test_set.count, epochs);
    for (int seed = 1; seed <= run->seeds; seed++) {
      const double without = train(run, r, seed, &train_set, &test_set, &plain, sgd(0.05, 0.9), 64, epochs, "without");
      experiment_progress(run, 2 * (size_t)seed - 1, 2 * (size_t)run->seeds);
      const double with =
          train(run, r, seed, &train_set, &test_set, &normalized, sgd(0.05, 0.9), 64, epochs, "with BN");
      experiment_progress(run, 2 * (size_t)seed, 2 * (size_t)run->seeds);
      results_add_number(r, "held-out digits right, without", "%", without);
      results_add_number(r, "held-out digits right, with BN", "%", with);
      results_add_gain(r, "held-out digits right, with BN", "%", 94, with);
    }
  }
  data_free(&train_set);
  data_free(&test_set);
}

void exp_adam(experiment_run *run, results *r)
{
  data_set train_set, test_set;
  const int epochs = run->quick ? 2 : 5;
  const mlp_options plain = {.hidden = {64}};
  const mlp_options normalized = {.hidden = {64}, .norm = CLNORM_BATCH};
  if (shared_digits(run, r, run->quick ? QUICK_TRAIN : SIZE_MAX, run->quick ? QUICK_TEST : SIZE_MAX, &train_set,
                    &test_set) == 0) {
    results_add_setup(
        r,
        "%zu-64-10 with ReLU and softmax, batch normalization before the ReLU or none, on %zu digits; %zu held "
        "out. He's initialization, Adam with rate 0.001, cross-entropy, batches of 32, %d epochs.",
        train_set.features, train_set.count, test_set.count, epochs);
    for (int seed = 1; seed <= run->seeds; seed++) {
      const double without = train(run, r, seed, &train_set, &test_set, &plain, adam(0.001), 32, epochs, "without");
      const double with = train(run, r, seed, &train_set, &test_set, &normalized, adam(0.001), 32, epochs, "with BN");
      experiment_progress(run, (size_t)seed, (size_t)run->seeds);
      results_add_number(r, "held-out digits right, without", "%", without);
      results_add_number(r, "held-out digits right, with BN", "%", with);
      results_add_gain(r, "held-out digits right, with BN minus without", "%", 0, with - without);
    }
  }
  data_free(&train_set);
  data_free(&test_set);
}
