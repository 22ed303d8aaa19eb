/* Noise with another mean and scale for each unit and step: inputs that drift on purpose. */
#include "net_layers.h"

typedef struct noise {
  net_layer layer;
  net_noise_options options;
  size_t units;
  uint32_t stream;
  int is_on;          /* whether the last forward pass was in training */
  net_tensor factors; /* of x, in that pass */
} noise;

static void forward(net_layer *layer, net_mode mode)
{
  noise *self = (noise *)layer;
  const uint64_t seed = layer->device->seed;
  net_tensor_reserve(&layer->y, layer->device, layer->x.rank, layer->x.shape);
  self->is_on = mode == NET_TRAIN;
  if (!self->is_on) {
    net_tensor_copy(&layer->x, &layer->y);
    return;
  }
  net_tensor_reserve(&self->factors, layer->device, layer->x.rank, layer->x.shape);
  NET_LAUNCH(layer->device, "net_noise", layer->y.count, net_t(&layer->x), net_t(&layer->y), net_t(&self->factors),
             net_u(self->units), net_f(self->options.mean), net_f(self->options.deviation), net_f(self->options.spread),
             net_u(self->stream), net_u(layer->calls), net_u((uint32_t)seed), net_u(seed >> 32));
}

static void backward(net_layer *layer, const net_tensor *dy, int wants_dx)
{
  noise *self = (noise *)layer;
  if (!wants_dx) {
    return;
  }
  if (self->is_on) {
    NET_LAUNCH(layer->device, "net_multiply", layer->dx.count, net_t(dy), net_t(&self->factors), net_t(&layer->dx));
  } else {
    net_tensor_copy(dy, &layer->dx);
  }
}

static void free_own(net_layer *layer) { net_tensor_free(&((noise *)layer)->factors); }

static const net_layer_class noise_class = {"noise", forward, backward, free_own};

net_layer *net_noise(net_device *device, size_t units, net_noise_options options)
{
  if (units == 0) {
    net_device_fail(device, "noise: expected units, got 0");
    return NULL;
  }
  noise *self = net_layer_make(device, &noise_class, sizeof *self);
  if (self == NULL) {
    return NULL;
  }
  self->units = units;
  self->options = options;
  self->stream = net_device_stream(device);
  return &self->layer;
}
