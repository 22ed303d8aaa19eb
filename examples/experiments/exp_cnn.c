/* A small convolutional network with normalization over (N, H, W) per channel. */
#include <stdio.h>

#include "exp_rows.h"
#include "training.h"

enum { BATCH = 32 };

void exp_cnn(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 1 : 3;
  const data_set *train_all = NULL;
  const data_set *test_all = NULL;
  data_set train = {0};
  data_set test = {0};
  if (store_mnist(run->store, &train_all, &test_all) != 0 ||
      data_sample(&train, train_all, run->quick ? 320 : 2000, 1) != 0 ||
      data_sample(&test, test_all, run->quick ? 200 : 1000, 1) != 0) {
    r->failed = 1;
  } else {
    results_add_data(r, train_all->description);
    (void)results_add_panel(r, "held-out digits", "epoch", "right, %", 0);
    (void)results_add_panel(r, "training", "epoch", "mean loss of the epoch", RESULTS_LOG_Y);
    results_add_setup(
        r,
        "Two times 3 x 3 convolution (8 and 16 filters, He's initialization), batch normalization or none, ReLU, "
        "2 x 2 pooling, then a dense layer with softmax; %zu digits, SGD with rate 0.05 and momentum 0.9, batches of "
        "%d, %d epochs.",
        train.count, BATCH, epochs);
  }
  for (int seed = 1; seed <= run->seeds && !r->failed; seed++) {
    double accuracy[2] = {0};
    for (int with = 0; with < 2; with++) {
      const char *series = with ? "with BN" : "without";
      char text[160];
      training t;
      training_cnn(&t, run->device, seed, &train, &test, with ? CLNORM_BATCH : 0, 0, sgd(0.05, 0.9));
      for (int epoch = 1; epoch <= epochs && net_device_ok(run->device); epoch++) {
        const net_score met = training_epoch(&t, BATCH);
        accuracy[with] = 100 * training_test(&t).accuracy;
        results_add_point(r, 0, series, seed, epoch, accuracy[with]);
        results_add_point(r, 1, series, seed, epoch, met.loss);
        experiment_progress(run, (size_t)((2 * (seed - 1) + with) * epochs + epoch), (size_t)(2 * run->seeds * epochs));
      }
      training_end(&t);
      (void)snprintf(text, sizeof text, "held-out digits right, %s", series);
      results_add_number(r, text, "%", accuracy[with]);
    }
    results_add_gain(r, "held-out digits right, with BN minus without", "%", 0, accuracy[1] - accuracy[0]);
  }
  data_free(&train);
  data_free(&test);
}
