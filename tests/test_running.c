/* Running statistics: conventions, presets, cumulative averaging, and inference with what training left behind. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "problem.h"

static void open_desc(clnorm_desc *desc, clnorm_preset preset)
{
  const oracle_case c = {.rank = 4, .dims = {6, 5, 3, 4}};
  cr_assert(clnorm_desc_init(desc, sizeof *desc, CLNORM_BATCH, preset) == CLNORM_SUCCESS);
  case_apply(&c, CLNORM_CHANNELS_FIRST, desc);
}

Test(running, every_preset_updates_by_its_own_convention)
{
  static const clnorm_preset presets[] = {CLNORM_PRESET_TORCH, CLNORM_PRESET_KERAS, CLNORM_PRESET_ONNX};
  backend *b = backend_open();
  for (size_t i = 0; i < 3; i++) {
    clnorm_desc desc;
    open_desc(&desc, presets[i]);
    problem *p = problem_make(&desc, GENERATE_NORMAL, 2.0, 3.0, 1);
    problem_check(p, b, CLNORM_TRAIN, WITH_ALL);
    problem_free(p);
  }
  backend_close(b);
}

/* Two values, 1 and 5: mean 3, population variance 4, unbiased 8. Starting from 10 and 20. */
Test(running, two_values_by_hand)
{
  static const struct {
    clnorm_preset preset;
    float mean, var;
  } expected[] = {
      {CLNORM_PRESET_TORCH, 0.9f * 10 + 0.1f * 3, 0.9f * 20 + 0.1f * 8},
      {CLNORM_PRESET_KERAS, 0.99f * 10 + 0.01f * 3, 0.99f * 20 + 0.01f * 4},
      {CLNORM_PRESET_ONNX, 0.9f * 10 + 0.1f * 3, 0.9f * 20 + 0.1f * 4},
  };
  backend *b = backend_open();
  for (size_t i = 0; i < 3; i++) {
    clnorm_desc desc;
    float x[] = {1, 5};
    float y[2];
    float mean = 10;
    float var = 20;
    cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, expected[i].preset) == CLNORM_SUCCESS);
    desc.rank = 2, desc.dims[0] = 2, desc.dims[1] = 1;
    const backend_args args = {.x = x, .y = y, .running_mean = &mean, .running_var = &var};
    cr_assert(backend_run(b, &desc, CLNORM_TRAIN, &args) == CLNORM_SUCCESS, "%s", clnorm_last_error());
    /* A float of this size has ulps of 9.5e-7 (mean) and 1.9e-6 (variance); two roundings of each. */
    cr_assert(fabsf(mean - expected[i].mean) <= 2e-6f && fabsf(var - expected[i].var) <= 4e-6f, "%.9g, %.9g",
              (double)mean, (double)var);
  }
  backend_close(b);
}

Test(running, a_factor_of_one_keeps_the_batch_and_of_zero_the_past)
{
  backend *b = backend_open();
  for (int factor = 0; factor <= 1; factor++) {
    clnorm_desc desc;
    open_desc(&desc, CLNORM_PRESET_ONNX);
    desc.average_factor = factor;
    problem *p = problem_make(&desc, GENERATE_NORMAL, 2.0, 3.0, 1);
    problem_check(p, b, CLNORM_TRAIN, WITH_ALL);
    for (size_t c = 0; c < p->counts.statistics; c++) {
      cr_assert(p->new_running_mean[c] == (factor ? p->mean[c] : p->running_mean[c]));
      cr_assert(factor || p->new_running_var[c] == p->running_var[c]);
    }
    problem_free(p);
  }
  backend_close(b);
}

/* What cumulative averaging starts from has weight 0 in its first batch, so even NaN must be forgotten there... but a NaN
 * times 0 is NaN; a start of 0 and 1 is what a layer has. */
Test(running, the_cumulative_average_of_batches_is_their_mean)
{
  backend *b = backend_open();
  for (int variance = CLNORM_VARIANCE_UNBIASED; variance <= CLNORM_VARIANCE_POPULATION; variance++) {
    enum { BATCHES = 4 };
    clnorm_desc desc;
    float mean[5] = {0};
    float var[5] = {1, 1, 1, 1, 1};
    long double mean_sum[5] = {0};
    long double var_sum[5] = {0};
    open_desc(&desc, CLNORM_PRESET_TORCH);
    desc.averaging = CLNORM_AVERAGE_CUMULATIVE;
    desc.running_variance = (clnorm_variance)variance;
    for (uint64_t batch = 1; batch <= BATCHES; batch++) {
      problem *p = problem_make(&desc, GENERATE_NORMAL, (double)batch, 1.0 + (double)batch, batch);
      oracle o;
      cr_assert(oracle_create(&o, &desc, CLNORM_TRAIN, &(oracle_inputs){.x = p->x, .weight = 1.0}) == 0);
      const backend_args args = {.x = p->x, .y = p->y, .running_mean = mean, .running_var = var, .batch_number = batch};
      cr_assert(backend_run(b, &desc, CLNORM_TRAIN, &args) == CLNORM_SUCCESS, "%s", clnorm_last_error());
      for (size_t c = 0; c < 5; c++) {
        mean_sum[c] += o.mean[c];
        var_sum[c] += o.running_var[c];
        /* Each batch rounds the running value a few times: 4 ulp a batch. */
        const double expected_mean = (double)(mean_sum[c] / (long double)batch);
        const double expected_var = (double)(var_sum[c] / (long double)batch);
        cr_assert(fabs((double)mean[c] - expected_mean) <= 4.0 * (double)batch * oracle_ulp(expected_mean));
        cr_assert(fabs((double)var[c] - expected_var) <= 4.0 * (double)batch * oracle_ulp(expected_var));
      }
      oracle_destroy(&o);
      problem_free(p);
    }
  }
  backend_close(b);
}

/* After training on one batch with a factor of 1 and the population variance, inference is training. */
Test(running, inference_after_training_gives_the_same_y)
{
  backend *b = backend_open();
  for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
    clnorm_desc desc;
    desc_set(&desc, (clnorm_layout)layout, 0, 4, (const size_t[]){16, 5, 9, 8});
    desc.average_factor = 1.0;
    desc.running_variance = CLNORM_VARIANCE_POPULATION;
    problem *p = problem_make(&desc, GENERATE_NORMAL, 2.0, 3.0, 4);
    float mean[5] = {0};
    float var[5] = {1, 1, 1, 1, 1};
    float *inferred = p->dx;
    backend_args args = {
        .x = p->x, .y = p->y, .gamma = p->gamma, .beta = p->beta, .running_mean = mean, .running_var = var};
    cr_assert(backend_run(b, &desc, CLNORM_TRAIN, &args) == CLNORM_SUCCESS, "%s", clnorm_last_error());
    args.y = inferred;
    cr_assert(backend_run(b, &desc, CLNORM_INFER, &args) == CLNORM_SUCCESS, "%s", clnorm_last_error());
    for (size_t i = 0; i < p->counts.elements; i++) {
      /* Two bounds of y (|gamma| <= 2, |xh| < 5, |beta| < 4: 8.7e-6) and gamma*inv_std times half an ulp of the mean. */
      cr_assert(fabsf(inferred[i] - p->y[i]) <= 2e-5f, "element %zu: %.9g and %.9g", i, (double)inferred[i],
                (double)p->y[i]);
    }
    problem_free(p);
  }
  backend_close(b);
}
