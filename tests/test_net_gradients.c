/* The gradients of every layer and loss of the network kit, against differences of its forward pass. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net_gradient.h"

static const net_init init = {NET_INIT_GLOROT};

/* Takes the layer over. */
static void expect_right(net_layer *layer, size_t rank, const size_t *shape)
{
  const double error = net_gradient_error(layer, rank, shape);
  cr_expect(error <= 1.0, "%s: an error is %g times its bound", layer->class->name, error);
  net_layer_free(layer);
}

Test(net_gradients, dense)
{
  net_device device;
  net_fixture_open(&device, 1);
  expect_right(net_dense(&device, 6, 4, 1, init), 3, (size_t[]){5, 2, 3});
  expect_right(net_dense(&device, 6, 4, 0, init), 2, (size_t[]){3, 6});
  net_fixture_close(&device);
}

Test(net_gradients, activations)
{
  net_device device;
  net_fixture_open(&device, 2);
  for (int curve = NET_RELU; curve <= NET_LEAKY_RELU; curve++) {
    expect_right(net_activation(&device, (net_curve)curve), 2, (size_t[]){4, 5});
  }
  net_fixture_close(&device);
}

Test(net_gradients, convolution)
{
  const net_conv_shape same = {2, 5, 6, 3, 3, 1, 1};
  const net_conv_shape strided = {3, 6, 5, 2, 2, 2, 0};
  net_device device;
  net_fixture_open(&device, 3);
  expect_right(net_conv(&device, same, 1, init), 4, (size_t[]){3, 2, 5, 6});
  expect_right(net_conv(&device, strided, 0, init), 4, (size_t[]){2, 3, 6, 5});
  net_fixture_close(&device);
}

enum { POOLED = 2 * 2 * 5 * 7 };

/* The values of a square are further apart than the steps of the differences. */
static void fill_apart(net_device *device, float x[POOLED])
{
  int32_t order[POOLED];
  net_random_order(device, net_device_stream(device), order, POOLED);
  for (int i = 0; i < POOLED; i++) {
    x[i] = 0.1f * (float)order[i] - 7.0f;
  }
}

/* A row and a column are left over. */
Test(net_gradients, pooling)
{
  float x[POOLED];
  net_device device;
  net_fixture_open(&device, 4);
  fill_apart(&device, x);
  net_layer *layer = net_pool(&device, 2, 5, 7, 2);
  cr_expect(net_gradient_error_at(layer, 4, (size_t[]){2, 2, 5, 7}, x) <= 1.0);
  net_layer_free(layer);
  net_fixture_close(&device);
}

Test(net_gradients, dropout_and_noise)
{
  net_device device;
  net_fixture_open(&device, 5);
  expect_right(net_dropout(&device, 0.4), 2, (size_t[]){4, 6});
  expect_right(net_noise(&device, 6, (net_noise_options){0.5, 1.25, 0.1}), 2, (size_t[]){4, 6});
  net_fixture_close(&device);
}

Test(net_gradients, batch_normalization)
{
  net_device device;
  net_fixture_open(&device, 6);
  expect_right(net_norm(&device, 1, (size_t[]){3}, (net_norm_options){0}), 2, (size_t[]){6, 3});
  expect_right(net_norm(&device, 3, (size_t[]){3, 2, 2}, (net_norm_options){0}), 4, (size_t[]){3, 3, 2, 2});
  net_fixture_close(&device);
}

/* Every member of the family by clnorm's layer, with a smooth activation fused. */
Test(net_gradients, other_normalizations_with_activations)
{
  static const clnorm_activation curves[] = {CLNORM_ACTIVATION_SIGMOID, CLNORM_ACTIVATION_TANH, CLNORM_ACTIVATION_GELU,
                                             CLNORM_ACTIVATION_SILU, CLNORM_ACTIVATION_GELU_TANH};
  net_device device;
  net_fixture_open(&device, 12);
  for (int op = CLNORM_BATCH; op <= CLNORM_RMS; op++) {
    const net_norm_options options = {.op = (clnorm_op)op, .groups = 2, .activation = curves[op - CLNORM_BATCH]};
    expect_right(net_norm(&device, 3, (size_t[]){4, 2, 3}, options), 4, (size_t[]){3, 4, 2, 3});
  }
  net_fixture_close(&device);
}

/* Normalized, these are half a standard deviation or more from the kink. */
Test(net_gradients, normalization_with_curves_that_have_a_kink)
{
  static const float column[6] = {-1.5f, 0.7f, -1.0f, 1.3f, -0.6f, 1.1f};
  static const net_norm_options curves[] = {{.activation = CLNORM_ACTIVATION_RELU},
                                            {.activation = CLNORM_ACTIVATION_LEAKY_RELU, .alpha = 0.3}};
  float x[6 * 3];
  net_device device;
  net_fixture_open(&device, 13);
  for (int i = 0; i < 6 * 3; i++) {
    x[i] = column[(i / 3 + i % 3) % 6];
  }
  for (size_t i = 0; i < 2; i++) {
    net_layer *layer = net_norm(&device, 1, (size_t[]){3}, curves[i]);
    const double error = net_gradient_error_at(layer, 2, (size_t[]){6, 3}, x);
    cr_expect(error <= 1.0, "curve %zu: an error is %g times its bound", i, error);
    net_layer_free(layer);
  }
  net_fixture_close(&device);
}

