#include "training.h"

#include <math.h>
#include <stdlib.h>

#define MOST_LOSS 100.0

net_optimizer_options sgd(double rate, double momentum)
{
  return (net_optimizer_options){.kind = NET_SGD, .rate = {.base = rate}, .momentum = momentum};
}

net_optimizer_options adam(double rate) { return (net_optimizer_options){.kind = NET_ADAM, .rate = {.base = rate}}; }

/* ---- data --------------------------------------------------------------------------------------------------- */

void training_upload(net_data *data, net_device *device, const data_set *set, net_loss_kind loss)
{
  /* Images keep their axes; what is none is a vector. */
  const int is_image = set->shape[1] * set->shape[2] > 1;
  const size_t shape[4] = {set->count, is_image ? set->shape[0] : set->features, set->shape[1], set->shape[2]};
  const size_t rank = is_image ? 4 : 2;
  if (loss == NET_SOFTMAX) {
    net_data_make(data, device, rank, shape, set->x, set->labels, NULL);
    return;
  }
  float *labels = malloc((set->count + 1) * sizeof *labels);
  if (labels == NULL) {
    net_device_fail(device, "not enough memory");
    return;
  }
  for (size_t i = 0; i < set->count; i++) {
    labels[i] = (float)set->labels[i];
  }
  net_data_make(data, device, rank, shape, set->x, labels, NULL);
  free(labels);
}

void training_begin(training *t, net_device *device, int seed, const data_set *train, const data_set *test,
                    net_loss_kind loss, net_optimizer_options optimizer)
{
  *t = (training){.device = device};
  net_device_seed(device, (uint64_t)seed);
  training_upload(&t->train, device, train, loss);
  training_upload(&t->test, device, test, loss);
  net_model_make(&t->model, device);
  net_loss_make(&t->loss, device, loss);
  net_optimizer_make(&t->optimizer, device, optimizer);
}

void training_end(training *t)
{
  net_optimizer_free(&t->optimizer);
  net_loss_free(&t->loss);
  net_model_free(&t->model);
  net_data_free(&t->train);
  net_data_free(&t->test);
}

void training_change_test(training *t, const data_set *test)
{
  net_data_free(&t->test);
  t->test = (net_data){0};
  training_upload(&t->test, t->device, test, t->loss.kind);
}

void training_change_optimizer(training *t, net_optimizer_options optimizer)
{
  net_optimizer_free(&t->optimizer);
  net_optimizer_make(&t->optimizer, t->device, optimizer);
}

/* ---- layers ------------------------------------------------------------------------------------------------- */

static clnorm_activation fused(net_curve curve, double *alpha)
{
  *alpha = 0;
  switch (curve) {
    case NET_SIGMOID:
      return CLNORM_ACTIVATION_SIGMOID;
    case NET_TANH:
      return CLNORM_ACTIVATION_TANH;
    case NET_LEAKY_RELU:
      *alpha = 0.2;
      return CLNORM_ACTIVATION_LEAKY_RELU;
    default:
      return CLNORM_ACTIVATION_RELU;
  }
}

static net_layer *add_norm(training *t, size_t width, const mlp_options *o, clnorm_op op, int with_activation)
{
  net_norm_options options = {.op = op, .groups = op == CLNORM_GROUP ? o->groups : 0};
  if (with_activation) {
    options.activation = fused(o->curve, &options.alpha);
  }
  return net_model_add(&t->model, net_norm(t->device, 1, &width, options));
}

static void add_activation(training *t, const mlp_options *o)
{
  (void)net_model_add(&t->model, net_activation(t->device, o->curve != 0 ? o->curve : NET_RELU));
}

static void add_noise(training *t, size_t width)
{
  const net_noise_options published = {.mean = 0.5, .deviation = 1.25, .spread = 0.1};
  (void)net_model_add(&t->model, net_noise(t->device, width, published));
}

/* A hidden layer: a bias only where no batch normalization takes it out again. */
static void add_hidden(training *t, size_t inputs, size_t width, const mlp_options *o)
{
  const size_t i = t->depth++;
  const int before = o->norm != 0 && !o->norm_after;
  const int together = before && !o->apart && !o->noise;
  t->dense[i] =
      net_model_add(&t->model, net_dense(t->device, inputs, width, !before || o->norm != CLNORM_BATCH, o->init));
  t->inputs[i] = t->dense[i];
  if (before) {
    t->norms[i] = t->inputs[i] = add_norm(t, width, o, o->norm, together);
  }
  if (before && o->noise) {
    add_noise(t, width);
    t->inputs[i] = t->model.count > 0 ? t->model.layers[t->model.count - 1] : NULL;
  }
  if (!together) {
    add_activation(t, o);
  }
  if (o->norm != 0 && o->norm_after) {
    t->norms[i] = add_norm(t, width, o, o->norm, 0);
  }
}

