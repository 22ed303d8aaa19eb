/* When a claim counts as shown. Each seed gives one number, how much better it is with what the claim praises than without,
 * both from the same seed; of these numbers the median and an interval for it are taken. */
#ifndef CLNORM_EXPERIMENTS_CLAIM_RULE_H
#define CLNORM_EXPERIMENTS_CLAIM_RULE_H

#include <stddef.h>

typedef enum claim_verdict { CLAIM_UNCLEAR = 0, CLAIM_HOLDS = 1, CLAIM_FAILS = 2 } claim_verdict;

/* The rule in words, for readers. */
#define CLAIM_RULE                                                                                                     \
  "Each seed gives one number, the gain: the difference that the claim speaks of, both sides trained from the same "   \
  "seed, or the level that it asks of one network. low and high are order statistics of the gains such that the true " \
  "median lies below low with at most 5 % "                                                                            \
  "probability, and above high with at most 5 %, whatever the distribution; fewer than 5 seeds have no such "          \
  "interval. A part holds if low is above its threshold, does not hold if high is not, and is unclear otherwise. A "   \
  "claim holds if all of its parts hold, does not hold if one of them does not, and is unclear otherwise."

typedef struct claim_interval {
  size_t n;
  double median;
  double low, high; /* -INFINITY and INFINITY for n < 5 */
} claim_interval;

/* How many of n sorted values lie below the interval: it reaches from index r to n - 1 - r. n from 5 on. */
size_t claim_rank(size_t n);

/* Sorts the values, of which none may be NaN. All but low and high are 0 for n = 0. */
void claim_summarize(double *values, size_t n, claim_interval *interval);

claim_verdict claim_judge(const claim_interval *interval, double threshold);

/* Of a claim with these two parts. */
claim_verdict claim_and(claim_verdict a, claim_verdict b);

/* "holds", "does not hold", "unclear". */
const char *claim_text(claim_verdict verdict);

/* The value below which the fraction `part` of the n sorted values lies, linear between neighbours; 0 for n = 0. */
double claim_quantile(const double *sorted, size_t n, double part);

#endif
