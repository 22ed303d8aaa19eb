/* What a layer refuses, with which sentence, and that nothing changes by it. */
#include <stdint.h>

#include "expect.h"
#include "layer_check.h"

Test(layer_misuse, refuses_bad_descriptors)
{
  layer_fixture f;
  clnorm_desc desc;
  clnorm_layer *const untouched = (clnorm_layer *)&desc;
  clnorm_layer *layer = untouched;
  layer_open(&f);
  layer_desc(&desc);
  desc.dims[1] = 0;
  expect_failure(layer_fixture_make(&f, &desc, &layer), CLNORM_INVALID_SHAPE, "desc.dims[1]", "0");
  desc.dims[1] = SIZE_MAX / 2;
  expect_failure(layer_fixture_make(&f, &desc, &layer), CLNORM_OVERFLOW, "desc.dims");
  layer_desc(&desc);
  desc.dtype = CLNORM_F64;
  expect_failure(layer_fixture_make(&f, &desc, &layer), CLNORM_UNSUPPORTED, "desc.dtype", "float", "F64");
  layer_desc(&desc);
  desc.size = 3;
  expect_failure(layer_fixture_make(&f, &desc, &layer), CLNORM_INVALID_ARGUMENT, "desc.size", "3");
  expect_failure(layer_fixture_make(&f, NULL, &layer), CLNORM_INVALID_ARGUMENT, "desc", "NULL");
  layer_desc(&desc);
  expect_failure(layer_fixture_make(&f, &desc, NULL), CLNORM_INVALID_ARGUMENT, "layer", "NULL");
  cr_assert(layer == untouched);
  layer_fixture_close(&f);
}

Test(layer_misuse, refuses_bad_values_and_counts)
{
  layer_fixture f;
  float values[C + 1] = {7, 7, 7, 7, 7, 7};
  layer_open(&f);
  expect_failure(clnorm_layer_read(f.layer, CLNORM_VALUE_GAMMA, values, C - 1), CLNORM_BUFFER_TOO_SMALL, "count", "5",
                 "gamma", "4");
  expect_failure(clnorm_layer_read(f.layer, CLNORM_VALUE_RUNNING_VAR, values, C + 1), CLNORM_BUFFER_TOO_SMALL, "count",
                 "running_var", "6");
  expect_failure(clnorm_layer_write(f.layer, CLNORM_VALUE_BETA, values, 0), CLNORM_BUFFER_TOO_SMALL, "count", "beta");
  expect_failure(clnorm_layer_write(f.layer, CLNORM_VALUE_BETA, NULL, C), CLNORM_INVALID_ARGUMENT, "data", "NULL");
  expect_failure(clnorm_layer_read(f.layer, (clnorm_layer_value)0, values, C), CLNORM_INVALID_ARGUMENT, "value", "0");
  expect_failure(clnorm_layer_write(f.layer, (clnorm_layer_value)9, values, C), CLNORM_INVALID_ARGUMENT, "value", "9");
  expect_failure(clnorm_layer_write(f.layer, (clnorm_layer_value)-1, values, C), CLNORM_INVALID_ARGUMENT, "value");
  expect_failure(clnorm_layer_read(NULL, CLNORM_VALUE_BETA, values, C), CLNORM_INVALID_ARGUMENT, "layer", "NULL");
  cr_assert(values[0] == 7 && values[C] == 7);
  layer_expect_all(&f, CLNORM_VALUE_BETA, 0.0f);
  cr_assert((clnorm_layer_data(f.layer, CLNORM_VALUE_GAMMA) != NULL) == f.on_cpu);
  cr_assert(clnorm_layer_data(f.layer, (clnorm_layer_value)9) == NULL);
  cr_assert(clnorm_layer_data(NULL, CLNORM_VALUE_GAMMA) == NULL);
  layer_fixture_close(&f);
}

Test(layer_misuse, refuses_bad_state)
{
  layer_fixture f;
  layer_open(&f);
  expect_failure(clnorm_layer_set_mode(f.layer, (clnorm_layer_mode)4), CLNORM_INVALID_ARGUMENT, "mode", "1 to 3", "4");
  expect_failure(clnorm_layer_set_mode(NULL, CLNORM_MODE_INFER), CLNORM_INVALID_ARGUMENT, "layer", "NULL");
  cr_assert(clnorm_layer_get_mode(f.layer) == CLNORM_MODE_TRAIN);
  cr_assert((int)clnorm_layer_get_mode(NULL) == 0 && clnorm_layer_batches(NULL) == 0);
  expect_failure(clnorm_layer_set_averaging(f.layer, (clnorm_averaging)3, 0.1), CLNORM_INVALID_ARGUMENT, "averaging",
                 "3");
  expect_failure(clnorm_layer_set_averaging(f.layer, CLNORM_AVERAGE_EXPONENTIAL, 1.5), CLNORM_INVALID_ARGUMENT,
                 "average_factor", "1.5");
  expect_failure(clnorm_layer_set_averaging(NULL, CLNORM_AVERAGE_EXPONENTIAL, 0.5), CLNORM_INVALID_ARGUMENT, "layer");
  expect_failure(clnorm_layer_set_trainable(NULL, 1, 1), CLNORM_INVALID_ARGUMENT, "layer");
  expect_failure(clnorm_layer_set_batches(NULL, 1), CLNORM_INVALID_ARGUMENT, "layer");
  expect_failure(clnorm_layer_count_parameters(NULL, NULL, NULL), CLNORM_INVALID_ARGUMENT, "layer");
  expect_failure(clnorm_layer_reset_statistics(NULL), CLNORM_INVALID_ARGUMENT, "layer");
  layer_step(&f, 8, 0.1, 1);
  layer_fixture_close(&f);
  clnorm_layer_destroy(NULL);
}

