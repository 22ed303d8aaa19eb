/* Synthetic data: the same numbers on every machine, from a counter-based generator (Philox of Random123), so that
 * element i never depends on how much was made before it. */
#ifndef CLNORM_TESTS_GENERATE_H
#define CLNORM_TESTS_GENERATE_H

#include "clnorm/clnorm.h"

/* Kinds of x. All are drawn for each statistic of a descriptor alike. */
typedef enum generate_kind {
  GENERATE_NORMAL = 0, /* normal numbers of the given mean and standard deviation */
  GENERATE_OUTLIER,    /* the first value of each statistic 1e4 times the rest: mean + 1e4 * std * N(0, 1) */
  GENERATE_OUTLIERS,   /* every 256th value of each statistic 1e6 times the rest */
  GENERATE_NEIGHBOURS, /* x[2i] + x[2i+1] = 2*mean within each statistic, in multiples of std/4: sums are exact */
  GENERATE_CONSTANT,   /* every value is the mean */
  GENERATE_SPARSE      /* every value is the mean but each 64th of a statistic: as after a rectifier or in images */
} generate_kind;

/* count numbers from N(mean, std). Different seeds give independent streams. */
void generate_normal(float *out, uint64_t count, uint64_t seed, double mean, double std);

/* count numbers uniform in [low, high). */
void generate_uniform(float *out, uint64_t count, uint64_t seed, double low, double high);

/* x of the descriptor's shape. */
void generate_x(float *out, const clnorm_desc *desc, generate_kind kind, uint64_t seed, double mean, double std);

/* 1 if the kind's outliers widen the bound of the variance (oracle_inputs.outliers). */
int generate_has_outliers(generate_kind kind);

/* A word for people: "normal", "first value 1e4 times the rest" ... */
const char *generate_kind_name(generate_kind kind);

#endif
