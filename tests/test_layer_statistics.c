/* Running statistics that a layer keeps: averaging, its change, resets. */
#include <math.h>
#include <string.h>

#include "expect.h"
#include "layer_check.h"

/* The mean of the batches' own means and unbiased variances, each weighing the same whatever its size. Every batch moves
 * the running value by three roundings of values below the largest: 2^-22 of that a batch is more than enough. */
static void check_cumulative(layer_fixture *f, size_t batches, uint64_t seed)
{
  static const size_t sizes[] = {4, 7, 2, 40, 4, 3};
  long double mean[C] = {0};
  long double var[C] = {0};
  float got[2][C];
  for (size_t k = 0; k < batches; k++) {
    layer_data d;
    oracle o;
    layer_data_open(&d, f, sizes[k % 6], seed + k);
    layer_reference(&o, f, &d, CLNORM_TRAIN, 1.0);
    expect_success(layer_fixture_forward(f, sizes[k % 6], d.x, d.y));
    for (int c = 0; c < C; c++) {
      mean[c] += o.mean[c] / (long double)batches;
      var[c] += o.var[c] * (long double)o.values / (long double)(o.values - 1) / (long double)batches;
    }
    oracle_destroy(&o);
    layer_data_close(&d);
  }
  layer_fixture_read(f, CLNORM_VALUE_RUNNING_MEAN, got[0], C);
  layer_fixture_read(f, CLNORM_VALUE_RUNNING_VAR, got[1], C);
  for (int c = 0; c < C; c++) {
    const double bound = (double)batches * 0x1p-22;
    cr_assert(fabs((double)(got[0][c] - mean[c])) <= bound * 5.0, "mean %d: %.9g, expected %.9Lg", c, (double)got[0][c],
              mean[c]);
    cr_assert(fabs((double)(got[1][c] - var[c])) <= bound * 4.0, "variance %d: %.9g, expected %.9Lg", c,
              (double)got[1][c], var[c]);
  }
}

Test(layer_statistics, cumulative_average_is_the_mean_of_the_batches)
{
  layer_fixture f;
  clnorm_desc desc;
  layer_desc(&desc);
  desc.averaging = CLNORM_AVERAGE_CUMULATIVE;
  layer_fixture_open(&f, &desc);
  check_cumulative(&f, 2, 50);
  expect_success(clnorm_layer_reset_statistics(f.layer));
  check_cumulative(&f, 12, 60);
  cr_assert(clnorm_layer_batches(f.layer) == 12);
  layer_fixture_close(&f);
}

Test(layer_statistics, running_statistics_follow_the_reference_batch_by_batch)
{
  layer_fixture f;
  layer_open(&f);
  for (uint64_t k = 0; k < 10; k++) {
    layer_step(&f, k % 3 == 2 ? 3 : 8, 0.1, k);
  }
  cr_assert(clnorm_layer_batches(f.layer) == 10);
  layer_fixture_close(&f);
}

Test(layer_statistics, averaging_can_change_for_another_data_set)
{
  layer_fixture f;
  float gamma[C];
  float beta[C];
  float kept[C];
  layer_open(&f);
  layer_give_affine(&f, gamma, beta, C);
  layer_step(&f, 8, 0.1, 1);
  expect_success(clnorm_layer_reset_statistics(f.layer));
  expect_success(clnorm_layer_set_averaging(f.layer, CLNORM_AVERAGE_CUMULATIVE, 0.0));
  check_cumulative(&f, 6, 70);
  expect_success(clnorm_layer_set_averaging(f.layer, CLNORM_AVERAGE_EXPONENTIAL, 0.25));
  layer_step(&f, 8, 0.25, 2);
  layer_fixture_read(&f, CLNORM_VALUE_GAMMA, kept, C);
  cr_assert(memcmp(kept, gamma, sizeof kept) == 0);
  layer_fixture_close(&f);
}

Test(layer_statistics, a_count_of_batches_can_be_restored)
{
  layer_fixture f;
  clnorm_desc desc;
  layer_desc(&desc);
  desc.averaging = CLNORM_AVERAGE_CUMULATIVE;
  layer_fixture_open(&f, &desc);
  layer_step(&f, 8, 1.0, 1);
  layer_step(&f, 8, 0.5, 2);
  expect_success(clnorm_layer_set_batches(f.layer, 9));
  layer_step(&f, 8, 0.1, 3);
  cr_assert(clnorm_layer_batches(f.layer) == 10);
  layer_fixture_close(&f);
}

Test(layer_statistics, reset_takes_back_the_statistics_alone)
{
  layer_fixture f;
  float gamma[C];
  float beta[C];
  float kept[C];
  layer_open(&f);
  layer_give_affine(&f, gamma, beta, C);
  layer_step(&f, 8, 0.1, 1);
  expect_success(clnorm_layer_reset_statistics(f.layer));
  layer_expect_all(&f, CLNORM_VALUE_RUNNING_MEAN, 0.0f);
  layer_expect_all(&f, CLNORM_VALUE_RUNNING_VAR, 1.0f);
  cr_assert(clnorm_layer_batches(f.layer) == 0);
  layer_fixture_read(&f, CLNORM_VALUE_GAMMA, kept, C);
  cr_assert(memcmp(kept, gamma, sizeof kept) == 0);
  layer_fixture_read(&f, CLNORM_VALUE_BETA, kept, C);
  cr_assert(memcmp(kept, beta, sizeof kept) == 0);
  layer_fixture_close(&f);
}