Test(layer_misuse, refuses_backward_without_its_forward)
{
  layer_fixture f;
  layer_data d;
  layer_open(&f);
  layer_data_open(&d, &f, 6, 1);
  expect_failure(layer_fixture_backward(&f, 6, d.x, d.dy, d.dx), CLNORM_INVALID_ARGUMENT, "layer", "forward");
  expect_success(layer_fixture_forward(&f, 6, d.x, d.y));
  expect_failure(layer_fixture_backward(&f, 5, d.x, d.dy, d.dx), CLNORM_INVALID_ARGUMENT, "batch", "6", "5");
  expect_success(clnorm_layer_set_mode(f.layer, CLNORM_MODE_INFER));
  expect_failure(layer_fixture_backward(&f, 6, d.x, d.dy, d.dx), CLNORM_INVALID_ARGUMENT, "layer", "mode", "infer");
  layer_expect_all(&f, CLNORM_VALUE_DGAMMA, 0.0f);
  layer_expect_all(&f, CLNORM_VALUE_DBETA, 0.0f);
  layer_data_close(&d);
  layer_fixture_close(&f);
}

/* Nothing changes by a call that fails: the next one goes on from where the last good one left it. */
Test(layer_misuse, a_failed_call_changes_nothing)
{
  layer_fixture f;
  clnorm_desc desc;
  layer_data d;
  layer_desc(&desc);
  desc.rank = 2;
  desc.averaging = CLNORM_AVERAGE_CUMULATIVE;
  layer_fixture_open(&f, &desc);
  layer_data_open(&d, &f, 6, 1);
  expect_failure(layer_fixture_forward(&f, 1, d.x, d.y), CLNORM_TOO_FEW_VALUES, "desc.dims", "1");
  expect_failure(layer_fixture_forward(&f, 0, d.x, d.y), CLNORM_INVALID_SHAPE, "desc.dims", "empty");
  if (f.on_cpu) {
    expect_failure(clnorm_layer_forward(f.layer, 6, (clnorm_input){NULL}, (clnorm_output){d.y}),
                   CLNORM_INVALID_ARGUMENT, "x", "NULL");
    expect_failure(clnorm_layer_forward(f.layer, 6, (clnorm_input){d.x, 29}, (clnorm_output){d.y}),
                   CLNORM_BUFFER_TOO_SMALL, "x", "30", "29");
    expect_failure(clnorm_layer_forward(f.layer, 6, (clnorm_input){d.x}, (clnorm_output){d.x + 1}), CLNORM_OVERLAP, "y",
                   "x");
    expect_failure(clnorm_layer_forward(f.layer, 6, (clnorm_input){d.x},
                                        (clnorm_output){clnorm_layer_data(f.layer, CLNORM_VALUE_BETA)}),
                   CLNORM_OVERLAP, "y", "beta");
    expect_failure(clnorm_layer_forward(NULL, 6, (clnorm_input){d.x}, (clnorm_output){d.y}), CLNORM_INVALID_ARGUMENT,
                   "layer", "NULL");
    expect_failure(clnorm_layer_backward(NULL, 6, (clnorm_input){d.x}, (clnorm_input){d.dy}, (clnorm_output){d.dx}),
                   CLNORM_INVALID_ARGUMENT, "layer", "NULL");
  }
  cr_assert(clnorm_layer_batches(f.layer) == 0);
  layer_expect_all(&f, CLNORM_VALUE_RUNNING_MEAN, 0.0f);
  layer_expect_all(&f, CLNORM_VALUE_RUNNING_VAR, 1.0f);
  layer_expect_all(&f, CLNORM_VALUE_INV_STD, 0.0f);
  f.desc.dims[0] = 6;
  layer_check_training(&f, &d, 6, 1.0);
  layer_data_close(&d);
  layer_fixture_close(&f);
}

Test(layer_misuse, an_empty_batch_is_no_work_where_statistics_are_fixed)
{
  layer_fixture f;
  float none[1] = {5};
  const float marks[C] = {3, 3, 3, 3, 3};
  layer_open(&f);
  expect_success(clnorm_layer_set_mode(f.layer, CLNORM_MODE_INFER));
  expect_success(layer_fixture_forward(&f, 0, none, none));
  expect_success(clnorm_layer_set_mode(f.layer, CLNORM_MODE_FROZEN));
  layer_fixture_write(&f, CLNORM_VALUE_DGAMMA, marks, C);
  layer_fixture_write(&f, CLNORM_VALUE_DBETA, marks, C);
  expect_success(layer_fixture_backward(&f, 0, none, none, NULL));
  layer_expect_all(&f, CLNORM_VALUE_DGAMMA, 0.0f);
  layer_expect_all(&f, CLNORM_VALUE_DBETA, 0.0f);
  layer_fixture_close(&f);
}
