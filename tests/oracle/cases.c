#include "cases.h"

#define QUICK (CASES_CHECK | CASES_CHECK_QUICK)
#define FULL CASES_CHECK
#define LARGE CASES_CHECK_LARGE

/* Shapes that other libraries got wrong, counts that are no multiple of any vector, and every rank. */
static const oracle_case table[] = {
    /* (N, C): both layouts mean the same memory. */
    {QUICK, CASES_FIRST, 0, 2, {16, 10}, GENERATE_NORMAL, 0.0, 1.0},
    {QUICK, CASES_BOTH, 0, 2, {2, 1}, GENERATE_NORMAL, 0.0, 1.0},
    {FULL, CASES_FIRST, 0, 4, {1024, 64, 1, 1}, GENERATE_NORMAL, 1.0, 2.0},
    {QUICK, CASES_FIRST, 0, 2, {37, 1023}, GENERATE_NORMAL, 1.0, 2.0},
    {FULL, CASES_FIRST, 0, 2, {333, 27}, GENERATE_NORMAL, -3.0, 0.5},
    {FULL, CASES_FIRST, 0, 2, {140000, 1}, GENERATE_NORMAL, 0.0, 1.0},
    {FULL, CASES_FIRST, 0, 4, {770, 1024, 1, 1}, GENERATE_NORMAL, 0.0, 1.0},
    {LARGE, CASES_FIRST, 0, 2, {200704, 32}, GENERATE_NORMAL, 0.0, 1.0},
    /* (N, C, L) */
    {QUICK, CASES_BOTH, 0, 3, {4, 3, 7}, GENERATE_NORMAL, 0.0, 1.0},
    {QUICK, CASES_BOTH, 0, 3, {5, 19, 49}, GENERATE_NORMAL, 2.0, 1.0},
    {FULL, CASES_BOTH, 0, 3, {3, 23, 3136}, GENERATE_NORMAL, 0.0, 1.0},
    {FULL, CASES_BOTH, 0, 3, {9, 65, 1}, GENERATE_NORMAL, 0.0, 1.0},
    {FULL, CASES_BOTH, 0, 3, {2, 1023, 7}, GENERATE_NORMAL, 0.0, 1.0},
    {FULL, CASES_BOTH, 0, 3, {70000, 1, 2}, GENERATE_NORMAL, 0.0, 1.0},
    /* (N, C, H, W) */
    {QUICK, CASES_BOTH, 0, 4, {1, 1, 3, 3}, GENERATE_CONSTANT, 100.0, 0.0},
    {QUICK, CASES_BOTH, 0, 4, {4, 8, 10, 10}, GENERATE_NORMAL, 0.0, 1.0},
    {QUICK, CASES_BOTH, 0, 4, {4, 1, 9, 9}, GENERATE_NORMAL, 0.0, 1.0},
    {QUICK, CASES_BOTH, 0, 4, {4, 9, 1, 1}, GENERATE_NORMAL, 0.0, 1.0},
    {QUICK, CASES_BOTH, 0, 4, {2, 65, 7, 7}, GENERATE_NORMAL, 5.0, 0.1},
    {FULL, CASES_BOTH, 0, 4, {770, 1, 8, 8}, GENERATE_NORMAL, 0.0, 1.0},
    {FULL, CASES_FIRST, 0, 4, {65536, 1, 1, 1}, GENERATE_NORMAL, 0.0, 1.0},
    {FULL, CASES_BOTH, 0, 4, {8, 27, 56, 56}, GENERATE_NORMAL, 0.0, 1.0},
    {LARGE, CASES_BOTH, 0, 4, {16, 96, 35, 35}, GENERATE_NORMAL, 0.0, 1.0},
    {LARGE, CASES_BOTH, 0, 4, {16, 80, 73, 73}, GENERATE_NORMAL, 0.0, 1.0},
    {LARGE, CASES_BOTH, 0, 4, {16, 64, 147, 147}, GENERATE_NORMAL, 0.0, 1.0},
    /* (N, C, D, H, W) */
    {QUICK, CASES_BOTH, 0, 5, {2, 3, 4, 5, 6}, GENERATE_NORMAL, 0.0, 1.0},
    {FULL, CASES_BOTH, 0, 5, {3, 19, 2, 7, 7}, GENERATE_NORMAL, 0.0, 1.0},
    {FULL, CASES_BOTH, 0, 5, {1, 2, 16, 32, 33}, GENERATE_NORMAL, 0.0, 1.0},
    /* One statistic for each activation. */
    {QUICK, CASES_BOTH, CLNORM_PER_ACTIVATION, 3, {8, 3, 5}, GENERATE_NORMAL, 0.0, 1.0},
    {FULL, CASES_BOTH, CLNORM_PER_ACTIVATION, 4, {32, 3, 7, 7}, GENERATE_NORMAL, 3.0, 1.0},
    {FULL, CASES_BOTH, CLNORM_PER_ACTIVATION, 5, {21, 2, 3, 4, 5}, GENERATE_NORMAL, 0.0, 1.0},
    /* Accuracy: the mean far from 0, and values far from the rest. */
    {FULL, CASES_BOTH, 0, 4, {16, 8, 32, 32}, GENERATE_NORMAL, 0.0, 1.0},
    {QUICK, CASES_BOTH, 0, 4, {16, 8, 32, 32}, GENERATE_NORMAL, 1e2, 1.0},
    {QUICK, CASES_BOTH, 0, 4, {16, 8, 32, 32}, GENERATE_NORMAL, 1e4, 1.0},
    {QUICK, CASES_BOTH, 0, 4, {16, 8, 32, 32}, GENERATE_NORMAL, 1e6, 1.0},
    {QUICK, CASES_BOTH, 0, 4, {16, 8, 32, 32}, GENERATE_SPARSE, 0.1, 1.0},
    {FULL, CASES_BOTH, 0, 4, {32, 16, 7, 7}, GENERATE_SPARSE, 1e3, 1.0},
    {FULL, CASES_BOTH, 0, 4, {16, 4, 64, 64}, GENERATE_OUTLIER, 0.0, 1.0},
    {FULL, CASES_BOTH, 0, 4, {16, 4, 64, 64}, GENERATE_OUTLIERS, 0.0, 1.0},
    {FULL, CASES_BOTH, 0, 4, {16, 8, 32, 32}, GENERATE_NEIGHBOURS, 1000.0, 4.0},
    /* Speed: activations of common networks, and a wide fully connected layer. */
    {CASES_BENCH_QUICK | CASES_BENCH_FULL, CASES_BOTH, 0, 4, {32, 64, 56, 56}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_FULL, CASES_BOTH, 0, 4, {32, 256, 56, 56}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_QUICK | CASES_BENCH_FULL, CASES_BOTH, 0, 4, {64, 512, 7, 7}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_FULL | CASES_BENCH_SIZES, CASES_BOTH, 0, 4, {128, 64, 32, 32}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_QUICK | CASES_BENCH_FULL, CASES_FIRST, 0, 2, {4096, 1024}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_LARGE, CASES_BOTH, 0, 4, {256, 64, 112, 112}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_LARGE, CASES_BOTH, 0, 4, {256, 256, 56, 56}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_LARGE, CASES_BOTH, 0, 4, {256, 512, 28, 28}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_LARGE, CASES_BOTH, 0, 4, {256, 2048, 7, 7}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_LARGE, CASES_FIRST, 0, 2, {32768, 1024}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_LARGE, CASES_BOTH, 0, 4, {8, 3, 1024, 1024}, GENERATE_NORMAL, 0.0, 1.0},
    /* Speed against size. */
    {CASES_BENCH_SIZES, CASES_BOTH, 0, 4, {1, 64, 32, 32}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_SIZES, CASES_BOTH, 0, 4, {2, 64, 32, 32}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_SIZES, CASES_BOTH, 0, 4, {4, 64, 32, 32}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_SIZES, CASES_BOTH, 0, 4, {8, 64, 32, 32}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_SIZES, CASES_BOTH, 0, 4, {16, 64, 32, 32}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_SIZES, CASES_BOTH, 0, 4, {32, 64, 32, 32}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_SIZES, CASES_BOTH, 0, 4, {64, 64, 32, 32}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_SIZES, CASES_BOTH, 0, 4, {256, 64, 32, 32}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_SIZES, CASES_BOTH, 0, 4, {512, 64, 32, 32}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_SIZES, CASES_BOTH, 0, 4, {1024, 64, 32, 32}, GENERATE_NORMAL, 0.0, 1.0},
    /* Calls a second. */
    {CASES_BENCH_CALLS, CASES_BOTH, 0, 4, {2, 8, 4, 4}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_CALLS, CASES_FIRST, 0, 2, {32, 64}, GENERATE_NORMAL, 0.0, 1.0},
    {CASES_BENCH_CALLS, CASES_BOTH, 0, 4, {1, 16, 8, 8}, GENERATE_NORMAL, 0.0, 1.0},
};

size_t cases_count(void) { return sizeof table / sizeof table[0]; }

const oracle_case *cases_at(size_t index) { return &table[index]; }

int case_has_layout(const oracle_case *c, clnorm_layout layout)
{
  return (c->layouts & (layout == CLNORM_CHANNELS_LAST ? CASES_LAST : CASES_FIRST)) != 0;
}

void case_apply(const oracle_case *c, clnorm_layout layout, clnorm_desc *desc)
{
  desc->layout = layout;
  desc->flags = c->flags;
  desc->rank = c->rank;
  desc->dims[0] = c->dims[0];
  for (uint32_t axis = 1; axis < c->rank; axis++) {
    const uint32_t from = layout == CLNORM_CHANNELS_FIRST ? axis : axis + 1 < c->rank ? axis + 1 : 1;
    desc->dims[axis] = c->dims[from];
  }
}
