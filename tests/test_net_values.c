/* What the network kit computes, against plain loops in double. Its gradients: test_net_gradients.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net_gradient.h"
#include "net_products.h"

static void expect_near(const char *what, size_t index, double got, double expected, double bound)
{
  cr_expect(fabs(got - expected) <= bound, "%s[%zu] is %.9g, expected %.9g within %.3g", what, index, got, expected,
            bound);
}

static float *forward(net_layer *layer, size_t rank, const size_t *shape, const float *x, net_mode mode)
{
  net_tensor in = net_tensor_from(layer->device, rank, shape, x);
  const net_tensor *y = net_layer_forward(layer, &in, mode);
  cr_assert(y != NULL, "%s", layer->device->error);
  float *out = calloc(y->count + 1, sizeof *out);
  cr_assert(out != NULL);
  net_tensor_download(y, out);
  net_tensor_free(&in);
  return out;
}

static float *values_of(const net_layer *layer, size_t parameter)
{
  const net_tensor *value = &layer->parameters[parameter].value;
  float *out = calloc(value->count + 1, sizeof *out);
  cr_assert(out != NULL);
  net_tensor_download(value, out);
  return out;
}

/* ---- random numbers --------------------------------------------------------------------------------------------- */

Test(net_values, random_bits_are_the_same_on_host_and_device)
{
  enum { COUNT = 1000 };
  static uint32_t got[4 * COUNT];
  const uint64_t seed = 0x123456789abcdef0u;
  const uint32_t stream = 17;
  const uint32_t call = 5;
  net_device device;
  net_fixture_open(&device, seed);
  net_tensor bits = net_vector(&device, (size_t)4 * COUNT);
  NET_LAUNCH(&device, "net_random_bits", COUNT, net_t(&bits), net_u(stream), net_u(call), net_u((uint32_t)seed),
             net_u(seed >> 32));
  net_tensor_download(&bits, got);
  for (uint32_t i = 0; i < COUNT; i++) {
    uint32_t words[4];
    net_random_words(seed, stream, call, i, words);
    cr_assert(memcmp(words, got + (size_t)4 * i, sizeof words) == 0, "index %u", i);
  }
  net_tensor_free(&bits);
  net_fixture_close(&device);
}

/* Mean and deviation within five deviations of their own. */
static void expect_moments(const char *what, const float *values, size_t count, double mean, double deviation)
{
  double sum = 0;
  double squares = 0;
  for (size_t i = 0; i < count; i++) {
    sum += (double)values[i];
  }
  for (size_t i = 0; i < count; i++) {
    squares += pow((double)values[i] - sum / (double)count, 2);
  }
  expect_near(what, 0, sum / (double)count, mean, 5 * deviation / sqrt((double)count));
  expect_near(what, 1, sqrt(squares / (double)count), deviation, 5 * deviation / sqrt((double)count));
}

Test(net_values, random_numbers_have_their_moments)
{
  enum { COUNT = 20000 };
  static float values[COUNT];
  const struct {
    net_init init;
    double deviation;
  } rows[] = {{{NET_INIT_HE}, sqrt(2.0 / 50)},
              {{NET_INIT_GLOROT}, sqrt(6.0 / 80) / sqrt(3)},
              {{NET_INIT_NORMAL, 0.3}, 0.3},
              {{NET_INIT_UNIFORM, 0.3}, 0.3 / sqrt(3)},
              {{NET_INIT_HE, 2.0}, 2 * sqrt(2.0 / 50)}};
  net_device device;
  net_fixture_open(&device, 2);
  net_tensor tensor = net_vector(&device, COUNT);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    net_init_fill(&tensor, rows[i].init, 50, 30);
    net_tensor_download(&tensor, values);
    expect_moments("init", values, COUNT, 0, rows[i].deviation);
  }
  net_init_fill(&tensor, (net_init){NET_INIT_ZERO}, 50, 30);
  net_tensor_download(&tensor, values);
  cr_expect(values[0] == 0.0f && values[COUNT - 1] == 0.0f);
  net_random_fill_normal(&tensor, net_device_stream(&device), 3, 1.0, 0.5);
  net_tensor_download(&tensor, values);
  expect_moments("normal", values, COUNT, 1, 0.5);
  net_tensor_free(&tensor);
  net_fixture_close(&device);
}

Test(net_values, an_order_has_every_number_once)
{
  enum { COUNT = 500 };
  int32_t order[COUNT];
  int32_t other[COUNT];
  int seen[COUNT] = {0};
  size_t moved = 0;
  net_device device;
  net_fixture_open(&device, 3);
  net_random_order(&device, 0, order, COUNT);
  net_random_order(&device, 1, other, COUNT);
  for (int i = 0; i < COUNT; i++) {
    cr_assert(order[i] >= 0 && order[i] < COUNT && !seen[order[i]]);
    seen[order[i]] = 1;
    moved += order[i] != i;
  }
  cr_assert(moved > COUNT / 2 && memcmp(order, other, sizeof order) != 0);
  net_fixture_close(&device);
}

/* ---- layers -------------------------------------------------------------------------------------------------------- */

