#include "net_layer.h"

#include <stdlib.h>

void *net_layer_make(net_device *device, const net_layer_class *class, size_t size)
{
  net_layer *layer = net_device_ok(device) ? calloc(1, size) : NULL;
  if (layer == NULL) {
    net_device_fail(device, "out of memory for a layer (%s)", class->name);
    return NULL;
  }
  layer->class = class;
  layer->device = device;
  return layer;
}

net_parameter *net_layer_add(net_layer *layer, const char *name, size_t rank, const size_t *shape)
{
  net_parameter *parameter = &layer->parameters[layer->parameter_count++];
  *parameter = (net_parameter){name, net_tensor_make(layer->device, rank, shape),
                               net_tensor_make(layer->device, rank, shape), 1.0};
  return parameter;
}

const net_tensor *net_layer_forward(net_layer *layer, const net_tensor *x, net_mode mode)
{
  if (layer == NULL || x == NULL || !net_device_ok(layer->device)) {
    return NULL;
  }
  layer->x = *x;
  layer->x.capacity = 0;
  layer->class->forward(layer, mode);
  layer->calls += mode == NET_TRAIN;
  return &layer->y;
}

const net_tensor *net_layer_backward(net_layer *layer, const net_tensor *dy, int wants_dx)
{
  if (layer == NULL || dy == NULL || !net_device_ok(layer->device)) {
    return NULL;
  }
  if (dy->count != layer->y.count) {
    net_device_fail(layer->device, "%s: the gradient has %zu elements, y %zu", layer->class->name, dy->count,
                    layer->y.count);
    return NULL;
  }
  if (wants_dx) {
    net_tensor_reserve(&layer->dx, layer->device, layer->x.rank, layer->x.shape);
  }
  layer->class->backward(layer, dy, wants_dx);
  return wants_dx ? &layer->dx : NULL;
}

void net_layer_free(net_layer *layer)
{
  if (layer == NULL) {
    return;
  }
  if (layer->class->free != NULL) {
    layer->class->free(layer);
  }
  for (size_t i = 0; i < layer->parameter_count; i++) {
    net_tensor_free(&layer->parameters[i].value);
    net_tensor_free(&layer->parameters[i].gradient);
  }
  net_tensor_free(&layer->y);
  net_tensor_free(&layer->dx);
  free(layer);
}

void net_layer_set_rate(net_layer *layer, double rate)
{
  for (size_t i = 0; layer != NULL && i < layer->parameter_count; i++) {
    layer->parameters[i].rate = rate;
  }
}

size_t net_layer_count_trainable(const net_layer *layer)
{
  size_t count = 0;
  for (size_t i = 0; layer != NULL && i < layer->parameter_count; i++) {
    count += layer->parameters[i].rate != 0.0 ? layer->parameters[i].value.count : 0;
  }
  return count;
}
