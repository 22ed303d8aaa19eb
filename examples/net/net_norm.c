/* clnorm's layer in the kit's interface: the parameters and their gradients are views of what it owns. */
#include <string.h>

#include "net_layers.h"

typedef struct norm {
  net_layer layer;
  clnorm_layer *inner;
  net_freeze freeze;
  double average_factor; /* of training, while the statistics are estimated */
  int estimates;
} norm;

static void set_mode(norm *self, net_mode mode)
{
  const clnorm_layer_mode inner = mode == NET_INFER                             ? CLNORM_MODE_INFER
                                  : self->freeze == NET_FREE || self->estimates ? CLNORM_MODE_TRAIN
                                                                                : CLNORM_MODE_FROZEN;
  net_check(self->layer.device, clnorm_layer_set_mode(self->inner, inner), "layer_set_mode");
}

static void forward(net_layer *layer, net_mode mode)
{
  norm *self = (norm *)layer;
  set_mode(self, mode);
  net_tensor_reserve(&layer->y, layer->device, layer->x.rank, layer->x.shape);
  if (net_device_ok(layer->device)) {
    net_check(layer->device,
              clnorm_cl_layer_forward(self->inner, layer->x.shape[0], net_tensor_buffer(&layer->x),
                                      net_tensor_buffer(&layer->y), 0, NULL, NULL),
              "layer_forward");
  }
}

static void backward(net_layer *layer, const net_tensor *dy, int wants_dx)
{
  norm *self = (norm *)layer;
  if (!wants_dx && self->freeze == NET_FREEZE_ALL) {
    return;
  }
  net_check(
      layer->device,
      clnorm_cl_layer_backward(self->inner, layer->x.shape[0], net_tensor_buffer(&layer->x), net_tensor_buffer(dy),
                               wants_dx ? net_tensor_buffer(&layer->dx) : (clnorm_buffer){0}, 0, NULL, NULL),
      "layer_backward");
}

static void free_inner(net_layer *layer) { clnorm_layer_destroy(((norm *)layer)->inner); }

static const net_layer_class norm_class = {"norm", forward, backward, free_inner};

/* A view of a value that the clnorm_layer owns. */
static net_tensor view(norm *self, clnorm_layer_value value, size_t count)
{
  return (net_tensor){.device = self->layer.device,
                      .memory = clnorm_cl_layer_buffer(self->inner, value),
                      .rank = 1,
                      .shape = {count},
                      .count = count};
}

static void add_view(norm *self, const char *name, clnorm_layer_value value, clnorm_layer_value gradient)
{
  const size_t count = clnorm_layer_value_count(self->inner, value);
  self->layer.parameters[self->layer.parameter_count++] =
      (net_parameter){name, view(self, value, count), view(self, gradient, count), 1.0};
}

static clnorm_status describe(clnorm_desc *desc, size_t rank, const size_t *sample, const net_norm_options *options)
{
  const clnorm_op op = options->op == 0 ? CLNORM_BATCH : options->op;
  const clnorm_preset preset = options->preset == 0 ? CLNORM_PRESET_TORCH : options->preset;
  const clnorm_status status = clnorm_desc_init(desc, sizeof *desc, op, preset);
  desc->rank = (uint32_t)rank + 1;
  desc->dims[0] = 2; /* any: each call tells its own */
  memcpy(desc->dims + 1, sample, rank * sizeof *sample);
  desc->groups = op == CLNORM_GROUP ? (uint32_t)options->groups : 0;
  desc->activation = options->activation;
  desc->alpha = options->alpha;
  desc->epsilon = options->epsilon == 0.0 ? desc->epsilon : options->epsilon;
  desc->average_factor = options->average_factor == 0.0 ? desc->average_factor : options->average_factor;
  return status;
}

net_layer *net_norm(net_device *device, size_t rank, const size_t *sample, net_norm_options options)
{
  clnorm_desc desc;
  norm *self = net_layer_make(device, &norm_class, sizeof *self);
  if (self == NULL) {
    return NULL;
  }
  if (rank == 0 || rank >= NET_MAX_RANK) {
    net_device_fail(device, "norm: expected 1 to 3 axes of a sample, got %zu", rank);
  } else if (net_check(device, describe(&desc, rank, sample, &options), "desc_init") &&
             net_check(device, clnorm_cl_layer_create(device->cl, device->queue, &desc, &self->inner),
                       "layer_create")) {
    self->average_factor = desc.average_factor;
    add_view(self, "gamma", CLNORM_VALUE_GAMMA, CLNORM_VALUE_DGAMMA);
    add_view(self, "beta", CLNORM_VALUE_BETA, CLNORM_VALUE_DBETA);
    return &self->layer;
  }
  net_layer_free(&self->layer);
  return NULL;
}

clnorm_layer *net_norm_inner(net_layer *layer)
{
  return layer != NULL && layer->class == &norm_class ? ((norm *)layer)->inner : NULL;
}

void net_norm_freeze(net_layer *layer, net_freeze freeze)
{
  norm *self = (norm *)layer;
  const int learns = freeze != NET_FREEZE_ALL;
  if (net_norm_inner(layer) == NULL) {
    return;
  }
  self->freeze = freeze;
  net_check(layer->device, clnorm_layer_set_trainable(self->inner, learns, learns), "layer_set_trainable");
  net_layer_set_rate(layer, learns ? 1.0 : 0.0);
}

void net_norm_estimate(net_layer *layer, int begins)
{
  norm *self = (norm *)layer;
  if (net_norm_inner(layer) == NULL || !net_device_ok(layer->device)) {
    return;
  }
  self->estimates = begins;
  if (begins) {
    net_check(layer->device, clnorm_layer_reset_statistics(self->inner), "layer_reset_statistics");
  }
  net_check(layer->device,
            clnorm_layer_set_averaging(self->inner, begins ? CLNORM_AVERAGE_CUMULATIVE : CLNORM_AVERAGE_EXPONENTIAL,
                                       self->average_factor),
            "layer_set_averaging");
}