Test(net_values, dense_is_a_product_and_a_bias)
{
  enum { N = 7, INPUTS = 5, OUTPUTS = 3 };
  float x[N * INPUTS];
  const float bias[OUTPUTS] = {1, -2, 3};
  net_device device;
  net_fixture_open(&device, 4);
  net_fixture_values(&device, x, N * INPUTS);
  net_layer *layer = net_dense(&device, INPUTS, OUTPUTS, 1, (net_init){NET_INIT_GLOROT});
  net_tensor_upload(&layer->parameters[1].value, bias);
  float *weight = values_of(layer, 0);
  float *y = forward(layer, 2, (size_t[]){N, INPUTS}, x, NET_INFER);
  for (int i = 0; i < N * OUTPUTS; i++) {
    double sum = (double)bias[i % OUTPUTS];
    for (int k = 0; k < INPUTS; k++) {
      sum += (double)x[i / OUTPUTS * INPUTS + k] * (double)weight[k * OUTPUTS + i % OUTPUTS];
    }
    expect_near("y", (size_t)i, (double)y[i], sum, 1e-5);
  }
  cr_expect(net_layer_count_trainable(layer) == INPUTS * OUTPUTS + OUTPUTS);
  free(y);
  free(weight);
  net_layer_free(layer);
  net_fixture_close(&device);
}

/* One element of a cross-correlation. */
/* The parameters for CPUs give the same products, with rows, columns and a depth that fill no tile. */
Test(net_values, tuned_products_are_products)
{
  enum { N = 70, INPUTS = 37, OUTPUTS = 66 };
  static float x[N * INPUTS];
  static float dy[N * OUTPUTS];
  static float gradient[INPUTS * OUTPUTS];
  net_device device;
  net_fixture_open(&device, 20);
  net_products_tune(&device);
  net_fixture_values(&device, x, (size_t)N * INPUTS);
  net_fixture_values(&device, dy, (size_t)N * OUTPUTS);
  net_layer *layer = net_dense(&device, INPUTS, OUTPUTS, 0, (net_init){NET_INIT_GLOROT});
  float *weight = values_of(layer, 0);
  float *y = forward(layer, 2, (size_t[]){N, INPUTS}, x, NET_TRAIN);
  for (int i = 0; i < N * OUTPUTS; i++) {
    double sum = 0;
    for (int k = 0; k < INPUTS; k++) {
      sum += (double)x[i / OUTPUTS * INPUTS + k] * (double)weight[k * OUTPUTS + i % OUTPUTS];
    }
    expect_near("y", (size_t)i, (double)y[i], sum, 1e-5);
  }
  layer->x = net_tensor_from(&device, 2, (size_t[]){N, INPUTS}, x); /* forward() has freed what it was a view of */
  net_tensor kept = layer->x;
  net_tensor upper = net_tensor_from(&device, 2, (size_t[]){N, OUTPUTS}, dy);
  net_layer_backward(layer, &upper, 0);
  net_tensor_download(&layer->parameters[0].gradient, gradient);
  for (int i = 0; i < INPUTS * OUTPUTS; i++) {
    double sum = 0;
    for (int n = 0; n < N; n++) {
      sum += (double)x[n * INPUTS + i / OUTPUTS] * (double)dy[n * OUTPUTS + i % OUTPUTS];
    }
    expect_near("gradient", (size_t)i, (double)gradient[i], sum, 1e-4);
  }
  net_tensor_free(&upper);
  net_tensor_free(&kept);
  free(weight);
  free(y);
  net_layer_free(layer);
  net_fixture_close(&device);
}

static double correlate(const net_conv_shape *s, const float *x, const float *weight, size_t filter, long row,
                        long column)
{
  double sum = 0;
  for (size_t c = 0; c < s->channels; c++) {
    for (size_t v = 0; v < s->size; v++) {
      for (size_t h = 0; h < s->size; h++) {
        const long at_row = row * (long)s->stride + (long)v - (long)s->padding;
        const long at_column = column * (long)s->stride + (long)h - (long)s->padding;
        if (at_row >= 0 && at_row < (long)s->height && at_column >= 0 && at_column < (long)s->width) {
          sum += (double)x[(c * s->height + (size_t)at_row) * s->width + (size_t)at_column] *
                 (double)weight[((filter * s->channels + c) * s->size + v) * s->size + h];
        }
      }
    }
  }
  return sum;
}

Test(net_values, convolution_is_a_cross_correlation)
{
  static const struct {
    net_conv_shape shape;
    size_t rows, columns;
  } cases[] = {{{2, 5, 6, 3, 3, 1, 1}, 5, 6}, {{3, 6, 5, 2, 2, 2, 0}, 3, 2}, {{1, 7, 7, 4, 3, 2, 1}, 4, 4}};
  enum { N = 3 };
  static float x[N * 90];
  net_device device;
  net_fixture_open(&device, 5);
  net_fixture_values(&device, x, (size_t)N * 90);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const net_conv_shape *s = &cases[i].shape;
    const size_t sample = s->channels * s->height * s->width;
    const size_t positions = cases[i].rows * cases[i].columns;
    net_layer *layer = net_conv(&device, *s, 0, (net_init){NET_INIT_HE});
    float *weight = values_of(layer, 0);
    float *y = forward(layer, 4, (size_t[]){N, s->channels, s->height, s->width}, x, NET_TRAIN);
    cr_assert(layer->y.count == N * s->filters * positions && layer->y.shape[1] == s->filters);
    for (size_t k = 0; k < layer->y.count; k++) {
      const double expected =
          correlate(s, x + k / (s->filters * positions) * sample, weight, k / positions % s->filters,
                    (long)(k % positions / cases[i].columns), (long)(k % cases[i].columns));
      expect_near("y", k, (double)y[k], expected, 1e-5);
    }
    free(y);
    free(weight);
    net_layer_free(layer);
  }
  net_fixture_close(&device);
}

