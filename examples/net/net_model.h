/* A model: layers one after the other.
 *
 *   net_model model;
 *   net_model_make(&model, &device);
 *   net_model_add(&model, net_dense(&device, 784, 128, 0, (net_init){NET_INIT_HE}));
 *   net_model_add(&model, net_norm(&device, 1, (size_t[]){128}, (net_norm_options){.activation = CLNORM_ACTIVATION_RELU}));
 *   net_model_add(&model, net_dense(&device, 128, 10, 1, (net_init){NET_INIT_GLOROT}));
 *   for (...) net_model_step(&model, &loss, &optimizer, &x, &labels); */
#ifndef CLNORM_EXAMPLES_NET_MODEL_H
#define CLNORM_EXAMPLES_NET_MODEL_H

#include "net_data.h"
#include "net_layers.h"
#include "net_loss.h"
#include "net_optimizer.h"

#define NET_MODEL_LAYERS 256

typedef struct net_model {
  net_device *device;
  net_layer *layers[NET_MODEL_LAYERS];
  size_t count;
} net_model;

void net_model_make(net_model *model, net_device *device);

/* Takes the layer over. Returns it. NULL (a maker that failed) is recorded as the device's error. */
net_layer *net_model_add(net_model *model, net_layer *layer);

/* Frees the layers, too. */
void net_model_free(net_model *model);

/* The last layer's y. */
const net_tensor *net_model_forward(net_model *model, const net_tensor *x, net_mode mode);

/* From the gradient at the last y. Returns the first layer's dx if it is wanted, else NULL. */
const net_tensor *net_model_backward(net_model *model, const net_tensor *dy, int wants_dx);

/* Forward, loss, backward, optimizer's step. Nothing is copied to the host; nothing is waited for but, now and then, a queue
 * that has grown long. */
void net_model_step(net_model *model, net_loss *loss, net_optimizer *optimizer, const net_tensor *x,
                    const net_tensor *labels);

/* One pass over the data in a new order, in batches; a remainder of the last batch is left out. Returns the mean loss and
 * accuracy over the epoch, as the batches were met. */
net_score net_model_epoch(net_model *model, net_loss *loss, net_optimizer *optimizer, net_data *data, size_t batch);

/* Mean loss and accuracy of the model over all samples of the data, in mode infer. */
net_score net_model_evaluate(net_model *model, net_loss *loss, net_data *data);

/* Sets all running statistics of the normalizations anew from the data; gamma, beta and all weights are kept. With `batch`
 * 0 all samples are one batch, and the statistics of each layer exactly those of what it gets. */
void net_model_reestimate(net_model *model, net_data *data, size_t batch);

/* Numbers that are trained. */
size_t net_model_count_trainable(const net_model *model);

#endif
