#include "group.h"

#include <clnorm/tuning.h>
#include <stdio.h>
#include <string.h>
#include <words.h>

#include "host_memory.h"
#include "measure.h"
#include "verify.h"
#if CLNORM_HAVE_OPENCL
#include "session_cl.h"
#endif

/* Copies, and for each pass the device, the CPU backend and the peers. */
#define MAX_RUNNERS (RUNNER_COPIES + GROUP_PASSES * (2 + RECORD_PEERS))
#define NONE ((size_t)-1)

/* What runs for one pass: indices of runners. */
typedef struct lane {
  size_t pass, cpu, peers[RECORD_PEERS];
} lane;

typedef struct group {
  const bench_device *device;
  const bench_options *options;
  bench_record *records;
  workload w;
  runner runners[MAX_RUNNERS];
  measure_subject subjects[MAX_RUNNERS];
  size_t used, copies;
  lane lanes[GROUP_PASSES];
} group;

static void say(const group *g, const char *what, double part)
{
  if (g->options->progress != NULL) {
    g->options->progress(g->options->context, what, part);
  }
}

static void set_outcome(bench_record *record, const runner_error *error)
{
  /* Too few: instance normalization of (N, C), which a suite has beside shapes with positions. */
  const int cannot = error->status == CLNORM_UNSUPPORTED || error->status == CLNORM_OUT_OF_MEMORY ||
                     error->status == CLNORM_TOO_FEW_VALUES;
  record->outcome = cannot ? RECORD_UNSUPPORTED : RECORD_FAILED;
  (void)snprintf(record->reason, sizeof record->reason, "%s (%s)", error->text, clnorm_status_name(error->status));
}

static void set_all(group *g, const runner_error *error)
{
  for (size_t i = 0; i < g->options->pass_count; i++) {
    set_outcome(&g->records[i], error);
  }
}

static void begin_records(group *g, const bench_case *what)
{
  for (size_t i = 0; i < g->options->pass_count; i++) {
    bench_record *record = &g->records[i];
    *record = (bench_record){.kind = what->kind,
                             .pass = g->options->passes[i],
                             .layout = what->layout,
                             .rank = what->rank,
                             .backend = g->device->cl == NULL ? "cpu" : "opencl",
                             .device = g->device->name,
                             .driver = g->device->driver};
    memcpy(record->dims, what->dims, sizeof what->dims);
    record->bytes_least = norm_tensors_moved(&what->kind, record->pass) * suite_bytes(what);
    g->lanes[i].pass = g->lanes[i].cpu = NONE;
    for (size_t j = 0; j < RECORD_PEERS; j++) {
      g->lanes[i].peers[j] = NONE;
    }
  }
}

/* ---- opening and checking ----------------------------------------------------------------------------------- */

static int open_device_pass(group *g, runner *r, bench_record *record, runner_error *error)
{
#if CLNORM_HAVE_OPENCL
  if (g->device->cl != NULL) {
    return runner_open_cl(r, g->device->cl, &g->w, record->pass, g->options->choice, "off", error, &record->compile);
  }
#endif
  return runner_open_cpu(r, &g->w, record->pass, g->options->choice, error);
}

static int run_once(group *g, runner *r)
{
  return r->run(r->self, 1) != 0 || (r->fetch != NULL && r->fetch(r->self, &g->w) != 0) ? -1 : 0;
}

static size_t add_runner(group *g, const runner *r)
{
  g->runners[g->used] = *r;
  return g->used++;
}

/* The pass under measurement: opened, run once from cold, compared with the reference. */
static void open_pass(group *g, bench_record *record, const verifier *check, lane *where)
{
  runner r = {0};
  runner_error error = {0};
  verdict result;
  workload_clear_results(&g->w);
  if (open_device_pass(g, &r, record, &error) != 0) {
    set_outcome(record, &error);
    return;
  }
  (void)snprintf(record->variant, sizeof record->variant, "%s", clnorm_plan_variant(r.plan));
  (void)snprintf(record->tuning, sizeof record->tuning, "%s", clnorm_plan_tuning(r.plan));
  const double begin = measure_now();
  int failed = r.run(r.self, 1);
  record->compile += measure_now() - begin;
  failed = failed != 0 || (r.fetch != NULL && r.fetch(r.self, &g->w) != 0);
  if (failed) {
    record->outcome = RECORD_FAILED;
    (void)snprintf(record->reason, sizeof record->reason, "the run failed: %s", clnorm_last_error());
    runner_close(&r);
    return;
  }
  verifier_check(check, &result);
  record->max_err = result.max_err;
  record->tolerance = result.tolerance;
  record->checked = check->checked;
  record->checkable = check->checkable;
  if (!result.ok) {
    record->outcome = RECORD_WRONG;
    (void)snprintf(record->reason, sizeof record->reason, "%s", result.reason);
    runner_close(&r);
    return;
  }
  where->pass = add_runner(g, &r);
#if CLNORM_HAVE_OPENCL
  if (g->device->cl != NULL && session_cl_cache_is_on(g->device->cl)) {
    record->first_use = first_use_ask(g->options->first_use, g->device->number, &g->w.desc, record->pass);
  }
#endif
}