Test(net_values, pooling_takes_the_largest)
{
  const float x[2 * 3 * 5] = {1, 5, 2, 0, 9, 3, 4, 2, 2, 9, 9, 9, 9, 9, 9, -1, -5, -2, -7, 0, -3, -4, -2, -1, 0};
  const float expected[] = {5, 2, -1, -1};
  net_device device;
  net_fixture_open(&device, 6);
  net_layer *layer = net_pool(&device, 2, 3, 5, 2);
  float *y = forward(layer, 4, (size_t[]){1, 2, 3, 5}, x, NET_INFER);
  cr_expect(layer->y.count == 4 && memcmp(y, expected, sizeof expected) == 0, "%g %g %g %g", (double)y[0], (double)y[1],
            (double)y[2], (double)y[3]);
  free(y);
  net_layer_free(layer);
  net_fixture_close(&device);
}

Test(net_values, activations_are_their_formulas)
{
  const float x[] = {-3, -0.5f, 0.25f, 2};
  const double expected[][4] = {{0, 0, 0.25, 2},
                                {1 / (1 + exp(3)), 1 / (1 + exp(0.5)), 1 / (1 + exp(-0.25)), 1 / (1 + exp(-2))},
                                {tanh(-3), tanh(-0.5), tanh(0.25), tanh(2)},
                                {-0.6, -0.1, 0.25, 2}};
  net_device device;
  net_fixture_open(&device, 7);
  for (int curve = NET_RELU; curve <= NET_LEAKY_RELU; curve++) {
    net_layer *layer = net_activation(&device, (net_curve)curve);
    float *y = forward(layer, 2, (size_t[]){2, 2}, x, NET_TRAIN);
    for (size_t i = 0; i < 4; i++) {
      expect_near("y", i, (double)y[i], expected[curve - NET_RELU][i], 1e-6);
    }
    free(y);
    net_layer_free(layer);
  }
  net_fixture_close(&device);
}

Test(net_values, dropout_drops_a_share_in_training_alone)
{
  enum { COUNT = 20000 };
  static float x[COUNT];
  size_t dropped = 0;
  size_t other = 0;
  net_device device;
  net_fixture_open(&device, 8);
  for (size_t i = 0; i < COUNT; i++) {
    x[i] = 1.0f;
  }
  net_layer *layer = net_dropout(&device, 0.3);
  float *y = forward(layer, 2, (size_t[]){100, COUNT / 100}, x, NET_TRAIN);
  float *next = forward(layer, 2, (size_t[]){100, COUNT / 100}, x, NET_TRAIN);
  float *off = forward(layer, 2, (size_t[]){100, COUNT / 100}, x, NET_INFER);
  for (size_t i = 0; i < COUNT; i++) {
    cr_assert(y[i] == 0.0f || fabs((double)y[i] - 1 / 0.7) < 1e-6);
    dropped += y[i] == 0.0f;
    other += (y[i] == 0.0f) != (next[i] == 0.0f);
    cr_assert(off[i] == 1.0f);
  }
  expect_near("dropped", 0, (double)dropped / COUNT, 0.3, 5 * sqrt(0.3 * 0.7 / COUNT));
  expect_near("other in the next step", 0, (double)other / COUNT, 2 * 0.3 * 0.7, 0.02);
  free(y);
  free(next);
  free(off);
  net_layer_free(layer);
  net_fixture_close(&device);
}

/* y = s * x + m. With x = 0 a unit's mean is m_j and its deviation that of uniform numbers; the units' means are uniform. */
Test(net_values, noise_has_another_mean_for_each_unit_and_step)
{
  enum { N = 400, UNITS = 50 };
  static float x[N * UNITS];
  const net_noise_options options = {0.5, 1.25, 0.1};
  float *y[2];
  double means[2][UNITS] = {{0}};
  double squares = 0;
  net_device device;
  net_fixture_open(&device, 9);
  net_layer *layer = net_noise(&device, UNITS, options);
  for (int step = 0; step < 2; step++) {
    y[step] = forward(layer, 2, (size_t[]){N, UNITS}, x, NET_TRAIN);
    for (int i = 0; i < N * UNITS; i++) {
      means[step][i % UNITS] += (double)y[step][i] / N;
    }
  }
  for (int j = 0; j < UNITS; j++) {
    cr_expect(fabs(means[0][j]) < 0.5 + 0.03 && fabs(means[0][j] - means[1][j]) > 1e-6);
    squares += means[0][j] * means[0][j] / UNITS;
    for (int n = 0; n < N; n++) {
      cr_assert(fabs((double)y[0][n * UNITS + j] - means[0][j]) < 0.1 + 0.03);
    }
  }
  expect_near("deviation of the units' means", 0, sqrt(squares), 0.5 / sqrt(3), 0.1);
  for (int i = 0; i < N * UNITS; i++) {
    x[i] = 1.0f;
  }
  layer->calls = 1; /* the second step's numbers again, so that the difference is s alone */
  float *scaled = forward(layer, 2, (size_t[]){N, UNITS}, x, NET_TRAIN);
  double scale = 0;
  for (int i = 0; i < N * UNITS; i++) {
    scale += ((double)scaled[i] - (double)y[1][i]) / (N * UNITS);
  }
  expect_near("mean of the factors", 0, scale, 1.125, 5 * 0.25 / sqrt(12 * UNITS));
  free(scaled);
  float *off = forward(layer, 2, (size_t[]){N, UNITS}, x, NET_INFER);
  cr_expect(memcmp(off, x, sizeof x) == 0);
  free(off);
  free(y[0]);
  free(y[1]);
  net_layer_free(layer);
  net_fixture_close(&device);
}

