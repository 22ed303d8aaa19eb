/* Parameters of CLBlast's matrix products where its own are poor. */
#ifndef CLNORM_EXAMPLES_NET_PRODUCTS_H
#define CLNORM_EXAMPLES_NET_PRODUCTS_H

#include "net_device.h"

/* On a CPU: tiles of 64 x 64 with vectors of 8, which are ten times as fast there as what CLBlast 1.5 has for devices that it
 * was not tuned for. Elsewhere nothing. Call it once, before the first product of the process on this device. */
void net_products_tune(net_device *device);

/* The smallest tiles, with nothing unrolled, on any device: slow, but compiled in a tenth of the time. For programs that
 * multiply little, such as tests. Call it like net_products_tune; of several calls the last counts. */
void net_products_shrink(net_device *device);

#endif
