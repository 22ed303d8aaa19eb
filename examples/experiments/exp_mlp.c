/* The networks of handwritten digits: 784-128-64-10 with and without normalization, 784-64-10 with Adam. */
#include <stdint.h>
#include <stdio.h>

#include "exp_rows.h"
#include "exp_shared.h"

enum { QUICK_TRAIN = 2000, QUICK_TEST = 500 };

/* What is trained with and without normalization. */
typedef struct network {
  mlp_options options;
  net_optimizer_options optimizer;
  size_t batch;
  int epochs;
} network;

/* Both trainings of one seed; accuracies on the held-out digits, without and with normalization. */
static void compare(experiment_run *run, results *r, int seed, const data_set sets[2], const network *n,
                    double accuracy[2])
{
  static const char *const series[] = {"without", "with BN"};
  for (int with = 0; with < 2; with++) {
    char text[64];
    mlp_options options = n->options;
    training t;
    options.norm = with ? CLNORM_BATCH : 0;
    training_mlp(&t, run->device, seed, &sets[0], &sets[1], &options, n->optimizer);
    accuracy[with] = shared_curve(&t, r, seed, series[with], n->batch, n->epochs).last;
    training_end(&t);
    (void)snprintf(text, sizeof text, "held-out digits right, %s", series[with]);
    results_add_number(r, text, "%", accuracy[with]);
    experiment_progress(run, (size_t)(2 * (seed - 1) + with + 1), (size_t)(2 * run->seeds));
  }
}

static int take_digits(experiment_run *run, results *r, data_set sets[2])
{
  return shared_digits(run, r, run->quick ? QUICK_TRAIN : SIZE_MAX, run->quick ? QUICK_TEST : SIZE_MAX, &sets[0],
                       &sets[1]);
}

void exp_mlp(experiment_run *run, results *r)
{
  data_set sets[2];
  const network n = {{.hidden = {128, 64}}, sgd(0.05, 0.9), 64, run->quick ? 2 : 10};
  if (take_digits(run, r, sets) == 0) {
    results_add_setup(
        r,
        "%zu-128-64-10 with ReLU and softmax, batch normalization before each ReLU or none, on %zu digits; %zu "
        "held out. He's initialization, SGD with rate 0.05 and momentum 0.9, batches of %zu, %d epochs.",
        sets[0].features, sets[0].count, sets[1].count, n.batch, n.epochs);
    for (int seed = 1; seed <= run->seeds; seed++) {
      double accuracy[2];
      compare(run, r, seed, sets, &n, accuracy);
      results_add_gain(r, "held-out digits right, with BN", "%", 94, accuracy[1]);
    }
  }
  data_free(&sets[0]);
  data_free(&sets[1]);
}

void exp_adam(experiment_run *run, results *r)
{
  data_set sets[2];
  const network n = {{.hidden = {64}}, adam(0.001), 32, run->quick ? 2 : 5};
  if (take_digits(run, r, sets) == 0) {
    results_add_setup(
        r,
        "%zu-64-10 with ReLU and softmax, batch normalization before the ReLU or none, on %zu digits; %zu held "
        "out. He's initialization, Adam with rate 0.001, cross-entropy, batches of %zu, %d epochs.",
        sets[0].features, sets[0].count, sets[1].count, n.batch, n.epochs);
    for (int seed = 1; seed <= run->seeds; seed++) {
      double accuracy[2];
      compare(run, r, seed, sets, &n, accuracy);
      results_add_gain(r, "held-out digits right, with BN minus without", "%", 0, accuracy[1] - accuracy[0]);
    }
  }
  data_free(&sets[0]);
  data_free(&sets[1]);
}