/* ---- normalization -------------------------------------------------------------------------------------------------- */

Test(net_values, batch_normalization_takes_the_batchs_statistics_and_then_the_running_ones)
{
  const float x[4 * 2] = {1, 10, 2, 20, 3, 30, 6, 40};
  const double means[] = {3, 25};
  const double vars[] = {3.5, 125};
  net_device device;
  net_fixture_open(&device, 10);
  const net_norm_options options = {.average_factor = 0.25, .epsilon = 1e-3, .activation = CLNORM_ACTIVATION_RELU};
  net_layer *layer = net_norm(&device, 1, (size_t[]){2}, options);
  float *y = forward(layer, 2, (size_t[]){4, 2}, x, NET_TRAIN);
  float *later = forward(layer, 2, (size_t[]){4, 2}, x, NET_INFER);
  for (size_t i = 0; i < 8; i++) {
    const double running_mean = 0.25 * means[i % 2];
    const double running_var = 0.75 + 0.25 * vars[i % 2] * 4 / 3;
    expect_near("y", i, (double)y[i], fmax(0, ((double)x[i] - means[i % 2]) / sqrt(vars[i % 2] + 1e-3)), 1e-5);
    expect_near("later", i, (double)later[i], fmax(0, ((double)x[i] - running_mean) / sqrt(running_var + 1e-3)), 1e-5);
  }
  free(y);
  free(later);
  net_layer_free(layer);
  net_fixture_close(&device);
}

/* The slope of a leaky ReLU reaches clnorm. */
Test(net_values, fused_leaky_relu_has_its_slope)
{
  const float x[4] = {1, 2, 3, 6}; /* mean 3, variance 3.5 */
  net_device device;
  net_fixture_open(&device, 16);
  const net_norm_options options = {.activation = CLNORM_ACTIVATION_LEAKY_RELU, .alpha = 0.3, .epsilon = 1e-3};
  net_layer *layer = net_norm(&device, 1, (size_t[]){1}, options);
  float *y = forward(layer, 2, (size_t[]){4, 1}, x, NET_TRAIN);
  for (size_t i = 0; i < 4; i++) {
    const double normalized = ((double)x[i] - 3) / sqrt(3.5 + 1e-3);
    expect_near("y", i, (double)y[i], normalized > 0 ? normalized : 0.3 * normalized, 1e-5);
  }
  free(y);
  net_layer_free(layer);
  net_fixture_close(&device);
}

/* Frozen, a batch in training is normalized by the statistics that were there before, and leaves them as they are. */
Test(net_values, frozen_statistics_are_used_and_stay)
{
  const float before[4] = {1, 2, 3, 6}; /* mean 3, variance 3.5 */
  const float x[4] = {10, 20, 30, 70};
  const double mean = 0.5 * 3;
  const double var = 0.5 + 0.5 * 3.5 * 4 / 3;
  float running[2];
  net_device device;
  net_fixture_open(&device, 17);
  for (int freeze = NET_FREEZE_STATISTICS; freeze <= NET_FREEZE_ALL; freeze++) {
    net_layer *layer = net_norm(&device, 1, (size_t[]){1}, (net_norm_options){.average_factor = 0.5});
    free(forward(layer, 2, (size_t[]){4, 1}, before, NET_TRAIN));
    net_norm_freeze(layer, (net_freeze)freeze);
    float *y = forward(layer, 2, (size_t[]){4, 1}, x, NET_TRAIN);
    for (size_t i = 0; i < 4; i++) {
      expect_near("y", i, (double)y[i], ((double)x[i] - mean) / sqrt(var + 1e-5), 1e-4);
    }
    clnorm_layer_read(net_norm_inner(layer), CLNORM_VALUE_RUNNING_MEAN, &running[0], 1);
    clnorm_layer_read(net_norm_inner(layer), CLNORM_VALUE_RUNNING_VAR, &running[1], 1);
    expect_near("running mean", 0, (double)running[0], mean, 1e-6);
    expect_near("running variance", 0, (double)running[1], var, 1e-5);
    /* And free again, the batch's own. */
    net_norm_freeze(layer, NET_FREE);
    float *own = forward(layer, 2, (size_t[]){4, 1}, x, NET_TRAIN);
    expect_near("own", 0, (double)own[0], (10 - 32.5) / sqrt(518.75 + 1e-5), 1e-5);
    free(own);
    free(y);
    net_layer_free(layer);
  }
  net_fixture_close(&device);
}

