/* Max pooling by squares that do not overlap; of equal values the first counts. */
#include "net_layers.h"

typedef struct pool {
  net_layer layer;
  size_t channels, height, width, size;
  net_tensor chosen; /* int32_t: which element of x each element of y is */
} pool;

static void forward(net_layer *layer, net_mode mode)
{
  pool *self = (pool *)layer;
  const size_t rows = self->height / self->size;
  const size_t columns = self->width / self->size;
  const size_t shape[] = {layer->x.shape[0], self->channels, rows, columns};
  (void)mode;
  if (net_tensor_width(&layer->x) != self->channels * self->height * self->width) {
    net_device_fail(layer->device, "pool: expected %zu x %zu x %zu elements a sample, got %zu", self->channels,
                    self->height, self->width, net_tensor_width(&layer->x));
    return;
  }
  net_tensor_reserve(&layer->y, layer->device, 4, shape);
  net_tensor_reserve(&self->chosen, layer->device, 4, shape);
  NET_LAUNCH(layer->device, "net_pool", layer->y.count, net_t(&layer->x), net_t(&layer->y), net_t(&self->chosen),
             net_u(self->height), net_u(self->width), net_u(rows), net_u(columns), net_u(self->size));
}

static void backward(net_layer *layer, const net_tensor *dy, int wants_dx)
{
  if (wants_dx) {
    net_tensor_fill(&layer->dx, 0.0);
    NET_LAUNCH(layer->device, "net_pool_backward", dy->count, net_t(dy), net_t(&((pool *)layer)->chosen),
               net_t(&layer->dx));
  }
}

static void free_own(net_layer *layer) { net_tensor_free(&((pool *)layer)->chosen); }

static const net_layer_class pool_class = {"pool", forward, backward, free_own};

net_layer *net_pool(net_device *device, size_t channels, size_t height, size_t width, size_t size)
{
  if (size == 0 || size > height || size > width) {
    net_device_fail(device, "pool: squares of %zu in %zu x %zu", size, height, width);
    return NULL;
  }
  pool *self = net_layer_make(device, &pool_class, sizeof *self);
  if (self == NULL) {
    return NULL;
  }
  self->channels = channels;
  self->height = height;
  self->width = width;
  self->size = size;
  return &self->layer;
}
