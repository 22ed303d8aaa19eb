/* A layer with state, on each backend: what it holds and what its modes do. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "generate.h"
#include "layer_check.h"

/* ---- what it holds ------------------------------------------------------------------------------------------ */

Test(layer, starts_with_ones_and_zeros_in_mode_train)
{
  layer_fixture f;
  layer_open(&f);
  for (int value = CLNORM_VALUE_GAMMA; value <= CLNORM_VALUE_DBETA; value++) {
    const int one = value == CLNORM_VALUE_GAMMA || value == CLNORM_VALUE_RUNNING_VAR;
    layer_expect_all(&f, (clnorm_layer_value)value, one ? 1.0f : 0.0f);
  }
  cr_assert(clnorm_layer_get_mode(f.layer) == CLNORM_MODE_TRAIN);
  cr_assert(clnorm_layer_batches(f.layer) == 0);
  layer_fixture_close(&f);
}

Test(layer, counts_four_parameters_a_channel_and_two_trainable_ones)
{
  layer_fixture f;
  size_t all = 0;
  size_t trainable = 0;
  layer_open(&f);
  expect_success(clnorm_layer_count_parameters(f.layer, &all, &trainable));
  cr_assert(all == 4 * C && trainable == 2 * C, "%zu, %zu", all, trainable);
  expect_success(clnorm_layer_set_trainable(f.layer, 0, 1));
  expect_success(clnorm_layer_count_parameters(f.layer, NULL, &trainable));
  cr_assert(trainable == C, "%zu", trainable);
  expect_success(clnorm_layer_set_trainable(f.layer, 0, 0));
  expect_success(clnorm_layer_count_parameters(f.layer, &all, NULL));
  expect_success(clnorm_layer_count_parameters(f.layer, NULL, &trainable));
  cr_assert(all == 4 * C && trainable == 0, "%zu, %zu", all, trainable);
  layer_fixture_close(&f);
}

Test(layer, counts_each_activation_where_the_descriptor_says_so)
{
  layer_fixture f;
  clnorm_desc desc;
  size_t all = 0;
  layer_desc(&desc);
  desc.flags = CLNORM_PER_ACTIVATION;
  layer_fixture_open(&f, &desc);
  expect_success(clnorm_layer_count_parameters(f.layer, &all, NULL));
  cr_assert(all == 4 * C * S, "%zu", all);
  layer_fixture_close(&f);
}

Test(layer, does_not_look_at_the_batch_of_its_descriptor)
{
  static const size_t batches[] = {0, 1, 17, SIZE_MAX};
  for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
    layer_fixture f;
    clnorm_desc desc;
    layer_desc(&desc);
    desc.dims[0] = batches[i];
    layer_fixture_open(&f, &desc);
    layer_step(&f, 4, 0.1, 1);
    layer_fixture_close(&f);
  }
}

Test(layer, reads_back_what_was_written)
{
  layer_fixture f;
  float data[C];
  layer_open(&f);
  for (int value = CLNORM_VALUE_GAMMA; value <= CLNORM_VALUE_DBETA; value++) {
    generate_normal(data, C, (uint64_t)value, 0.0, 1.0);
    layer_fixture_write(&f, (clnorm_layer_value)value, data, C);
  }
  for (int value = CLNORM_VALUE_GAMMA; value <= CLNORM_VALUE_DBETA; value++) {
    float got[C];
    generate_normal(data, C, (uint64_t)value, 0.0, 1.0);
    layer_fixture_read(&f, (clnorm_layer_value)value, got, C);
    cr_assert(memcmp(got, data, sizeof got) == 0, "value %d", value);
  }
  layer_fixture_close(&f);
}

/* ---- modes -------------------------------------------------------------------------------------------------- */

