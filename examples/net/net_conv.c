/* Convolution as a matrix product, by CLBlast: im2col makes of each sample a matrix with a column for each position of y,
 * (channels * size * size, positions), which `weight` is multiplied with. */
#include "net_layers.h"

/* After opencl.h, which says which version of OpenCL's headers is meant. */
#include <clblast_c.h>

typedef struct conv {
  net_layer layer;
  net_conv_shape shape;
  size_t rows, columns; /* of y */
  size_t patch;         /* channels * size * size */
  net_tensor unfolded;  /* (N, patch, positions) */
  net_tensor dunfolded; /* (patch, positions), of one sample */
} conv;

static int check(net_layer *layer, CLBlastStatusCode status, const char *call)
{
  if (status != CLBlastSuccess) {
    net_device_fail(layer->device, "%s failed with %d", call, (int)status);
  }
  return status == CLBlastSuccess;
}

static void unfold(conv *self, size_t sample)
{
  const net_conv_shape *s = &self->shape;
  const net_tensor from = net_tensor_rows(&self->layer.x, sample, 1);
  const net_tensor to = net_tensor_rows(&self->unfolded, sample, 1);
  check(&self->layer,
        CLBlastSim2col(CLBlastKernelModeCrossCorrelation, s->channels, s->height, s->width, s->size, s->size,
                       s->padding, s->padding, s->stride, s->stride, 1, 1, from.memory, from.offset, to.memory,
                       to.offset, &self->layer.device->queue, NULL),
        "CLBlastSim2col");
}

/* Adds to each element of a sample of dx the gradients at all its places. */
static void fold(conv *self, size_t sample)
{
  const net_conv_shape *s = &self->shape;
  const net_tensor to = net_tensor_rows(&self->layer.dx, sample, 1);
  check(&self->layer,
        CLBlastScol2im(CLBlastKernelModeCrossCorrelation, s->channels, s->height, s->width, s->size, s->size,
                       s->padding, s->padding, s->stride, s->stride, 1, 1, self->dunfolded.memory,
                       self->dunfolded.offset, to.memory, to.offset, &self->layer.device->queue, NULL),
        "CLBlastScol2im");
}

static void forward(net_layer *layer, net_mode mode)
{
  conv *self = (conv *)layer;
  const size_t samples = layer->x.shape[0];
  const size_t filters = self->shape.filters;
  const size_t positions = self->rows * self->columns;
  (void)mode;
  if (net_tensor_width(&layer->x) != self->shape.channels * self->shape.height * self->shape.width) {
    net_device_fail(layer->device, "conv: expected %zu x %zu x %zu elements a sample, got %zu", self->shape.channels,
                    self->shape.height, self->shape.width, net_tensor_width(&layer->x));
    return;
  }
  net_tensor_reserve(&layer->y, layer->device, 4, (size_t[]){samples, filters, self->rows, self->columns});
  net_tensor_reserve(&self->unfolded, layer->device, 3, (size_t[]){samples, self->patch, positions});
  for (size_t n = 0; n < samples && net_device_ok(layer->device); n++) {
    unfold(self, n);
    net_gemm(filters, positions, self->patch, (net_factor){&layer->parameters[0].value, 0, self->patch, 0},
             (net_factor){&self->unfolded, n * self->patch * positions, positions, 0}, 0.0, &layer->y,
             n * filters * positions, positions);
  }
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
  if (wants_dx) {
    net_tensor_fill(&layer->dx, 0.0); /* CLBlast's col2im adds to what is there */
  }
  for (size_t n = 0; n < samples && net_device_ok(layer->device); n++) {
    const net_factor gradient = {dy, n * filters * positions, positions, 0};
    net_gemm(filters, self->patch, positions, gradient,
             (net_factor){&self->unfolded, n * self->patch * positions, positions, 1}, n == 0 ? 0.0 : 1.0,
             &layer->parameters[0].gradient, 0, self->patch);
    if (wants_dx) {
      net_gemm(self->patch, positions, filters, (net_factor){&layer->parameters[0].value, 0, self->patch, 1}, gradient,
               0.0, &self->dunfolded, 0, positions);
      fold(self, n);
    }
  }
  if (layer->parameter_count == 2) {
    NET_LAUNCH(layer->device, "net_bias_gradient", filters, net_t(dy), net_t(&layer->parameters[1].gradient),
               net_u(samples), net_u(positions));
  }
}

static void free_own(net_layer *layer)
{
  net_tensor_free(&((conv *)layer)->unfolded);
  net_tensor_free(&((conv *)layer)->dunfolded);
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
  self->dunfolded = net_matrix(device, self->patch, self->rows * self->columns);
  net_parameter *weight =
      net_layer_add(&self->layer, "weight", 4, (size_t[]){shape.filters, shape.channels, shape.size, shape.size});
  net_init_fill(&weight->value, init, self->patch, shape.filters * shape.size * shape.size);
  if (has_bias) {
    net_layer_add(&self->layer, "bias", 1, &shape.filters);
  }
  return &self->layer;
}
