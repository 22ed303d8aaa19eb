/* Claim 2: how the inputs of the activations drift during training, with and without normalization; and the objection of
 * Santurkar et al. (2018): noise behind the normalization makes them drift again, and training stays good.
 *
 * What normalization leaves of the drift is known beforehand: mean and standard deviation of a normalized batch are beta and
 * gamma, so that these two alone can move. So is most of what noise adds, which is drawn anew for each measurement. To be
 * found out are the network without normalization, and how well each of them learns. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exp_rows.h"
#include "measures.h"
#include "training.h"

enum { WIDTH = 100, LAYERS = 3, PROBE = 500, BATCH = 60, MOST_EPOCHS = 15, LATE = 5 };

/* Mean and standard deviation of each unit's activation input over the probe. */
typedef struct moments {
  double mean[LAYERS][WIDTH], deviation[LAYERS][WIDTH];
} moments;

/* Drift is a median over the epochs: in the first two the network leaves its initial weights behind, and their mean would
 * speak of these two alone. */
typedef struct outcome {
  double drift[LAYERS];
  double late[LAYERS]; /* of the epochs from LATE on */
  double accuracy;     /* mean over the epochs */
  double last;         /* after the last one */
} outcome;

static void measure_layer(const net_tensor *input, float *values, double *mean, double *deviation)
{
  const size_t samples = input->count / WIDTH;
  net_tensor_download(input, values);
  for (size_t j = 0; j < WIDTH; j++) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < samples; i++) {
      sum += (double)values[i * WIDTH + j];
    }
    mean[j] = sum / (double)samples;
    for (size_t i = 0; i < samples; i++) {
      const double d = (double)values[i * WIDTH + j] - mean[j];
      squares += d * d;
    }
    deviation[j] = sqrt(squares / (double)samples);
  }
}

/* The probe goes through the network as a batch of training does. Of its statistics the running ones take a tenth, as of any
 * other batch: they are no worse for it. */
static void measure(training *t, net_data *probe, float *values, moments *m)
{
  net_data_batch(probe, 0, probe->samples);
  (void)net_model_forward(&t->model, &probe->batch_x, NET_TRAIN);
  for (size_t i = 0; i < LAYERS && net_device_ok(t->device); i++) {
    measure_layer(&t->inputs[i]->y, values, m->mean[i], m->deviation[i]);
  }
}

/* All epochs of one training; moved[layer] receives the drift of each. */
static void run_epochs(training *t, net_data *probe, results *r, int seed, const char *series, int epochs,
                       float *values, double moved[LAYERS][MOST_EPOCHS], outcome *out)
{
  moments m[2];
  memset(m, 0, sizeof m);
  measure(t, probe, values, &m[0]);
  for (int epoch = 1; epoch <= epochs && net_device_ok(t->device); epoch++) {
    const moments *before = &m[(epoch + 1) % 2];
    moments *now = &m[epoch % 2];
    (void)training_epoch(t, BATCH);
    measure(t, probe, values, now);
    for (int layer = 0; layer < LAYERS; layer++) {
      moved[layer][epoch - 1] =
          measure_drift(now->mean[layer], now->deviation[layer], before->mean[layer], before->deviation[layer], WIDTH);
      results_add_point(r, layer, series, seed, epoch, moved[layer][epoch - 1]);
    }
    out->last = 100 * training_test(t).accuracy;
    out->accuracy += out->last / epochs;
    results_add_point(r, LAYERS, series, seed, epoch, out->last);
  }
}

static int upload_probe(net_data *probe, net_device *device, const data_set *set)
{
  data_set part;
  uint32_t order[PROBE];
  for (uint32_t i = 0; i < PROBE; i++) {
    order[i] = i;
  }
  if (data_pick(&part, set, order, 0, PROBE) != 0) {
    return -1;
  }
  training_upload(probe, device, &part, NET_SOFTMAX);
  data_free(&part);
  return 0;
}

/* The first of the epochs that count as late: the last one of a run too short for LATE. */
static int first_late(int epochs) { return epochs >= LATE ? LATE : epochs; }

static outcome train(experiment_run *run, results *r, int seed, const data_set *sets, const mlp_options *options,
                     const char *series, int epochs, float *values)
{
  double moved[LAYERS][MOST_EPOCHS] = {{0}};
  const int late = first_late(epochs);
  training t;
  net_data probe = {0};
  outcome out = {0};
  training_mlp(&t, run->device, seed, &sets[0], &sets[1], options, sgd(0.1, 0.9));
  if (upload_probe(&probe, run->device, &sets[0]) != 0) {
    r->failed = 1;
  } else {
    run_epochs(&t, &probe, r, seed, series, epochs, values, moved, &out);
    net_data_free(&probe);
  }
  training_end(&t);
  for (int layer = 0; layer < LAYERS; layer++) {
    out.late[layer] = measure_median(moved[layer] + late - 1, (size_t)(epochs - late + 1));
    out.drift[layer] = measure_median(moved[layer], (size_t)epochs);
  }
  return out;
}

typedef struct variant {
  const char *name;
  mlp_options options;
} variant;