/* The CPU backend beside a device. */
static void open_cpu(group *g, bench_record *record, const verifier *check, lane *where)
{
  runner r = {0};
  runner_error error = {0};
  verdict result = {0};
  workload_clear_results(&g->w);
  if (runner_open_cpu(&r, &g->w, record->pass, NULL, &error) != 0) {
    (void)snprintf(record->cpu_note, sizeof record->cpu_note, "%.120s", error.text);
    return;
  }
  if (run_once(g, &r) == 0) {
    verifier_check(check, &result);
  }
  if (!result.ok) {
    (void)snprintf(record->cpu_note, sizeof record->cpu_note, "wrong: %.100s", result.reason);
    runner_close(&r);
    return;
  }
  where->cpu = add_runner(g, &r);
}

static void open_peers(group *g, bench_record *record, const verifier *check, lane *where)
{
  for (size_t i = 0; i < g->options->peer_count; i++) {
    record_peer *row = &record->peers[record->peer_count++];
    runner r = {0};
    runner_error error = {0};
    (void)snprintf(row->name, sizeof row->name, "%s", g->options->peers[i]->name);
    workload_clear_results(&g->w);
    if (g->options->peers[i]->open(&r, &g->w, record->pass, &error) != 0) {
      (void)snprintf(row->note, sizeof row->note, "unsupported: %.100s", error.text);
      continue;
    }
    (void)snprintf(row->name, sizeof row->name, "%s", r.name);
    if (run_once(g, &r) != 0 || !verifier_resembles(check)) {
      (void)snprintf(row->note, sizeof row->note, "computes something else");
      runner_close(&r);
      continue;
    }
    where->peers[i] = add_runner(g, &r);
  }
}

static void open_lane(group *g, size_t index)
{
  bench_record *record = &g->records[index];
  verifier check;
  char text[96];
  (void)snprintf(text, sizeof text, "checking %s", record_pass_name(record->pass));
  say(g, text, 0.3 * (double)index / (double)g->options->pass_count);
  if (record->pass == CLNORM_BACKWARD_FROZEN && !norm_has_running(record->kind.op)) {
    record->outcome = RECORD_UNSUPPORTED;
    (void)snprintf(record->reason, sizeof record->reason, "%s normalization has no running statistics",
                   op_name(record->kind.op));
    return;
  }
  if (verifier_create(&check, &g->w, record->pass) != 0) {
    record->outcome = RECORD_UNSUPPORTED;
    (void)snprintf(record->reason, sizeof record->reason, "not enough memory for the reference");
    return;
  }
  open_pass(g, record, &check, &g->lanes[index]);
  if (record->outcome == RECORD_OK && g->device->cl != NULL) {
    open_cpu(g, record, &check, &g->lanes[index]);
  }
  if (record->outcome == RECORD_OK) {
    open_peers(g, record, &check, &g->lanes[index]);
  }
  verifier_destroy(&check);
}

static void open_copies(group *g)
{
#if CLNORM_HAVE_OPENCL
  if (g->device->cl != NULL) {
    g->copies = runner_open_copies_cl(g->runners, g->device->cl, workload_tensor_bytes(&g->w));
    g->used = g->copies;
    return;
  }
#endif
  g->copies = runner_open_copies_cpu(g->runners, g->w.x, g->w.out.tensor, workload_tensor_bytes(&g->w));
  g->used = g->copies;
}

/* ---- timing ------------------------------------------------------------------------------------------------- */

static void tick(void *context, double part) { say(context, "timing", 0.3 + 0.7 * part); }

static bench_summary summary_of(group *g, size_t index)
{
  bench_summary summary = {0};
  if (index != NONE && !g->subjects[index].failed) {
    bench_summarize(g->subjects[index].samples, g->subjects[index].count, &summary);
  }
  return summary;
}

