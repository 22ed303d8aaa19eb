#include <jansson.h>
#include <math.h>
#include <string.h>

#include "check_report.h"
#include "run_options.h"
#include "storage_type.h"
#include "words.h"

/* JSON has no infinity. */
static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static void set(json_t *record, const char *key, json_t *value) { (void)json_object_set_new(record, key, value); }

static json_t *shape_of(const clnorm_desc *desc)
{
  json_t *shape = json_array();
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    json_array_append_new(shape, json_integer((json_int_t)desc->dims[axis]));
  }
  return shape;
}

static json_t *accumulated(const clnorm_desc *desc)
{
  static const struct {
    uint32_t flag;
    const char *name;
  } flags[] = {{CLNORM_ACCUMULATE_DX, "dx"}, {CLNORM_ACCUMULATE_DGAMMA, "dgamma"}, {CLNORM_ACCUMULATE_DBETA, "dbeta"}};
  json_t *names = json_array();
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    if (desc->flags & flags[i].flag) {
      json_array_append_new(names, json_string(flags[i].name));
    }
  }
  return names;
}

static int is_strided(const clnorm_desc *desc)
{
  static const int64_t dense[CLNORM_TENSORS][CLNORM_MAX_RANK];
  return memcmp(desc->strides, dense, sizeof dense) != 0;
}

static void set_operation(json_t *record, const clnorm_desc *desc, clnorm_pass pass)
{
  set(record, "op", json_string(op_name(desc->op)));
  set(record, "pass", json_string(run_pass_name(pass)));
  set(record, "shape", shape_of(desc));
  set(record, "layout", json_string(desc->layout == CLNORM_CHANNELS_LAST ? "channels-last" : "channels-first"));
  if (desc->op == CLNORM_LAYER || desc->op == CLNORM_RMS) {
    set(record, "axis", json_integer(desc->axis));
  }
  if (desc->op == CLNORM_GROUP) {
    set(record, "groups", json_integer(desc->groups));
  }
  set(record, "per_activation", json_boolean((desc->flags & CLNORM_PER_ACTIVATION) != 0));
  set(record, "dtype", json_string(storage_name(desc->dtype)));
  set(record, "activation", json_string(activation_name(desc->activation)));
  set(record, "alpha", json_real(desc->alpha));
  set(record, "residual", json_boolean((desc->flags & CLNORM_RESIDUAL) != 0));
  set(record, "relu_mask", json_boolean((desc->flags & CLNORM_RELU_MASK) != 0));
  set(record, "accumulate", accumulated(desc));
  set(record, "length_axis", json_integer(desc->length_axis));
  set(record, "strided", json_boolean(is_strided(desc)));
}

static void set_outcome(json_t *record, const char *verdict, const check_result *result)
{
  set(record, "variant", json_string(result->variant));
  if (result->arguments[0] != '\0') {
    set(record, "arguments", json_string(result->arguments));
  }
  set(record, "runs", json_integer(result->runs));
  set(record, "check", json_string(verdict));
  if (result->status != CLNORM_SUCCESS) {
    set(record, "reason", json_string(result->reason));
  } else if (result->failures != 0) {
    set(record, "reason", json_string(result->failure));
  }
  set(record, "quantity", result->quantity != NULL ? json_string(result->quantity) : json_null());
  set(record, "max_err", result->quantity != NULL ? number(result->error) : json_null());
  set(record, "tolerance", result->quantity != NULL ? number(result->tolerance) : json_null());
}

int check_record_write(const check_report *report, const check_subject *subject, const check_result *result)
{
  json_t *record = json_object();
  set(record, "schema", json_integer(1));
  set_operation(record, subject->desc, result->pass);
  set(record, "data", json_string(subject->label));
  set(record, "backend", json_string(report->backend));
  set(record, "device", json_string(report->choice->name));
  set(record, "driver", json_string(report->choice->driver));
  set_outcome(record, check_verdict(report, subject, result), result);
  set(record, "version", json_string(clnorm_version()));
  const int written = json_dumpf(record, report->json, JSON_COMPACT);
  json_decref(record);
  return written == 0 && fputc('\n', report->json) != EOF ? 0 : -1;
}
