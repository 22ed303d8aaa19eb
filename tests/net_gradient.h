/* A layer's gradients against differences of its own forward pass.
 *
 * The loss is sum(y * weights) with random weights, added up in double. Its derivative by one number v is taken from four
 * forward passes, (8 (f(v + h) - f(v - h)) - (f(v + 2 h) - f(v - 2 h))) / (12 h): what it leaves out is of order h^4. */
#ifndef CLNORM_TESTS_NET_GRADIENT_H
#define CLNORM_TESTS_NET_GRADIENT_H

#include "net.h"

/* Opens the device of CLNORM_DEVICE; closing asserts that all went well. */
void net_fixture_open(net_device *device, uint64_t seed);
void net_fixture_close(net_device *device);

/* Numbers of a stream of their own, away from 0: in size from 0.2 to 1.2, so that no kink at 0 is near. */
void net_fixture_values(net_device *device, float *values, size_t count);

/* Whether every pass takes long on this device (CLNORM_TEST_SLOW): a part is tested there. */
int net_gradient_is_slow(void);

/* 1: nothing is printed about gradients that are wrong. */
extern int net_gradient_quiet;

/* The largest error of dx and of every parameter's gradient for such an x, as a multiple of its bound: right is up to 1. */
double net_gradient_error(net_layer *layer, size_t rank, const size_t *shape);

/* The same for an x of the caller's (count of the shape); what is checked of it. */
double net_gradient_error_at(net_layer *layer, size_t rank, const size_t *shape, const float *x);

#endif
