#include "calls.h"

#include <stdio.h>
#include <string.h>

#include "measure.h"
#if CLNORM_HAVE_OPENCL
#include "calls_cl.h"
#endif

/* Long enough that the wait at the end of a sample is a small part of it. */
#define SAMPLE_TIME 0.01

#if CLNORM_HAVE_OPENCL

/* A call each waited for, enqueue alone, bare enqueue. */
#define WAYS 3

typedef struct caller {
  session_cl *session;
  const bench_options *options;
  bench_record *records;
  workload w;
  runner passes[GROUP_PASSES];
  bare_calls bare[GROUP_PASSES];
  measure_subject subjects[GROUP_PASSES * WAYS];
  size_t pass_of[GROUP_PASSES]; /* the record of each triple of subjects */
  size_t used;                  /* triples */
} caller;

static void note(caller *c, const runner_error *error)
{
  for (size_t i = 0; i < c->options->pass_count; i++) {
    if (c->records[i].calls.note[0] == '\0') {
      (void)snprintf(c->records[i].calls.note, sizeof c->records[i].calls.note, "%.120s", error->text);
    }
  }
}

/* A pass that was right a moment ago. */
static void open_pass(caller *c, size_t index)
{
  bench_record *record = &c->records[index];
  runner_error error = {0};
  double compile = 0.0;
  runner *pass = &c->passes[c->used];
  bare_calls *bare = &c->bare[c->used];
  measure_subject *subjects = &c->subjects[c->used * WAYS];
  if (record->outcome != RECORD_OK) {
    return;
  }
  if (runner_open_cl(pass, c->session, &c->w, record->pass, c->options->choice, "off", &error, &compile) != 0 ||
      bare_calls_open(bare, pass->self, &error) != 0) {
    (void)snprintf(record->calls.note, sizeof record->calls.note, "%.120s", error.text);
    runner_close(pass);
    return;
  }
  record->calls.launches = bare->cost.launches;
  record->calls.arguments = bare->cost.buffers + bare->cost.numbers;
  subjects[0] = (measure_subject){.run = calls_run_waited, .self = pass->self};
  subjects[1] = (measure_subject){.timed = calls_time_enqueue, .self = pass->self};
  subjects[2] = (measure_subject){.timed = calls_time_bare, .self = bare};
  c->pass_of[c->used++] = index;
}

static void take(caller *c, size_t triple)
{
  record_calls *calls = &c->records[c->pass_of[triple]].calls;
  measure_subject *subjects = &c->subjects[triple * WAYS];
  bench_summary *const results[WAYS] = {&calls->waited, &calls->enqueue, &calls->bare};
  for (size_t i = 0; i < WAYS; i++) {
    if (subjects[i].failed) {
      (void)snprintf(calls->note, sizeof calls->note, "a timed call failed: %.90s", clnorm_last_error());
    } else {
      bench_summarize(subjects[i].samples, subjects[i].count, results[i]);
    }
  }
}

static void tick(void *context, double part)
{
  const caller *c = context;
  if (c->options->progress != NULL) {
    c->options->progress(c->options->context, "timing calls", part);
  }
}

static void time_calls(caller *c)
{
  const runner_error error = {CLNORM_OUT_OF_MEMORY, "not enough memory for the samples"};
  const measure_options options = {.min_time = c->options->min_time};
  const size_t count = c->used * WAYS;
  if (measure_all(c->subjects, count, &options, tick, c) != 0) {
    note(c, &error);
  } else {
    for (size_t i = 0; i < c->used; i++) {
      take(c, i);
    }
  }
  measure_release(c->subjects, count);
}

static void measure_host(session_cl *session, const bench_case *what, const bench_options *options,
                         bench_record *records)
{
  caller c = {.session = session, .options = options, .records = records};
  runner_error error = {0};
  clnorm_desc desc;
  clnorm_status status = suite_describe(what, &desc);
  status = status == CLNORM_SUCCESS ? workload_create(&c.w, &desc, what->data) : status;
  if (status != CLNORM_SUCCESS) {
    (void)runner_fail(&error, status, "%s", clnorm_status_name(status));
    note(&c, &error);
    return;
  }
  if (session_cl_load(session, &c.w, &error) != 0) {
    note(&c, &error);
  } else {
    for (size_t i = 0; i < options->pass_count; i++) {
      open_pass(&c, i);
    }
    time_calls(&c);
  }
  for (size_t i = 0; i < c.used; i++) {
    bare_calls_close(&c.bare[i]);
    runner_close(&c.passes[i]);
  }
  workload_destroy(&c.w);
}

#endif

void bench_run_calls(const bench_device *device, const bench_case *what, const bench_options *options,
                     bench_record *records)
{
  bench_options longer = *options;
  longer.sample_time = SAMPLE_TIME;
  bench_run_group(device, what, &longer, records);
  for (size_t i = 0; i < options->pass_count; i++) {
    records[i].calls.measured = 1;
  }
#if CLNORM_HAVE_OPENCL
  if (device->cl != NULL) {
    measure_host(device->cl, what, options, records);
  }
#endif
}
