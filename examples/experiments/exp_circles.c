/* Claim 1: concentric circles, the epochs until 60 % of held-out points are right. */
#include <math.h>
#include <stdio.h>

#include "data_points.h"
#include "exp_rows.h"
#include "training.h"

enum { POINTS = 500, BATCH = 32 };

/* The documents give epochs, but neither network nor rate: each network has here the rate with which it needs about 80 epochs
 * without normalization. */
static const struct network {
  const char *name;
  mlp_options options;
  double rate;
} networks[] = {
    {"2-3-2-1", {.hidden = {3, 2}}, 0.02},
    {"2-50-1", {.hidden = {50}}, 0.003},
};
enum { NETWORKS = sizeof networks / sizeof networks[0] };

/* Trains to the last epoch, for the curve. Returns the first epoch with 60 %, or most + 1. */
static int train(experiment_run *run, results *r, int seed, const data_set *sets, const struct network *n, int with,
                 int panel, int most)
{
  const char *series = with ? "with BN" : "without";
  mlp_options options = n->options;
  training t;
  int reached = most + 1;
  options.norm = with ? CLNORM_BATCH : 0;
  training_mlp(&t, run->device, seed, &sets[0], &sets[1], &options, sgd(n->rate, 0));
  for (int epoch = 1; epoch <= most && net_device_ok(run->device); epoch++) {
    (void)training_epoch(&t, BATCH);
    const double accuracy = training_test(&t).accuracy;
    results_add_point(r, panel, series, seed, epoch, 100 * accuracy);
    reached = accuracy >= 0.6 && epoch < reached ? epoch : reached;
  }
  training_end(&t);
  return reached;
}

static void compare(experiment_run *run, results *r, int seed, const data_set *sets, int network, int most)
{
  char text[160];
  int reached[2];
  for (int with = 0; with < 2; with++) {
    reached[with] = train(run, r, seed, sets, &networks[network], with, network, most);
    (void)snprintf(text, sizeof text, "%s: epochs to 60 %%, %s", networks[network].name, with ? "with BN" : "without");
    results_add_number(r, text, "", reached[with]);
  }
  (void)snprintf(text, sizeof text, "%s: log2 of (epochs without / epochs with)", networks[network].name);
  results_add_gain(r, text, "", 1, log2((double)reached[0] / reached[1]));
}

/* Tells the parameters of the normalizations of the first network: 4 for each unit, two of them trained. */
static void count_parameters(experiment_run *run, results *r)
{
  size_t all[2] = {0};
  size_t trainable[2] = {0};
  for (int i = 0; i < 2; i++) {
    const size_t width = networks[0].options.hidden[i];
    net_layer *norm = net_norm(run->device, 1, &width, (net_norm_options){0});
    if (norm != NULL) {
      net_check(run->device, clnorm_layer_count_parameters(net_norm_inner(norm), &all[i], &trainable[i]),
                "count_parameters");
    }
    net_layer_free(norm);
  }
  results_add_setup(r, " The normalizations of 2-3-2-1 have %zu and %zu parameters, %zu and %zu of them trained.",
                    all[0], all[1], trainable[0], trainable[1]);
}

void exp_circles(experiment_run *run, results *r)
{
  const int most = run->quick ? 30 : 200;
  for (int n = 0; n < NETWORKS; n++) {
    (void)results_add_panel(r, networks[n].name, "epoch", "held-out points right, %", 0);
  }
  results_add_setup(
      r,
      "Two circles of radius 0.5 and 1 with normal noise of 0.1, %d points to train with and as many held out, "
      "anew for each seed. Networks 2-3-2-1 and 2-50-1, ReLU, sigmoid output, batch normalization before each "
      "ReLU or none; He's initialization, SGD without momentum, batches of %d, %d epochs; what is not reached counts "
      "as "
      "%d. The rates, %g and %g, are those with which the networks need about 80 epochs without it.",
      POINTS, BATCH, most, most + 1, networks[0].rate, networks[1].rate);
  count_parameters(run, r);
  for (int seed = 1; seed <= run->seeds; seed++) {
    data_set sets[2] = {{0}};
    if (points_circles(&sets[0], POINTS, 2, 0.1, 2 * (uint64_t)seed) != 0 ||
        points_circles(&sets[1], POINTS, 2, 0.1, 2 * (uint64_t)seed + 1) != 0) {
      r->failed = 1;
    } else {
      results_add_data(r, sets[0].description);
      for (int n = 0; n < NETWORKS; n++) {
        compare(run, r, seed, sets, n, most);
        experiment_progress(run, (size_t)(NETWORKS * (seed - 1) + n + 1), (size_t)(NETWORKS * run->seeds));
      }
    }
    data_free(&sets[0]);
    data_free(&sets[1]);
  }
}
