/* Random numbers: Philox4x32-10 of (seed, stream, call, index). On the host from Random123, on the device from
 * net_kernels.cl; the 32 bits are the same. */
#ifndef CLNORM_EXAMPLES_NET_RANDOM_H
#define CLNORM_EXAMPLES_NET_RANDOM_H

#include "net_tensor.h"

/* The four words of one index. */
void net_random_words(uint64_t seed, uint32_t stream, uint32_t call, uint32_t index, uint32_t words[4]);

/* On the host, from one stream of the device's seed: uniform in (0, 1), and normal with mean 0 and deviation 1. */
double net_random_uniform(const net_device *device, uint32_t stream, uint32_t index);
double net_random_normal(const net_device *device, uint32_t stream, uint32_t index);

/* An order of 0 ... count - 1 by Fisher and Yates. */
void net_random_order(const net_device *device, uint32_t stream, int32_t *order, size_t count);

/* Fills a tensor on the device with normal numbers, without a copy from the host. `call` numbers the fills of one stream. */
void net_random_fill_normal(net_tensor *tensor, uint32_t stream, uint32_t call, double mean, double deviation);

#endif
