/* The benchmark's own check: right results pass, one wrong or unwritten element does not, whether all statistics are
 * compared or, of a large tensor, a part. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include <storage_type.h>

#include "runner.h"
#include "verify.h"

static void make(workload *w, clnorm_layout layout, uint32_t rank, size_t batch, size_t channels, size_t positions)
{
  clnorm_desc desc;
  const int last = layout == CLNORM_CHANNELS_LAST;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.layout = layout;
  desc.rank = rank;
  desc.dims[0] = batch;
  desc.dims[1] = last ? positions : channels;
  desc.dims[2] = last ? channels : positions;
  cr_assert(workload_create(w, &desc, NULL) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  workload_clear_results(w);
}

static void run(workload *w, clnorm_pass pass)
{
  runner r = {0};
  runner_error error;
  cr_assert(runner_open_cpu(&r, w, pass, NULL, &error) == 0, "%s", error.text);
  cr_assert(r.run(r.self, 1) == 0);
  runner_close(&r);
}

static void expect(const verifier *v, int ok, const char *word)
{
  verdict result;
  verifier_check(v, &result);
  cr_assert(result.ok == ok, "ok is %d: %s", result.ok, result.reason);
  cr_assert(ok || strstr(result.reason, word) != NULL, "'%s' does not tell of '%s'", result.reason, word);
}

static void each_wrong_element_is_seen(const verifier *v, void *floats, size_t index, float by, const char *word)
{
  float *array = floats;
  const float right = array[index];
  array[index] = right + by;
  expect(v, 0, word);
  array[index] = NAN;
  expect(v, 0, "");
  array[index] = right;
  expect(v, 1, "");
}

Test(verify, a_wrong_element_of_any_result_is_seen)
{
  for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
    workload w;
    verifier v;
    make(&w, (clnorm_layout)layout, 3, 4, 3, 50);
    run(&w, CLNORM_TRAIN);
    cr_assert(verifier_create(&v, &w, CLNORM_TRAIN) == 0);
    expect(&v, 1, "");
    cr_assert(verifier_resembles(&v));
    each_wrong_element_is_seen(&v, w.out.tensor, 599, 1e-3f, "y[599]");
    each_wrong_element_is_seen(&v, w.out.mean, 2, 1e-3f, "mean[2]");
    each_wrong_element_is_seen(&v, w.out.inv_std, 0, 1e-3f, "inv_std[0]");
    each_wrong_element_is_seen(&v, w.out.running_mean, 1, 1e-3f, "running_mean[1]");
    each_wrong_element_is_seen(&v, w.out.running_var, 1, 1e-3f, "running_var[1]");
    verifier_destroy(&v);
    workload_clear_results(&w);
    run(&w, CLNORM_BACKWARD);
    cr_assert(verifier_create(&v, &w, CLNORM_BACKWARD) == 0);
    expect(&v, 1, "");
    each_wrong_element_is_seen(&v, w.out.tensor, 0, 1e-2f, "dx[0]");
    each_wrong_element_is_seen(&v, w.out.dgamma, 2, 1e-1f, "dgamma[2]");
    each_wrong_element_is_seen(&v, w.out.dbeta, 2, 1e-1f, "dbeta[2]");
    verifier_destroy(&v);
    workload_destroy(&w);
  }
}

Test(verify, results_of_another_pass_do_not_resemble)
{
  workload w;
  verifier v;
  make(&w, CLNORM_CHANNELS_FIRST, 3, 4, 3, 50);
  run(&w, CLNORM_INFER);
  cr_assert(verifier_create(&v, &w, CLNORM_TRAIN) == 0);
  cr_assert(!verifier_resembles(&v));
  verifier_destroy(&v);
  workload_destroy(&w);
}

/* 9.6 million elements, of which the reference takes 8 million: 4 of 5 channels, 0, 1, 2 and 4. */
Test(verify, of_a_large_tensor_whole_channels_are_compared_and_all_is_seen_to_be_written)
{
  for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
    workload w;
    verifier v;
    const size_t positions = 960000;
    const size_t step = layout == CLNORM_CHANNELS_FIRST ? positions : 1;
    make(&w, (clnorm_layout)layout, 3, 2, 5, positions);
    run(&w, CLNORM_TRAIN);
    cr_assert(verifier_create(&v, &w, CLNORM_TRAIN) == 0);
    cr_assert(v.checked == 4, "%zu channels", v.checked);
    expect(&v, 1, "");
    each_wrong_element_is_seen(&v, w.out.tensor, 4 * step, 1e-3f, "y[");
    each_wrong_element_is_seen(&v, w.out.mean, 4, 1e-3f, "mean[");
    ((float *)w.out.tensor)[5 * positions + 3 * step] = NAN;
    expect(&v, 0, "finite");
    verifier_destroy(&v);
    workload_destroy(&w);
  }
}

