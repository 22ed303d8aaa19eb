/* The kit's models learn, learn the same each time, and stay on the device meanwhile. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <math.h>
#include <string.h>

#include "net_gradient.h"

enum { SAMPLES = 512, BATCH = 32, INPUTS = 6, UNITS = 16, CLASSES = 3 };

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
  net_fixture_open(&device, 7);
  for (size_t i = 0; i < 2; i++) {
    const net_score before = train(&device, &ways[i], 0, NULL);
    const net_score after = train(&device, &ways[i], 25, NULL);
    cr_assert(before.samples == SAMPLES && after.samples == SAMPLES);
    cr_expect(before.accuracy < 0.6 && before.loss > 0.8, "%g, %g", before.accuracy, before.loss);
    cr_expect(after.accuracy > 0.9 && after.loss < 0.4, "way %zu: %g, %g", i, after.accuracy, after.loss);
  }
  net_fixture_close(&device);
}

Test(net_training, repeats_to_the_bit_with_the_same_seed_alone)
{
  const net_optimizer_options way = {.kind = NET_ADAM, .rate = {.base = 0.01}};
  float weights[3][INPUTS * UNITS];
  net_device device;
  net_fixture_open(&device, 3);
  for (int i = 0; i < 3; i++) {
    net_device_seed(&device, i < 2 ? 3 : 4);
    (void)train(&device, &way, 1, weights[i]);
  }
  cr_assert(memcmp(weights[0], weights[1], sizeof weights[0]) == 0);
  cr_assert(memcmp(weights[0], weights[2], sizeof weights[0]) != 0);
  net_fixture_close(&device);
}

/* ---- copies to the host: OpenCL's functions of that kind, counted on their way to OpenCL --------------------------- */

static int reads;

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocks, size_t offset, size_t size, void *to,
                           cl_uint waits, const cl_event *wait, cl_event *event)
{
  cl_int (*next)(cl_command_queue, cl_mem, cl_bool, size_t, size_t, void *, cl_uint, const cl_event *, cl_event *);
  *(void **)&next = dlsym(RTLD_NEXT, "clEnqueueReadBuffer");
  reads++;
  return next(queue, buffer, blocks, offset, size, to, waits, wait, event);
}

void *clEnqueueMapBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocks, cl_map_flags flags, size_t offset,
                         size_t size, cl_uint waits, const cl_event *wait, cl_event *event, cl_int *status)
{
  void *(*next)(cl_command_queue, cl_mem, cl_bool, cl_map_flags, size_t, size_t, cl_uint, const cl_event *, cl_event *,
                cl_int *);
  *(void **)&next = dlsym(RTLD_NEXT, "clEnqueueMapBuffer");
  reads++;
  return next(queue, buffer, blocks, flags, offset, size, waits, wait, event, status);
}

/* Reads of one epoch of SAMPLES / batch steps. */
static int count_reads(net_device *device, size_t batch)
{
  static net_optimizer optimizer;
  net_model model;
  net_data data;
  net_loss loss;
  make_shells(&data, device);
  make_model(&model, device);
  net_loss_make(&loss, device, NET_SOFTMAX);
  net_optimizer_make(&optimizer, device, (net_optimizer_options){.kind = NET_ADAM, .rate = {.base = 0.01}});
  (void)net_model_epoch(&model, &loss, &optimizer, &data, batch); /* makes what is made once */
  net_device_finish(device);
  reads = 0;
  (void)net_model_epoch(&model, &loss, &optimizer, &data, batch);
  const int counted = reads;
  net_optimizer_free(&optimizer);
  net_loss_free(&loss);
  net_data_free(&data);
  net_model_free(&model);
  return counted;
}

/* The loss is read at the end; how many steps there were before makes no difference. */
Test(net_training, no_step_copies_to_the_host)
{
  net_device device;
  net_fixture_open(&device, 5);
  const int few = count_reads(&device, 128);
  const int many = count_reads(&device, 32);
  cr_expect(few > 0 && few <= 2 && many == few, "%d reads in 4 steps, %d in 16", few, many);
  net_fixture_close(&device);
}
