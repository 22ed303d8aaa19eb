#include "tuner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "verify.h"
#if CLNORM_HAVE_OPENCL
#include "session_cl.h"
#endif

/* Choices that take turns with the best so far. */
#define TOGETHER 6

/* Seconds in samples of each of them. */
#define SCREENING 0.06

/* A choice whose first warm run takes that many times the best's median is no candidate. */
#define HOPELESS 3.0

/* Pairs of turns of the last comparison: enough for a narrow interval of their median. */
#define PAIRS 24
#define PAIR_SLICE 0.015
/* Threads of the other one may still spin. */
#define SETTLE 0.003

/* Tried choices that are remembered. */
#define MOST_TRIED 512

typedef struct candidate {
  runner r;
  char choice[TUNER_CHOICE_BYTES];
  double median;
} candidate;

typedef struct search {
  const bench_device *device;
  const tuner_options *options;
  workload *w;
  verifier check;
  tuner_result *result;
  candidate built_in, best; /* best.r is empty while the built-in choice is the best */
  char (*tried)[TUNER_CHOICE_BYTES];
  size_t tried_count;
  double begin, done; /* seconds; part of the case before this pass */
} search;

static void say(const search *s, const char *what)
{
  char text[96];
  const double spent = (measure_now() - s->begin) / s->options->time;
  if (s->options->progress != NULL) {
    (void)snprintf(text, sizeof text, "%s %s, %zu choices", what, record_pass_name(s->result->pass), s->result->tried);
    s->options->progress(s->options->context, text,
                         s->done + (spent < 1.0 ? spent : 1.0) / (double)s->options->pass_count);
  }
}

static void set_outcome(tuner_result *result, record_outcome outcome, const char *reason)
{
  result->outcome = outcome;
  (void)snprintf(result->reason, sizeof result->reason, "%s", reason);
}

static void set_error(tuner_result *result, const runner_error *error)
{
  const int cannot = error->status == CLNORM_UNSUPPORTED || error->status == CLNORM_OUT_OF_MEMORY;
  set_outcome(result, cannot ? RECORD_UNSUPPORTED : RECORD_FAILED, error->text);
}

/* ---- the last comparison ------------------------------------------------------------------------------------- */

