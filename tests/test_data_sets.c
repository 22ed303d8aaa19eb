/* The generators of data: counts, properties that follow from their descriptions, the same numbers for the same seed. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "data_digits.h"
#include "data_points.h"
#include "data_sequences.h"
#include "data_store.h"

static void expect_labels(const data_set *set, int classes)
{
  size_t counts[10] = {0};
  for (size_t i = 0; i < set->count; i++) {
    cr_assert(set->labels[i] >= 0 && set->labels[i] < classes);
    counts[set->labels[i]]++;
  }
  for (int c = 0; c < classes; c++) {
    cr_assert(counts[c] >= set->count / (size_t)classes && counts[c] <= set->count / (size_t)classes + 1);
  }
}

static void expect_same(const data_set *a, const data_set *b, int same)
{
  cr_assert(a->count == b->count && a->features == b->features);
  cr_assert((memcmp(a->x, b->x, a->count * a->features * sizeof *a->x) == 0) == same);
}

Test(data_sets, circles_have_their_radius)
{
  data_set exact, again, other;
  cr_assert(points_circles(&exact, 301, 3, 0, 7) == 0 && points_circles(&again, 301, 3, 0, 7) == 0 &&
            points_circles(&other, 301, 3, 0, 8) == 0);
  expect_labels(&exact, 3);
  double sum_x = 0;
  for (size_t i = 0; i < exact.count; i++) {
    const double radius = hypot((double)exact.x[2 * i], (double)exact.x[2 * i + 1]);
    cr_assert(fabs(radius - (exact.labels[i] + 1) / 3.0) < 1e-6);
    sum_x += (double)exact.x[2 * i];
  }
  /* All angles: the mean of 301 coordinates of standard deviation below 0.5. */
  cr_assert(fabs(sum_x / 301) < 0.15);
  expect_same(&exact, &again, 1);
  expect_same(&exact, &other, 0);
  cr_assert(strstr(exact.description, "synthetic") == exact.description);
  data_free(&exact);
  data_free(&again);
  data_free(&other);
}

Test(data_sets, noise_of_circles_has_its_standard_deviation)
{
  data_set noisy;
  double squares = 0;
  cr_assert(points_circles(&noisy, 20000, 2, 0.1, 3) == 0);
  for (size_t i = 0; i < noisy.count; i++) {
    const double d = hypot((double)noisy.x[2 * i], (double)noisy.x[2 * i + 1]) - (noisy.labels[i] + 1) / 2.0;
    squares += d * d;
  }
  /* Along the radius: 0.1, but for the bend of the circle. */
  cr_assert(fabs(sqrt(squares / 20000) - 0.1) < 0.003, "%g", sqrt(squares / 20000));
  data_free(&noisy);
}

Test(data_sets, spirals_of_different_classes_stay_apart)
{
  data_set set;
  double nearest = 1;
  cr_assert(points_spirals(&set, 400, 2, 0, 5) == 0);
  expect_labels(&set, 2);
  for (size_t i = 0; i < set.count; i++) {
    const double radius = hypot((double)set.x[2 * i], (double)set.x[2 * i + 1]);
    cr_assert(radius >= 0.0499 && radius <= 1.0001);
    for (size_t j = 0; j < set.count && radius > 0.3; j++) {
      const double d = hypot((double)(set.x[2 * i] - set.x[2 * j]), (double)(set.x[2 * i + 1] - set.x[2 * j + 1]));
      nearest = set.labels[i] != set.labels[j] && d < nearest ? d : nearest;
    }
  }
  /* A turn of 3 pi over the radius 1 with two arms: a third between arms, along the radius. */
  cr_assert(nearest > 0.2 && nearest < 0.34, "%g", nearest);
  data_free(&set);
}

Test(data_sets, ring_has_its_centres)
{
  data_set set;
  double mean[8][2] = {{0}};
  cr_assert(points_ring(&set, 8000, 8, 0.05, 11) == 0);
  for (size_t i = 0; i < set.count; i++) {
    mean[set.labels[i]][0] += (double)set.x[2 * i] / 1000;
    mean[set.labels[i]][1] += (double)set.x[2 * i + 1] / 1000;
  }
  for (int c = 0; c < 8; c++) {
    const double angle = 6.283185307179586 * c / 8;
    cr_assert(hypot(mean[c][0] - cos(angle), mean[c][1] - sin(angle)) < 0.01);
  }
  data_free(&set);
}

