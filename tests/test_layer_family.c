/* A layer of every operation, activation and storage type that it takes, against the reference of the family. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "family_cases.h"
#include "layer_fixture.h"
#include "layer_run.h"

#define FAILURES_SHOWN 12

typedef struct tally {
  size_t runs, failures;
} tally;

static int is_dense(const clnorm_desc *desc)
{
  for (int tensor = 0; tensor < CLNORM_TENSORS; tensor++) {
    for (uint32_t axis = 0; axis < desc->rank; axis++) {
      if (desc->strides[tensor][axis] != 0) {
        return 0;
      }
    }
  }
  return 1;
}

static int has_no_channels(clnorm_op op) { return op == CLNORM_LAYER || op == CLNORM_RMS; }

/* Whether a layer is documented to take it. */
static int is_taken(const clnorm_desc *desc)
{
  return (desc->flags & ~CLNORM_PER_ACTIVATION) == 0 && desc->length_axis == 0 && desc->dtype != CLNORM_F64 &&
         is_dense(desc) && !(has_no_channels(desc->op) && desc->axis == 0);
}

static int has_output(const family_case *c, clnorm_pass pass)
{
  return pass == CLNORM_TRAIN || pass == CLNORM_INFER ||
         (c->with & (TRIAL_WITH_DX | TRIAL_WITH_DGAMMA | TRIAL_WITH_DBETA)) != 0;
}

static void check_pass(tally *t, const family_case *c, clnorm_pass pass, layer_run *r)
{
  trial_result result;
  trial *made = trial_create(&c->desc, &c->data);
  cr_assert(made != NULL);
  t->runs++;
  if (!trial_check(made, pass, c->with, layer_run_pass, r, &result) && t->failures++ < FAILURES_SHOWN) {
    (void)fprintf(stderr, "%s%s%s\n", result.problem, result.status == 0 ? "" : ": ",
                  result.status == 0 ? "" : clnorm_last_error());
  }
  trial_destroy(made);
}

static void check_case(tally *t, const family_case *c, layer_run *r)
{
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    if (!family_case_has_pass(c, (clnorm_pass)pass) || !has_output(c, (clnorm_pass)pass)) {
      continue;
    }
    check_pass(t, c, (clnorm_pass)pass, r);
    if (pass == CLNORM_BACKWARD && c->desc.op != CLNORM_BATCH && c->desc.op != CLNORM_INSTANCE) {
      r->frozen = 1;
      check_pass(t, c, CLNORM_BACKWARD, r);
      r->frozen = 0;
    }
  }
}

/* The cases of one operation that a layer takes. */
static void check_operation(clnorm_op op)
{
  family_case *cases;
  tally t = {0};
  size_t taken = 0;
  const size_t count = family_cases_make(&cases);
  layer_run *r = layer_run_open();
  /* What a layer does is the same on each backend; kernels are tested elsewhere, and compiling them takes long. */
  const size_t step = r->cl == NULL ? 1 : getenv("CLNORM_TEST_SLOW") == NULL ? 3 : 9;
  cr_assert(count > 0);
  for (size_t i = 0; i < count; i++) {
    const family_case *c = &cases[i];
    if (c->desc.op == op && is_taken(&c->desc) && !c->large && taken++ % step == 0) {
      check_case(&t, c, r);
    }
  }
  layer_run_close(r);
  free(cases);
  (void)printf("%zu passes of %zu cases\n", t.runs, taken);
  cr_assert(t.failures == 0, "%zu of %zu passes are wrong", t.failures, t.runs);
  cr_assert(t.runs >= 8, "%zu passes", t.runs);
}

Test(layer_family, batch) { check_operation(CLNORM_BATCH); }
Test(layer_family, layer) { check_operation(CLNORM_LAYER); }
Test(layer_family, instance) { check_operation(CLNORM_INSTANCE); }
Test(layer_family, group) { check_operation(CLNORM_GROUP); }
Test(layer_family, rms) { check_operation(CLNORM_RMS); }

