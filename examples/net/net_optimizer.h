/* Optimizers: one kernel a parameter and step. */
#ifndef CLNORM_EXAMPLES_NET_OPTIMIZER_H
#define CLNORM_EXAMPLES_NET_OPTIMIZER_H

#include "net_layer.h"
#include "net_schedule.h"

typedef enum net_optimizer_kind {
  NET_SGD = 0, /* v = momentum * v + gradient, value -= rate * v */
  NET_ADAM = 1 /* Kingma and Ba 2015, Algorithm 1 */
} net_optimizer_kind;

typedef struct net_optimizer_options {
  net_optimizer_kind kind;
  net_schedule rate;            /* {.base = 0.1} is a constant rate */
  double momentum;              /* SGD */
  double beta1, beta2, epsilon; /* Adam; 0: 0.9, 0.999, 1e-8 */
} net_optimizer_options;

#define NET_OPTIMIZER_PARAMETERS 512

typedef struct net_optimizer {
  net_device *device;
  net_optimizer_options options;
  size_t step; /* steps made */
  struct net_optimizer_slot {
    const net_parameter *parameter; /* whose moments these are */
    net_tensor moments[2];
  } slots[NET_OPTIMIZER_PARAMETERS];
  size_t slot_count;
} net_optimizer;

void net_optimizer_make(net_optimizer *optimizer, net_device *device, net_optimizer_options options);
void net_optimizer_free(net_optimizer *optimizer);

/* One step of all parameters whose rate is not 0. The same layers in each step. */
void net_optimizer_step(net_optimizer *optimizer, net_layer *const *layers, size_t layer_count);

#endif
