/* Dropout. What is dropped is not stored: the backward pass draws the same random numbers again. */
#include <math.h>

#include "net_layers.h"

typedef struct dropout {
  net_layer layer;
  double probability;
  uint32_t stream;
  uint32_t call; /* of the last forward pass */
  int is_on;     /* whether that was in training */
} dropout;

static void apply(const dropout *self, const net_tensor *from, const net_tensor *to)
{
  const uint64_t seed = self->layer.device->seed;
  NET_LAUNCH(self->layer.device, "net_dropout", to->count, net_t(from), net_t(to),
             net_u((size_t)floor(self->probability * 0x1p32)), net_f(1.0 / (1.0 - self->probability)),
             net_u(self->stream), net_u(self->call), net_u((uint32_t)seed), net_u(seed >> 32));
}

static void forward(net_layer *layer, net_mode mode)
{
  dropout *self = (dropout *)layer;
  net_tensor_reserve(&layer->y, layer->device, layer->x.rank, layer->x.shape);
  self->is_on = mode == NET_TRAIN;
  self->call = layer->calls;
  if (self->is_on) {
    apply(self, &layer->x, &layer->y);
  } else {
    net_tensor_copy(&layer->x, &layer->y);
  }
}

static void backward(net_layer *layer, const net_tensor *dy, int wants_dx)
{
  if (!wants_dx) {
    return;
  }
  if (((dropout *)layer)->is_on) {
    apply((dropout *)layer, dy, &layer->dx);
  } else {
    net_tensor_copy(dy, &layer->dx);
  }
}

static const net_layer_class dropout_class = {"dropout", forward, backward, NULL};

net_layer *net_dropout(net_device *device, double probability)
{
  if (!(probability >= 0.0 && probability < 1.0)) {
    net_device_fail(device, "dropout: expected a probability in [0, 1), got %g", probability);
    return NULL;
  }
  dropout *self = net_layer_make(device, &dropout_class, sizeof *self);
  if (self == NULL) {
    return NULL;
  }
  self->probability = probability;
  self->stream = net_device_stream(device);
  return &self->layer;
}