/* The statistics after an estimate are exactly those of all samples, whatever they were before; gamma stays. */
Test(net_values, statistics_are_estimated_anew_from_data)
{
  enum { SAMPLES = 300, WIDTH = 2 };
  static float x[SAMPLES * WIDTH];
  static int32_t labels[SAMPLES];
  const float gamma[WIDTH] = {2, -3};
  float got[WIDTH];
  double mean[WIDTH] = {0};
  double var[WIDTH] = {0};
  net_model model;
  net_data data;
  net_device device;
  net_fixture_open(&device, 11);
  net_fixture_values(&device, x, (size_t)SAMPLES * WIDTH);
  net_data_make(&data, &device, 2, (size_t[]){SAMPLES, WIDTH}, x, labels, NULL);
  net_model_make(&model, &device);
  /* Dropout in front would change them, were it on. */
  net_model_add(&model, net_dropout(&device, 0.5));
  net_layer *layer = net_model_add(&model, net_norm(&device, 1, (size_t[]){WIDTH}, (net_norm_options){0}));
  net_model_add(&model, net_dropout(&device, 0.5));
  net_tensor_upload(&layer->parameters[0].value, gamma);
  net_norm_freeze(layer, NET_FREEZE_ALL);
  net_model_reestimate(&model, &data, 0);
  for (int i = 0; i < SAMPLES * WIDTH; i++) {
    mean[i % WIDTH] += (double)x[i] / SAMPLES;
  }
  for (int i = 0; i < SAMPLES * WIDTH; i++) {
    var[i % WIDTH] += pow((double)x[i] - mean[i % WIDTH], 2) / (SAMPLES - 1);
  }
  clnorm_layer_read(net_norm_inner(layer), CLNORM_VALUE_RUNNING_MEAN, got, WIDTH);
  expect_near("mean", 0, (double)got[0], mean[0], 1e-6);
  expect_near("mean", 1, (double)got[1], mean[1], 1e-6);
  clnorm_layer_read(net_norm_inner(layer), CLNORM_VALUE_RUNNING_VAR, got, WIDTH);
  expect_near("variance", 0, (double)got[0], var[0], 1e-6);
  expect_near("variance", 1, (double)got[1], var[1], 1e-6);
  clnorm_layer_read(net_norm_inner(layer), CLNORM_VALUE_GAMMA, got, WIDTH);
  cr_expect(memcmp(got, gamma, sizeof got) == 0);
  net_model_free(&model);
  net_data_free(&data);
  net_fixture_close(&device);
}

/* ---- recurrent cell --------------------------------------------------------------------------------------------------- */

enum { CELLS = 5, STEPS = 4, IN = 2, UNITS = 3 };

typedef struct cell_reference {
  int own; /* steps with statistics of their own; later ones use the last */
  const float *wx, *wh, *b, *gamma[2];
  double running_mean[2][STEPS][UNITS], running_var[2][STEPS][UNITS];
} cell_reference;

/* Normalizes the rows of v that are active; in training also moves the running statistics. */
static void normalize(cell_reference *r, int which, int t, double v[CELLS][UNITS], const int32_t *lengths, int training)
{
  const int row = t < r->own ? t : r->own - 1;
  for (int j = 0; j < UNITS; j++) {
    double n = 0;
    double mean = 0;
    double var = 0;
    for (int i = 0; i < CELLS; i++) {
      n += t < lengths[i];
      mean += t < lengths[i] ? v[i][j] : 0;
    }
    mean /= n;
    for (int i = 0; i < CELLS; i++) {
      var += t < lengths[i] ? pow(v[i][j] - mean, 2) / n : 0;
    }
    if (training) {
      r->running_mean[which][row][j] = 0.9 * r->running_mean[which][row][j] + 0.1 * mean;
      r->running_var[which][row][j] = 0.9 * r->running_var[which][row][j] + 0.1 * (n > 1 ? var * n / (n - 1) : 0);
    } else {
      mean = r->running_mean[which][row][j];
      var = r->running_var[which][row][j];
    }
    for (int i = 0; i < CELLS; i++) {
      v[i][j] = (double)r->gamma[which][j] * (v[i][j] - mean) / sqrt(var + 1e-5);
    }
  }
}

static void run_reference(cell_reference *r, const float *x, const int32_t *lengths, int training,
                          double h[CELLS][UNITS])
{
  memset(h, 0, sizeof(double[CELLS][UNITS]));
  for (int t = 0; t < STEPS; t++) {
    double a[CELLS][UNITS] = {{0}};
    double c[CELLS][UNITS] = {{0}};
    for (int i = 0; i < CELLS * UNITS; i++) {
      for (int k = 0; k < IN; k++) {
        a[i / UNITS][i % UNITS] += (double)x[(i / UNITS * STEPS + t) * IN + k] * (double)r->wx[k * UNITS + i % UNITS];
      }
      for (int k = 0; k < UNITS; k++) {
        c[i / UNITS][i % UNITS] += h[i / UNITS][k] * (double)r->wh[k * UNITS + i % UNITS];
      }
    }
    normalize(r, 0, t, a, lengths, training);
    normalize(r, 1, t, c, lengths, training);
    for (int i = 0; i < CELLS * UNITS; i++) {
      if (t < lengths[i / UNITS]) {
        h[i / UNITS][i % UNITS] = tanh(a[i / UNITS][i % UNITS] + c[i / UNITS][i % UNITS] + (double)r->b[i % UNITS]);
      }
    }
  }
}

