/* A set of samples on the device, read in batches by a kernel that gathers rows. */
#ifndef CLNORM_EXAMPLES_NET_DATA_H
#define CLNORM_EXAMPLES_NET_DATA_H

#include "net_tensor.h"

typedef struct net_data {
  net_device *device;
  net_tensor x;       /* (samples, ...) */
  net_tensor labels;  /* (samples) int32_t, or float for NET_SIGMOID_LOSS */
  net_tensor lengths; /* (samples) int32_t of sequences; without memory: none */
  net_tensor order;   /* (samples) int32_t */
  net_tensor batch_x, batch_labels, batch_lengths;
  size_t samples;
  uint32_t stream; /* of the orders */
  int32_t *host_order;
} net_data;

/* Copies samples to the device. x is (shape[0], ...) floats; labels are shape[0] elements of four bytes, int32_t or float;
 * lengths may be NULL. The order is that of the arrays until it is shuffled. */
void net_data_make(net_data *data, net_device *device, size_t rank, const size_t *shape, const float *x,
                   const void *labels, const int32_t *lengths);
void net_data_free(net_data *data);

/* Another order, from the data's own stream of random numbers. One small copy to the device an epoch. */
void net_data_shuffle(net_data *data);

/* Gathers samples [first, first + count) of the order into batch_x, batch_labels and batch_lengths. */
void net_data_batch(net_data *data, size_t first, size_t count);

#endif
