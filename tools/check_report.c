#include "check_report.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "run_options.h"

static const char *layout_name(clnorm_layout layout)
{
  return layout == CLNORM_CHANNELS_LAST ? "channels-last" : "channels-first";
}

static const char *shape_text(const clnorm_desc *desc, char *text, size_t capacity)
{
  size_t length = 0;
  text[0] = '\0';
  for (uint32_t axis = 0; axis < desc->rank && length < capacity; axis++) {
    length += (size_t)snprintf(text + length, capacity - length, "%s%zu", axis == 0 ? "" : "x", desc->dims[axis]);
  }
  return text;
}

/* A tensor beyond the device's memory says nothing about the library; any other failure does. */
static int is_unsupported(const check_result *result)
{
  return result->status == CLNORM_UNSUPPORTED || result->status == CLNORM_OUT_OF_MEMORY;
}

static const char *verdict(const check_result *result)
{
  if (is_unsupported(result)) {
    return "unsupported";
  }
  return result->status == CLNORM_SUCCESS && result->failures == 0 ? "ok" : "failed";
}

/* JSON has no infinity. */
static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static int write_record(const check_report *report, const check_input *input, const check_result *result)
{
  const clnorm_desc *desc = &input->desc;
  json_t *record = json_object();
  json_t *shape = json_array();
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    json_array_append_new(shape, json_integer((json_int_t)desc->dims[axis]));
  }
  json_object_set_new(record, "schema", json_integer(1));
  json_object_set_new(record, "op", json_string("batch"));
  json_object_set_new(record, "pass", json_string(run_pass_name(result->pass)));
  json_object_set_new(record, "shape", shape);
  json_object_set_new(record, "layout", json_string(layout_name(desc->layout)));
  json_object_set_new(record, "per_activation", json_boolean((desc->flags & CLNORM_PER_ACTIVATION) != 0));
  json_object_set_new(record, "dtype", json_string("f32"));
  json_object_set_new(record, "data", json_string(input->label));
  json_object_set_new(record, "backend", json_string(report->backend));
  json_object_set_new(record, "device", json_string(report->choice->name));
  json_object_set_new(record, "driver", json_string(report->choice->driver));
  json_object_set_new(record, "variant", json_string(result->variant));
  json_object_set_new(record, "runs", json_integer(result->runs));
  json_object_set_new(record, "check", json_string(verdict(result)));
  if (result->status != CLNORM_SUCCESS) {
    json_object_set_new(record, "reason", json_string(result->reason));
  } else if (result->failures != 0) {
    json_object_set_new(record, "reason", json_string(result->failure));
  }
  json_object_set_new(record, "quantity", json_string(oracle_quantity_name(result->quantity)));
  json_object_set_new(record, "max_err", number(fabs(result->worst.got - result->worst.expected)));
  json_object_set_new(record, "tolerance", number(result->worst.tolerance));
  json_object_set_new(record, "version", json_string(clnorm_version()));
  const int written = json_dumpf(record, report->json, JSON_COMPACT);
  json_decref(record);
  return written == 0 && fputc('\n', report->json) != EOF ? 0 : -1;
}

int check_report_add(check_report *report, const check_input *input, const check_result *result)
{
  char shape[120];
  check_group *group =
      &report->groups[(result->pass - CLNORM_TRAIN) * 2 + (input->desc.layout - CLNORM_CHANNELS_FIRST)];
  (void)shape_text(&input->desc, shape, sizeof shape);
  group->cases++;
  group->runs += result->runs;
  if (is_unsupported(result)) {
    if (group->unsupported++ == 0) {
      (void)snprintf(group->reason, sizeof group->reason, "%s: %.150s", shape, result->reason);
    }
  } else if (result->status != CLNORM_SUCCESS || result->failures != 0) {
    if (group->failures++ == 0) {
      (void)snprintf(group->failure, sizeof group->failure, "%s %s: %s", shape, input->label,
                     result->status != CLNORM_SUCCESS ? result->reason : result->failure);
    }
  }
  if (result->runs != 0 && !(result->worst.units <= group->units)) {
    group->units = result->worst.units;
    group->quantity = result->quantity;
    (void)snprintf(group->where, sizeof group->where, "%s, %s", shape, input->label);
  }
  return report->json != NULL ? write_record(report, input, result) : 0;
}

static void print_details(const check_report *report)
{
  for (int i = 0; i < CHECK_GROUPS; i++) {
    const check_group *group = &report->groups[i];
    const char *pass = run_pass_name((clnorm_pass)(CLNORM_TRAIN + i / 2));
    const char *layout = layout_name((clnorm_layout)(CLNORM_CHANNELS_FIRST + i % 2));
    if (group->failures != 0) {
      (void)printf("FAILED %s %s, %d of %d shapes; the first: %s\n", pass, layout, group->failures, group->cases,
                   group->failure);
    }
    if (group->unsupported != 0) {
      (void)printf("unsupported %s %s, %d of %d shapes; the first: %s\n", pass, layout, group->unsupported,
                   group->cases, group->reason);
    }
  }
}

int check_report_print(const check_report *report, double seconds)
{
  int failures = 0;
  int runs = 0;
  (void)printf("%s (%s), clnorm %s\n", report->choice->name, report->choice->driver, clnorm_version());
  (void)printf("%-16s %-15s %7s %6s  %-11s %-12s %s\n", "pass", "layout", "shapes", "runs", "worst/bound", "of", "at");
  for (int i = 0; i < CHECK_GROUPS; i++) {
    const check_group *group = &report->groups[i];
    if (group->cases == 0) {
      continue;
    }
    failures += group->failures;
    runs += group->runs;
    (void)printf("%-16s %-15s %7d %6d  %-6.3f %-4s %-12s %s\n", run_pass_name((clnorm_pass)(CLNORM_TRAIN + i / 2)),
                 layout_name((clnorm_layout)(CLNORM_CHANNELS_FIRST + i % 2)), group->cases, group->runs, group->units,
                 group->failures != 0 ? "FAIL" : "ok", group->runs != 0 ? oracle_quantity_name(group->quantity) : "-",
                 group->where);
  }
  print_details(report);
  (void)printf("%s: %d runs in %.1f s\n\n", failures == 0 ? "all passed" : "FAILED", runs, seconds);
  return failures == 0;
}