/* ---- statistics whose number follows from N ------------------------------------------------------------------------ */

static const clnorm_op without_running[] = {CLNORM_LAYER, CLNORM_GROUP, CLNORM_RMS};

static void describe(clnorm_desc *desc, clnorm_op op, size_t batch)
{
  expect_success(clnorm_desc_init(desc, sizeof *desc, op, CLNORM_PRESET_TORCH));
  desc->rank = 3;
  desc->dims[0] = batch, desc->dims[1] = 6, desc->dims[2] = 5;
  desc->groups = op == CLNORM_GROUP ? 3 : 0;
  desc->activation = CLNORM_ACTIVATION_TANH;
}

/* A call with few samples goes before one with many, and the other way round. */
Test(layer_family, takes_another_number_of_samples_with_each_call)
{
  layer_run *r = layer_run_open();
  tally t = {0};
  for (int op = CLNORM_BATCH; op <= CLNORM_RMS; op++) {
    for (int few = 0; few < 2; few++) {
      family_case c = {.data = {.std = 1.0, .seed = 5}, .with = TRIAL_ALL};
      describe(&c.desc, (clnorm_op)op, few ? 3 : 7);
      r->first = few ? 3 : 2;
      check_case(&t, &c, r);
    }
  }
  layer_run_close(r);
  cr_assert(t.failures == 0 && t.runs >= 40, "%zu of %zu passes are wrong", t.failures, t.runs);
}

static void expect_counts(const clnorm_layer *layer, size_t parameters, size_t running, size_t means, size_t inv_stds)
{
  const size_t expected[] = {0, parameters, parameters, running, running, means, inv_stds, parameters, parameters};
  for (int value = 0; value <= CLNORM_VALUE_DBETA; value++) {
    const size_t got = clnorm_layer_value_count(layer, (clnorm_layer_value)value);
    cr_expect(got == expected[value], "value %d has %zu, expected %zu", value, got, expected[value]);
  }
}

Test(layer_family, tells_how_many_values_there_are)
{
  static const struct {
    clnorm_op op;
    size_t parameters, running, before, means, after; /* of four samples after, (4, 6, 5) */
  } rows[] = {
      {CLNORM_BATCH, 6, 6, 6, 6, 6},   {CLNORM_LAYER, 30, 0, 0, 4, 4}, {CLNORM_INSTANCE, 6, 6, 0, 24, 24},
      {CLNORM_GROUP, 6, 0, 0, 12, 12}, {CLNORM_RMS, 30, 0, 0, 0, 4},
  };
  static float x[4 * 6 * 5], y[4 * 6 * 5];
  for (int i = 0; i < 4 * 6 * 5; i++) {
    x[i] = (float)(i * 7 % 11);
  }
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    layer_fixture f;
    clnorm_desc desc;
    size_t all = 0;
    size_t trainable = 0;
    describe(&desc, rows[i].op, 9);
    layer_fixture_open(&f, &desc);
    expect_counts(f.layer, rows[i].parameters, rows[i].running, rows[i].op == CLNORM_BATCH ? 6 : 0, rows[i].before);
    expect_success(layer_fixture_forward(&f, 4, x, y));
    expect_counts(f.layer, rows[i].parameters, rows[i].running, rows[i].means, rows[i].after);
    expect_success(clnorm_layer_count_parameters(f.layer, &all, &trainable));
    cr_expect(all == 2 * (rows[i].parameters + rows[i].running) && trainable == 2 * rows[i].parameters);
    layer_fixture_close(&f);
  }
  cr_assert(clnorm_layer_value_count(NULL, CLNORM_VALUE_GAMMA) == 0);
}

