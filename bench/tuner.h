/* The search for the fastest choice of one pass of one shape on one device.
 *
 * From the built-in choice on it goes to the fastest of the plans beside it, as long as one is faster. Each is compared with
 * the reference before it is timed, and timed beside the best so far, taking turns. The winner is measured once more, against
 * the built-in choice, and is only a winner if that shows it to be faster again. */
#ifndef CLNORM_BENCH_TUNER_H
#define CLNORM_BENCH_TUNER_H

#include <clnorm/tuning.h>

#include "group.h"

#define TUNER_CHOICE_BYTES 1024

/* The gain from which on a choice is kept: times the built-in choice's time. */
#define TUNER_GAIN 0.97

typedef struct tuner_options {
  clnorm_pass passes[GROUP_PASSES];
  size_t pass_count;
  double time; /* seconds of search, for each pass */
  /* Called with what is being done and the part of the case that is done, 0 to 1. May be NULL. */
  void (*progress)(void *context, const char *what, double part);
  void *context;
} tuner_options;

typedef struct tuner_result {
  clnorm_pass pass;
  record_outcome outcome; /* of the built-in choice; RECORD_WRONG also if any choice computed wrong results */
  char reason[640];       /* if not ok */
  char built_in[TUNER_CHOICE_BYTES], choice[TUNER_CHOICE_BYTES]; /* the same if nothing faster was found */
  double seconds;                                                /* median of the built-in choice */
  bench_summary ratio; /* of the winner's time to the built-in choice's, turn by turn; n 0: there was no winner */
  size_t tried;
} tuner_result;

/* Searches for all passes of one shape; fills results[0 .. options->pass_count - 1]. What was found goes into `tuning`: a
 * winner, or nothing in place of what stood there. A pass that could not be measured is left as it stands. */
void tuner_run(const bench_device *device, const bench_case *what, const tuner_options *options, clnorm_tuning *tuning,
               tuner_result *results);

/* 1 if the ratios of a choice's times to the built-in choice's say with 95 % confidence that it is worth keeping. */
int tuner_gains(const bench_summary *ratio);

/* The ratio of b's time to a's: both run in turns of about `slice` seconds, and each pair of turns gives one ratio. Also the
 * median of a's times. Returns 0, or -1 if a run fails. */
int tuner_compare(const runner *a, const runner *b, double slice, bench_summary *ratio, double *seconds);

#endif