static int by_size(const void *left, const void *right)
{
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Median seconds of a run; negative if one fails. */
static double take_turn(const runner *r, double slice)
{
  double samples[64];
  size_t count = 0;
  double spent = 0.0;
  for (double warm = 0.0; warm < SETTLE;) {
    const double begin = measure_now();
    if (r->run(r->self, 1) != 0) {
      return -1.0;
    }
    warm += measure_now() - begin;
  }
  while (count < 64 && (count == 0 || spent < slice)) {
    const double begin = measure_now();
    if (r->run(r->self, 1) != 0) {
      return -1.0;
    }
    samples[count] = measure_now() - begin;
    spent += samples[count++];
  }
  qsort(samples, count, sizeof *samples, by_size);
  return samples[count / 2];
}

/* With fewer than 6 ratios there is no such interval. */
int tuner_gains(const bench_summary *ratio) { return ratio->n >= 6 && ratio->high <= TUNER_GAIN; }

int tuner_compare(const runner *a, const runner *b, double slice, bench_summary *ratio, double *seconds)
{
  double ratios[PAIRS], times[PAIRS];
  bench_summary summary;
  for (size_t i = 0; i < PAIRS; i++) {
    /* Who comes first changes, so that neither always follows the other. */
    const int swapped = i % 2 == 1;
    const double first = take_turn(swapped ? b : a, slice), second = take_turn(swapped ? a : b, slice);
    if (first < 0.0 || second < 0.0) {
      return -1;
    }
    times[i] = swapped ? second : first;
    ratios[i] = swapped ? first / second : second / first;
  }
  bench_summarize(ratios, PAIRS, ratio);
  bench_summarize(times, PAIRS, &summary);
  *seconds = summary.median;
  return 0;
}

/* ---- candidates ---------------------------------------------------------------------------------------------- */

/* Opens, runs and checks. 0, or -1 with *outcome and *error set. */
static int open_checked(search *s, const char *choice, candidate *made, record_outcome *outcome, runner_error *error)
{
  verdict result;
  double compile = 0.0;
  int failed;
  (void)compile;
  *made = (candidate){0};
  *outcome = RECORD_FAILED;
  workload_clear_results(s->w);
#if CLNORM_HAVE_OPENCL
  if (s->device->cl != NULL) {
    failed = runner_open_cl(&made->r, s->device->cl, s->w, s->result->pass, choice, "off", error, &compile);
  } else
#endif
  {
    failed = runner_open_cpu(&made->r, s->w, s->result->pass, choice, error);
  }
  if (failed != 0) {
    *outcome = error->status == CLNORM_UNSUPPORTED || error->status == CLNORM_OUT_OF_MEMORY ? RECORD_UNSUPPORTED
                                                                                            : RECORD_FAILED;
    return -1;
  }
  (void)clnorm_plan_choice(made->r.plan, made->choice, sizeof made->choice);
  if (made->r.run(made->r.self, 1) != 0 || (made->r.fetch != NULL && made->r.fetch(made->r.self, s->w) != 0)) {
    (void)runner_fail(error, CLNORM_OPENCL_ERROR, "a run of %.200s failed: %.200s", made->choice, clnorm_last_error());
    runner_close(&made->r);
    return -1;
  }
  verifier_check(&s->check, &result);
  if (!result.ok) {
    *outcome = RECORD_WRONG;
    (void)runner_fail(error, CLNORM_OPENCL_ERROR, "%.200s: %.200s", made->choice, result.reason);
    runner_close(&made->r);
    return -1;
  }
  *outcome = RECORD_OK;
  return 0;
}

static candidate *best_of(search *s) { return s->best.r.self != NULL ? &s->best : &s->built_in; }

static int was_tried(const search *s, const char *choice)
{
  for (size_t i = 0; i < s->tried_count; i++) {
    if (strcmp(s->tried[i], choice) == 0) {
      return 1;
    }
  }
  return 0;
}

static double time_once(const runner *r)
{
  const double begin = measure_now();
  return r->run(r->self, 1) != 0 ? -1.0 : measure_now() - begin;
}

/* Opens the next choice beside the best that was not tried yet. 0, or -1 if there is none. A choice that cannot be opened, or
 * is hopeless, leaves *made empty. */
static int open_next(search *s, candidate *made)
{
  char choice[TUNER_CHOICE_BYTES];
  runner_error error = {0};
  record_outcome outcome;
  *made = (candidate){0};
  size_t index = 0;
  do {
    if (s->tried_count == MOST_TRIED ||
        clnorm_plan_neighbour(best_of(s)->r.plan, index++, choice, sizeof choice) == 0) {
      return -1;
    }
  } while (was_tried(s, choice));
  memcpy(s->tried[s->tried_count++], choice, sizeof choice);
  s->result->tried++;
  say(s, "trying");
  if (open_checked(s, choice, made, &outcome, &error) != 0) {
    if (outcome == RECORD_WRONG) {
      set_outcome(s->result, RECORD_WRONG, error.text);
    }
    return 0;
  }
  /* By kernels that this device limits two choices may come to the same. */
  const double once = time_once(&made->r);
  if (once < 0.0 || once > HOPELESS * best_of(s)->median || strcmp(made->choice, best_of(s)->choice) == 0) {
    runner_close(&made->r);
  }
  return 0;
}

/* ---- the search ---------------------------------------------------------------------------------------------- */

static void become_best(search *s, candidate *winner)
{
  runner_close(&s->best.r);
  s->best = *winner;
  winner->r = (runner){0};
}

/* Times a few candidates beside the best so far; the fastest takes its place if it is faster. Returns 1 if one does. */
static int screen(search *s, candidate *some, size_t count)
{
  measure_subject subjects[TOGETHER + 1] = {{0}};
  candidate *fastest = NULL;
  subjects[0] = (measure_subject){.run = best_of(s)->r.run, .self = best_of(s)->r.self};
  for (size_t i = 0; i < count; i++) {
    subjects[i + 1] = (measure_subject){.run = some[i].r.run, .self = some[i].r.self};
  }
  if (measure_all(subjects, count + 1, &(measure_options){.min_time = SCREENING}, NULL, NULL) == 0 &&
      !subjects[0].failed) {
    bench_summary best, other;
    bench_summarize(subjects[0].samples, subjects[0].count, &best);
    best_of(s)->median = best.median;
    for (size_t i = 0; i < count; i++) {
      bench_summarize(subjects[i + 1].samples, subjects[i + 1].count, &other);
      some[i].median = other.median;
      const int faster = !subjects[i + 1].failed && other.n > 0 && other.median < TUNER_GAIN * best.median;
      if (faster && (fastest == NULL || other.median < fastest->median)) {
        fastest = &some[i];
      }
    }
  }
  measure_release(subjects, count + 1);
  if (fastest != NULL) {
    become_best(s, fastest);
  }
  return fastest != NULL;
}

static void climb(search *s)
{
  int more = 1;
  while (more && measure_now() - s->begin < s->options->time) {
    candidate some[TOGETHER];
    size_t count = 0;
    while (count < TOGETHER && measure_now() - s->begin < s->options->time) {
      more = open_next(s, &some[count]) == 0;
      if (!more) {
        break;
      }
      count += some[count].r.self != NULL;
    }
    if (count > 0 && screen(s, some, count)) {
      more = 1;
    }
    for (size_t i = 0; i < count; i++) {
      runner_close(&some[i].r);
    }
  }
}

/* What was the fastest of many may have been lucky: new times decide. */
static void conclude(search *s, clnorm_tuning *tuning)
{
  tuner_result *result = s->result;
  const candidate *winner = &s->built_in;
  memcpy(result->choice, s->built_in.choice, sizeof result->choice);
  if (s->best.r.self != NULL) {
    say(s, "measuring");
    if (tuner_compare(&s->built_in.r, &s->best.r, PAIR_SLICE, &result->ratio, &result->seconds) != 0) {
      set_outcome(result, RECORD_FAILED, clnorm_last_error());
      return;
    }
    if (tuner_gains(&result->ratio)) {
      winner = &s->best;
      memcpy(result->choice, s->best.choice, sizeof result->choice);
    }
  } else {
    result->seconds = s->built_in.median;
  }
  /* A device that computes wrong results with any choice is none to be tuned. */
  if (result->outcome != RECORD_OK) {
    memcpy(result->choice, s->built_in.choice, sizeof result->choice);
    return;
  }
  if (clnorm_tuning_keep(tuning, winner->r.plan) != CLNORM_SUCCESS) {
    set_outcome(result, RECORD_FAILED, clnorm_last_error());
  }
}

static void tune_pass(search *s, clnorm_tuning *tuning)
{
  runner_error error = {0};
  tuner_result *result = s->result;
  s->begin = measure_now();
  say(s, "checking");
  if (verifier_create(&s->check, s->w, result->pass) != 0) {
    set_outcome(result, RECORD_UNSUPPORTED, "not enough memory for the reference");
    return;
  }
  if (open_checked(s, CLNORM_BUILT_IN, &s->built_in, &result->outcome, &error) != 0) {
    (void)snprintf(result->reason, sizeof result->reason, "%s", error.text);
  } else {
    memcpy(result->built_in, s->built_in.choice, sizeof result->built_in);
    memcpy(s->tried[s->tried_count++], s->built_in.choice, sizeof *s->tried);
    s->built_in.median = time_once(&s->built_in.r);
    climb(s);
    conclude(s, tuning);
  }
  runner_close(&s->best.r);
  runner_close(&s->built_in.r);
  verifier_destroy(&s->check);
}

static void set_all(const tuner_options *options, tuner_result *results, const runner_error *error)
{
  for (size_t i = 0; i < options->pass_count; i++) {
    set_error(&results[i], error);
  }
}

/* 0, or -1 with *error set. */
static int prepare(const bench_device *device, const bench_case *what, workload *w, runner_error *error)
{
  clnorm_desc desc;
  *w = (workload){0};
  error->status = suite_describe(what, &desc);
  error->status = error->status == CLNORM_SUCCESS ? workload_create(w, &desc, what->data) : error->status;
  if (error->status != CLNORM_SUCCESS) {
    const int host = error->status == CLNORM_OUT_OF_MEMORY;
    return runner_fail(error, error->status, "%s", host ? "not enough memory on the host" : clnorm_last_error());
  }
#if CLNORM_HAVE_OPENCL
  if (device->cl != NULL) {
    return session_cl_load(device->cl, w, error);
  }
#else
  (void)device;
#endif
  return 0;
}

void tuner_run(const bench_device *device, const bench_case *what, const tuner_options *options, clnorm_tuning *tuning,
               tuner_result *results)
{
  workload w;
  runner_error error = {0};
  char(*tried)[TUNER_CHOICE_BYTES] = malloc(MOST_TRIED * sizeof *tried);
  for (size_t i = 0; i < options->pass_count; i++) {
    results[i] = (tuner_result){.pass = options->passes[i]};
  }
  if (tried == NULL) {
    (void)runner_fail(&error, CLNORM_OUT_OF_MEMORY, "not enough memory on the host");
    set_all(options, results, &error);
    return;
  }
  if (prepare(device, what, &w, &error) != 0) {
    set_all(options, results, &error);
  } else {
    for (size_t i = 0; i < options->pass_count; i++) {
      search s = {.device = device,
                  .options = options,
                  .w = &w,
                  .result = &results[i],
                  .tried = tried,
                  .done = (double)i / (double)options->pass_count};
      tune_pass(&s, tuning);
    }
  }
  workload_destroy(&w);
  free(tried);
}