/* Constants do not depend on x. After some batches the running statistics are neither 0 and 1 nor the batch's own. */
Test(net_gradients, frozen_batch_normalization)
{
  float x[6 * 3];
  net_device device;
  net_fixture_open(&device, 7);
  for (int freeze = NET_FREEZE_STATISTICS; freeze <= NET_FREEZE_ALL; freeze++) {
    net_layer *layer = net_norm(&device, 1, (size_t[]){3}, (net_norm_options){.average_factor = 0.5});
    net_fixture_values(&device, x, 6 * 3);
    net_tensor batch = net_tensor_from(&device, 2, (size_t[]){6, 3}, x);
    net_layer_forward(layer, &batch, NET_TRAIN);
    net_tensor_free(&batch);
    net_norm_freeze(layer, (net_freeze)freeze);
    cr_assert(net_layer_count_trainable(layer) == (freeze == NET_FREEZE_ALL ? 0 : 6));
    expect_right(layer, 2, (size_t[]){6, 3});
  }
  net_fixture_close(&device);
}

/* ---- recurrent cell --------------------------------------------------------------------------------------------- */

enum { SEQUENCES = 12 };

/* So many sequences, and weights so large, that no variance of a step is small: the curvature would be too large for the
 * differences. */
static void expect_right_cell(net_device *device, clnorm_op op, const int32_t *lengths)
{
  const net_recurrent_options options = {.inputs = 2,
                                         .units = 3,
                                         .steps = 4,
                                         .op = op,
                                         .gamma = 0.7,
                                         .input = {NET_INIT_NORMAL, 1.0},
                                         .hidden = {NET_INIT_NORMAL, 1.0}};
  net_layer *layer = net_recurrent(device, options);
  net_tensor tensor = {0};
  if (lengths != NULL) {
    tensor = net_tensor_from(device, 1, (size_t[]){SEQUENCES}, lengths);
    net_recurrent_set_lengths(layer, &tensor);
  }
  expect_right(layer, 3, (size_t[]){SEQUENCES, 4, 2});
  net_tensor_free(&tensor);
}

Test(net_gradients, recurrent_cell)
{
  net_device device;
  net_fixture_open(&device, 8);
  expect_right_cell(&device, CLNORM_BATCH, NULL);
  if (!net_gradient_is_slow()) {
    expect_right_cell(&device, (clnorm_op)0, NULL);
    expect_right_cell(&device, CLNORM_LAYER, NULL);
  }
  net_fixture_close(&device);
}

Test(net_gradients, recurrent_cell_with_lengths)
{
  static const int32_t lengths[SEQUENCES] = {4, 3, 4, 2, 3, 4, 4, 4, 1, 3, 4, 4};
  net_device device;
  net_fixture_open(&device, 9);
  expect_right_cell(&device, CLNORM_BATCH, lengths);
  if (!net_gradient_is_slow()) {
    expect_right_cell(&device, (clnorm_op)0, lengths);
    expect_right_cell(&device, CLNORM_LAYER, lengths);
  }
  net_fixture_close(&device);
}

/* ---- losses: as a layer whose y is the mean loss, so that the same differences serve ------------------------------- */

typedef struct loss_layer {
  net_layer layer;
  net_loss loss;
  net_tensor labels;
} loss_layer;

static void loss_forward(net_layer *layer, net_mode mode)
{
  loss_layer *self = (loss_layer *)layer;
  static float rows[64];
  float mean = 0.0f;
  const size_t samples = layer->x.shape[0];
  (void)mode;
  net_loss_forward(&self->loss, &layer->x, &self->labels);
  net_tensor_download(&self->loss.rows, rows);
  for (size_t n = 0; n < samples; n++) {
    mean += rows[2 * n] / (float)samples;
  }
  net_tensor_reserve(&layer->y, layer->device, 1, (size_t[]){1});
  net_tensor_upload(&layer->y, &mean);
}

static void loss_backward(net_layer *layer, const net_tensor *dy, int wants_dx)
{
  loss_layer *self = (loss_layer *)layer;
  float scale;
  float gradient[64];
  (void)wants_dx;
  net_tensor_download(dy, &scale);
  net_tensor_download(&self->loss.dlogits, gradient);
  for (size_t i = 0; i < self->loss.dlogits.count; i++) {
    gradient[i] *= scale;
  }
  net_tensor_upload(&layer->dx, gradient);
}

static void loss_free(net_layer *layer)
{
  net_loss_free(&((loss_layer *)layer)->loss);
  net_tensor_free(&((loss_layer *)layer)->labels);
}

