#include "measure.h"

#include <stdlib.h>
#include <time.h>

/* Turns of each subject: as many looks at the machine's mood. */
#define ROUNDS 12
/* A subject that takes far longer than the time asked for may leave after this many turns; an interval needs 6. */
#define ROUNDS_AT_LEAST 6
#define TIME_AT_MOST 4.0 /* times min_time */
/* Threads of a runtime that waits by spinning give their core back within about a millisecond. */
#define SETTLE 0.003
/* A single run may have met a hiccup, and would be a bad guess of how many make a sample. */
#define SETTLE_RUNS 5
/* Beside runs this long that is nothing, and the runs that do not count would double the time. */
#define LONG_RUN 0.05
#define SAMPLE_AT_LEAST 2e-4
/* Unless a sample is asked to be longer. */
#define REPEATS_AT_MOST 256
#define REPEATS_EVER 65536
#define SAMPLES_A_TURN 64

double measure_now(void)
{
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double run_timed(measure_subject *subject, size_t times)
{
  double seconds = 0.0;
  const double begin = measure_now();
  const int failed =
      subject->timed != NULL ? subject->timed(subject->self, times, &seconds) : subject->run(subject->self, times);
  if (failed != 0) {
    subject->failed = 1;
  }
  return subject->timed != NULL ? seconds : measure_now() - begin;
}

static int keep(measure_subject *subject, double sample)
{
  if (subject->count == subject->capacity) {
    const size_t capacity = subject->capacity == 0 ? 64 : 2 * subject->capacity;
    double *samples = realloc(subject->samples, capacity * sizeof *samples);
    if (samples == NULL) {
      return -1;
    }
    subject->samples = samples;
    subject->capacity = capacity;
  }
  subject->samples[subject->count++] = sample;
  return 0;
}

/* Runs until the machine has settled, and learns how many runs make a sample. */
static void settle(measure_subject *subject, double sample_time)
{
  const size_t most = sample_time > 0.0 ? REPEATS_EVER : REPEATS_AT_MOST;
  const double least = sample_time > 0.0 ? sample_time : SAMPLE_AT_LEAST;
  const double begin = measure_now();
  double fastest = 0.0;
  double spent = 0.0;
  int runs = 0;
  do {
    const double one = run_timed(subject, 1);
    fastest = fastest == 0.0 || one < fastest ? one : fastest;
    spent = measure_now() - begin;
    runs++;
  } while ((spent < SETTLE || (runs < SETTLE_RUNS && spent < SETTLE_RUNS * SETTLE)) && !subject->failed);
  if (subject->repeats == 0) {
    const double repeats = fastest > 0.0 ? least / fastest : (double)most;
    subject->repeats = repeats < 1.0 ? 1 : repeats > (double)most ? most : (size_t)repeats + 1;
  }
}

static int take_turn(measure_subject *subject, const measure_options *options)
{
  const double slice = options->min_time / ROUNDS;
  double spent = 0.0;
  if (subject->count == 0 || subject->samples[subject->count - 1] < LONG_RUN) {
    settle(subject, options->sample_time);
  }
  for (int i = 0; !subject->failed && i < SAMPLES_A_TURN && (i == 0 || spent < slice); i++) {
    const double time = run_timed(subject, subject->repeats);
    spent += time;
    if (!subject->failed && keep(subject, time / (double)subject->repeats) != 0) {
      return -1;
    }
  }
  subject->spent += spent;
  return 0;
}

int measure_all(measure_subject *subjects, size_t count, const measure_options *options,
                void (*tick)(void *context, double part), void *context)
{
  for (size_t round = 0; round < ROUNDS; round++) {
    for (size_t i = 0; i < count; i++) {
      /* Every other round backwards, so that nobody always follows the same neighbour. */
      measure_subject *subject = &subjects[round % 2 == 0 ? i : count - 1 - i];
      const int enough = round >= ROUNDS_AT_LEAST && subject->spent > TIME_AT_MOST * options->min_time;
      if (tick != NULL) {
        tick(context, (double)(round * count + i) / (double)(ROUNDS * count));
      }
      if (!subject->failed && !enough && take_turn(subject, options) != 0) {
        return -1;
      }
    }
  }
  return 0;
}

void measure_release(measure_subject *subjects, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    free(subjects[i].samples);
    subjects[i].samples = NULL;
    subjects[i].count = subjects[i].capacity = 0;
  }
}
