/* What most experiments do: make a network of dense layers by a few choices, train it, look at it. */
#ifndef CLNORM_EXPERIMENTS_TRAINING_H
#define CLNORM_EXPERIMENTS_TRAINING_H

#include "data_set.h"
#include "net.h"

enum { MLP_MOST_HIDDEN = 64 };

/* A network of dense layers. All that is 0 is left out or has the kit's default. */
typedef struct mlp_options {
  size_t hidden[MLP_MOST_HIDDEN]; /* widths; a 0 ends them */
  net_curve curve;                /* behind each hidden layer; 0: ReLU */
  clnorm_op norm;                 /* of each hidden layer; 0: none */
  size_t groups;                  /* CLNORM_GROUP */
  int norm_after;                 /* behind the activation instead of before it */
  int norm_input;                 /* batch normalization of the input, too */
  int noise;                      /* Santurkar's noise behind each normalization */
  int apart;                      /* activation and normalization as layers of their own, whose y can be looked at */
  net_init init;                  /* of the hidden layers; the output layer's is Glorot's */
} mlp_options;

/* One network being trained, its data and everything around it. */
typedef struct training {
  net_device *device;
  net_data train, test;
  net_model model;
  net_loss loss;
  net_optimizer optimizer;
  net_layer *dense[MLP_MOST_HIDDEN + 1]; /* the last is the output layer */
  net_layer *norms[MLP_MOST_HIDDEN];
  net_layer *inputs[MLP_MOST_HIDDEN]; /* whose y goes into each activation, if `apart` */
  size_t depth;                       /* hidden layers */
} training;

/* A rate that stays. */
net_optimizer_options sgd(double rate, double momentum);
net_optimizer_options adam(double rate);

/* Seeds the device and makes everything but the layers: they are the caller's to add to t->model. Two trainings of one seed
 * see the same samples in the same order.
 *   loss   NET_SIGMOID_LOSS takes labels 0 and 1 of sets with two classes */
void training_begin(training *t, net_device *device, int seed, const data_set *train, const data_set *test,
                    net_loss_kind loss, net_optimizer_options optimizer);

/* training_begin and the layers: `outputs` 1 takes NET_SIGMOID_LOSS, others softmax. Initial weights are the same for the
 * same widths, whatever else differs. */
void training_mlp(training *t, net_device *device, int seed, const data_set *train, const data_set *test,
                  const mlp_options *options, net_optimizer_options optimizer);

/* The layers alone: puts them behind what t->model has, for samples of `inputs` elements. */
void training_add_mlp(training *t, size_t inputs, size_t outputs, const mlp_options *options);

/* A small network for images: two times 3 x 3 convolution, normalization, ReLU and 2 x 2 pooling, of 8 and 16 filters, then a
 * dense layer. `norm` 0: none. */
void training_cnn(training *t, net_device *device, int seed, const data_set *train, const data_set *test,
                  clnorm_op norm, size_t groups, net_optimizer_options optimizer);

/* One epoch, and the score of the epoch as its batches were met. */
net_score training_epoch(training *t, size_t batch);

/* Several epochs, then the score on the held-out samples. */
net_score training_run(training *t, size_t batch, int epochs);

/* In mode infer, of the held-out samples and of the training samples. Loss is capped at 100, also if it is NaN: a training that
 * went astray is a bad result and not none. */
net_score training_test(training *t);
net_score training_train(training *t);

/* Puts other held-out samples into t->test. */
void training_change_test(training *t, const data_set *test);

/* Another optimizer from here on, with no memory of the one before. */
void training_change_optimizer(training *t, net_optimizer_options optimizer);

/* Copies a set to the device, labels as the loss wants them. */
void training_upload(net_data *data, net_device *device, const data_set *set, net_loss_kind loss);

void training_end(training *t);

/* Root mean square of a tensor's elements. */
double training_rms(const net_tensor *tensor);

#endif