Test(layer, trains_and_infers_as_the_reference_in_every_layout)
{
  static const struct {
    clnorm_layout layout;
    uint32_t flags;
    uint32_t rank;
    size_t dims[5];
  } shapes[] = {
      {CLNORM_CHANNELS_FIRST, 0, 2, {0, 7}},          {CLNORM_CHANNELS_FIRST, 0, 4, {0, 3, 9, 5}},
      {CLNORM_CHANNELS_LAST, 0, 5, {0, 2, 3, 4, 6}},  {CLNORM_CHANNELS_FIRST, CLNORM_PER_ACTIVATION, 3, {0, 4, 5}},
      {CLNORM_CHANNELS_FIRST, 0, 4, {0, 2, 128, 81}},
  };
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    layer_fixture f;
    clnorm_desc desc;
    layer_data d;
    layer_desc(&desc);
    desc.layout = shapes[i].layout, desc.flags = shapes[i].flags, desc.rank = shapes[i].rank;
    memcpy(desc.dims, shapes[i].dims, sizeof shapes[i].dims);
    layer_fixture_open(&f, &desc);
    layer_data_open(&d, &f, 3, i);
    layer_give_affine(&f, d.gamma, d.beta, d.counts.parameters);
    layer_data_close(&d);
    layer_step(&f, 3, desc.average_factor, i + 10);
    layer_step(&f, 4, desc.average_factor, i + 20);
    layer_data_open(&d, &f, 2, i + 30);
    expect_success(clnorm_layer_set_mode(f.layer, CLNORM_MODE_INFER));
    layer_check_inference(&f, &d, 2);
    expect_success(clnorm_layer_set_mode(f.layer, CLNORM_MODE_FROZEN));
    layer_check_inference(&f, &d, 2);
    layer_check_gradients(&f, &d, 2, CLNORM_BACKWARD_FROZEN);
    cr_assert(clnorm_layer_batches(f.layer) == 2);
    layer_data_close(&d);
    layer_fixture_close(&f);
  }
}

Test(layer, inference_and_frozen_calls_change_no_statistic)
{
  layer_fixture f;
  float before[4][C];
  float after[C];
  static const clnorm_layer_value values[] = {CLNORM_VALUE_RUNNING_MEAN, CLNORM_VALUE_RUNNING_VAR, CLNORM_VALUE_MEAN,
                                              CLNORM_VALUE_INV_STD};
  layer_data d;
  layer_open(&f);
  layer_step(&f, 6, 0.1, 1);
  for (int i = 0; i < 4; i++) {
    layer_fixture_read(&f, values[i], before[i], C);
  }
  layer_data_open(&d, &f, 3, 2);
  expect_success(clnorm_layer_set_mode(f.layer, CLNORM_MODE_INFER));
  expect_success(layer_fixture_forward(&f, 3, d.x, d.y));
  expect_success(clnorm_layer_set_mode(f.layer, CLNORM_MODE_FROZEN));
  expect_success(layer_fixture_forward(&f, 3, d.x, d.y));
  expect_success(layer_fixture_backward(&f, 3, d.x, d.dy, d.dx));
  for (int i = 0; i < 4; i++) {
    layer_fixture_read(&f, values[i], after, C);
    cr_assert(memcmp(before[i], after, sizeof after) == 0, "value %d", (int)values[i]);
  }
  cr_assert(clnorm_layer_batches(f.layer) == 1);
  layer_data_close(&d);
  layer_fixture_close(&f);
}

/* What a layer has saved can be put back, for a network that uses one layer twice: backward takes it as it is. */
Test(layer, backward_reads_the_saved_statistics)
{
  layer_fixture f;
  layer_data d;
  float value[C];
  float before[C];
  float after[C];
  layer_open(&f);
  layer_data_open(&d, &f, 6, 1);
  expect_success(layer_fixture_forward(&f, 6, d.x, d.y));
  expect_success(layer_fixture_backward(&f, 6, d.x, d.dy, NULL));
  layer_fixture_read(&f, CLNORM_VALUE_DGAMMA, before, C);
  layer_fixture_read(&f, CLNORM_VALUE_INV_STD, value, C);
  for (int c = 0; c < C; c++) {
    value[c] *= 2.0f;
  }
  layer_fixture_write(&f, CLNORM_VALUE_INV_STD, value, C);
  expect_success(layer_fixture_backward(&f, 6, d.x, d.dy, NULL));
  layer_fixture_read(&f, CLNORM_VALUE_DGAMMA, after, C);
  for (int c = 0; c < C; c++) {
    /* dgamma = inv_std * sum(dy * (x - mean)), and a factor of two is exact. */
    cr_assert(after[c] == 2.0f * before[c], "%.9g became %.9g", (double)before[c], (double)after[c]);
  }
  layer_data_close(&d);
  layer_fixture_close(&f);
}

