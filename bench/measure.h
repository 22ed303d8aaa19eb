/* Times several things in one run, turn by turn, so that what else happens on the machine falls on all of them alike.
 *
 *   measure_subject subjects[] = {{.run = run_copy, .self = &copy}, {.run = run_pass, .self = &pass}};
 *   measure_all(subjects, 2, &(measure_options){.min_time = 0.2}, NULL, NULL);
 *   bench_summarize(subjects[0].samples, subjects[0].count, &summary);
 *   measure_release(subjects, 2);
 *
 * A turn of a subject: runs that do not count until the machine has settled (threads of the subject before it may still
 * spin), then samples. A sample is the mean of as many runs as are needed for the clock to be exact. */
#ifndef CLNORM_BENCH_MEASURE_H
#define CLNORM_BENCH_MEASURE_H

#include <stddef.h>

typedef struct measure_subject {
  int (*run)(void *self, size_t times); /* runs it that often and waits for the end; 0, or -1 on failure */
  void *self;
  /* NULL: the whole of run is timed. Else it is called in run's place and tells the seconds that count. */
  int (*timed)(void *self, size_t times, double *seconds);
  /* results */
  double *samples; /* seconds a run */
  size_t count;
  int failed;
  /* for measure.c */
  size_t capacity;
  size_t repeats; /* runs a sample */
  double spent;   /* seconds in samples */
} measure_subject;

typedef struct measure_options {
  double min_time;    /* seconds in samples, for each subject */
  double sample_time; /* seconds that a sample takes at least; 0: enough for the clock */
} measure_options;

/* Measures; `tick`, if not NULL, is called before each turn with the part that is done, 0 to 1.
 * Returns 0, or -1 if there is not the memory. A subject whose run fails is marked and left out from then on. */
int measure_all(measure_subject *subjects, size_t count, const measure_options *options,
                void (*tick)(void *context, double part), void *context);

/* Frees the samples. */
void measure_release(measure_subject *subjects, size_t count);

/* Seconds of a clock that only goes forward. */
double measure_now(void);

#endif
