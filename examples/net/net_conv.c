/* Convolution as one matrix product of all samples, by CLBlast: each position of y, of each sample, is a row with the patch
 * of x that it sees. (CLBlast's own im2col takes one sample a call: more launches than arithmetic where samples are
 * small.) */
#include "net_layers.h"

typedef struct conv {
  net_layer layer;
  net_conv_shape shape;
  size_t rows, columns;         /* of y */
  size_t patch;                 /* channels * size * size */
  net_tensor patches, dpatches; /* (N * rows * columns, patch) */
  net_tensor product;           /* (N * rows * columns, filters): y and dy with the filters last */
} conv;

/* net_unfold or net_fold, a work-item for each of `count`. */
static void launch(const conv *self, const char *kernel, size_t count, const net_tensor *from, const net_tensor *to)
{
  const net_conv_shape *s = &self->shape;
  NET_LAUNCH(self->layer.device, kernel, count, net_t(from), net_t(to), net_u(s->channels), net_u(s->height),
             net_u(s->width), net_u(self->rows), net_u(self->columns), net_u(s->size), net_u(s->stride),
             net_u(s->padding));
}

static int is_expected(const conv *self)
{
  const net_conv_shape *s = &self->shape;
  const size_t width = net_tensor_width(&self->layer.x);
  if (width != s->channels * s->height * s->width) {
    net_device_fail(self->layer.device, "conv: expected %zu x %zu x %zu elements a sample, got %zu", s->channels,
                    s->height, s->width, width);
    return 0;
  }
  return 1;
}

static void forward(net_layer *layer, net_mode mode)
{
  conv *self = (conv *)layer;
  const size_t samples = layer->x.shape[0];
  const size_t filters = self->shape.filters;
  const size_t positions = self->rows * self->columns;
  const size_t all = samples * positions;
  (void)mode;
  if (!is_expected(self)) {
    return;
  }
  net_tensor_reserve(&layer->y, layer->device, 4, (size_t[]){samples, filters, self->rows, self->columns});
  net_tensor_reserve(&self->patches, layer->device, 2, (size_t[]){all, self->patch});
  net_tensor_reserve(&self->product, layer->device, 2, (size_t[]){all, filters});
  launch(self, "net_unfold", all, &layer->x, &self->patches);
  net_gemm(all, filters, self->patch, (net_factor){&self->patches, 0, self->patch, 0},
           (net_factor){&layer->parameters[0].value, 0, self->patch, 1}, 0.0, &self->product, 0, filters);
  NET_LAUNCH(layer->device, "net_swap", layer->y.count, net_t(&self->product), net_t(&layer->y), net_u(positions),
             net_u(filters));
  if (layer->parameter_count == 2) {
    NET_LAUNCH(layer->device, "net_bias", layer->y.count, net_t(&layer->parameters[1].value), net_t(&layer->y),
               net_u(filters), net_u(positions));
  }
}

static void backward(net_layer *layer, const net_tensor *dy, int wants_dx)
{
  conv *self = (conv *)layer;
  const size_t samples = layer->x.shape[0];
  const size_t filters = self->shape.filters;
  const size_t positions = self->rows * self->columns;
  const size_t all = samples * positions;
  NET_LAUNCH(layer->device, "net_swap", dy->count, net_t(dy), net_t(&self->product), net_u(filters), net_u(positions));
  net_gemm(filters, self->patch, all, (net_factor){&self->product, 0, filters, 1},
           (net_factor){&self->patches, 0, self->patch, 0}, 0.0, &layer->parameters[0].gradient, 0, self->patch);
  if (layer->parameter_count == 2) {
    NET_LAUNCH(layer->device, "net_bias_gradient", filters, net_t(dy), net_t(&layer->parameters[1].gradient),
               net_u(samples), net_u(positions));
  }
  if (wants_dx) {
    net_tensor_reserve(&self->dpatches, layer->device, 2, (size_t[]){all, self->patch});
    net_gemm(all, self->patch, filters, (net_factor){&self->product, 0, filters, 0},
             (net_factor){&layer->parameters[0].value, 0, self->patch, 0}, 0.0, &self->dpatches, 0, self->patch);
    launch(self, "net_fold", layer->dx.count, &self->dpatches, &layer->dx);
  }
}

static void free_own(net_layer *layer)
{
  net_tensor_free(&((conv *)layer)->patches);
  net_tensor_free(&((conv *)layer)->dpatches);
  net_tensor_free(&((conv *)layer)->product);
}

static const net_layer_class conv_class = {"conv", forward, backward, free_own};

net_layer *net_conv(net_device *device, net_conv_shape shape, int has_bias, net_init init)
{
  if (shape.stride == 0 || shape.size == 0 || shape.height + 2 * shape.padding < shape.size ||
      shape.width + 2 * shape.padding < shape.size) {
    net_device_fail(device, "conv: a kernel of %zu with stride %zu does not fit %zu x %zu", shape.size, shape.stride,
                    shape.height, shape.width);
    return NULL;
  }
  conv *self = net_layer_make(device, &conv_class, sizeof *self);
  if (self == NULL) {
    return NULL;
  }
  self->shape = shape;
  self->rows = (shape.height + 2 * shape.padding - shape.size) / shape.stride + 1;
  self->columns = (shape.width + 2 * shape.padding - shape.size) / shape.stride + 1;
  self->patch = shape.channels * shape.size * shape.size;
  net_parameter *weight =
      net_layer_add(&self->layer, "weight", 4, (size_t[]){shape.filters, shape.channels, shape.size, shape.size});
  net_init_fill(&weight->value, init, self->patch, shape.filters * shape.size * shape.size);
  if (has_bias) {
    net_layer_add(&self->layer, "bias", 1, &shape.filters);
  }
  return &self->layer;
}
