/* Whether a time changed between two runs: a function of two medians and their 95 % intervals, nothing else.
 *
 *   FASTER, SLOWER   the intervals are disjoint and the medians more than COMPARE_APART apart
 *   SAME             not that, and whatever lies in the intervals, the ratio is within COMPARE_SAME of 1
 *   UNSURE           anything else: the intervals are too wide to tell */
#ifndef CLNORM_BENCH_COMPARE_RULE_H
#define CLNORM_BENCH_COMPARE_RULE_H

#define COMPARE_APART 0.03
#define COMPARE_SAME 0.05

typedef enum compare_verdict {
  COMPARE_NONE = 0, /* there is nothing to compare */
  COMPARE_FASTER,
  COMPARE_SLOWER,
  COMPARE_SAME_SPEED,
  COMPARE_UNSURE
} compare_verdict;

/* A measured quantity, greater is slower: seconds, or copies. */
typedef struct compare_estimate {
  double median, low, high; /* 0 < low <= median <= high; median 0: not measured */
} compare_estimate;

/* ratio = now / then, below 1 is faster. low and high bound it for every pair of values of the two intervals. */
typedef struct compare_result {
  compare_verdict verdict;
  double ratio, low, high;
} compare_result;

/* verdict NONE and zeros if one of them was not measured or is no estimate at all. */
compare_result compare_estimates(const compare_estimate *then, const compare_estimate *now);

/* A time in copies. The copy is known within an interval of its own, so the result's is wider. */
compare_estimate compare_quotient(const compare_estimate *time, const compare_estimate *copy);

/* What time and copies say together: if they do not agree, UNSURE. Where copies were not compared, what the time says;
 * NONE where the time was not. */
compare_verdict compare_both(compare_verdict time, compare_verdict copies);

/* 1 if the verdict of both is SLOWER and each ratio that there is exceeds 1 by more than `percent`. */
int compare_is_slower_by(const compare_result *time, const compare_result *copies, double percent);

/* "FASTER", "SLOWER", "SAME", "UNSURE"; "" for NONE. */
const char *compare_verdict_name(compare_verdict verdict);

#endif
