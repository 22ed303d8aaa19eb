/* A layer that owns its state, as a network uses it: batches come in, running statistics gather, then the layer
 * is switched to inference.
 *
 * On an OpenCL device the same layer is made by clnorm_cl_layer_create (clnorm/opencl.h). */
#include <clnorm/layer.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { C = 2, POSITIONS = 64, MOST = 32, BATCHES = 200 };

/* Uniform noise of variance 3 (from -3 to 3) around another mean in each channel. */
static void fill(float *x, size_t batch)
{
  const float means[C] = {5, -20};
  for (size_t i = 0; i < batch * C * POSITIONS; i++) {
    x[i] = means[i / POSITIONS % C] + 6.0f * (float)rand() / (float)RAND_MAX - 3.0f;
  }
}

static int fail(const char *what)
{
  fprintf(stderr, "%s: %s\n", what, clnorm_last_error());
  return 1;
}

/* Mean and variance of what inference makes of one batch, over both channels. */
static void print_moments(const float *y, size_t count, double *mean, double *variance)
{
  double sum = 0, squares = 0;
  for (size_t i = 0; i < count; i++) {
    sum += y[i];
  }
  *mean = sum / (double)count;
  for (size_t i = 0; i < count; i++) {
    squares += (y[i] - *mean) * (y[i] - *mean);
  }
  *variance = squares / (double)count;
  printf("inference: mean %.3f, variance %.3f\n", *mean, *variance);
}

static int use(clnorm_layer *layer)
{
  static float x[MOST * C * POSITIONS], dy[MOST * C * POSITIONS];
  size_t all = 0, trainable = 0;
  if (clnorm_layer_count_parameters(layer, &all, &trainable) != CLNORM_SUCCESS) {
    return fail("count_parameters");
  }
  printf("%zu parameters, %zu of them trainable\n", all, trainable);

  /* Training: each batch may have another size. The backward pass leaves the gradients of gamma and beta in the layer,
   * where an optimizer reads them. */
  for (size_t i = 0; i < BATCHES; i++) {
    static float y[MOST * C * POSITIONS];
    const size_t batch = i % 2 ? MOST : MOST / 2;
    const size_t count = batch * C * POSITIONS;
    fill(x, batch);
    fill(dy, batch);
    if (clnorm_layer_forward(layer, batch, (clnorm_input){x, count}, (clnorm_output){y, count}) != CLNORM_SUCCESS ||
        clnorm_layer_backward(layer, batch, (clnorm_input){x, count}, (clnorm_input){dy, count},
                              (clnorm_output){dy, count}) != CLNORM_SUCCESS) {
      return fail("training");
    }
  }
  float mean[C], variance[C];
  if (clnorm_layer_read(layer, CLNORM_VALUE_RUNNING_MEAN, mean, C) != CLNORM_SUCCESS ||
      clnorm_layer_read(layer, CLNORM_VALUE_RUNNING_VAR, variance, C) != CLNORM_SUCCESS) {
    return fail("read");
  }
  printf("after %d batches: running mean %.2f %.2f, running variance %.2f %.2f\n", BATCHES, mean[0], mean[1],
         variance[0], variance[1]);

  /* Inference: one sample is enough now, and it is normalized in place. */
  const size_t count = C * POSITIONS;
  double y_mean, y_variance;
  fill(x, 1);
  clnorm_layer_set_mode(layer, CLNORM_MODE_INFER);
  if (clnorm_layer_forward(layer, 1, (clnorm_input){x, count}, (clnorm_output){x, count}) != CLNORM_SUCCESS) {
    return fail("inference");
  }
  print_moments(x, count, &y_mean, &y_variance);
  return fabsf(mean[0] - 5) < 0.2f && fabsf(variance[1] - 3) < 0.2f && fabs(y_mean) < 0.3 && y_variance < 1.5 ? 0 : 1;
}

int main(void)
{
  clnorm_desc desc;
  clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH);
  desc.rank = 3;
  desc.dims[0] = MOST; /* only an example: each call tells its own */
  desc.dims[1] = C;
  desc.dims[2] = POSITIONS;
  clnorm_layer *layer = NULL;
  if (clnorm_layer_create(&desc, &layer) != CLNORM_SUCCESS) {
    return fail("layer_create");
  }
  const int ended = use(layer);
  clnorm_layer_destroy(layer);
  return ended;
}
