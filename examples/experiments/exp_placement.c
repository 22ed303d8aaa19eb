/* Claim 12: normalization before or after the activation. */
#include <stdio.h>

#include "exp_rows.h"
#include "exp_shared.h"

enum { BATCH = 64 };

static const struct variant {
  const char *name;
  mlp_options options;
} variants[] = {
    {"without", {.hidden = {128, 64}}},
    {"before", {.hidden = {128, 64}, .norm = CLNORM_BATCH}},
    {"after", {.hidden = {128, 64}, .norm = CLNORM_BATCH, .norm_after = 1}},
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

void exp_placement(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 2 : 8;
  data_set train, test;
  if (shared_digits(run, r, run->quick ? 1500 : 4000, run->quick ? 500 : 2000, &train, &test) == 0) {
    results_add_setup(r,
                      "%zu-128-64-10 with ReLU and softmax on %zu digits, %zu held out, batch normalization before "
                      "each ReLU, after it, "
                      "or none; He's initialization, SGD with rate 0.05 and momentum 0.9, batches of %d, %d epochs.",
                      train.features, train.count, test.count, BATCH, epochs);
  }
  for (int seed = 1; seed <= run->seeds && !r->failed; seed++) {
    double accuracy[VARIANTS] = {0};
    for (int v = 0; v < VARIANTS; v++) {
      char text[160];
      training t;
      training_mlp(&t, run->device, seed, &train, &test, &variants[v].options, sgd(0.05, 0.9));
      accuracy[v] = shared_curve(&t, r, seed, variants[v].name, BATCH, epochs).last;
      training_end(&t);
      (void)snprintf(text, sizeof text, "held-out digits right, %s", variants[v].name);
      results_add_number(r, text, "%", accuracy[v]);
      experiment_progress(run, (size_t)((seed - 1) * VARIANTS + v + 1), (size_t)(run->seeds * VARIANTS));
    }
    results_add_gain(r, "before the activation minus without", "%", -0.5, accuracy[1] - accuracy[0]);
    results_add_gain(r, "after the activation minus without", "%", -0.5, accuracy[2] - accuracy[0]);
  }
  data_free(&train);
  data_free(&test);
}
