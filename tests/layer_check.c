#include "layer_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "generate.h"

void layer_desc(clnorm_desc *desc)
{
  expect_success(clnorm_desc_init(desc, sizeof *desc, CLNORM_BATCH, CLNORM_PRESET_TORCH));
  desc->rank = 4;
  desc->dims[0] = 0; /* not looked at */
  desc->dims[1] = C, desc->dims[2] = 3, desc->dims[3] = 4;
}

void layer_open(layer_fixture *f)
{
  clnorm_desc desc;
  layer_desc(&desc);
  layer_fixture_open(f, &desc);
}

/* x with another mean in each channel, and dy. */
static void make_data(float *x, float *dy, size_t elements, uint64_t seed)
{
  generate_normal(x, elements, 2 * seed, 0.0, 1.5);
  generate_normal(dy, elements, 2 * seed + 1, 0.5, 1.0);
  for (size_t i = 0; i < elements; i++) {
    x[i] += (float)(i / S % C);
  }
}

void layer_give_affine(const layer_fixture *f, float *gamma, float *beta, size_t count)
{
  generate_uniform(gamma, count, 101, 0.5, 2.0);
  generate_normal(beta, count, 102, 0.0, 1.0);
  layer_fixture_write(f, CLNORM_VALUE_GAMMA, gamma, count);
  layer_fixture_write(f, CLNORM_VALUE_BETA, beta, count);
}

void layer_check(const oracle *o, oracle_quantity quantity, const float *result)
{
  const oracle_error error = oracle_compare(o, quantity, result);
  cr_assert(error.units <= 1.0, "%s[%llu] is %.9g, expected %.9g within %.3g", oracle_quantity_name(quantity),
            (unsigned long long)error.index, error.got, error.expected, error.tolerance);
}

void layer_check_value(const layer_fixture *f, const oracle *o, oracle_quantity quantity, clnorm_layer_value value)
{
  float *got = malloc((size_t)o->statistics * sizeof *got);
  cr_assert(got != NULL);
  layer_fixture_read(f, value, got, (size_t)o->statistics);
  layer_check(o, quantity, got);
  free(got);
}

void layer_expect_all(const layer_fixture *f, clnorm_layer_value value, float expected)
{
  float got[C];
  layer_fixture_read(f, value, got, C);
  for (int c = 0; c < C; c++) {
    cr_assert(got[c] == expected, "value %d [%d] is %g, expected %g", (int)value, c, (double)got[c], (double)expected);
  }
}

void layer_data_open(layer_data *d, layer_fixture *f, size_t batch, uint64_t seed)
{
  float **arrays[] = {&d->x, &d->dy, &d->y, &d->dx, &d->gamma, &d->beta, &d->running_mean, &d->running_var};
  f->desc.dims[0] = batch;
  expect_success(clnorm_desc_counts(&f->desc, &d->counts));
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
    *arrays[i] = malloc(((i < 4 ? d->counts.elements : d->counts.statistics) + 1) * sizeof(float));
    cr_assert(*arrays[i] != NULL);
  }
  make_data(d->x, d->dy, d->counts.elements, seed);
  layer_fixture_read(f, CLNORM_VALUE_GAMMA, d->gamma, d->counts.parameters);
  layer_fixture_read(f, CLNORM_VALUE_BETA, d->beta, d->counts.parameters);
  layer_fixture_read(f, CLNORM_VALUE_RUNNING_MEAN, d->running_mean, d->counts.statistics);
  layer_fixture_read(f, CLNORM_VALUE_RUNNING_VAR, d->running_var, d->counts.statistics);
}

void layer_data_close(layer_data *d)
{
  float *arrays[] = {d->x, d->dy, d->y, d->dx, d->gamma, d->beta, d->running_mean, d->running_var};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
    free(arrays[i]);
  }
}

void layer_reference(oracle *o, const layer_fixture *f, const layer_data *d, clnorm_pass pass, double weight)
{
  const oracle_inputs in = {.x = d->x,
                            .dy = d->dy,
                            .gamma = d->gamma,
                            .beta = d->beta,
                            .running_mean = d->running_mean,
                            .running_var = d->running_var,
                            .weight = weight};
  cr_assert(oracle_create(o, &f->desc, pass, &in) == 0, "no memory for the reference");
}

void layer_check_training(layer_fixture *f, const layer_data *d, size_t batch, double weight)
{
  oracle o;
  layer_reference(&o, f, d, CLNORM_TRAIN, weight);
  expect_success(layer_fixture_forward(f, batch, d->x, d->y));
  layer_check(&o, ORACLE_Y, d->y);
  layer_check_value(f, &o, ORACLE_MEAN, CLNORM_VALUE_MEAN);
  layer_check_value(f, &o, ORACLE_INV_STD, CLNORM_VALUE_INV_STD);
  layer_check_value(f, &o, ORACLE_RUNNING_MEAN, CLNORM_VALUE_RUNNING_MEAN);
  layer_check_value(f, &o, ORACLE_RUNNING_VAR, CLNORM_VALUE_RUNNING_VAR);
  oracle_destroy(&o);
}

void layer_check_gradients(layer_fixture *f, const layer_data *d, size_t batch, clnorm_pass pass)
{
  oracle o;
  layer_reference(&o, f, d, pass, 0.0);
  expect_success(layer_fixture_backward(f, batch, d->x, d->dy, d->dx));
  layer_check(&o, ORACLE_DX, d->dx);
  layer_check_value(f, &o, ORACLE_DGAMMA, CLNORM_VALUE_DGAMMA);
  layer_check_value(f, &o, ORACLE_DBETA, CLNORM_VALUE_DBETA);
  oracle_destroy(&o);
}

void layer_check_inference(layer_fixture *f, const layer_data *d, size_t batch)
{
  oracle o;
  layer_reference(&o, f, d, CLNORM_INFER, 0.0);
  expect_success(layer_fixture_forward(f, batch, d->x, d->y));
  layer_check(&o, ORACLE_Y, d->y);
  oracle_destroy(&o);
}

void layer_step(layer_fixture *f, size_t batch, double weight, uint64_t seed)
{
  layer_data d;
  layer_data_open(&d, f, batch, seed);
  layer_check_training(f, &d, batch, weight);
  layer_check_gradients(f, &d, batch, CLNORM_BACKWARD);
  layer_data_close(&d);
}