/* A validation in between does not spoil what the training call has saved. */
Test(layer, backward_belongs_to_the_last_training_forward)
{
  layer_fixture f;
  layer_data d;
  layer_data other;
  layer_open(&f);
  layer_data_open(&d, &f, 6, 1);
  expect_success(layer_fixture_forward(&f, 6, d.x, d.y));
  expect_success(clnorm_layer_set_mode(f.layer, CLNORM_MODE_INFER));
  layer_data_open(&other, &f, 2, 2);
  expect_success(layer_fixture_forward(&f, 2, other.x, other.y));
  expect_success(clnorm_layer_set_mode(f.layer, CLNORM_MODE_TRAIN));
  f.desc.dims[0] = 6;
  layer_check_gradients(&f, &d, 6, CLNORM_BACKWARD);
  layer_data_close(&other);
  layer_data_close(&d);
  layer_fixture_close(&f);
}

Test(layer, works_in_place)
{
  layer_fixture f;
  layer_data d;
  float *x;
  layer_open(&f);
  layer_data_open(&d, &f, 6, 1);
  x = malloc(d.counts.elements * sizeof *x);
  cr_assert(x != NULL);
  memcpy(x, d.x, d.counts.elements * sizeof *x);
  expect_success(layer_fixture_forward(&f, 6, d.x, d.y));
  expect_success(layer_fixture_backward(&f, 6, d.x, d.dy, d.dx));
  expect_success(layer_fixture_backward(&f, 6, d.x, d.dy, d.dy));
  cr_assert(memcmp(d.dx, d.dy, d.counts.elements * sizeof *x) == 0);
  expect_success(layer_fixture_forward(&f, 6, x, x));
  cr_assert(memcmp(d.y, x, d.counts.elements * sizeof *x) == 0);
  free(x);
  layer_data_close(&d);
  layer_fixture_close(&f);
}

/* What is not trained gets no gradient, but still takes part. */
Test(layer, computes_only_the_gradients_that_are_trained)
{
  layer_fixture f;
  layer_data d;
  oracle o;
  const float marks[C] = {3, 3, 3, 3, 3};
  layer_open(&f);
  layer_data_open(&d, &f, 6, 1);
  layer_give_affine(&f, d.gamma, d.beta, C);
  layer_fixture_write(&f, CLNORM_VALUE_DGAMMA, marks, C);
  layer_fixture_write(&f, CLNORM_VALUE_DBETA, marks, C);
  layer_check_training(&f, &d, 6, 0.1);
  expect_success(clnorm_layer_set_trainable(f.layer, 0, 0));
  layer_reference(&o, &f, &d, CLNORM_BACKWARD, 0.0);
  expect_success(layer_fixture_backward(&f, 6, d.x, d.dy, d.dx));
  layer_check(&o, ORACLE_DX, d.dx);
  layer_expect_all(&f, CLNORM_VALUE_DGAMMA, 3.0f);
  layer_expect_all(&f, CLNORM_VALUE_DBETA, 3.0f);
  expect_failure(layer_fixture_backward(&f, 6, d.x, d.dy, NULL), CLNORM_INVALID_ARGUMENT, "dx, dgamma, dbeta");
  expect_success(clnorm_layer_set_trainable(f.layer, 0, 1));
  expect_success(layer_fixture_backward(&f, 6, d.x, d.dy, NULL));
  layer_expect_all(&f, CLNORM_VALUE_DGAMMA, 3.0f);
  layer_check_value(&f, &o, ORACLE_DBETA, CLNORM_VALUE_DBETA);
  expect_success(clnorm_layer_set_trainable(f.layer, 1, 0));
  layer_fixture_write(&f, CLNORM_VALUE_DBETA, marks, C);
  expect_success(layer_fixture_backward(&f, 6, d.x, d.dy, d.dx));
  layer_check_value(&f, &o, ORACLE_DGAMMA, CLNORM_VALUE_DGAMMA);
  layer_expect_all(&f, CLNORM_VALUE_DBETA, 3.0f);
  oracle_destroy(&o);
  layer_data_close(&d);
  layer_fixture_close(&f);
}

/* gamma = sqrt(var + epsilon) and beta = mean undo the normalization (Ioffe and Szegedy 2015, section 3). With the
 * float's mean and inv_std, |y - x| <= the bound of y for that gamma and beta, and 8 ulp of gamma from inv_std, 2 of
 * beta from the mean. */