/* statistics: steps with statistics of their own; 0: all. */
static void expect_cell(net_device *device, size_t statistics)
{
  static const int32_t lengths[CELLS] = {4, 2, 4, 1, 3};
  float x[CELLS * STEPS * IN];
  const float bias[UNITS] = {0.1f, -0.2f, 0.3f};
  double expected[CELLS][UNITS];
  cell_reference r = {.own = statistics == 0 ? STEPS : (int)statistics, .b = bias};
  net_fixture_values(device, x, CELLS * STEPS * IN);
  net_layer *layer = net_recurrent(device, (net_recurrent_options){.inputs = IN,
                                                                   .units = UNITS,
                                                                   .steps = STEPS,
                                                                   .op = CLNORM_BATCH,
                                                                   .gamma = 0.5,
                                                                   .statistics = statistics,
                                                                   .input = {NET_INIT_NORMAL},
                                                                   .hidden = {NET_INIT_NORMAL}});
  net_tensor_upload(&layer->parameters[2].value, bias);
  net_tensor tensor = net_tensor_from(device, 1, (size_t[]){CELLS}, lengths);
  net_recurrent_set_lengths(layer, &tensor);
  float *held[] = {values_of(layer, 0), values_of(layer, 1), values_of(layer, 3), values_of(layer, 4)};
  r.wx = held[0], r.wh = held[1], r.gamma[0] = held[2], r.gamma[1] = held[3];
  for (int i = 0; i < 2 * STEPS * UNITS; i++) {
    (&r.running_var[0][0][0])[i] = 1;
  }
  /* Training twice, then the running statistics of each step. */
  for (int pass = 0; pass < 3; pass++) {
    float *y = forward(layer, 3, (size_t[]){CELLS, STEPS, IN}, x, pass < 2 ? NET_TRAIN : NET_INFER);
    run_reference(&r, x, lengths, pass < 2, expected);
    for (int i = 0; i < CELLS * UNITS; i++) {
      expect_near(pass < 2 ? "h in training" : "h", (size_t)i, (double)y[i], expected[i / UNITS][i % UNITS], 2e-4);
    }
    free(y);
  }
  for (int i = 0; i < 4; i++) {
    free(held[i]);
  }
  net_tensor_free(&tensor);
  net_layer_free(layer);
}

Test(net_values, a_recurrent_cell_normalizes_each_step_for_itself)
{
  net_device device;
  net_fixture_open(&device, 12);
  expect_cell(&device, 0);
  expect_cell(&device, 2);
  net_fixture_close(&device);
}

/* ---- models -------------------------------------------------------------------------------------------------------------- */

enum { WAVES = 16, WAVE_STEPS = 5, WAVE_UNITS = 4, WAVE_WEIGHTS = 2 * WAVE_UNITS };

typedef struct wave_outcome {
  net_score before, after;
  float weights[WAVE_WEIGHTS]; /* of the input, after an epoch */
} wave_outcome;

/* `padding` stands behind the ends of the sequences. */
static wave_outcome train_waves(net_device *device, float padding)
{
  static const net_init weights = {NET_INIT_GLOROT};
  static net_optimizer optimizer;
  const net_recurrent_options cell = {
      .inputs = 2, .units = WAVE_UNITS, .steps = WAVE_STEPS, .input = weights, .hidden = weights};
  float x[WAVES][WAVE_STEPS][2];
  int32_t labels[WAVES];
  int32_t lengths[WAVES];
  wave_outcome out = {0};
  net_data data;
  net_model model;
  net_loss loss;
  net_device_seed(device, 18);
  net_fixture_values(device, &x[0][0][0], sizeof x / sizeof(float));
  for (int i = 0; i < WAVES; i++) {
    labels[i] = i % 2;
    lengths[i] = 1 + i % WAVE_STEPS;
    for (int t = lengths[i]; t < WAVE_STEPS; t++) {
      x[i][t][0] = x[i][t][1] = padding;
    }
  }
  net_data_make(&data, device, 3, (size_t[]){WAVES, WAVE_STEPS, 2}, &x[0][0][0], labels, lengths);
  net_model_make(&model, device);
  net_loss_make(&loss, device, NET_SOFTMAX);
  net_optimizer_make(&optimizer, device, (net_optimizer_options){.kind = NET_SGD, .rate = {.base = 0.5}});
  net_layer *layer = net_model_add(&model, net_recurrent(device, cell));
  net_model_add(&model, net_dense(device, WAVE_UNITS, 2, 1, weights));
  out.before = net_model_evaluate(&model, &loss, &data);
  (void)net_model_epoch(&model, &loss, &optimizer, &data, 8);
  net_tensor_download(&layer->parameters[0].value, out.weights);
  out.after = net_model_evaluate(&model, &loss, &data);
  net_optimizer_free(&optimizer);
  net_loss_free(&loss);
  net_model_free(&model);
  net_data_free(&data);
  return out;
}

/* What stands behind the end of a sequence is nothing to a model, neither in training nor in evaluation. */
Test(net_values, models_tell_cells_the_lengths)
{
  net_device device;
  net_fixture_open(&device, 18);
  const wave_outcome zero = train_waves(&device, 0.0f);
  const wave_outcome other = train_waves(&device, 3.0f);
  cr_expect(zero.before.loss == other.before.loss && zero.after.loss == other.after.loss, "%g and %g, %g and %g",
            zero.before.loss, other.before.loss, zero.after.loss, other.after.loss);
  cr_expect(memcmp(zero.weights, other.weights, sizeof zero.weights) == 0);
  cr_expect(zero.before.loss != zero.after.loss); /* it was trained */
  net_fixture_close(&device);
}

