/* The kit's models learn, and learn the same each time. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

enum { SAMPLES = 512, BATCH = 32, INPUTS = 6, UNITS = 16, CLASSES = 3 };

static void open_device(net_device *device, uint64_t seed)
{
  net_device_open(device, getenv("CLNORM_DEVICE"), seed);
  cr_assert(net_device_ok(device), "%s", device->error);
}

static void close_device(net_device *device)
{
  cr_assert(net_device_ok(device), "%s", device->error);
  net_device_close(device);
}

/* Classes that no straight line divides: shells around the origin. */
static void make_shells(net_data *data, net_device *device)
{
  static float x[SAMPLES * INPUTS];
  static int32_t labels[SAMPLES];
  const uint32_t stream = net_device_stream(device);
  for (uint32_t n = 0; n < SAMPLES; n++) {
    double length = 0;
    labels[n] = (int32_t)(n % CLASSES);
    for (uint32_t i = 0; i < INPUTS; i++) {
      const double value = net_random_normal(device, stream, n * INPUTS + i);
      x[n * INPUTS + i] = (float)value;
      length += value * value;
    }
    for (uint32_t i = 0; i < INPUTS; i++) {
      x[n * INPUTS + i] *= (float)((1.0 + labels[n]) / sqrt(length));
    }
  }
  net_data_make(data, device, 2, (size_t[]){SAMPLES, INPUTS}, x, labels, NULL);
}

static void make_model(net_model *model, net_device *device)
{
  const net_norm_options norm = {0};
  net_model_make(model, device);
  net_model_add(model, net_dense(device, INPUTS, UNITS, 0, (net_init){NET_INIT_HE}));
  net_model_add(model, net_norm(device, 1, (size_t[]){UNITS}, norm));
  net_model_add(model, net_activation(device, NET_RELU));
  net_model_add(model, net_dense(device, UNITS, CLASSES, 1, (net_init){NET_INIT_GLOROT}));
}

static net_score train(net_device *device, const net_optimizer_options *options, int epochs, float *weights)
{
  net_model model;
  net_data data;
  net_loss loss;
  static net_optimizer optimizer;
  make_shells(&data, device);
  make_model(&model, device);
  net_loss_make(&loss, device, NET_SOFTMAX);
  net_optimizer_make(&optimizer, device, *options);
  for (int i = 0; i < epochs; i++) {
    (void)net_model_epoch(&model, &loss, &optimizer, &data, BATCH);
  }
  const net_score score = net_model_evaluate(&model, &loss, &data);
  if (weights != NULL) {
    net_tensor_download(&model.layers[0]->parameters[0].value, weights);
  }
  net_optimizer_free(&optimizer);
  net_loss_free(&loss);
  net_data_free(&data);
  net_model_free(&model);
  return score;
}

Test(net_training, learns_what_no_line_divides)
{
  static const net_optimizer_options ways[] = {
      {.kind = NET_SGD, .rate = {.base = 0.1}, .momentum = 0.9},
      {.kind = NET_ADAM, .rate = {.base = 0.01}},
  };
  net_device device;
  open_device(&device, 7);
  for (size_t i = 0; i < 2; i++) {
    const net_score before = train(&device, &ways[i], 0, NULL);
    const net_score after = train(&device, &ways[i], 25, NULL);
    cr_assert(before.samples == SAMPLES && after.samples == SAMPLES);
    cr_expect(before.accuracy < 0.6 && before.loss > 0.8, "%g, %g", before.accuracy, before.loss);
    cr_expect(after.accuracy > 0.9 && after.loss < 0.4, "way %zu: %g, %g", i, after.accuracy, after.loss);
  }
  close_device(&device);
}

Test(net_training, repeats_to_the_bit_with_the_same_seed_alone)
{
  const net_optimizer_options way = {.kind = NET_ADAM, .rate = {.base = 0.01}};
  float weights[3][INPUTS * UNITS];
  net_device device;
  open_device(&device, 3);
  for (int i = 0; i < 3; i++) {
    net_device_seed(&device, i < 2 ? 3 : 4);
    (void)train(&device, &way, 1, weights[i]);
  }
  cr_assert(memcmp(weights[0], weights[1], sizeof weights[0]) == 0);
  cr_assert(memcmp(weights[0], weights[2], sizeof weights[0]) != 0);
  close_device(&device);
}