static void take_times(group *g, size_t index, const bench_summary *copy, const char *copy_name)
{
  bench_record *record = &g->records[index];
  const lane *from = &g->lanes[index];
  if (from->pass == NONE) {
    return;
  }
  if (g->subjects[from->pass].failed) {
    record->outcome = RECORD_FAILED;
    (void)snprintf(record->reason, sizeof record->reason, "a timed run failed: %s", clnorm_last_error());
    return;
  }
  bench_summarize(g->subjects[from->pass].samples, g->subjects[from->pass].count, &record->time);
  record->copy = copy->median;
  record->copy_low = copy->low;
  record->copy_high = copy->high;
  (void)snprintf(record->copy_name, sizeof record->copy_name, "%s", copy_name);
  record->compile =
      record->compile > record->time.median && g->device->cl != NULL ? record->compile - record->time.median : 0.0;
  record->cpu = summary_of(g, from->cpu).median;
  for (size_t i = 0; i < record->peer_count; i++) {
    record->peers[i].median = summary_of(g, from->peers[i]).median;
  }
}

static void time_all(group *g)
{
  bench_summary copy = {0};
  const char *copy_name = "";
  runner_error error = {CLNORM_OUT_OF_MEMORY, "not enough memory for the samples"};
  for (size_t i = 0; i < g->used; i++) {
    g->subjects[i] = (measure_subject){.run = g->runners[i].run, .self = g->runners[i].self};
  }
  if (measure_all(g->subjects, g->used, &(measure_options){g->options->min_time, g->options->sample_time}, tick, g) !=
      0) {
    set_all(g, &error);
    goto done;
  }
  for (size_t i = 0; i < g->copies; i++) {
    const bench_summary summary = summary_of(g, i);
    if (summary.median > 0.0 && (copy.median == 0.0 || summary.median < copy.median)) {
      copy = summary;
      copy_name = g->runners[i].name;
    }
  }
  for (size_t i = 0; i < g->options->pass_count; i++) {
    take_times(g, i, &copy, copy_name);
  }
done:
  measure_release(g->subjects, g->used);
}

/* x, dy and the result, residual and dresidual, on a device that lives in the host's memory once more; and the reference. */
static double host_bytes(const bench_device *device, const bench_case *what, const clnorm_desc *desc)
{
  double tensors = what->kind.residual ? 5.0 : 3.0;
  clnorm_counts counts;
#if CLNORM_HAVE_OPENCL
  tensors *= device->cl != NULL && (device->cl->device.type & CL_DEVICE_TYPE_CPU) ? 2.0 : 1.0;
#else
  (void)device;
#endif
  const double reference = clnorm_desc_counts(desc, &counts) == CLNORM_SUCCESS ? verifier_bytes(desc, &counts) : 0.0;
  return tensors * suite_bytes(what) + reference;
}

/* 0, or -1 with *error set. */
static int prepare(group *g, const bench_case *what, runner_error *error)
{
  clnorm_desc desc;
  error->status = suite_describe(what, &desc);
  if (error->status == CLNORM_SUCCESS &&
      host_memory_lacks(host_bytes(g->device, what, &desc), error->text, sizeof error->text)) {
    error->status = CLNORM_OUT_OF_MEMORY;
    return -1;
  }
  error->status = error->status == CLNORM_SUCCESS ? workload_create(&g->w, &desc, what->data) : error->status;
  if (error->status != CLNORM_SUCCESS) {
    const int host = error->status == CLNORM_OUT_OF_MEMORY;
    return runner_fail(error, error->status, "%s", host ? "not enough memory on the host" : clnorm_last_error());
  }
#if CLNORM_HAVE_OPENCL
  if (g->device->cl != NULL && session_cl_load(g->device->cl, &g->w, error) != 0) {
    workload_destroy(&g->w);
    return -1;
  }
#endif
  return 0;
}

void bench_run_group(const bench_device *device, const bench_case *what, const bench_options *options,
                     bench_record *records)
{
  group g = {.device = device, .options = options, .records = records};
  runner_error error = {0};
  begin_records(&g, what);
  say(&g, "preparing", 0.0);
  if (prepare(&g, what, &error) != 0) {
    set_all(&g, &error);
    return;
  }
  open_copies(&g);
  for (size_t i = 0; i < options->pass_count; i++) {
    open_lane(&g, i);
  }
  if (g.used > g.copies) {
    time_all(&g);
  }
  for (size_t i = 0; i < g.used; i++) {
    runner_close(&g.runners[i]);
  }
  workload_destroy(&g.w);
}
