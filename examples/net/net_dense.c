/* y = x * weight + bias. */
#include "net_layers.h"

typedef struct dense {
  net_layer layer;
  size_t inputs, outputs;
} dense;

static int has_bias(const net_layer *layer) { return layer->parameter_count == 2; }

static void forward(net_layer *layer, net_mode mode)
{
  dense *self = (dense *)layer;
  const net_tensor *weight = &layer->parameters[0].value;
  const size_t samples = layer->x.shape[0];
  (void)mode;
  if (net_tensor_width(&layer->x) != self->inputs) {
    net_device_fail(layer->device, "dense: expected %zu inputs, got %zu", self->inputs, net_tensor_width(&layer->x));
    return;
  }
  net_tensor_reserve(&layer->y, layer->device, 2, (size_t[]){samples, self->outputs});
  net_gemm(samples, self->outputs, self->inputs, (net_factor){&layer->x, 0, self->inputs, 0},
           (net_factor){weight, 0, self->outputs, 0}, 0.0, &layer->y, 0, self->outputs);
  if (has_bias(layer)) {
    NET_LAUNCH(layer->device, "net_bias", layer->y.count, net_t(&layer->parameters[1].value), net_t(&layer->y),
               net_u(self->outputs), net_u(1));
  }
}

static void backward(net_layer *layer, const net_tensor *dy, int wants_dx)
{
  dense *self = (dense *)layer;
  const size_t samples = layer->x.shape[0];
  net_gemm(self->inputs, self->outputs, samples, (net_factor){&layer->x, 0, self->inputs, 1},
           (net_factor){dy, 0, self->outputs, 0}, 0.0, &layer->parameters[0].gradient, 0, self->outputs);
  if (has_bias(layer)) {
    NET_LAUNCH(layer->device, "net_bias_gradient", self->outputs, net_t(dy), net_t(&layer->parameters[1].gradient),
               net_u(samples), net_u(1));
  }
  if (wants_dx) {
    net_gemm(samples, self->inputs, self->outputs, (net_factor){dy, 0, self->outputs, 0},
             (net_factor){&layer->parameters[0].value, 0, self->outputs, 1}, 0.0, &layer->dx, 0, self->inputs);
  }
}

static const net_layer_class dense_class = {"dense", forward, backward, NULL};

net_layer *net_dense(net_device *device, size_t inputs, size_t outputs, int bias, net_init init)
{
  dense *self = net_layer_make(device, &dense_class, sizeof *self);
  if (self == NULL) {
    return NULL;
  }
  self->inputs = inputs;
  self->outputs = outputs;
  net_parameter *weight = net_layer_add(&self->layer, "weight", 2, (size_t[]){inputs, outputs});
  net_init_fill(&weight->value, init, inputs, outputs);
  if (bias) {
    net_layer_add(&self->layer, "bias", 1, &outputs);
  }
  return &self->layer;
}