/* A digit drawn twice is nearer to the mean of its own kind than to most others: what nearest means can tell. */
Test(data_sets, drawn_digits_can_be_told_apart)
{
  enum { SIDE = 28, PIXELS = SIDE * SIDE };
  static double means[10][PIXELS];
  data_set train, test, again;
  size_t right = 0;
  cr_assert(digits_draw(&train, 500, SIDE, 1) == 0 && digits_draw(&test, 200, SIDE, 2) == 0 &&
            digits_draw(&again, 200, SIDE, 2) == 0);
  expect_labels(&train, 10);
  expect_same(&test, &again, 1);
  for (size_t i = 0; i < train.count * PIXELS; i++) {
    cr_assert(train.x[i] >= 0 && train.x[i] <= 1);
    means[train.labels[i / PIXELS]][i % PIXELS] += (double)train.x[i] / 50;
  }
  for (size_t i = 0; i < test.count; i++) {
    double best = 1e30;
    int found = -1;
    for (int c = 0; c < 10; c++) {
      double d = 0;
      for (int j = 0; j < PIXELS; j++) {
        const double e = (double)test.x[i * PIXELS + (size_t)j] - means[c][j];
        d += e * e;
      }
      found = d < best ? c : found;
      best = d < best ? d : best;
    }
    right += found == test.labels[i];
  }
  cr_assert(right > 120 && right < 200, "%zu of 200", right);
  data_free(&train);
  data_free(&test);
  data_free(&again);
}

Test(data_sets, shifted_domain_is_paler_and_lighter)
{
  data_set set;
  cr_assert(data_make(&set, 400, 1, 10, 10, 10) == 0);
  for (size_t i = 0; i < set.count * 100; i++) {
    set.x[i] = i % 2 ? 1 : 0;
  }
  digits_shift_domain(&set, 5);
  double sums[2][10] = {{0}};
  for (size_t i = 0; i < set.count * 100; i++) {
    sums[i % 2][i / 10 % 10] += (double)set.x[i] / (400 * 5);
  }
  for (int row = 0; row < 10; row++) {
    cr_assert(fabs(sums[0][row] - (0.3 + 0.03 * row)) < 0.015 && fabs(sums[1][row] - (0.7 + 0.03 * row)) < 0.015);
  }
  data_free(&set);
}

Test(data_sets, sequences_have_their_lengths)
{
  data_set set;
  int32_t *lengths = NULL;
  int seen[25] = {0};
  cr_assert(sequences_make(&set, &lengths, 600, 12, 24, 9) == 0);
  expect_labels(&set, 3);
  for (size_t i = 0; i < set.count; i++) {
    cr_assert(lengths[i] >= 12 && lengths[i] <= 24);
    seen[lengths[i]] = 1;
    for (size_t t = 0; t < 24; t++) {
      /* Within: a wave with noise, hardly ever exactly 0. */
      cr_assert((set.x[i * 24 + t] == 0) == (t >= (size_t)lengths[i]));
    }
  }
  for (int length = 12; length <= 24; length++) {
    cr_assert(seen[length]);
  }
  data_free(&set);
  free(lengths);
}

Test(data_sets, splits_are_disjoint_and_whole)
{
  data_set set, train, test;
  int seen[100] = {0};
  cr_assert(data_make(&set, 100, 1, 1, 1, 2) == 0);
  for (int i = 0; i < 100; i++) {
    set.x[i] = (float)i;
    set.labels[i] = i % 2;
  }
  cr_assert(data_split(&set, 30, 4, &train, &test) == 0 && train.count == 70 && test.count == 30);
  for (size_t i = 0; i < 100; i++) {
    const data_set *from = i < 70 ? &train : &test;
    const size_t at = i < 70 ? i : i - 70;
    seen[(int)from->x[at]]++;
    cr_assert(from->labels[at] == (int)from->x[at] % 2);
  }
  for (int i = 0; i < 100; i++) {
    cr_assert(seen[i] == 1);
  }
  data_free(&train);
  data_free(&test);
  cr_assert(data_split(&set, 101, 4, &train, &test) == -1 && train.x == NULL && test.x == NULL);
  data_free(&set);
}

Test(data_sets, standardized_features_have_mean_0_and_variance_1)
{
  data_set set;
  const double factors[] = {1, 100};
  cr_assert(points_circles(&set, 500, 2, 0.1, 6) == 0);
  const float before = set.x[1];
  data_scale_features(&set, factors);
  cr_assert(fabsf(set.x[1] - 100 * before) < 1e-4f);
  cr_assert(data_standardize(&set, &set) == 0);
  for (size_t j = 0; j < 2; j++) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < set.count; i++) {
      sum += (double)set.x[2 * i + j];
      squares += (double)set.x[2 * i + j] * (double)set.x[2 * i + j];
    }
    cr_assert(fabs(sum / 500) < 1e-5 && fabs(squares / 500 - 1) < 1e-5);
  }
  data_free(&set);
}

Test(data_sets, without_a_folder_all_is_synthetic)
{
  data_store store;
  const data_set *train, *test, *digits, *wine;
  cr_assert(store_open(&store, NULL) == 0);
  cr_assert(store_digits(&store, &digits) == 0 && store_wine(&store, &wine) == 0);
  cr_assert(digits->count == 1797 && digits->features == 64 && wine->count == 178 && wine->features == 13);
  cr_assert(strstr(digits->description, "synthetic") && strstr(wine->description, "synthetic"));
  cr_assert(store_mnist(&store, &train, &test) == 0);
  cr_assert(train->count == 8000 && test->count == 2000 && train->features == 784);
  cr_assert(strstr(train->description, "synthetic") && strstr(test->description, "synthetic"));
  store_close(&store);
}
