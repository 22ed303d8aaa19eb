#include "net_model.h"

#include <string.h>

/* Samples in one batch of an evaluation. */
#define EVALUATED 250

/* Steps that may wait in the queue: each of them holds some memory of the runtime. */
#define STEPS_IN_FLIGHT 64

void net_model_make(net_model *model, net_device *device)
{
  memset(model, 0, sizeof *model);
  model->device = device;
}

net_layer *net_model_add(net_model *model, net_layer *layer)
{
  if (layer == NULL || model->count == NET_MODEL_LAYERS) {
    net_device_fail(model->device, layer == NULL ? "model: a layer is missing" : "model: too many layers");
    net_layer_free(layer);
    return NULL;
  }
  model->layers[model->count++] = layer;
  return layer;
}

void net_model_free(net_model *model)
{
  for (size_t i = 0; i < model->count; i++) {
    net_layer_free(model->layers[i]);
  }
  model->count = 0;
}

const net_tensor *net_model_forward(net_model *model, const net_tensor *x, net_mode mode)
{
  for (size_t i = 0; i < model->count; i++) {
    x = net_layer_forward(model->layers[i], x, mode);
  }
  return x;
}

const net_tensor *net_model_backward(net_model *model, const net_tensor *dy, int wants_dx)
{
  for (size_t i = model->count; i > 0; i--) {
    dy = net_layer_backward(model->layers[i - 1], dy, i > 1 || wants_dx);
  }
  return dy;
}

void net_model_step(net_model *model, net_loss *loss, net_optimizer *optimizer, const net_tensor *x,
                    const net_tensor *labels)
{
  const net_tensor *y = net_model_forward(model, x, NET_TRAIN);
  net_model_backward(model, net_loss_forward(loss, y, labels), 0);
  net_optimizer_step(optimizer, model->layers, model->count);
  if (!net_device_ok(model->device)) {
    return;
  }
  if (optimizer->step % STEPS_IN_FLIGHT == 0) {
    net_device_finish(model->device);
  } else {
    net_check_cl(model->device, clFlush(model->device->queue), "clFlush");
  }
}

/* The batch is the next one of the data; recurrent layers learn its lengths. */
static void take_batch(net_model *model, net_data *data, size_t first, size_t count)
{
  net_data_batch(data, first, count);
  for (size_t i = 0; data->lengths.memory != NULL && i < model->count; i++) {
    net_recurrent_set_lengths(model->layers[i], &data->batch_lengths);
  }
}

net_score net_model_epoch(net_model *model, net_loss *loss, net_optimizer *optimizer, net_data *data, size_t batch)
{
  net_data_shuffle(data);
  for (size_t first = 0; batch != 0 && first + batch <= data->samples; first += batch) {
    take_batch(model, data, first, batch);
    net_model_step(model, loss, optimizer, &data->batch_x, &data->batch_labels);
  }
  return net_loss_read(loss);
}

net_score net_model_evaluate(net_model *model, net_loss *loss, net_data *data)
{
  (void)net_loss_read(loss); /* what was met before does not belong to it */
  for (size_t first = 0; first < data->samples; first += EVALUATED) {
    take_batch(model, data, first, data->samples - first < EVALUATED ? data->samples - first : EVALUATED);
    net_loss_forward(loss, net_model_forward(model, &data->batch_x, NET_INFER), &data->batch_labels);
  }
  return net_loss_read(loss);
}

/* Normalizations take their batch's statistics; dropout and noise stay off. */
static void estimate(net_model *model, const net_tensor *x)
{
  for (size_t i = 0; i < model->count; i++) {
    x = net_layer_forward(model->layers[i], x, net_norm_inner(model->layers[i]) != NULL ? NET_TRAIN : NET_INFER);
  }
}

void net_model_reestimate(net_model *model, net_data *data, size_t batch)
{
  const size_t size = batch == 0 ? data->samples : batch;
  for (size_t i = 0; i < model->count; i++) {
    net_norm_estimate(model->layers[i], 1);
  }
  for (size_t first = 0; first + size <= data->samples && size != 0; first += size) {
    take_batch(model, data, first, size);
    estimate(model, &data->batch_x);
  }
  for (size_t i = 0; i < model->count; i++) {
    net_norm_estimate(model->layers[i], 0);
  }
}

size_t net_model_count_trainable(const net_model *model)
{
  size_t count = 0;
  for (size_t i = 0; i < model->count; i++) {
    count += net_layer_count_trainable(model->layers[i]);
  }
  return count;
}
