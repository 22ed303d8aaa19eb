/* More than 2^31 elements on the CPU backend, in memory that is almost all untouched: a mapping of zeros whose pages exist
 * only where a value was set. The sums of a frozen backward pass read every element and write two numbers a channel, and
 * are exact here: powers of two at places around 2^31 and 2^32 bytes and elements. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "expect.h"
#include "problem.h"

#define MAX_CHANNELS 64

static float *map_zeros(size_t count)
{
  void *memory =
      mmap(NULL, count * sizeof(float), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    cr_skip_test("this system refuses %zu bytes of untouched memory", count * sizeof(float));
  }
  return memory;
}

static void check_sums(clnorm_layout layout, const size_t *dims)
{
  clnorm_desc desc;
  clnorm_counts counts;
  clnorm_plan *plan = NULL;
  float zeros[MAX_CHANNELS] = {0};
  float ones[MAX_CHANNELS];
  float dgamma[MAX_CHANNELS];
  float dbeta[MAX_CHANNELS];
  double expected[MAX_CHANNELS] = {0};
  oracle shape;
  desc_set(&desc, layout, 0, 4, dims);
  desc.epsilon = 3.0; /* with a variance of 1: inv_std is 1/2 */
  oracle_shape(&shape, &desc);
  expect_success(clnorm_desc_counts(&desc, &counts));
  cr_assert(counts.elements == shape.elements && counts.elements > (size_t)1 << 31);
  float *x = map_zeros(counts.elements);
  float *dy = map_zeros(counts.elements);
  const size_t places[] = {0,
                           ((size_t)1 << 29) - 1,
                           (size_t)1 << 29,
                           ((size_t)1 << 30) - 1,
                           (size_t)1 << 30,
                           ((size_t)1 << 31) - 1,
                           (size_t)1 << 31,
                           ((size_t)1 << 31) + 4097,
                           ((size_t)1 << 31) + ((size_t)1 << 28),
                           counts.elements - 1};
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    dy[places[i]] += (float)(1u << i);
    x[places[i]] = 2.0f;
    expected[oracle_statistic_of(&shape, places[i])] += (double)(1u << i);
  }
  for (size_t c = 0; c < MAX_CHANNELS; c++) {
    ones[c] = 1.0f;
  }
  expect_success(clnorm_plan_create(&desc, CLNORM_BACKWARD_FROZEN, &plan));
  const size_t workspace = clnorm_plan_workspace_size(plan);
  void *scratch = workspace == 0 ? NULL : aligned_alloc(64, (workspace + 63) / 64 * 64);
  const clnorm_args args = {.size = sizeof args,
                            .x = {x, counts.elements},
                            .dy = {dy, counts.elements},
                            .running_mean = {zeros, counts.statistics},
                            .running_var = {ones, counts.statistics},
                            .dgamma = {dgamma, counts.parameters},
                            .dbeta = {dbeta, counts.parameters},
                            .workspace = {scratch, workspace}};
  expect_success(clnorm_execute(plan, &args));
  for (size_t c = 0; c < counts.statistics; c++) {
    cr_assert((double)dbeta[c] == expected[c], "dbeta[%zu] is %.9g, expected %.9g", c, (double)dbeta[c], expected[c]);
    /* x is 2 wherever dy is not 0, and 2 * inv_std is 1. */
    cr_assert((double)dgamma[c] == expected[c], "dgamma[%zu] is %.9g, expected %.9g", c, (double)dgamma[c],
              expected[c]);
  }
  free(scratch);
  clnorm_plan_destroy(plan);
  (void)munmap(x, counts.elements * sizeof(float));
  (void)munmap(dy, counts.elements * sizeof(float));
}

Test(large, rows_beyond_32_bits_are_summed_from_the_right_places)
{
  check_sums(CLNORM_CHANNELS_FIRST, (const size_t[]){6, 7, 8192, 7500});
}

Test(large, columns_beyond_32_bits_are_summed_from_the_right_places)
{
  check_sums(CLNORM_CHANNELS_LAST, (const size_t[]){6, 7, 8192, 7500});
}
