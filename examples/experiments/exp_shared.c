#include "exp_shared.h"

int shared_digits(experiment_run *run, results *r, size_t train_count, size_t test_count, data_set *train,
                  data_set *test)
{
  const data_set *all_train = NULL;
  const data_set *all_test = NULL;
  *train = *test = (data_set){0};
  if (store_mnist(run->store, &all_train, &all_test) != 0 || data_sample(train, all_train, train_count, 1) != 0 ||
      data_sample(test, all_test, test_count, 1) != 0) {
    r->failed = 1;
    return -1;
  }
  results_add_data(r, all_train->description);
  results_add_data(r, all_test->description);
  (void)results_add_panel(r, "held-out digits", "epoch", "right, %", 0);
  (void)results_add_panel(r, "training", "epoch", "mean loss of the epoch", RESULTS_LOG_Y);
  return 0;
}

int shared_small_digits(experiment_run *run, results *r, const data_set **all)
{
  if (store_digits(run->store, all) != 0) {
    r->failed = 1;
    return -1;
  }
  results_add_data(r, (*all)->description);
  return 0;
}

size_t shared_held_out(const data_set *all) { return all->count / 5; }

int shared_split(results *r, const data_set *all, int seed, data_set sets[2])
{
  const int code = data_split(all, shared_held_out(all), (uint64_t)seed, &sets[0], &sets[1]);
  r->failed |= code != 0;
  return code;
}

shared_accuracy shared_curve(training *t, results *r, int seed, const char *series, size_t batch, int epochs)
{
  shared_accuracy accuracy = {0};
  for (int epoch = 1; epoch <= epochs && net_device_ok(t->device); epoch++) {
    const net_score met = training_epoch(t, batch);
    accuracy.last = 100 * training_test(t).accuracy;
    accuracy.mean += accuracy.last / epochs;
    results_add_point(r, 0, series, seed, epoch, accuracy.last);
    results_add_point(r, 1, series, seed, epoch, met.loss);
  }
  return accuracy;
}

void shared_sweeps(experiment_run *run, results *r, const data_set *all, int epochs, shared_sweep sweep,
                   shared_judge judge)
{
  for (int seed = 1; seed <= run->seeds; seed++) {
    data_set sets[2];
    if (shared_split(r, all, seed, sets) != 0) {
      return;
    }
    const double without = sweep(run, r, seed, sets, 0, epochs);
    const double with = sweep(run, r, seed, sets, 1, epochs);
    judge(r, without, with);
    data_free(&sets[0]);
    data_free(&sets[1]);
  }
}
