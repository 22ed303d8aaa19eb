/* A generative adversarial network on a ring of normal clouds, whose generator and discriminator use batch normalization. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data_points.h"
#include "exp_rows.h"
#include "training.h"

enum { CLOUDS = 8, NOISE = 8, BATCH = 64, SHOWN = 1000 };

#define DEVIATION 0.05

/* Two networks against each other. */
typedef struct gan {
  training generator, discriminator; /* of the first only model and optimizer are used */
  net_tensor noise, real_labels, fake_labels;
  uint32_t stream, call;
} gan;

/* Which of the two networks are normalized. */
typedef struct variant {
  const char *name;
  clnorm_op generator, discriminator;
} variant;

static const variant variants[] = {
    {"without", 0, 0},
    {"BN in G", CLNORM_BATCH, 0},
    {"BN in G and D", CLNORM_BATCH, CLNORM_BATCH},
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

static const net_optimizer_options rate = {.kind = NET_ADAM, .rate = {.base = 0.002}, .beta1 = 0.5};

static void gan_begin(gan *g, net_device *device, int seed, const data_set *points, const variant *v)
{
  const mlp_options generator = {.hidden = {64, 64}, .norm = v->generator};
  const mlp_options discriminator = {.hidden = {64, 64}, .norm = v->discriminator, .curve = NET_LEAKY_RELU};
  *g = (gan){0};
  training_begin(&g->discriminator, device, seed, points, points, NET_SIGMOID_LOSS, rate);
  training_add_mlp(&g->discriminator, 2, 1, &discriminator);
  g->generator = (training){.device = device};
  net_model_make(&g->generator.model, device);
  net_optimizer_make(&g->generator.optimizer, device, rate);
  training_add_mlp(&g->generator, NOISE, 2, &generator);
  g->noise = net_matrix(device, BATCH, NOISE);
  g->real_labels = net_vector(device, BATCH);
  g->fake_labels = net_vector(device, BATCH);
  net_tensor_fill(&g->real_labels, 1);
  g->stream = net_device_stream(device);
}

static void gan_end(gan *g)
{
  net_tensor_free(&g->noise);
  net_tensor_free(&g->real_labels);
  net_tensor_free(&g->fake_labels);
  net_optimizer_free(&g->generator.optimizer);
  net_model_free(&g->generator.model);
  training_end(&g->discriminator);
}

static const net_tensor *generate(gan *g, net_mode mode)
{
  net_random_fill_normal(&g->noise, g->stream, g->call++, 0, 1);
  return net_model_forward(&g->generator.model, &g->noise, mode);
}

/* The discriminator learns from real points and from made ones, each a batch of its own; then the generator from what the
 * discriminator says of its points. */
static void step(gan *g, size_t first)
{
  training *d = &g->discriminator;
  net_data_batch(&d->train, first, BATCH);
  net_model_step(&d->model, &d->loss, &d->optimizer, &d->train.batch_x, &g->real_labels);
  net_model_step(&d->model, &d->loss, &d->optimizer, generate(g, NET_TRAIN), &g->fake_labels);
  const net_tensor *said = net_model_forward(&d->model, generate(g, NET_TRAIN), NET_TRAIN);
  const net_tensor *dx = net_model_backward(&d->model, net_loss_forward(&d->loss, said, &g->real_labels), 1);
  if (dx != NULL) {
    (void)net_model_backward(&g->generator.model, dx, 0);
    net_optimizer_step(&g->generator.optimizer, g->generator.model.layers, g->generator.model.count);
  }
}

/* Of the generator's points: how many clouds have at least 1 % of them within four standard deviations, and the share that
 * lies that close to one. */
static void look(gan *g, double *clouds, double *close)
{
  float points[2 * BATCH];
  int found[CLOUDS] = {0};
  int near = 0, all = 0;
  while (all < SHOWN && net_device_ok(g->generator.device)) {
    net_tensor_download(generate(g, NET_INFER), points);
    for (int i = 0; i < BATCH; i++, all++) {
      const double angle = atan2((double)points[2 * i + 1], (double)points[2 * i]);
      const int nearest = ((int)lround(angle * CLOUDS / 6.283185307179586) + CLOUDS) % CLOUDS;
      const double centre = 6.283185307179586 * nearest / CLOUDS;
      const double distance = hypot((double)points[2 * i] - cos(centre), (double)points[2 * i + 1] - sin(centre));
      near += distance < 4 * DEVIATION;
      found[nearest] += distance < 4 * DEVIATION;
    }
  }
  *clouds = 0;
  for (int i = 0; i < CLOUDS; i++) {
    *clouds += 100 * found[i] >= all;
  }
  *close = all > 0 ? 100.0 * near / all : 0;
}

static void train(experiment_run *run, results *r, int seed, const data_set *points, int which, int steps,
                  double *found)
{
  gan g;
  double clouds = 0, close = 0;
  char text[160];
  gan_begin(&g, run->device, seed, points, &variants[which]);
  const size_t epoch = points->count / BATCH;
  for (int i = 0; i < steps && net_device_ok(run->device); i++) {
    if ((size_t)i % epoch == 0) {
      net_data_shuffle(&g.discriminator.train);
    }
    step(&g, (size_t)i % epoch * BATCH);
    if ((i + 1) % (steps / 10) == 0) {
      look(&g, &clouds, &close);
      results_add_point(r, 0, variants[which].name, seed, i + 1, clouds);
      results_add_point(r, 1, variants[which].name, seed, i + 1, close);
    }
  }
  gan_end(&g);
  (void)snprintf(text, sizeof text, "clouds that are found, of %d, %s", CLOUDS, variants[which].name);
  results_add_number(r, text, "", clouds);
  (void)snprintf(text, sizeof text, "points close to a cloud, %s", variants[which].name);
  results_add_number(r, text, "%", close);
  *found = clouds;
}

void exp_gan(experiment_run *run, results *r)
{
  const int steps = run->quick ? 100 : 1500;
  (void)results_add_panel(r, "clouds found, of 8", "step", "clouds", 0);
  (void)results_add_panel(r, "points close to a cloud", "step", "%", 0);
  results_add_setup(
      r,
      "Generator %d-64-64-2 with ReLU, discriminator 2-64-64-1 with leaky ReLU, batch normalization before each "
      "activation of the generator, of both, or none; real and made points are batches of their own. Adam with rate "
      "0.002 and beta1 0.5, batches of %d, %d steps. A cloud of standard deviation %.2f is found if 1 %% of the points "
      "lie within four of these of its centre.",
      NOISE, BATCH, steps, DEVIATION);
  for (int seed = 1; seed <= run->seeds; seed++) {
    double found[VARIANTS];
    data_set points;
    if (points_ring(&points, 2048, CLOUDS, DEVIATION, (uint64_t)seed) != 0) {
      r->failed = 1;
      return;
    }
    /* One label for all: the discriminator's own labels say what is real. */
    points.classes = 2;
    results_add_data(r, points.description);
    for (int v = 0; v < VARIANTS; v++) {
      train(run, r, seed, &points, v, steps, &found[v]);
      experiment_progress(run, (size_t)((seed - 1) * VARIANTS + v + 1), (size_t)(run->seeds * VARIANTS));
    }
    results_add_gain(r, "clouds found, BN in G minus without", "", 0, found[1] - found[0]);
    results_add_gain(r, "clouds found, BN in G and D minus without", "", 0, found[2] - found[0]);
    data_free(&points);
  }
}
