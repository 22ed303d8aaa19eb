/* Claim 10: statistics re-estimated on a shifted domain. */
#include <stdio.h>

#include "data_digits.h"
#include "exp_rows.h"
#include "training.h"

enum { BATCH = 64 };

/* How many unlabelled digits of the new domain the statistics are taken from. */
static const int counts[] = {10, 30, 100, 300, 1000};
enum { COUNTS = sizeof counts / sizeof counts[0] };

/* Gives the accuracies on the target with statistics of ever more of its digits; returns the last. */
static double estimate(training *t, experiment_run *run, results *r, int seed, const data_set *target)
{
  double accuracy = 0;
  for (int i = 0; i < COUNTS; i++) {
    net_data unlabelled = {0};
    data_set part;
    if (data_sample(&part, target, (size_t)counts[i], (uint64_t)seed + 100) != 0) {
      r->failed = 1;
      return 0;
    }
    training_upload(&unlabelled, run->device, &part, NET_SOFTMAX);
    net_model_reestimate(&t->model, &unlabelled, 0);
    accuracy = 100 * training_test(t).accuracy;
    results_add_point(r, 0, "statistics of the target", seed, counts[i], accuracy);
    net_data_free(&unlabelled);
    data_free(&part);
  }
  return accuracy;
}

static void adapt(experiment_run *run, results *r, int seed, const data_set *source, const data_set *source_test,
                  const data_set *target, const data_set *target_test, int epochs)
{
  const mlp_options options = {.hidden = {128, 64}, .norm = CLNORM_BATCH};
  training t;
  training_mlp(&t, run->device, seed, source, source_test, &options, sgd(0.05, 0.9));
  const double at_home = 100 * training_run(&t, BATCH, epochs).accuracy;
  training_change_test(&t, target_test);
  const double shifted = 100 * training_test(&t).accuracy;
  const double adapted = estimate(&t, run, r, seed, target);
  training_end(&t);
  for (int i = 0; i < COUNTS; i++) {
    results_add_point(r, 0, "source domain", seed, counts[i], at_home);
    results_add_point(r, 0, "statistics of the source", seed, counts[i], shifted);
  }
  results_add_number(r, "source domain: held-out digits right", "%", at_home);
  results_add_number(r, "target domain, statistics of the source", "%", shifted);
  results_add_number(r, "target domain, statistics re-estimated", "%", adapted);
  results_add_gain(r, "share of the lost accuracy that comes back", "", 0.5,
                   at_home > shifted ? (adapted - shifted) / (at_home - shifted) : 0);
}

void exp_domain(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 2 : 8;
  const data_set *train_all = NULL;
  const data_set *test_all = NULL;
  data_set source = {0}, source_test = {0}, target = {0}, target_test = {0};
  if (store_mnist(run->store, &train_all, &test_all) != 0 ||
      data_sample(&source, train_all, run->quick ? 2000 : train_all->count, 1) != 0 ||
      data_sample(&target, train_all, 1000, 2) != 0 || data_sample(&source_test, test_all, test_all->count, 1) != 0 ||
      data_sample(&target_test, test_all, test_all->count, 1) != 0) {
    r->failed = 1;
  } else {
    digits_shift_domain(&target, 1);
    digits_shift_domain(&target_test, 2);
    results_add_data(r, train_all->description);
    results_add_data(r, "the target domain is made of them");
    (void)results_add_panel(r, "another domain", "digits of the target seen, without labels",
                            "held-out digits right, %", RESULTS_LOG_X);
    results_add_setup(
        r,
        "%zu-128-64-10 with batch normalization before each ReLU, trained on %zu digits (He's initialization, SGD "
        "with rate 0.05 and momentum 0.9, batches of %d, %d epochs). The target domain has the same digits at 0.4 of "
        "the contrast, on paper that is grey (0.3) and gets lighter by 0.3 from top to bottom, with normal noise of "
        "0.1. "
        "Running statistics are taken anew, exactly, from 10 to 1000 unlabelled digits of it; gamma, beta and weights "
        "stay.",
        source.features, source.count, BATCH, epochs);
    for (int seed = 1; seed <= run->seeds; seed++) {
      adapt(run, r, seed, &source, &source_test, &target, &target_test, epochs);
      experiment_progress(run, (size_t)seed, (size_t)run->seeds);
    }
  }
  data_free(&source);
  data_free(&source_test);
  data_free(&target);
  data_free(&target_test);
}
