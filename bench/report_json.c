#include "report_json.h"

#include <jansson.h>
#include <math.h>

#include <storage_type.h>
#include <words.h>

#include "git_revision.h"

/* Enough digits for a median, few enough to read. */
#define DIGITS 6

/* JSON has no infinity. */
static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

/* Times of a record without any are null. */
static json_t *time_of(const bench_record *record, double value)
{
  return record->time.n > 0 ? number(value) : json_null();
}

static json_t *shape_json(const bench_record *record)
{
  json_t *shape = json_array();
  for (uint32_t axis = 0; axis < record->rank; axis++) {
    json_array_append_new(shape, json_integer((json_int_t)record->dims[axis]));
  }
  return shape;
}

static json_t *peers_json(const bench_record *record)
{
  json_t *peers = json_object();
  for (size_t i = 0; i < record->peer_count; i++) {
    const record_peer *row = &record->peers[i];
    if (row->median > 0.0 && record->time.n > 0) {
      json_object_set_new(
          peers, row->name,
          json_pack("{s:f, s:f}", "median_s", row->median, "times_faster", row->median / record->time.median));
    }
  }
  return peers;
}

static json_t *first_use_json(const first_use_times *times)
{
  return times->cached > 0.0 ? json_pack("{s:f, s:f}", "compiled", times->compiled, "cached", times->cached)
                             : json_null();
}

static const char *check_word(const bench_record *record)
{
  static const char *const words[] = {"ok", "wrong", "failed", "unsupported"};
  return words[record->outcome];
}

/* key_s and key_ci95_s, null if it was not measured. */
static void add_summary(json_t *json, const char *key, const bench_summary *summary)
{
  const int is = summary->n > 0;
  char name[40];
  (void)snprintf(name, sizeof name, "%s_s", key);
  json_object_set_new(json, name, is ? number(summary->median) : json_null());
  (void)snprintf(name, sizeof name, "%s_ci95_s", key);
  json_object_set_new(
      json, name,
      json_pack("[o, o]", is ? number(summary->low) : json_null(), is ? number(summary->high) : json_null()));
}

static json_t *rate(const bench_summary *summary)
{
  return summary->n > 0 ? number(1.0 / summary->median) : json_null();
}

/* What a record about calls has besides. */
static void add_calls(json_t *json, const bench_record *record)
{
  const record_calls *calls = &record->calls;
  const bench_summary own = record_own_work(record);
  json_object_set_new(json, "mode", json_string("calls"));
  json_object_set_new(json, "calls_per_s", rate(&record->time));
  json_object_set_new(json, "waited_calls_per_s", rate(&calls->waited));
  add_summary(json, "waited", &calls->waited);
  json_object_set_new(json, "launches", json_integer((json_int_t)calls->launches));
  json_object_set_new(json, "kernel_arguments", json_integer((json_int_t)calls->arguments));
  add_summary(json, "enqueue", &calls->enqueue);
  add_summary(json, "bare_enqueue", &calls->bare);
  add_summary(json, "own", &own);
}

/* axis and groups only where they mean something. */
static void add_kind(json_t *json, const norm_kind *kind)
{
  char activation[48];
  if (!norm_has_channels(kind->op)) {
    json_object_set_new(json, "axis", json_integer(kind->axis));
  }
  if (kind->op == CLNORM_GROUP) {
    json_object_set_new(json, "groups", json_integer(kind->groups));
  }
  json_object_set_new(json, "dtype", json_string(storage_name(kind->dtype)));
  json_object_set_new(json, "activation", json_string(norm_activation_text(kind, activation, sizeof activation)));
  json_object_set_new(json, "residual", json_boolean(kind->residual));
}

json_t *report_json_record(const bench_record *record)
{
  const bench_summary *time = &record->time;
  json_t *json = json_object();
  json_object_set_new(json, "schema", json_integer(1));
  json_object_set_new(json, "op", json_string(op_name(record->kind.op)));
  json_object_set_new(json, "pass", json_string(record_pass_name(record->pass)));
  json_object_set_new(json, "shape", shape_json(record));
  json_object_set_new(json, "layout", json_string(record_layout_name(record->layout)));
  add_kind(json, &record->kind);
  json_object_set_new(json, "backend", json_string(record->backend));
  json_object_set_new(json, "device", json_string(record->device));
  json_object_set_new(json, "driver", json_string(record->driver));
  json_object_set_new(json, "variant", json_string(record->variant));
  json_object_set_new(json, "tuning", json_string(record->tuning));
  json_object_set_new(json, "n", json_integer((json_int_t)time->n));
  json_object_set_new(json, "median_s", time_of(record, time->median));
  json_object_set_new(json, "ci95_s", json_pack("[o, o]", time_of(record, time->low), time_of(record, time->high)));
  json_object_set_new(json, "copy_s", time_of(record, record->copy));
  json_object_set_new(json, "copy_ci95_s",
                      json_pack("[o, o]", time_of(record, record->copy_low), time_of(record, record->copy_high)));
  json_object_set_new(json, "times_copy", time_of(record, time->median / record->copy));
  json_object_set_new(json, "bytes_least", json_integer((json_int_t)record->bytes_least));
  json_object_set_new(json, "gbps", time_of(record, record->bytes_least / time->median * 1e-9));
  json_object_set_new(json, "compile_s", time_of(record, record->compile));
  json_object_set_new(json, "first_use_s", first_use_json(&record->first_use));
  json_object_set_new(json, "check", json_string(check_word(record)));
  json_object_set_new(json, "max_err", record->checked > 0 ? number(record->max_err) : json_null());
  json_object_set_new(json, "tolerance", record->checked > 0 ? number(record->tolerance) : json_null());
  json_object_set_new(json, "peers", peers_json(record));
  json_object_set_new(json, "version", json_string(clnorm_version()));
  json_object_set_new(json, "git", json_string(CLNORM_GIT_REVISION));
  if (record->calls.measured) {
    add_calls(json, record);
  }
  if (record->outcome != RECORD_OK) {
    json_object_set_new(json, "reason", json_string(record->reason));
  }
  return json;
}

int report_json_write(FILE *file, const bench_record *record)
{
  json_t *json = report_json_record(record);
  const int written = json_dumpf(json, file, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
  json_decref(json);
  return written == 0 && fputc('\n', file) != EOF ? 0 : -1;
}