/* ---- the family ----------------------------------------------------------------------------------------------- */

static void make_kind(workload *w, clnorm_op op, clnorm_dtype dtype, clnorm_activation activation, size_t batch,
                      size_t channels, size_t positions)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, op, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.layout = CLNORM_CHANNELS_LAST;
  desc.dtype = dtype;
  desc.activation = activation;
  desc.flags = CLNORM_RESIDUAL;
  desc.groups = op == CLNORM_GROUP ? 3 : 0;
  desc.rank = 3;
  desc.dims[0] = batch;
  desc.dims[1] = positions;
  desc.dims[2] = channels;
  cr_assert(workload_create(w, &desc, NULL) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  workload_clear_results(w);
}

/* Twice the bound at least: half types round to 8 or 11 bits. */
static void wrong_is_seen(const verifier *v, clnorm_dtype dtype, void *array, size_t index, const char *word)
{
  const double right = storage_load(dtype, array, (int64_t)index);
  storage_store(dtype, array, (int64_t)index, right + (dtype == CLNORM_F64 ? 1e-9 : 0.05 * (1.0 + fabs(right))));
  expect(v, 0, word);
  storage_store(dtype, array, (int64_t)index, NAN);
  expect(v, 0, "");
  storage_store(dtype, array, (int64_t)index, right);
  expect(v, 1, "");
}

/* The same of an array that takes long to check. */
static void large_wrong_is_seen(const verifier *v, clnorm_dtype dtype, void *array, size_t index, const char *word)
{
  const double right = storage_load(dtype, array, (int64_t)index);
  storage_store(dtype, array, (int64_t)index, right + 0.05 * (1.0 + fabs(right)));
  expect(v, 0, word);
  storage_store(dtype, array, (int64_t)index, right);
}

static void check_train(workload *w)
{
  verifier v;
  const clnorm_dtype number = storage_number(w->desc.dtype);
  run(w, CLNORM_TRAIN);
  cr_assert(verifier_create(&v, w, CLNORM_TRAIN) == 0);
  expect(&v, 1, "");
  cr_assert(verifier_resembles(&v));
  cr_assert(v.checked == v.checkable);
  wrong_is_seen(&v, w->desc.dtype, w->out.tensor, w->counts.elements - 1, "y[");
  wrong_is_seen(&v, number, w->out.inv_std, w->counts.statistics - 1, "inv_std[");
  if (w->desc.op != CLNORM_RMS) {
    wrong_is_seen(&v, number, w->out.mean, 0, "mean[0]");
  }
  if (w->desc.op == CLNORM_BATCH || w->desc.op == CLNORM_INSTANCE) {
    wrong_is_seen(&v, number, w->out.running_mean, w->counts.parameters - 1, "running_mean[");
    wrong_is_seen(&v, number, w->out.running_var, 1, "running_var[1]");
  }
  verifier_destroy(&v);
}

static void check_backward(workload *w)
{
  verifier v;
  const clnorm_dtype number = storage_number(w->desc.dtype);
  workload_clear_results(w);
  run(w, CLNORM_BACKWARD);
  cr_assert(verifier_create(&v, w, CLNORM_BACKWARD) == 0);
  expect(&v, 1, "");
  wrong_is_seen(&v, w->desc.dtype, w->out.tensor, 0, "dx[0]");
  wrong_is_seen(&v, w->desc.dtype, w->out.dresidual, w->counts.elements - 1, "dresidual[");
  wrong_is_seen(&v, number, w->out.dgamma, w->counts.parameters - 1, "dgamma[");
  wrong_is_seen(&v, number, w->out.dbeta, 1, "dbeta[1]");
  verifier_destroy(&v);
}