static const variant variants[] = {
    {"without", {.hidden = {WIDTH, WIDTH, WIDTH}, .curve = NET_SIGMOID, .apart = 1, .init = {NET_INIT_GLOROT, 0}}},
    {"with BN",
     {.hidden = {WIDTH, WIDTH, WIDTH},
      .curve = NET_SIGMOID,
      .norm = CLNORM_BATCH,
      .apart = 1,
      .init = {NET_INIT_GLOROT, 0}}},
    {"BN, then noise",
     {.hidden = {WIDTH, WIDTH, WIDTH},
      .curve = NET_SIGMOID,
      .norm = CLNORM_BATCH,
      .apart = 1,
      .noise = 1,
      .init = {NET_INIT_GLOROT, 0}}},
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

typedef void (*judge)(results *r, const outcome *out, int late);

static void add_numbers(results *r, const char *name, const outcome *out, int late)
{
  char text[160];
  for (int layer = 0; layer < LAYERS; layer++) {
    (void)snprintf(text, sizeof text, "layer %d: drift an epoch, %s", layer + 1, name);
    results_add_number(r, text, "std", out->drift[layer]);
    (void)snprintf(text, sizeof text, "layer %d: drift an epoch, from epoch %d on, %s", layer + 1, late, name);
    results_add_number(r, text, "std", out->late[layer]);
  }
  (void)snprintf(text, sizeof text, "held-out digits right, mean over the epochs, %s", name);
  results_add_number(r, text, "%", out->accuracy);
  (void)snprintf(text, sizeof text, "held-out digits right at the end, %s", name);
  results_add_number(r, text, "%", out->last);
}

static void describe(results *r, const data_set *sets, int epochs)
{
  for (int layer = 0; layer < LAYERS; layer++) {
    char title[48];
    (void)snprintf(title, sizeof title, "inputs of the activations of layer %d", layer + 1);
    (void)results_add_panel(r, title, "epoch", "moved in one epoch, std", RESULTS_LOG_Y);
  }
  (void)results_add_panel(r, "held-out digits", "epoch", "right, %", 0);
  results_add_setup(
      r,
      "%zu-100-100-100-10 with sigmoid, as Ioffe and Szegedy had for MNIST, on %zu digits; batch normalization "
      "before each sigmoid or none, or with Santurkar's noise behind it (each unit shifted by up to 0.5 and "
      "scaled by up to 1.25, anew in each step). Glorot's initialization, SGD with rate 0.1 and momentum 0.9, "
      "batches of %d, %d epochs. After each epoch %d fixed digits go through the network as a batch of training and "
      "show mean and standard deviation of each unit's input; drift is how far these have moved since the epoch before "
      "(Wasserstein's distance of normal distributions, in standard deviations), the median over the epochs. With "
      "normalization and no noise that mean and deviation are beta and gamma themselves: these two alone can move.",
      sets[0].features, sets[0].count, BATCH, epochs, PROBE);
}

static void run_variants(experiment_run *run, results *r, judge add_gains)
{
  const int epochs = run->quick ? 3 : MOST_EPOCHS;
  const data_set *all = NULL;
  const data_set *test = NULL;
  float *values = malloc(sizeof *values * PROBE * WIDTH);
  data_set sets[2] = {{0}};
  if (values == NULL || store_mnist(run->store, &all, &test) != 0 ||
      data_sample(&sets[0], all, run->quick ? 1000 : 4000, 1) != 0 ||
      data_sample(&sets[1], test, run->quick ? 500 : 2000, 1) != 0 || sets[0].count < PROBE) {
    r->failed = 1;
  } else {
    results_add_data(r, all->description);
    describe(r, sets, epochs);
  }
  for (int seed = 1; seed <= run->seeds && !r->failed; seed++) {
    outcome out[VARIANTS];
    for (int v = 0; v < VARIANTS; v++) {
      out[v] = train(run, r, seed, sets, &variants[v].options, variants[v].name, epochs, values);
      add_numbers(r, variants[v].name, &out[v], first_late(epochs));
      experiment_progress(run, (size_t)((seed - 1) * VARIANTS + v + 1), (size_t)(run->seeds * VARIANTS));
    }
    add_gains(r, out, first_late(epochs));
  }
  data_free(&sets[0]);
  data_free(&sets[1]);
  free(values);
}

static void judge_drift(results *r, const outcome *out, int late)
{
  char text[160];
  (void)late;
  for (int layer = 0; layer < LAYERS; layer++) {
    (void)snprintf(text, sizeof text, "layer %d: drift without BN", layer + 1);
    results_add_gain(r, text, "std", 0.1, out[0].drift[layer]);
    (void)snprintf(text, sizeof text, "layer %d: log2 of (drift without / drift with BN)", layer + 1);
    results_add_gain(r, text, "", 0, log2(out[0].drift[layer] / out[1].drift[layer]));
  }
}

/* Of the layers the least: all of them are to drift. */
static double least_log2(const double *a, const double *b)
{
  double least = INFINITY;
  for (int layer = 0; layer < LAYERS; layer++) {
    const double ratio = log2(a[layer] / b[layer]);
    least = ratio >= least ? least : ratio; /* NaN too */
  }
  return least;
}

static void judge_noise(results *r, const outcome *out, int late)
{
  char text[160];
  results_add_gain(r, "log2 of (drift of BN with noise / drift of BN), least of the layers", "", 0,
                   least_log2(out[2].drift, out[1].drift));
  (void)snprintf(text, sizeof text,
                 "log2 of (drift of BN with noise / drift without BN), least of the layers, from epoch %d on", late);
  results_add_gain(r, text, "", 0, least_log2(out[2].late, out[0].late));
  results_add_gain(r, "held-out digits right, mean over the epochs, BN with noise minus BN", "%", -1,
                   out[2].accuracy - out[1].accuracy);
  results_add_gain(r, "held-out digits right, mean over the epochs, BN with noise minus without BN", "%", 0,
                   out[2].accuracy - out[0].accuracy);
}

void exp_drift(experiment_run *run, results *r) { run_variants(run, r, judge_drift); }

void exp_noise(experiment_run *run, results *r) { run_variants(run, r, judge_noise); }
