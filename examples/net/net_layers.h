/* The layers. N is the batch; a sample's axes are given when a layer is made, N with each call. */
#ifndef CLNORM_EXAMPLES_NET_LAYERS_H
#define CLNORM_EXAMPLES_NET_LAYERS_H

#include "net_layer.h"

/* y = x * weight (+ bias): (N, inputs in any shape) to (N, outputs). weight is (inputs, outputs). No bias where a batch
 * normalization follows, whose beta does its work. */
net_layer *net_dense(net_device *device, size_t inputs, size_t outputs, int has_bias, net_init init);

/* Cross-correlation over (N, channels, height, width) with zero padding, to (N, filters, height', width') with
 * height' = (height + 2 * padding - size) / stride + 1. weight is (filters, channels, size, size). */
typedef struct net_conv_shape {
  size_t channels, height, width; /* of x */
  size_t filters, size, stride, padding;
} net_conv_shape;
net_layer *net_conv(net_device *device, net_conv_shape shape, int has_bias, net_init init);

/* The largest of each size x size square of (N, channels, height, width); rows and columns left over are not looked at. */
net_layer *net_pool(net_device *device, size_t channels, size_t height, size_t width, size_t size);

typedef enum net_curve { NET_RELU = 1, NET_SIGMOID = 2, NET_TANH = 3, NET_LEAKY_RELU = 4 } net_curve;

/* An activation alone, of any shape. NET_LEAKY_RELU has the slope 0.2 below 0. */
net_layer *net_activation(net_device *device, net_curve curve);

/* In training each element is 0 with that probability, else x / (1 - probability). */
net_layer *net_dropout(net_device *device, double probability);

/* Noise as Santurkar et al. (2018) put behind batch normalization, anew for each step, on in training alone: unit j gets
 * m_j uniform in +- mean and s_j uniform in [1, deviation]; each element gets m uniform in m_j +- spread and s normal
 * around s_j with deviation `spread`, and becomes s * x + m. units: elements of a sample. */
typedef struct net_noise_options {
  double mean, deviation, spread; /* published: 0.5, 1.25, 0.1 */
} net_noise_options;
net_layer *net_noise(net_device *device, size_t units, net_noise_options options);

/* ---- normalization ---------------------------------------------------------------------------------------------- */

typedef struct net_norm_options {
  clnorm_op op;                   /* 0: CLNORM_BATCH */
  size_t groups;                  /* CLNORM_GROUP */
  clnorm_activation activation;   /* fused: y = activation(normalized) */
  double alpha;                   /* the activation's parameter */
  clnorm_preset preset;           /* 0: CLNORM_PRESET_TORCH */
  double epsilon, average_factor; /* 0: the preset's */
} net_norm_options;

/* clnorm's layer over (N, sample's axes): sample has `rank` entries, for (N, C, H, W) {C, H, W}. Of LAYER and RMS the
 * statistics are of a whole sample. Parameters: gamma and beta, which the clnorm_layer owns. */
net_layer *net_norm(net_device *device, size_t rank, const size_t *sample, net_norm_options options);

/* The layer of clnorm inside, for everything else: reset_statistics, set_averaging, read, write, ...; NULL after a failure. */
clnorm_layer *net_norm_inner(net_layer *layer);

typedef enum net_freeze {
  NET_FREE = 0,              /* trained with the batch's statistics */
  NET_FREEZE_STATISTICS = 1, /* in training too the running statistics, which do not change; gamma and beta learn */
  NET_FREEZE_ALL = 2         /* nor do they */
} net_freeze;
void net_norm_freeze(net_layer *layer, net_freeze freeze);

/* Forgets the running statistics (begins != 0); from now on forward passes in training replace them by the plain mean over
 * the batches, whatever is frozen, until it is called with 0. net_model_reestimate does it. Other layers: nothing. */
void net_norm_estimate(net_layer *layer, int begins);

/* ---- recurrent cell ----------------------------------------------------------------------------------------------- */

typedef struct net_recurrent_options {
  size_t inputs, units, steps; /* x is (N, steps, inputs) */
  clnorm_op op;                /* 0: no normalization (then only b is added); CLNORM_BATCH or CLNORM_LAYER */
  double gamma;                /* both gammas at the start; 0: 1 */
  size_t statistics;           /* BATCH: steps with statistics of their own, later ones use the last; 0: all steps */
  net_init input, hidden;
} net_recurrent_options;

/* h' = tanh(norm(x * Wx) + norm(h * Wh) + b), from h = 0 on: (N, steps, inputs) to the last h, (N, units). The two
 * normalizations are separate, each with a gamma and no beta; the statistics are of one step, over the samples. */
net_layer *net_recurrent(net_device *device, net_recurrent_options options);

/* Lengths of the sequences of the following calls, (N) int32_t from 1 to steps: a sequence that has ended keeps its h and
 * has no part in the statistics of later steps. Kept as a view; NULL: all are whole. Other layers: nothing. */
void net_recurrent_set_lengths(net_layer *layer, const net_tensor *lengths);

#endif