/* An evaluation is inference: nothing is dropped, and random layers have had no pass of training. */
Test(net_values, evaluation_is_inference)
{
  enum { SAMPLES = 12, WIDTH = 4 };
  float x[SAMPLES * WIDTH];
  int32_t labels[SAMPLES];
  net_data data;
  net_model model;
  net_loss loss;
  net_device device;
  net_fixture_open(&device, 19);
  net_fixture_values(&device, x, SAMPLES * WIDTH);
  for (int i = 0; i < SAMPLES; i++) {
    labels[i] = i % WIDTH;
  }
  net_data_make(&data, &device, 2, (size_t[]){SAMPLES, WIDTH}, x, labels, NULL);
  net_model_make(&model, &device);
  net_loss_make(&loss, &device, NET_SOFTMAX);
  net_layer *layer = net_model_add(&model, net_dropout(&device, 0.5)); /* in inference x itself */
  const net_score score = net_model_evaluate(&model, &loss, &data);
  double expected = 0;
  for (int i = 0; i < SAMPLES; i++) {
    double sum = 0;
    for (int j = 0; j < WIDTH; j++) {
      sum += exp((double)x[i * WIDTH + j]);
    }
    expected += (log(sum) - (double)x[i * WIDTH + labels[i]]) / SAMPLES;
  }
  expect_near("loss", 0, score.loss, expected, 1e-6);
  cr_expect(score.samples == SAMPLES && layer->calls == 0);
  net_loss_free(&loss);
  net_model_free(&model);
  net_data_free(&data);
  net_fixture_close(&device);
}

/* ---- losses, schedules, optimizers -------------------------------------------------------------------------------------- */

Test(net_values, losses_are_stable_and_count_what_is_right)
{
  const float logits[3 * 3] = {1, 2, 3, 1000, 0, -1000, 0, 0.5f, 0};
  const int32_t labels[] = {2, 0, 0};
  const float pairs[] = {800, -800, 0.5f};
  const float targets[] = {1, 1, 0};
  net_loss loss;
  net_device device;
  net_fixture_open(&device, 13);
  net_tensor z = net_tensor_from(&device, 2, (size_t[]){3, 3}, logits);
  net_tensor t = net_tensor_from(&device, 1, (size_t[]){3}, labels);
  net_loss_make(&loss, &device, NET_SOFTMAX);
  net_loss_forward(&loss, &z, &t);
  net_loss_forward(&loss, &z, &t);
  net_score score = net_loss_read(&loss);
  const double expected = (log(1 + exp(-1) + exp(-2)) + 0 + log(2 + exp(0.5))) / 3;
  expect_near("softmax", 0, score.loss, expected, 1e-6);
  expect_near("right", 0, score.accuracy, 2.0 / 3, 1e-7);
  cr_expect(score.samples == 6);
  score = net_loss_read(&loss);
  cr_expect(score.samples == 0 && isnan(score.loss));
  net_loss_free(&loss);
  net_tensor_free(&z);
  net_tensor_free(&t);
  z = net_tensor_from(&device, 2, (size_t[]){3, 1}, pairs);
  t = net_tensor_from(&device, 1, (size_t[]){3}, targets);
  net_loss_make(&loss, &device, NET_SIGMOID_LOSS);
  net_loss_forward(&loss, &z, &t);
  score = net_loss_read(&loss);
  expect_near("sigmoid", 0, score.loss, (0 + 800 + log(1 + exp(0.5))) / 3, 1e-4);
  expect_near("right", 1, score.accuracy, 1.0 / 3, 1e-7);
  net_loss_free(&loss);
  net_tensor_free(&z);
  net_tensor_free(&t);
  net_fixture_close(&device);
}

Test(net_values, schedules_are_their_formulas)
{
  const net_schedule constant = {.base = 0.3};
  const net_schedule steps = {NET_STEPS, 1, 0.5, 10, 0};
  const net_schedule exponential = {NET_EXPONENTIAL, 1, 0.5, 10, 0};
  const net_schedule cosine = {NET_COSINE, 2, 0.1, 100, 4};
  expect_near("constant", 7, net_schedule_rate(&constant, 7), 0.3, 1e-15);
  expect_near("steps", 9, net_schedule_rate(&steps, 9), 1, 1e-15);
  expect_near("steps", 25, net_schedule_rate(&steps, 25), 0.25, 1e-15);
  expect_near("exponential", 5, net_schedule_rate(&exponential, 5), sqrt(0.5), 1e-15);
  expect_near("cosine", 0, net_schedule_rate(&cosine, 0), 0.5, 1e-15);
  expect_near("cosine", 3, net_schedule_rate(&cosine, 3), 2, 1e-15);
  expect_near("cosine", 4, net_schedule_rate(&cosine, 4), 2, 1e-15);
  expect_near("cosine", 54, net_schedule_rate(&cosine, 54), 1.1, 1e-15);
  expect_near("cosine", 104, net_schedule_rate(&cosine, 104), 0.2, 1e-15);
  expect_near("cosine", 500, net_schedule_rate(&cosine, 500), 0.2, 1e-15);
}

