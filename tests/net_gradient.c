#include "net_gradient.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "net_products.h"
#include "net_random.h"

/* Small enough for h^4 to vanish, large enough for what float rounds off. */
#define STEP 0x1p-8

/* Roundings of one y, each at most 2^-24 of it: those of a sum of some dozen products and of a curve. Those of different
 * elements are independent, so their squares add up. */
#define ROUNDINGS 8.0

/* What h^4 times the fifth derivative may be beside the largest gradient; and gradients' own roundings. */
#define LEFT_OUT 2e-4

int net_gradient_quiet;

typedef struct probe {
  net_layer *layer;
  net_tensor x;
  uint32_t calls;
  float *y, *weights;
  size_t count;
} probe;

void net_fixture_open(net_device *device, uint64_t seed)
{
  net_device_open(device, getenv("CLNORM_DEVICE"), seed);
  net_products_shrink(device);
  cr_assert(net_device_ok(device), "%s", device->error);
}

void net_fixture_close(net_device *device)
{
  cr_assert(net_device_ok(device), "%s", device->error);
  net_device_close(device);
}

void net_fixture_values(net_device *device, float *values, size_t count)
{
  const uint32_t stream = net_device_stream(device);
  for (size_t i = 0; i < count; i++) {
    const double u = 2.0 * net_random_uniform(device, stream, (uint32_t)i) - 1.0;
    values[i] = (float)(u + (u < 0.0 ? -0.2 : 0.2));
  }
}

int net_gradient_is_slow(void) { return getenv("CLNORM_TEST_SLOW") != NULL; }

/* Elements of a tensor whose derivatives are taken: all, or some where every pass takes long. */
static size_t stride_of(size_t count)
{
  const size_t most = net_gradient_is_slow() ? 4 : 60;
  return count <= most ? 1 : (count + most - 1) / most;
}

static float *allocate(size_t count)
{
  float *made = calloc(count + 1, sizeof *made);
  cr_assert(made != NULL);
  return made;
}

static double loss(probe *p, double *size)
{
  double sum = 0.0;
  double squares = 0.0;
  p->layer->calls = p->calls; /* the same random numbers each time */
  const net_tensor *y = net_layer_forward(p->layer, &p->x, NET_TRAIN);
  cr_assert(y != NULL, "%s", p->layer->device->error);
  net_tensor_download(y, p->y);
  for (size_t i = 0; i < p->count; i++) {
    sum += (double)p->y[i] * (double)p->weights[i];
    squares += pow((double)p->y[i] * (double)p->weights[i], 2.0);
  }
  if (size != NULL) {
    *size = sqrt(squares);
  }
  return sum;
}

static double loss_with(probe *p, net_tensor *tensor, float *values, size_t index, double moved)
{
  const float before = values[index];
  values[index] = (float)((double)before + moved);
  net_tensor_upload(tensor, values);
  values[index] = before;
  return loss(p, NULL);
}

static double derivative(probe *p, net_tensor *tensor, float *values, size_t index)
{
  const double near = loss_with(p, tensor, values, index, STEP) - loss_with(p, tensor, values, index, -STEP);
  const double far = loss_with(p, tensor, values, index, 2 * STEP) - loss_with(p, tensor, values, index, -2 * STEP);
  net_tensor_upload(tensor, values);
  return (8.0 * near - far) / (12.0 * STEP);
}

/* The largest error of one tensor's gradient over its bound. */
static double compare(probe *p, const char *name, net_tensor *tensor, const float *gradient)
{
  double largest = 0.0;
  double worst = 0.0;
  double size;
  int told = 0;
  float *values = allocate(tensor->count);
  net_tensor_download(tensor, values);
  (void)loss(p, &size);
  for (size_t i = 0; i < tensor->count; i++) {
    largest = fmax(largest, fabs((double)gradient[i]));
  }
  const double bound = ROUNDINGS * 0x1p-24 * size * 18.0 / (12.0 * STEP) + LEFT_OUT * largest;
  for (size_t i = 0; i < tensor->count; i += stride_of(tensor->count)) {
    const double expected = derivative(p, tensor, values, i);
    const double error = fabs((double)gradient[i] - expected) / bound;
    if (!(error <= worst)) { /* NaN too */
      worst = error;
    }
    if (!(error <= 1.0) && !net_gradient_quiet && told++ == 0) {
      fprintf(stderr, "%s: %s[%zu] is %g, by differences %g, bound %g\n", p->layer->class->name, name, i,
              (double)gradient[i], expected, bound);
    }
  }
  free(values);
  return worst;
}

static float *download(const net_tensor *tensor)
{
  float *values = allocate(tensor->count);
  net_tensor_download(tensor, values);
  return values;
}

static double worst_of(probe *p)
{
  net_layer *layer = p->layer;
  float *gradients[NET_LAYER_PARAMETERS];
  net_tensor dy = net_tensor_from(layer->device, layer->y.rank, layer->y.shape, p->weights);
  net_layer_backward(layer, &dy, 1); /* what a pass before has left behind has no part in the next */
  const net_tensor *dx = net_layer_backward(layer, &dy, 1);
  cr_assert(dx != NULL, "%s", layer->device->error);
  float *dx_values = download(dx);
  for (size_t i = 0; i < layer->parameter_count; i++) {
    gradients[i] = download(&layer->parameters[i].gradient);
  }
  double worst = compare(p, "dx", &p->x, dx_values);
  for (size_t i = 0; i < layer->parameter_count; i++) {
    if (layer->parameters[i].rate != 0.0) {
      worst = fmax(worst, compare(p, layer->parameters[i].name, &layer->parameters[i].value, gradients[i]));
    }
    free(gradients[i]);
  }
  free(dx_values);
  net_tensor_free(&dy);
  return worst;
}

double net_gradient_error_at(net_layer *layer, size_t rank, const size_t *shape, const float *x)
{
  cr_assert(layer != NULL);
  probe p = {.layer = layer, .x = net_tensor_from(layer->device, rank, shape, x), .calls = layer->calls};
  const net_tensor *y = net_layer_forward(layer, &p.x, NET_TRAIN);
  cr_assert(y != NULL, "%s", layer->device->error);
  p.count = y->count;
  p.y = allocate(p.count);
  p.weights = allocate(p.count);
  net_fixture_values(layer->device, p.weights, p.count);
  const double worst = worst_of(&p);
  free(p.y);
  free(p.weights);
  net_tensor_free(&p.x);
  return worst;
}

double net_gradient_error(net_layer *layer, size_t rank, const size_t *shape)
{
  size_t count = 1;
  cr_assert(layer != NULL);
  for (size_t i = 0; i < rank; i++) {
    count *= shape[i];
  }
  float *x = allocate(count);
  net_fixture_values(layer->device, x, count);
  const double worst = net_gradient_error_at(layer, rank, shape, x);
  free(x);
  return worst;
}
