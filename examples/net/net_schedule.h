/* Learning rates over the steps of training. */
#ifndef CLNORM_EXAMPLES_NET_SCHEDULE_H
#define CLNORM_EXAMPLES_NET_SCHEDULE_H

#include <stddef.h>

typedef enum net_schedule_kind {
  NET_CONSTANT = 0,    /* base */
  NET_STEPS = 1,       /* base * factor^(t / period rounded down) */
  NET_EXPONENTIAL = 2, /* base * factor^(t / period) */
  NET_COSINE = 3       /* from base at t = 0 to base * factor at t = period, and that from there on */
} net_schedule_kind;

/* t counts from 0 after the warm-up, in which step s of `warmup` has base * (s + 1) / warmup. */
typedef struct net_schedule {
  net_schedule_kind kind;
  double base;
  double factor;
  size_t period; /* steps, at least 1; a constant rate does not read it */
  size_t warmup;
} net_schedule;

/* The rate of step 0, 1, 2, ... */
double net_schedule_rate(const net_schedule *schedule, size_t step);

#endif