/* Three steps of a parameter whose gradient stays, with a rate of its own of one half. */
Test(net_values, optimizers_are_their_formulas)
{
  const float gradient[] = {0.5f, -2};
  static net_optimizer optimizer;
  net_device device;
  net_fixture_open(&device, 14);
  for (int kind = NET_SGD; kind <= NET_ADAM; kind++) {
    double value[2] = {0};
    double first[2] = {0};
    double second[2] = {0};
    float got[2];
    net_layer *layer = net_dense(&device, 1, 2, 0, (net_init){NET_INIT_ZERO});
    net_layer_set_rate(layer, 0.5);
    net_tensor_upload(&layer->parameters[0].gradient, gradient);
    net_optimizer_make(&optimizer, &device,
                       (net_optimizer_options){
                           .kind = (net_optimizer_kind)kind, .rate = {NET_STEPS, 0.1, 0.5, 2, 0}, .momentum = 0.9});
    for (int t = 0; t < 3; t++) {
      const double rate = 0.5 * 0.1 * (t < 2 ? 1 : 0.5);
      net_optimizer_step(&optimizer, &layer, 1);
      for (int i = 0; i < 2; i++) {
        const double g = (double)gradient[i];
        first[i] = kind == NET_SGD ? 0.9 * first[i] + g : 0.9 * first[i] + 0.1 * g;
        second[i] = 0.999 * second[i] + 0.001 * g * g;
        value[i] -= rate * (kind == NET_SGD ? first[i]
                                            : first[i] / (1 - pow(0.9, t + 1)) /
                                                  (sqrt(second[i] / (1 - pow(0.999, t + 1))) + 1e-8));
      }
    }
    net_layer_set_rate(layer, 0);
    net_optimizer_step(&optimizer, &layer, 1);
    net_tensor_download(&layer->parameters[0].value, got);
    expect_near("value", 0, (double)got[0], value[0], 1e-5 * fabs(value[0]));
    expect_near("value", 1, (double)got[1], value[1], 1e-5 * fabs(value[1]));
    net_optimizer_free(&optimizer);
    net_layer_free(layer);
  }
  net_fixture_close(&device);
}

/* ---- data, errors --------------------------------------------------------------------------------------------------------- */

Test(net_values, batches_are_rows_in_the_datas_order)
{
  enum { SAMPLES = 50, WIDTH = 3 };
  float x[SAMPLES * WIDTH];
  int32_t labels[SAMPLES];
  int32_t lengths[SAMPLES];
  float got[20 * WIDTH];
  int32_t got_labels[20];
  int32_t got_lengths[20];
  net_data data;
  net_device device;
  net_fixture_open(&device, 15);
  for (int i = 0; i < SAMPLES * WIDTH; i++) {
    x[i] = (float)i;
    labels[i / WIDTH] = 100 + i / WIDTH;
    lengths[i / WIDTH] = 200 + i / WIDTH;
  }
  net_data_make(&data, &device, 2, (size_t[]){SAMPLES, WIDTH}, x, labels, lengths);
  for (int shuffled = 0; shuffled < 2; shuffled++) {
    int in_order = 0;
    net_data_batch(&data, 30, 20);
    net_tensor_download(&data.batch_x, got);
    net_tensor_download(&data.batch_labels, got_labels);
    net_tensor_download(&data.batch_lengths, got_lengths);
    for (int n = 0; n < 20; n++) {
      const int sample = data.host_order[30 + n];
      in_order += sample == 30 + n;
      cr_assert(got_labels[n] == 100 + sample && got_lengths[n] == 200 + sample);
      cr_assert(memcmp(got + (size_t)n * WIDTH, x + (size_t)sample * WIDTH, WIDTH * sizeof *x) == 0);
    }
    cr_assert(shuffled ? in_order < 10 : in_order == 20);
    net_data_shuffle(&data);
  }
  net_data_free(&data);
  net_fixture_close(&device);
}

/* The first error stays, nothing after it does anything, and the device can go on when it has been told to. */
Test(net_values, errors_are_kept_until_they_are_cleared)
{
  net_device device;
  net_fixture_open(&device, 16);
  net_layer *layer = net_dense(&device, 3, 2, 0, (net_init){NET_INIT_HE});
  net_tensor wrong = net_matrix(&device, 4, 5);
  net_tensor right = net_matrix(&device, 4, 3);
  net_layer_forward(layer, &wrong, NET_TRAIN);
  cr_assert(!net_device_ok(&device) && strstr(device.error, "3") != NULL && strstr(device.error, "5") != NULL, "%s",
            device.error);
  cr_assert(net_layer_forward(layer, &right, NET_TRAIN) == NULL);
  cr_assert(net_dense(&device, 3, 2, 0, (net_init){NET_INIT_HE}) == NULL);
  cr_assert(strstr(device.error, "dense") != NULL, "%s", device.error);
  net_device_clear(&device);
  cr_assert(net_layer_forward(layer, &right, NET_TRAIN) != NULL);
  cr_assert(net_conv(&device, (net_conv_shape){1, 2, 2, 1, 3, 1, 0}, 0, (net_init){NET_INIT_HE}) == NULL);
  net_device_clear(&device);
  cr_assert(net_pool(&device, 1, 2, 2, 3) == NULL);
  net_device_clear(&device);
  net_layer *norm = net_norm(&device, 1, (size_t[]){3}, (net_norm_options){0});
  const net_tensor one = net_tensor_rows(&right, 0, 1);
  net_layer_forward(norm, &one, NET_TRAIN); /* of one value there is no variance */
  cr_assert(strstr(device.error, "2 values") != NULL, "%s", device.error);
  net_device_clear(&device);
  net_layer_free(norm);
  net_layer_free(layer);
  net_tensor_free(&wrong);
  net_tensor_free(&right);
  net_fixture_close(&device);
  net_device_open(&device, "no device has such a name", 1);
  cr_assert(!net_device_ok(&device) && strstr(device.error, "no device has such a name") != NULL, "%s", device.error);
  net_device_close(&device);
}
