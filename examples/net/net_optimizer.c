#include "net_optimizer.h"

#include <math.h>
#include <string.h>

static double or_default(double value, double otherwise) { return value != 0.0 ? value : otherwise; }

void net_optimizer_make(net_optimizer *optimizer, net_device *device, net_optimizer_options options)
{
  memset(optimizer, 0, sizeof *optimizer);
  options.beta1 = or_default(options.beta1, 0.9);
  options.beta2 = or_default(options.beta2, 0.999);
  options.epsilon = or_default(options.epsilon, 1e-8);
  optimizer->device = device;
  optimizer->options = options;
}

void net_optimizer_free(net_optimizer *optimizer)
{
  for (size_t i = 0; i < optimizer->slot_count; i++) {
    net_tensor_free(&optimizer->slots[i].moments[0]);
    net_tensor_free(&optimizer->slots[i].moments[1]);
  }
  optimizer->slot_count = 0;
}

/* The parameter's moments, made at its first step; NULL after a failure. */
static net_tensor *moments_of(net_optimizer *optimizer, const net_parameter *parameter)
{
  for (size_t i = 0; i < optimizer->slot_count; i++) {
    if (optimizer->slots[i].parameter == parameter) {
      return optimizer->slots[i].moments;
    }
  }
  if (optimizer->slot_count == NET_OPTIMIZER_PARAMETERS) {
    net_device_fail(optimizer->device, "optimizer: more than %d parameters", NET_OPTIMIZER_PARAMETERS);
    return NULL;
  }
  struct net_optimizer_slot *slot = &optimizer->slots[optimizer->slot_count++];
  slot->parameter = parameter;
  for (int i = 0; i < (optimizer->options.kind == NET_ADAM ? 2 : 1); i++) {
    slot->moments[i] = net_vector(optimizer->device, parameter->value.count);
  }
  return slot->moments;
}

static void step_one(net_optimizer *optimizer, const net_parameter *parameter, double rate)
{
  const net_optimizer_options *options = &optimizer->options;
  net_tensor *moments = moments_of(optimizer, parameter);
  if (moments == NULL) {
    return;
  }
  if (options->kind == NET_SGD) {
    NET_LAUNCH(optimizer->device, "net_sgd", parameter->value.count, net_t(&parameter->gradient),
               net_t(&parameter->value), net_t(&moments[0]), net_f(rate), net_f(options->momentum));
    return;
  }
  const double t = (double)optimizer->step + 1.0;
  NET_LAUNCH(optimizer->device, "net_adam", parameter->value.count, net_t(&parameter->gradient),
             net_t(&parameter->value), net_t(&moments[0]), net_t(&moments[1]), net_f(rate), net_f(options->beta1),
             net_f(options->beta2), net_f(options->epsilon), net_f(1.0 / (1.0 - pow(options->beta1, t))),
             net_f(1.0 / (1.0 - pow(options->beta2, t))));
}

void net_optimizer_step(net_optimizer *optimizer, net_layer *const *layers, size_t layer_count)
{
  const double rate = net_schedule_rate(&optimizer->options.rate, optimizer->step);
  for (size_t i = 0; i < layer_count; i++) {
    for (size_t p = 0; layers[i] != NULL && p < layers[i]->parameter_count; p++) {
      const net_parameter *parameter = &layers[i]->parameters[p];
      if (parameter->rate != 0.0) {
        step_one(optimizer, parameter, rate * parameter->rate);
      }
    }
  }
  optimizer->step++;
}
