/* Claim 2: how the inputs of the activations drift during training, with and without normalization; and the objection of
 * Santurkar et al. (2018): noise behind the normalization makes them drift again, and training stays good. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exp_rows.h"
#include "training.h"

enum { WIDTH = 100, LAYERS = 3, PROBE = 500, BATCH = 60 };

/* Mean and standard deviation of each unit's activation input over the probe. */
typedef struct moments {
  double mean[LAYERS][WIDTH], deviation[LAYERS][WIDTH];
} moments;

typedef struct outcome {
  double drift; /* mean over the measurements and layers */
  double accuracy, loss;
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

/* How far the distribution of a layer's inputs has moved, in standard deviations: Wasserstein's distance between normal
 * distributions of these moments, root mean square over the units. */
static double distance(const moments *now, const moments *before, int layer)
{
  double moved = 0, scale = 0;
  for (int j = 0; j < WIDTH; j++) {
    const double mean = now->mean[layer][j] - before->mean[layer][j];
    const double deviation = now->deviation[layer][j] - before->deviation[layer][j];
    moved += mean * mean + deviation * deviation;
    scale += before->deviation[layer][j] * before->deviation[layer][j];
  }
  return sqrt(moved / (scale > 0 ? scale : 1e-30));
}

static outcome train(experiment_run *run, results *r, int seed, const data_set *sets, const mlp_options *options,
                     const char *series, int epochs, float *values)
{
  moments m[2];
  training t;
  net_data probe = {0};
  outcome out = {0};
  training_mlp(&t, run->device, seed, &sets[0], &sets[1], options, sgd(0.1, 0.9));
  data_set part;
  uint32_t order[PROBE];
  for (uint32_t i = 0; i < PROBE; i++) {
    order[i] = i;
  }
  if (data_pick(&part, &sets[0], order, 0, PROBE) != 0) {
    r->failed = 1;
  } else {
    training_upload(&probe, run->device, &part, NET_SOFTMAX);
    data_free(&part);
    memset(m, 0, sizeof m);
    measure(&t, &probe, values, &m[0]);
    for (int epoch = 1; epoch <= epochs && net_device_ok(run->device); epoch++) {
      double moved = 0;
      (void)training_epoch(&t, BATCH);
      measure(&t, &probe, values, &m[epoch % 2]);
      for (int layer = 0; layer < LAYERS; layer++) {
        moved += distance(&m[epoch % 2], &m[(epoch + 1) % 2], layer) / LAYERS;
      }
      const net_score score = training_test(&t);
      results_add_point(r, 0, series, seed, epoch, moved);
      results_add_point(r, 1, series, seed, epoch, 100 * score.accuracy);
      out.drift += moved / epochs;
      out.accuracy = 100 * score.accuracy;
      out.loss = score.loss;
    }
    net_data_free(&probe);
  }
  training_end(&t);
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

typedef void (*judge)(results *r, const outcome *out);

static void run_variants(experiment_run *run, results *r, judge add_gains)
{
  const int epochs = run->quick ? 3 : 15;
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
    (void)results_add_panel(r, "inputs of the activations", "epoch", "moved in one epoch, std", RESULTS_LOG_Y);
    (void)results_add_panel(r, "held-out digits", "epoch", "right, %", 0);
    results_add_setup(
        r,
        "%zu-100-100-100-10 with sigmoid, as Ioffe and Szegedy had for MNIST, on %zu digits; batch normalization "
        "before each sigmoid or none, or with Santurkar's noise behind it (each unit shifted by up to 0.5 and "
        "scaled by up to 1.25, anew in each step). Glorot's initialization, SGD with rate 0.1 and momentum 0.9, "
        "batches of %d, %d epochs. After each epoch %d fixed digits show mean and standard deviation of each "
        "unit's input; drift is how far these have moved since the epoch before (Wasserstein's distance of "
        "normal distributions, in standard deviations, mean of the three layers).",
        sets[0].features, sets[0].count, BATCH, epochs, PROBE);
    for (int seed = 1; seed <= run->seeds; seed++) {
      outcome out[VARIANTS];
      for (int v = 0; v < VARIANTS; v++) {
        char text[160];
        out[v] = train(run, r, seed, sets, &variants[v].options, variants[v].name, epochs, values);
        (void)snprintf(text, sizeof text, "drift an epoch, %s", variants[v].name);
        results_add_number(r, text, "std", out[v].drift);
        (void)snprintf(text, sizeof text, "held-out digits right at the end, %s", variants[v].name);
        results_add_number(r, text, "%", out[v].accuracy);
        experiment_progress(run, (size_t)((seed - 1) * VARIANTS + v + 1), (size_t)(run->seeds * VARIANTS));
      }
      add_gains(r, out);
    }
  }
  data_free(&sets[0]);
  data_free(&sets[1]);
  free(values);
}

static void judge_drift(results *r, const outcome *out)
{
  results_add_gain(r, "drift without BN (inputs drift: more than a tenth of a std an epoch)", "std", 0.1, out[0].drift);
  results_add_gain(r, "log2 of (drift without / drift with BN)", "", 0, log2(out[0].drift / out[1].drift));
}

static void judge_noise(results *r, const outcome *out)
{
  results_add_gain(r, "log2 of (drift of BN with noise / drift of BN): inputs do drift", "", 0,
                   log2(out[2].drift / out[1].drift));
  results_add_gain(r, "held-out digits right, BN with noise minus BN: training stays as good", "%", -1,
                   out[2].accuracy - out[1].accuracy);
  results_add_gain(r, "held-out digits right, BN with noise minus without BN", "%", 0,
                   out[2].accuracy - out[0].accuracy);
}

void exp_drift(experiment_run *run, results *r) { run_variants(run, r, judge_drift); }

void exp_noise(experiment_run *run, results *r) { run_variants(run, r, judge_noise); }