/* What a layer has saved outlives a call that fails. */
Test(layer_family, a_failed_call_keeps_what_was_saved)
{
  static float x[4 * 6 * 5], y[4 * 6 * 5];
  float before[24];
  float after[24];
  layer_fixture f;
  clnorm_desc desc;
  for (int i = 0; i < 4 * 6 * 5; i++) {
    x[i] = (float)(i * 7 % 11);
  }
  describe(&desc, CLNORM_INSTANCE, 1);
  layer_fixture_open(&f, &desc);
  expect_success(layer_fixture_forward(&f, 4, x, y));
  expect_success(clnorm_layer_read(f.layer, CLNORM_VALUE_INV_STD, before, 24));
  if (f.on_cpu) {
    expect_failure(clnorm_layer_forward(f.layer, 100, (clnorm_input){x}, (clnorm_output){NULL}),
                   CLNORM_INVALID_ARGUMENT, "y");
#ifdef CLNORM_TEST_OPENCL
  } else {
    expect_failure(clnorm_cl_layer_forward(f.layer, 100, (clnorm_buffer){NULL}, (clnorm_buffer){NULL}, 0, NULL, NULL),
                   CLNORM_INVALID_ARGUMENT, "x");
#endif
  }
  expect_success(clnorm_layer_read(f.layer, CLNORM_VALUE_INV_STD, after, 24));
  cr_assert(memcmp(before, after, sizeof before) == 0);
  cr_assert(clnorm_layer_batches(f.layer) == 1);
  layer_fixture_close(&f);
}

/* Nothing runs, so nothing can be averaged or forgotten, and both are no mistake. */
Test(layer_family, without_running_statistics_their_settings_do_nothing)
{
  for (size_t i = 0; i < sizeof without_running / sizeof without_running[0]; i++) {
    layer_fixture f;
    clnorm_desc desc;
    float none;
    describe(&desc, without_running[i], 2);
    layer_fixture_open(&f, &desc);
    expect_success(clnorm_layer_set_averaging(f.layer, CLNORM_AVERAGE_CUMULATIVE, 0.5));
    expect_success(clnorm_layer_reset_statistics(f.layer));
    expect_success(clnorm_layer_read(f.layer, CLNORM_VALUE_RUNNING_MEAN, &none, 0));
    expect_failure(clnorm_layer_read(f.layer, CLNORM_VALUE_RUNNING_MEAN, &none, 1), CLNORM_BUFFER_TOO_SMALL, "0",
                   "running_mean", "1");
    layer_fixture_close(&f);
  }
}

Test(layer_family, refuses_what_needs_a_plan)
{
  layer_fixture f;
  clnorm_desc desc;
  clnorm_layer *layer = NULL;
  describe(&desc, CLNORM_LAYER, 2);
  layer_fixture_open(&f, &desc);
  desc.axis = 0;
  expect_failure(layer_fixture_make(&f, &desc, &layer), CLNORM_UNSUPPORTED, "desc.axis", "1", "0");
  describe(&desc, CLNORM_BATCH, 2);
  desc.flags = CLNORM_RESIDUAL;
  expect_failure(layer_fixture_make(&f, &desc, &layer), CLNORM_UNSUPPORTED, "desc.flags", "0x2");
  desc.flags = CLNORM_ACCUMULATE_DX | CLNORM_PER_ACTIVATION;
  expect_failure(layer_fixture_make(&f, &desc, &layer), CLNORM_UNSUPPORTED, "desc.flags", "0x9");
  describe(&desc, CLNORM_BATCH, 2);
  desc.length_axis = 2;
  expect_failure(layer_fixture_make(&f, &desc, &layer), CLNORM_UNSUPPORTED, "desc.length_axis");
  describe(&desc, CLNORM_BATCH, 2);
  desc.strides[CLNORM_TENSOR_X][0] = 40, desc.strides[CLNORM_TENSOR_X][1] = 5, desc.strides[CLNORM_TENSOR_X][2] = 1;
  expect_failure(layer_fixture_make(&f, &desc, &layer), CLNORM_UNSUPPORTED, "desc.strides");
  cr_assert(layer == NULL);
  layer_fixture_close(&f);
}