Test(layer, gamma_and_beta_can_undo_the_normalization)
{
  layer_fixture f;
  layer_data d;
  float mean[C];
  float gamma[C];
  layer_open(&f);
  layer_data_open(&d, &f, 8, 1);
  expect_success(layer_fixture_forward(&f, 8, d.x, d.y));
  layer_fixture_read(&f, CLNORM_VALUE_MEAN, mean, C);
  layer_fixture_read(&f, CLNORM_VALUE_INV_STD, gamma, C);
  for (int c = 0; c < C; c++) {
    gamma[c] = 1.0f / gamma[c];
  }
  layer_fixture_write(&f, CLNORM_VALUE_GAMMA, gamma, C);
  layer_fixture_write(&f, CLNORM_VALUE_BETA, mean, C);
  expect_success(layer_fixture_forward(&f, 8, d.x, d.y));
  for (size_t i = 0; i < d.counts.elements; i++) {
    const double moved = fabs((double)d.x[i] - (double)mean[i / S % C]);
    const double bound = (4.0 + 9.0) * 0x1p-23 * moved + (4.0 + 2.0) * 0x1p-23 * fabs((double)mean[i / S % C]) +
                         1e-6 * (double)gamma[i / S % C];
    cr_assert(fabs((double)d.y[i] - (double)d.x[i]) <= bound, "element %zu: %.9g became %.9g", i, (double)d.x[i],
              (double)d.y[i]);
  }
  layer_data_close(&d);
  layer_fixture_close(&f);
}

/* ---- many calls --------------------------------------------------------------------------------------------- */

/* More sizes than plans are kept, upwards, so that the workspace grows, and then back. */
Test(layer, takes_any_sequence_of_batch_sizes)
{
  enum { LARGEST = 40 };
  layer_fixture f;
  layer_open(&f);
  for (size_t batch = 1; batch <= LARGEST; batch += 2) {
    layer_step(&f, batch, 0.1, batch);
  }
  for (size_t batch = LARGEST; batch >= 2; batch /= 2) {
    layer_step(&f, batch, 0.1, batch);
  }
  layer_fixture_close(&f);
}

/* Pages that are in memory, in bytes; 0 where the system does not tell. */
static size_t resident(void)
{
  size_t total = 0;
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) {
    return 0;
  }
  if (fscanf(file, "%zu %zu", &total, &pages) != 2) {
    pages = 0;
  }
  fclose(file);
  return pages * 4096;
}

Test(layer, a_thousand_steps_do_not_grow)
{
  enum { STEPS = 1000, SETTLED = 200 };
  layer_fixture f;
  layer_data d;
  size_t before = 0;
  layer_open(&f);
  layer_data_open(&d, &f, 8, 1);
  for (int i = 0; i < STEPS + SETTLED; i++) {
    const size_t batch = i % 4 == 3 ? 5 : 8;
    if (i == SETTLED) {
      before = resident();
    }
    expect_success(clnorm_layer_set_mode(f.layer, i % 2 ? CLNORM_MODE_FROZEN : CLNORM_MODE_TRAIN));
    expect_success(layer_fixture_forward(&f, batch, d.x, d.y));
    expect_success(layer_fixture_backward(&f, batch, d.x, d.dy, d.dx));
  }
  const size_t after = resident();
#ifndef __SANITIZE_ADDRESS__ /* which keeps what is freed for a while */
  /* 256 bytes a step would be one leaked event. */
  cr_assert(after < before + 256 * 1024, "%zu bytes became %zu in %d steps", before, after, (int)STEPS);
#else
  (void)after;
#endif
  layer_data_close(&d);
  layer_fixture_close(&f);
}

Test(layer, prepares_every_plan_and_tells_errors_of_the_shape)
{
  layer_fixture f;
  clnorm_desc desc;
  layer_desc(&desc);
  desc.rank = 2;
  layer_fixture_open(&f, &desc);
  expect_success(clnorm_layer_prepare(f.layer, 4));
  expect_failure(clnorm_layer_prepare(f.layer, 1), CLNORM_TOO_FEW_VALUES, "desc.dims", "2", "1");
  expect_success(clnorm_layer_set_mode(f.layer, CLNORM_MODE_INFER));
  expect_success(clnorm_layer_prepare(f.layer, 1));
  expect_failure(clnorm_layer_prepare(f.layer, SIZE_MAX / 8), CLNORM_OVERFLOW, "desc.dims");
  expect_failure(clnorm_layer_prepare(NULL, 1), CLNORM_INVALID_ARGUMENT, "layer", "NULL");
  layer_fixture_close(&f);
}
