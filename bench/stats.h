/* What a set of measured times says: the median and how well it is known. */
#ifndef CLNORM_BENCH_STATS_H
#define CLNORM_BENCH_STATS_H

#include <stddef.h>

/* low and high bound the median with at least 95 % confidence, whatever the distribution of the samples; with fewer than
 * 6 samples that cannot be had, and they are the least and the greatest one. All 0 for no samples. */
typedef struct bench_summary {
  size_t n;
  double median, low, high;
} bench_summary;

/* Sorts the samples. */
void bench_summarize(double *samples, size_t n, bench_summary *summary);

/* How many samples lie below the interval's lower end: the interval of n sorted samples reaches from index r to n-1-r. */
size_t bench_interval_rank(size_t n);

#endif
