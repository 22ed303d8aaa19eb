/* Claim 9: what becomes of the normalization when a trained network is fine-tuned on little data. */
#include <stdio.h>

#include "data_digits.h"
#include "exp_rows.h"
#include "training.h"

enum { BATCH = 64, SMALL_BATCH = 10, LITTLE = 50 };

static const struct variant {
  const char *name;
  net_freeze freeze;
  double rate; /* of gamma and beta */
} variants[] = {
    {"free", NET_FREE, 1},
    {"statistics frozen", NET_FREEZE_STATISTICS, 1},
    {"all frozen", NET_FREEZE_ALL, 0},
    {"slower rate", NET_FREE, 0.1},
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

/* The digits whose label is below `bound` or, if `above`, from it on. The part is to be freed. */
static int pick_classes(data_set *part, const data_set *set, int bound, int above)
{
  uint32_t order[16384];
  size_t count = 0;
  for (size_t i = 0; i < set->count && count < sizeof order / sizeof order[0]; i++) {
    if ((set->labels[i] >= bound) == above) {
      order[count++] = (uint32_t)i;
    }
  }
  return data_pick(part, set, order, 0, count);
}

/* What is learned first, and what then: 50 samples to train with and the held-out ones. */
typedef struct task {
  const char *name;
  data_set source, little, test;
} task;

static void task_free(task *k)
{
  data_free(&k->source);
  data_free(&k->little);
  data_free(&k->test);
}

/* Digits 0 to 4 first, 5 to 9 then. */
static int make_classes(task *k, const data_set *train, const data_set *test, uint64_t seed)
{
  data_set later = {0};
  k->name = "other digits";
  const int failed = pick_classes(&k->source, train, 5, 0) != 0 || pick_classes(&later, train, 5, 1) != 0 ||
                     pick_classes(&k->test, test, 5, 1) != 0 || data_sample(&k->little, &later, LITTLE, seed) != 0;
  data_free(&later);
  return failed ? -1 : 0;
}

/* All digits first, the same in the other domain then. */
static int make_domain(task *k, const data_set *train, const data_set *test, uint64_t seed)
{
  k->name = "other domain";
  if (data_sample(&k->source, train, train->count, 1) != 0 || data_sample(&k->little, train, LITTLE, seed + 500) != 0 ||
      data_sample(&k->test, test, test->count, 1) != 0) {
    return -1;
  }
  digits_shift_domain(&k->little, seed);
  digits_shift_domain(&k->test, 2);
  return 0;
}

/* Trains on the source, then on the little data with the normalization as the variant says. */
static double fine_tune(experiment_run *run, int seed, const task *k, const struct variant *v, int epochs,
                        int fine_epochs)
{
  const mlp_options options = {.hidden = {128, 64}, .norm = CLNORM_BATCH};
  training t;
  training_mlp(&t, run->device, seed, &k->source, &k->test, &options, sgd(0.05, 0.9));
  for (int epoch = 0; epoch < epochs; epoch++) {
    (void)training_epoch(&t, BATCH);
  }
  for (size_t i = 0; i < t.depth; i++) {
    net_norm_freeze(t.norms[i], v->freeze);
    if (t.norms[i] != NULL) {
      net_layer_set_rate(t.norms[i], v->rate);
    }
  }
  net_data_free(&t.train);
  t.train = (net_data){0};
  training_upload(&t.train, run->device, &k->little, NET_SOFTMAX);
  training_change_optimizer(&t, sgd(0.01, 0.9));
  const double accuracy = 100 * training_run(&t, SMALL_BATCH, fine_epochs).accuracy;
  training_end(&t);
  return accuracy;
}

static void compare(experiment_run *run, results *r, int seed, const task *k, int panel, int epochs, int fine_epochs)
{
  char text[160];
  double accuracy[VARIANTS];
  for (int v = 0; v < VARIANTS; v++) {
    accuracy[v] = fine_tune(run, seed, k, &variants[v], epochs, fine_epochs);
    results_add_point(r, panel, variants[v].name, seed, 0, accuracy[v]);
    (void)snprintf(text, sizeof text, "%s: held-out digits right, %s", k->name, variants[v].name);
    results_add_number(r, text, "%", accuracy[v]);
  }
  (void)snprintf(text, sizeof text, "%s: statistics frozen minus free", k->name);
  results_add_gain(r, text, "%", 0, accuracy[1] - accuracy[0]);
  (void)snprintf(text, sizeof text, "%s: all frozen minus free", k->name);
  results_add_gain(r, text, "%", 0, accuracy[2] - accuracy[0]);
}

void exp_freeze(experiment_run *run, results *r)
{
  static int (*const makers[])(task *, const data_set *, const data_set *, uint64_t) = {make_classes, make_domain};
  enum { TASKS = sizeof makers / sizeof makers[0] };
  const int epochs = run->quick ? 1 : 3;
  const int fine_epochs = run->quick ? 5 : 40;
  const data_set *train_all = NULL;
  const data_set *test_all = NULL;
  data_set train = {0};
  if (store_mnist(run->store, &train_all, &test_all) != 0 ||
      data_sample(&train, train_all, run->quick ? 1500 : 6000, 1) != 0) {
    r->failed = 1;
    return;
  }
  results_add_data(r, train_all->description);
  (void)results_add_panel(r, "other digits, 50 samples", "", "held-out digits right, %", RESULTS_BARS);
  (void)results_add_panel(r, "other domain, 50 samples", "", "held-out digits right, %", RESULTS_BARS);
  results_add_setup(
      r,
      "%zu-128-64-10 with batch normalization before each ReLU is trained on %zu digits, or those of them that are 0 "
      "to "
      "4 (SGD with rate 0.05 and momentum 0.9, batches of %d, %d epochs), then fine-tuned on %d digits, other ones for "
      "each seed (rate 0.01, batches of %d, %d "
      "epochs). Other digits: 0 to 4 first, then 5 to 9. Other domain: all digits first, then paler ones on grey "
      "paper. "
      "Meanwhile normalization is free, or its statistics are frozen, or gamma and beta too, or these two learn at a "
      "tenth of the rate.",
      train.features, train.count, BATCH, epochs, LITTLE, SMALL_BATCH, fine_epochs);
  for (int seed = 1; seed <= run->seeds; seed++) {
    for (int i = 0; i < TASKS; i++) {
      task k = {0};
      if (makers[i](&k, &train, test_all, (uint64_t)seed) != 0) {
        r->failed = 1;
      } else {
        compare(run, r, seed, &k, i, epochs, fine_epochs);
      }
      task_free(&k);
      experiment_progress(run, (size_t)((seed - 1) * TASKS + i + 1), (size_t)(run->seeds * TASKS));
    }
  }
  data_free(&train);
}
