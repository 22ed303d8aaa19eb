/* Activations that nothing is fused with. */
#include "net_layers.h"

typedef struct activation {
  net_layer layer;
  net_curve curve;
} activation;

static void forward(net_layer *layer, net_mode mode)
{
  (void)mode;
  net_tensor_reserve(&layer->y, layer->device, layer->x.rank, layer->x.shape);
  NET_LAUNCH(layer->device, "net_activation", layer->y.count, net_t(&layer->x), net_t(&layer->y),
             net_u(((activation *)layer)->curve));
}

static void backward(net_layer *layer, const net_tensor *dy, int wants_dx)
{
  if (wants_dx) {
    NET_LAUNCH(layer->device, "net_activation_backward", layer->y.count, net_t(&layer->y), net_t(dy), net_t(&layer->dx),
               net_u(((activation *)layer)->curve));
  }
}

static const net_layer_class activation_class = {"activation", forward, backward, NULL};

net_layer *net_activation(net_device *device, net_curve curve)
{
  activation *self = net_layer_make(device, &activation_class, sizeof *self);
  if (self == NULL) {
    return NULL;
  }
  self->curve = curve;
  return &self->layer;
}
