/* A layer on the device that CLNORM_DEVICE names ("cpu" or unset: the CPU backend), fed from host arrays.
 *
 * Each tensor of a call is copied into memory of its own, outputs are NaN before the call and are copied back after it.
 * Closing checks that neither the context nor the queue has gained a reference: nothing of OpenCL has leaked. */
#ifndef CLNORM_TESTS_LAYER_FIXTURE_H
#define CLNORM_TESTS_LAYER_FIXTURE_H

#include "clnorm/layer.h"
#ifdef CLNORM_TEST_OPENCL
#include "clnorm/opencl.h"
#endif

typedef struct layer_fixture {
  clnorm_desc desc; /* dims[0] is that of the last call */
  clnorm_layer *layer;
  int on_cpu;
#ifdef CLNORM_TEST_OPENCL
  cl_device_id device;
  cl_context context;
  cl_command_queue queue; /* out-of-order where the device offers it */
  clnorm_cl *cl;
#endif
} layer_fixture;

/* Opens the device and makes a layer; asserts that both work. */
void layer_fixture_open(layer_fixture *f, const clnorm_desc *desc);
void layer_fixture_close(layer_fixture *f);

/* Makes one more layer on the fixture's device; its status, untouched *layer on failure. */
clnorm_status layer_fixture_make(const layer_fixture *f, const clnorm_desc *desc, clnorm_layer **layer);

/* A forward or backward call, and its end. y may be x and dx may be dy: then the call is in place. dx NULL: not wanted. */
clnorm_status layer_fixture_forward(layer_fixture *f, size_t batch, const float *x, float *y);
clnorm_status layer_fixture_backward(layer_fixture *f, size_t batch, const float *x, const float *dy, float *dx);

/* The layer's value; asserts that it can be read. `to` has room for `count` floats. */
void layer_fixture_read(const layer_fixture *f, clnorm_layer_value value, float *to, size_t count);
void layer_fixture_write(const layer_fixture *f, clnorm_layer_value value, const float *from, size_t count);

#ifdef CLNORM_TEST_OPENCL
/* For layer_fixture.c: the same on OpenCL. */
void layer_fixture_cl_open(layer_fixture *f, const char *selector);
void layer_fixture_cl_close(layer_fixture *f);
clnorm_status layer_fixture_cl_forward(layer_fixture *f, size_t batch, const float *x, float *y, size_t elements);
clnorm_status layer_fixture_cl_backward(layer_fixture *f, size_t batch, const float *x, const float *dy, float *dx,
                                        size_t elements);
#endif

#endif
