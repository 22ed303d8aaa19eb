/* A small convolutional network with normalization over (N, H, W) per channel. */
#include <stdio.h>

#include "exp_rows.h"
#include "exp_shared.h"

enum { BATCH = 32 };

void exp_cnn(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 1 : 3;
  data_set train, test;
  if (shared_digits(run, r, run->quick ? 320 : 2000, run->quick ? 200 : 1000, &train, &test) == 0) {
    results_add_setup(
        r,
        "Two times 3 x 3 convolution (8 and 16 filters, He's initialization), batch normalization or none, ReLU, "
        "2 x 2 pooling, then a dense layer with softmax; %zu digits, %zu held out, SGD with rate 0.05 and momentum "
        "0.9, batches of %d, %d epochs.",
        train.count, test.count, BATCH, epochs);
  }
  for (int seed = 1; seed <= run->seeds && !r->failed; seed++) {
    double accuracy[2] = {0};
    for (int with = 0; with < 2; with++) {
      const char *series = with ? "with BN" : "without";
      char text[160];
      training t;
      training_cnn(&t, run->device, seed, &train, &test, with ? CLNORM_BATCH : 0, 0, sgd(0.05, 0.9));
      accuracy[with] = shared_curve(&t, r, seed, series, BATCH, epochs).last;
      experiment_progress(run, (size_t)(2 * (seed - 1) + with + 1), (size_t)(2 * run->seeds));
      training_end(&t);
      (void)snprintf(text, sizeof text, "held-out digits right, %s", series);
      results_add_number(r, text, "%", accuracy[with]);
    }
    results_add_gain(r, "held-out digits right, with BN minus without", "%", 0, accuracy[1] - accuracy[0]);
  }
  data_free(&train);
  data_free(&test);
}
