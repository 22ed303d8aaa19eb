/* Claim 13: batch normalization within a recurrent network, over sequences of different lengths. */
#include <stdio.h>
#include <stdlib.h>

#include "data_sequences.h"
#include "exp_rows.h"
#include "exp_shared.h"

enum { UNITS = 24, LEAST = 12, MOST = 24, EQUAL = 18, WINDOW = 3, BATCH = 32, HELD_OUT = 300 };

typedef struct sequences {
  data_set set;
  int32_t *lengths;
  size_t steps; /* of the longest that there may be */
} sequences;

/* To train with and held out; of different lengths, and of equal ones. */
typedef struct sequence_sets {
  sequences train, test;
} sequence_sets;

static int sets_make(sequence_sets *made, size_t train, size_t test, size_t least, size_t most, int seed)
{
  made->train.steps = made->test.steps = most;
  return sequences_make(&made->train.set, &made->train.lengths, train, least, most, 2 * (uint64_t)seed) != 0 ||
                 sequences_make(&made->test.set, &made->test.lengths, test, least, most, 2 * (uint64_t)seed + 1) != 0
             ? -1
             : 0;
}

static void sets_free(sequence_sets *made)
{
  data_free(&made->train.set);
  data_free(&made->test.set);
  free(made->train.lengths);
  free(made->test.lengths);
}

/* The cell sees at each step the last WINDOW values: of a single one normalization would leave all units the same, but for the
 * sign of its weight. */
static void upload(net_data *data, net_device *device, const sequences *from)
{
  const size_t steps = from->steps, shape[] = {from->set.count, steps, WINDOW};
  float *x = calloc(from->set.count * steps * WINDOW + 1, sizeof *x);
  if (x == NULL) {
    net_device_fail(device, "not enough memory");
    return;
  }
  for (size_t i = 0; i < from->set.count * steps; i++) {
    const size_t t = i % steps;
    for (size_t k = 0; k < WINDOW && k <= t && t < (size_t)from->lengths[i / steps]; k++) {
      x[i * WINDOW + k] = from->set.x[i - k];
    }
  }
  net_data_make(data, device, 3, shape, x, from->set.labels, from->lengths);
  free(x);
}

/* gamma 0: no normalization. 0.1 is the advice of Cooijmans et al. (2017). Of different lengths few sequences of a batch are left
 * at the last steps, and a statistic of one value makes every unit's input beta: with equal ones that does not happen. */
static const struct variant {
  const char *name;
  double gamma;
  int equal; /* 1: sequences of equal lengths; tells something beside the claim */
} variants[] = {{"without", 0, 0},
                {"BN, gamma 0.1", 0.1, 0},
                {"BN, gamma 0.3", 0.3, 0},
                {"BN, gamma 1", 1, 0},
                {"BN, gamma 1, equal lengths", 1, 1}};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

static shared_accuracy train(experiment_run *run, results *r, int seed, const sequence_sets *sets,
                             const struct variant *v, int epochs)
{
  const char *series = v->name;
  const net_recurrent_options options = {.inputs = WINDOW,
                                         .units = UNITS,
                                         .steps = sets->train.steps,
                                         .op = v->gamma > 0 ? CLNORM_BATCH : 0,
                                         .gamma = v->gamma,
                                         .input = {NET_INIT_GLOROT, 0},
                                         .hidden = {NET_INIT_GLOROT, 0}};
  training t = {.device = run->device};
  net_device_seed(run->device, (uint64_t)seed);
  upload(&t.train, run->device, &sets->train);
  upload(&t.test, run->device, &sets->test);
  net_model_make(&t.model, run->device);
  net_loss_make(&t.loss, run->device, NET_SOFTMAX);
  net_optimizer_make(&t.optimizer, run->device, adam(0.005));
  (void)net_model_add(&t.model, net_recurrent(run->device, options));
  (void)net_model_add(&t.model, net_dense(run->device, UNITS, 3, 1, (net_init){NET_INIT_GLOROT, 0}));
  const shared_accuracy out = shared_curve(&t, r, seed, series, BATCH, epochs);
  training_end(&t);
  char text[160];
  (void)snprintf(text, sizeof text, "held-out sequences right, %s", series);
  results_add_number(r, text, "%", out.last);
  (void)snprintf(text, sizeof text, "held-out sequences right, mean over the epochs, %s", series);
  results_add_number(r, text, "%", out.mean);
  return out;
}

/* Of three classes a third are right by chance: two thirds are half of the way from there to all. */
static void run_seed(experiment_run *run, results *r, int seed, const sequence_sets sets[2], int epochs)
{
  shared_accuracy out[VARIANTS];
  char text[160];
  for (int v = 0; v < VARIANTS; v++) {
    out[v] = train(run, r, seed, &sets[variants[v].equal], &variants[v], epochs);
    experiment_progress(run, (size_t)((seed - 1) * VARIANTS + v + 1), (size_t)(VARIANTS * run->seeds));
  }
  for (int v = 1; v < VARIANTS && !variants[v].equal; v++) {
    (void)snprintf(text, sizeof text, "held-out sequences right after training, %s", variants[v].name);
    results_add_gain(r, text, "%", 200.0 / 3, out[v].last);
    (void)snprintf(text, sizeof text, "what normalization brings, mean over the epochs, %s", variants[v].name);
    results_add_number(r, text, "%", out[v].mean - out[0].mean);
    (void)snprintf(text, sizeof text, "what normalization brings after training, %s", variants[v].name);
    results_add_number(r, text, "%", out[v].last - out[0].last);
  }
}

void exp_recurrent(experiment_run *run, results *r)
{
  const int epochs = run->quick ? 3 : 25;
  const size_t count = run->quick ? 192 : 600;
  (void)results_add_panel(r, "held-out sequences", "epoch", "right, %", 0);
  (void)results_add_panel(r, "training", "epoch", "mean loss of the epoch", RESULTS_LOG_Y);
  results_add_setup(
      r,
      "A recurrent cell of %d units, h' = tanh(BN(x Wx) + BN(h Wh) + b) with statistics of each step, gamma 0.1, 0.3 "
      "or 1 "
      "at the start, or the same without normalization; a dense layer behind the last h. %zu waves of %d to %d steps "
      "to "
      "tell slow, fast and quickening ones apart, of which the cell sees the last three values at each step, %d held "
      "out. Glorot's initialization, Adam with rate 0.005, batches of %d, %d epochs. At step %d a batch has two or "
      "three "
      "sequences left on average, and every fourth batch one or none; beside the claim gamma 1 is trained with waves "
      "of "
      "%d steps each, too.",
      UNITS, count, LEAST, MOST, HELD_OUT, BATCH, epochs, MOST, EQUAL);
  for (int seed = 1; seed <= run->seeds; seed++) {
    sequence_sets sets[2] = {0};
    if (sets_make(&sets[0], count, HELD_OUT, LEAST, MOST, seed) != 0 ||
        sets_make(&sets[1], count, HELD_OUT, EQUAL, EQUAL, seed) != 0) {
      r->failed = 1;
    } else {
      results_add_data(r, sets[0].train.set.description);
      run_seed(run, r, seed, sets, epochs);
    }
    sets_free(&sets[0]);
    sets_free(&sets[1]);
  }
}