static const net_layer_class loss_class = {"loss", loss_forward, loss_backward, loss_free};

static net_layer *make_loss(net_device *device, net_loss_kind kind, size_t samples, const void *labels)
{
  loss_layer *self = net_layer_make(device, &loss_class, sizeof *self);
  cr_assert(self != NULL);
  net_loss_make(&self->loss, device, kind);
  self->labels = net_tensor_from(device, 1, &samples, labels);
  return &self->layer;
}

Test(net_gradients, losses)
{
  static const int32_t classes[] = {0, 3, 1, 2, 3};
  static const float shares[] = {1.0f, 0.0f, 1.0f, 0.25f, 0.0f, 0.9f};
  net_device device;
  net_fixture_open(&device, 10);
  expect_right(make_loss(&device, NET_SOFTMAX, 5, classes), 2, (size_t[]){5, 4});
  expect_right(make_loss(&device, NET_SIGMOID_LOSS, 6, shares), 2, (size_t[]){6, 1});
  net_fixture_close(&device);
}

/* ---- the check itself ------------------------------------------------------------------------------------------------ */

static const net_layer_class *honest;
static int wrong; /* which gradient gets another sign: 0 dx, from 1 on a parameter's */

static void negate(net_tensor *tensor)
{
  static float values[256];
  cr_assert(tensor->count <= 256);
  net_tensor_download(tensor, values);
  for (size_t i = 0; i < tensor->count; i++) {
    values[i] = -values[i];
  }
  net_tensor_upload(tensor, values);
}

static void wrong_backward(net_layer *layer, const net_tensor *dy, int wants_dx)
{
  honest->backward(layer, dy, wants_dx);
  negate(wrong == 0 ? &layer->dx : &layer->parameters[wrong - 1].gradient);
}

/* Turns each gradient of the layer wrong in turn, and wants to see that. x: NULL for random numbers. */
static void expect_noticed_at(net_layer *layer, size_t rank, const size_t *shape, const float *x)
{
  net_layer_class class = *layer->class;
  honest = layer->class;
  class.backward = wrong_backward;
  layer->class = &class;
  for (wrong = 0; wrong <= (int)layer->parameter_count; wrong++) {
    const double error =
        x != NULL ? net_gradient_error_at(layer, rank, shape, x) : net_gradient_error(layer, rank, shape);
    cr_expect(error > 10.0, "%s, gradient %d: %g", class.name, wrong, error);
  }
  layer->class = honest;
  net_layer_free(layer);
}

static void expect_noticed(net_layer *layer, size_t rank, const size_t *shape)
{
  expect_noticed_at(layer, rank, shape, NULL);
}

Test(net_gradients, a_wrong_sign_is_noticed_without_parameters)
{
  static const int32_t classes[] = {0, 3, 1};
  static const float shares[] = {1.0f, 0.0f, 0.25f};
  float x[POOLED];
  net_device device;
  net_gradient_quiet = 1;
  net_fixture_open(&device, 14);
  fill_apart(&device, x);
  expect_noticed_at(net_pool(&device, 2, 5, 7, 2), 4, (size_t[]){2, 2, 5, 7}, x);
  for (int curve = NET_RELU; curve <= NET_LEAKY_RELU; curve++) {
    expect_noticed(net_activation(&device, (net_curve)curve), 2, (size_t[]){3, 4});
  }
  expect_noticed(net_dropout(&device, 0.4), 2, (size_t[]){4, 6});
  expect_noticed(net_noise(&device, 6, (net_noise_options){0.5, 1.25, 0.1}), 2, (size_t[]){4, 6});
  expect_noticed(make_loss(&device, NET_SOFTMAX, 3, classes), 2, (size_t[]){3, 4});
  expect_noticed(make_loss(&device, NET_SIGMOID_LOSS, 3, shares), 2, (size_t[]){3, 1});
  net_fixture_close(&device);
}

Test(net_gradients, a_wrong_sign_is_noticed)
{
  const net_conv_shape same = {1, 4, 4, 2, 3, 1, 1};
  const net_recurrent_options cell = {.inputs = 2, .units = 3, .steps = 3, .op = CLNORM_BATCH};
  net_device device;
  net_gradient_quiet = 1;
  net_fixture_open(&device, 11);
  expect_noticed(net_dense(&device, 4, 3, 1, init), 2, (size_t[]){5, 4});
  if (net_gradient_is_slow()) {
    net_fixture_close(&device);
    return;
  }
  expect_noticed(net_conv(&device, same, 1, init), 4, (size_t[]){2, 1, 4, 4});
  expect_noticed(net_norm(&device, 1, (size_t[]){3}, (net_norm_options){0}), 2, (size_t[]){6, 3});
  expect_noticed(net_recurrent(&device, cell), 3, (size_t[]){SEQUENCES, 3, 2});
  net_fixture_close(&device);
}