Test(verify, a_wrong_element_is_seen_of_any_operation_and_type)
{
  for (clnorm_op op = CLNORM_BATCH; op <= CLNORM_RMS; op++) {
    for (clnorm_dtype dtype = CLNORM_F32; dtype <= CLNORM_F64; dtype++) {
      workload w;
      make_kind(&w, op, dtype, dtype == CLNORM_F64 ? CLNORM_ACTIVATION_NONE : CLNORM_ACTIVATION_TANH, 4, 6, 15);
      check_train(&w);
      check_backward(&w);
      workload_destroy(&w);
    }
  }
}

Test(verify, what_was_left_out_is_seen_in_another_kind)
{
  workload w;
  verifier v;
  make_kind(&w, CLNORM_GROUP, CLNORM_F32, CLNORM_ACTIVATION_RELU, 4, 6, 15);
  run(&w, CLNORM_TRAIN);
  w.desc.groups = 2;
  cr_assert(clnorm_desc_counts(&w.desc, &w.counts) == CLNORM_SUCCESS);
  cr_assert(verifier_create(&v, &w, CLNORM_TRAIN) == 0);
  expect(&v, 0, "y[");
  cr_assert(!verifier_resembles(&v));
  verifier_destroy(&v);
  workload_destroy(&w);
}

/* 1.2 million elements; the reference takes one million at most. Rows have their own statistics, columns are sums over all rows:
 * both are compared in part. */
Test(verify, of_many_rows_some_are_compared_and_of_their_sums_some_columns)
{
  for (clnorm_op op = CLNORM_LAYER; op <= CLNORM_RMS; op += CLNORM_RMS - CLNORM_LAYER) {
    workload w;
    verifier v;
    make_kind(&w, op, CLNORM_F32, CLNORM_ACTIVATION_SILU, 4000, 20, 15);
    run(&w, CLNORM_BACKWARD);
    cr_assert(verifier_create(&v, &w, CLNORM_BACKWARD) == 0);
    cr_assert(v.checked < v.checkable && v.checkable == 4000 && v.checked >= 3000, "%zu rows", v.checked);
    expect(&v, 1, "");
    /* First and last are among those that are picked. */
    large_wrong_is_seen(&v, CLNORM_F32, w.out.tensor, 0, "dx[0]");
    large_wrong_is_seen(&v, CLNORM_F32, w.out.tensor, w.counts.elements - 1, "dx[");
    large_wrong_is_seen(&v, CLNORM_F32, w.out.dgamma, 0, "dgamma[0]");
    large_wrong_is_seen(&v, CLNORM_F32, w.out.dbeta, 299, "dbeta[");
    verifier_destroy(&v);
    workload_destroy(&w);
  }
}

Test(verify, of_a_large_tensor_whole_channels_and_groups_are_compared)
{
  static const clnorm_op ops[] = {CLNORM_BATCH, CLNORM_INSTANCE, CLNORM_GROUP};
  static const size_t checked[] = {5, 5, 2}, checkable[] = {6, 6, 3};
  for (size_t i = 0; i < 3; i++) {
    workload w;
    verifier v;
    make_kind(&w, ops[i], CLNORM_BF16, CLNORM_ACTIVATION_NONE, 4, 6, 50000);
    run(&w, CLNORM_TRAIN);
    cr_assert(verifier_create(&v, &w, CLNORM_TRAIN) == 0);
    cr_assert(v.checked == checked[i] && v.checkable == checkable[i], "%zu of %zu", v.checked, v.checkable);
    expect(&v, 1, "");
    large_wrong_is_seen(&v, CLNORM_BF16, w.out.tensor, w.counts.elements - 1, "y[");
    large_wrong_is_seen(&v, CLNORM_F32, w.out.inv_std, w.counts.statistics - 1, "inv_std[");
    /* Not among those that are compared, yet it has to be written. */
    storage_store(CLNORM_BF16, w.out.tensor, 4, INFINITY);
    expect(&v, 0, "element 4 of");
    verifier_destroy(&v);
    workload_destroy(&w);
  }
}
