/* The one interface of all layers. A layer is a function from a batch to a batch, with parameters and their gradients.
 *
 *   y  = net_layer_forward(layer, x, NET_TRAIN)     keeps what the backward pass needs, and a view of x
 *   dx = net_layer_backward(layer, dy, 1)           gradients of the last forward pass; overwrites parameters' gradients
 *
 * y and dx belong to the layer, and stay until its next call: what an experiment wants to see is there (net_tensor_download).
 * A new kind of layer: a structure that begins with a net_layer, and a net_layer_class. */
#ifndef CLNORM_EXAMPLES_NET_LAYER_H
#define CLNORM_EXAMPLES_NET_LAYER_H

#include "net_init.h"
#include "net_tensor.h"

typedef enum net_mode {
  NET_TRAIN = 1, /* statistics of the batch, dropout and noise on */
  NET_INFER = 2  /* running statistics, dropout and noise off; no backward */
} net_mode;

/* A value that an optimizer changes, and the gradient that it follows. */
typedef struct net_parameter {
  const char *name; /* "weight", "bias", "gamma", ... */
  net_tensor value;
  net_tensor gradient;
  double rate; /* scales the learning rate: 1 at the start, 0 holds the parameter */
} net_parameter;

#define NET_LAYER_PARAMETERS 6

typedef struct net_layer net_layer;

typedef struct net_layer_class {
  const char *name; /* "dense" */
  /* From layer->x, which is set, to layer->y. */
  void (*forward)(net_layer *layer, net_mode mode);
  /* From dy to the parameters' gradients and, if wanted, to layer->dx, which has the shape of x already. */
  void (*backward)(net_layer *layer, const net_tensor *dy, int wants_dx);
  void (*free)(net_layer *layer); /* what the structure owns beyond net_layer; NULL: nothing */
} net_layer_class;

struct net_layer {
  const net_layer_class *class;
  net_device *device;
  net_parameter parameters[NET_LAYER_PARAMETERS];
  size_t parameter_count;
  uint32_t calls; /* forward passes in training so far: random layers draw other numbers in each */
  net_tensor x;   /* view of the last forward pass's input */
  net_tensor y;   /* its output */
  net_tensor dx;  /* of the last backward pass that wanted it */
};

/* Each is NULL-safe (after a failure a maker gives NULL). They return &layer->y and &layer->dx. */
const net_tensor *net_layer_forward(net_layer *layer, const net_tensor *x, net_mode mode);
const net_tensor *net_layer_backward(net_layer *layer, const net_tensor *dy, int wants_dx);
void net_layer_free(net_layer *layer);

/* Scales the learning rate of all parameters of the layer; 0 freezes them. Of a normalization see net_norm_freeze too. */
void net_layer_set_rate(net_layer *layer, double rate);

/* Numbers that the optimizer changes (whose rate is not 0). */
size_t net_layer_count_trainable(const net_layer *layer);

/* ---- for makers of layers -------------------------------------------------------------------------------------- */

/* A zeroed structure of `size` bytes that begins with a net_layer; NULL after a failure. */
void *net_layer_make(net_device *device, const net_layer_class *class, size_t size);

/* Adds a parameter with memory for value and gradient, both zero. Returns it. */
net_parameter *net_layer_add(net_layer *layer, const char *name, size_t rank, const size_t *shape);

#endif
