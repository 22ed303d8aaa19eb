/* The benchmark's own check: right results pass, one wrong or unwritten element does not, whether all statistics are
 * compared or, of a large tensor, a part. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

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
