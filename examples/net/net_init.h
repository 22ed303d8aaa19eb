/* Initial values of weights. */
#ifndef CLNORM_EXAMPLES_NET_INIT_H
#define CLNORM_EXAMPLES_NET_INIT_H

#include "net_tensor.h"

typedef enum net_init_kind {
  NET_INIT_HE = 0,      /* normal, deviation scale * sqrt(2 / inputs) */
  NET_INIT_GLOROT = 1,  /* uniform in +- scale * sqrt(6 / (inputs + outputs)) */
  NET_INIT_NORMAL = 2,  /* normal, deviation scale */
  NET_INIT_UNIFORM = 3, /* uniform in +- scale */
  NET_INIT_ZERO = 4
} net_init_kind;

/* scale 0 counts as 1, so that {NET_INIT_HE} and a {0} one are He's initialization as published. */
typedef struct net_init {
  net_init_kind kind;
  double scale;
} net_init;

/* Fills the tensor from a stream of its own. inputs and outputs: of one unit (its fan-in and fan-out). */
void net_init_fill(net_tensor *tensor, net_init init, size_t inputs, size_t outputs);

#endif