void training_add_mlp(training *t, size_t inputs, size_t outputs, const mlp_options *options)
{
  if (options->norm_input) {
    (void)add_norm(t, inputs, options, CLNORM_BATCH, 0);
  }
  for (size_t i = 0; i < MLP_MOST_HIDDEN && options->hidden[i] != 0; i++) {
    add_hidden(t, inputs, options->hidden[i], options);
    inputs = options->hidden[i];
  }
  t->dense[t->depth] =
      net_model_add(&t->model, net_dense(t->device, inputs, outputs, 1, (net_init){NET_INIT_GLOROT, 0}));
}

void training_mlp(training *t, net_device *device, int seed, const data_set *train, const data_set *test,
                  const mlp_options *options, net_optimizer_options optimizer)
{
  const int one = train->classes == 2;
  training_begin(t, device, seed, train, test, one ? NET_SIGMOID_LOSS : NET_SOFTMAX, optimizer);
  training_add_mlp(t, train->features, one ? 1 : (size_t)train->classes, options);
}

/* Convolution to pooling; the image's shape becomes that of what comes out. */
static void add_block(training *t, size_t shape[3], size_t filters, clnorm_op op, size_t groups)
{
  const net_conv_shape conv = {shape[0], shape[1], shape[2], filters, 3, 1, 1};
  const size_t sample[] = {filters, shape[1], shape[2]};
  const net_norm_options options = {.op = op, .groups = op == CLNORM_GROUP ? groups : 0};
  (void)net_model_add(&t->model, net_conv(t->device, conv, op == 0, (net_init){NET_INIT_HE, 0}));
  if (op != 0) {
    t->norms[t->depth] = net_model_add(&t->model, net_norm(t->device, 3, sample, options));
  }
  (void)net_model_add(&t->model, net_activation(t->device, NET_RELU));
  (void)net_model_add(&t->model, net_pool(t->device, filters, shape[1], shape[2], 2));
  shape[0] = filters;
  shape[1] /= 2;
  shape[2] /= 2;
  t->depth++;
}

void training_cnn(training *t, net_device *device, int seed, const data_set *train, const data_set *test,
                  clnorm_op norm, size_t groups, net_optimizer_options optimizer)
{
  size_t shape[] = {train->shape[0], train->shape[1], train->shape[2]};
  training_begin(t, device, seed, train, test, NET_SOFTMAX, optimizer);
  add_block(t, shape, 8, norm, groups);
  add_block(t, shape, 16, norm, groups);
  t->dense[0] = net_model_add(&t->model, net_dense(device, shape[0] * shape[1] * shape[2], (size_t)train->classes, 1,
                                                   (net_init){NET_INIT_GLOROT, 0}));
}

/* ---- running ------------------------------------------------------------------------------------------------ */

static net_score capped(net_score score)
{
  if (!(score.loss < MOST_LOSS)) {
    score.loss = MOST_LOSS;
  }
  if (!(score.accuracy >= 0)) {
    score.accuracy = 0;
  }
  return score;
}

net_score training_epoch(training *t, size_t batch)
{
  return capped(net_model_epoch(&t->model, &t->loss, &t->optimizer, &t->train, batch));
}

net_score training_test(training *t) { return capped(net_model_evaluate(&t->model, &t->loss, &t->test)); }

net_score training_train(training *t) { return capped(net_model_evaluate(&t->model, &t->loss, &t->train)); }

net_score training_run(training *t, size_t batch, int epochs)
{
  for (int epoch = 0; epoch < epochs; epoch++) {
    (void)training_epoch(t, batch);
  }
  return training_test(t);
}

double training_rms(const net_tensor *tensor)
{
  double squares = 0;
  float *values = malloc((tensor->count + 1) * sizeof *values);
  if (values == NULL || tensor->count == 0) {
    free(values);
    return NAN;
  }
  net_tensor_download(tensor, values);
  for (size_t i = 0; i < tensor->count; i++) {
    squares += (double)values[i] * (double)values[i];
  }
  const double rms = sqrt(squares / (double)tensor->count);
  free(values);
  return rms;
}
