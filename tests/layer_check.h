/* A layer of 5 channels and 12 positions a channel, its calls held against the reference.
 *
 * Results have to lie within the reference's bounds (oracle/tolerance.c). A layer's backward pass reads the mean and
 * inv_std that its own forward pass saved, as floats: their errors are within the same bounds. */
#ifndef CLNORM_TESTS_LAYER_CHECK_H
#define CLNORM_TESTS_LAYER_CHECK_H

#include "layer_fixture.h"
#include "tolerance.h"

enum { C = 5, S = 12 };

/* The descriptor of such a layer, torch preset, (N, 5, 3, 4), dims[0] left at 0. */
void layer_desc(clnorm_desc *desc);

/* A fixture with such a layer. */
void layer_open(layer_fixture *f);

/* Random gamma and beta, given to the layer. */
void layer_give_affine(const layer_fixture *f, float *gamma, float *beta, size_t count);

/* Asserts that each of the C floats of the value is that number. */
void layer_expect_all(const layer_fixture *f, clnorm_layer_value value, float expected);

/* Tensors of the layer's shape with some batch; gamma, beta and running statistics as the layer held them on opening. */
typedef struct layer_data {
  clnorm_counts counts;
  float *x, *dy, *y, *dx, *gamma, *beta, *running_mean, *running_var;
} layer_data;

void layer_data_open(layer_data *d, layer_fixture *f, size_t batch, uint64_t seed);
void layer_data_close(layer_data *d);

/* The reference of a pass over that data. */
void layer_reference(oracle *o, const layer_fixture *f, const layer_data *d, clnorm_pass pass, double weight);

/* Asserts that a result, or what the layer holds, is near enough to the reference. */
void layer_check(const oracle *o, oracle_quantity quantity, const float *result);
void layer_check_value(const layer_fixture *f, const oracle *o, oracle_quantity quantity, clnorm_layer_value value);

/* One call, with all that it changes checked. */
void layer_check_training(layer_fixture *f, const layer_data *d, size_t batch, double weight);
void layer_check_inference(layer_fixture *f, const layer_data *d, size_t batch);
void layer_check_gradients(layer_fixture *f, const layer_data *d, size_t batch, clnorm_pass pass);

/* Forward and backward in mode train over new data; weight is that of the new value in the running statistics. */
void layer_step(layer_fixture *f, size_t batch, double weight, uint64_t seed);

#endif
