#include "check_report.h"

#include <string.h>

#include "run_options.h"
#include "storage_type.h"
#include "trial.h"
#include "words.h"

static const char *layout_name(clnorm_layout layout)
{
  return layout == CLNORM_CHANNELS_LAST ? "channels-last" : "channels-first";
}

/* What a line's group is called, in two columns. */
typedef struct group_name {
  const char *first, *second;
} group_name;

static group_name name_of(check_table table, int group)
{
  return table == CHECK_BATCH ? (group_name){run_pass_name((clnorm_pass)(CLNORM_TRAIN + group / 2)),
                                             layout_name((clnorm_layout)(CLNORM_CHANNELS_FIRST + group % 2))}
                              : (group_name){op_name((clnorm_op)(CLNORM_BATCH + group / 4)),
                                             storage_name((clnorm_dtype)(CLNORM_F32 + group % 4))};
}

static check_group *group_of(check_report *report, const check_subject *subject, clnorm_pass pass)
{
  const clnorm_desc *desc = subject->desc;
  const int index = subject->table == CHECK_BATCH ? (pass - CLNORM_TRAIN) * 2 + (desc->layout - CLNORM_CHANNELS_FIRST)
                                                  : (desc->op - CLNORM_BATCH) * 4 + (desc->dtype - CLNORM_F32);
  return &report->groups[subject->table][index];
}

/* ---- results ------------------------------------------------------------------------------------------------ */

static int has_double(const device_choice *choice)
{
#if CLNORM_HAVE_OPENCL
  return choice->number < 0 || choice->device.fp64;
#else
  (void)choice;
  return 1;
#endif
}

/* A tensor beyond the device's memory says nothing about the library, nor one of double on a device that has none; any other
 * failure does. */
static int is_unsupported(const check_report *report, const check_subject *subject, const check_result *result)
{
  return result->status == CLNORM_OUT_OF_MEMORY ||
         (result->status == CLNORM_UNSUPPORTED && subject->desc->dtype == CLNORM_F64 && !has_double(report->choice));
}

const char *check_verdict(const check_report *report, const check_subject *subject, const check_result *result)
{
  if (is_unsupported(report, subject, result)) {
    return "unsupported";
  }
  return result->status == CLNORM_SUCCESS && result->failures == 0 ? "ok" : "failed";
}

/* "4x3x7, normal, mean 0, std 1"; of the family "train: layer 5x6x7 from 2 bf16 silu, normal, mean 0, std 1". */
static void describe(const check_subject *subject, clnorm_pass pass, char *text, size_t capacity)
{
  const clnorm_desc *desc = subject->desc;
  char shape[200] = "";
  if (subject->table == CHECK_FAMILY) {
    (void)snprintf(text, capacity, "%s: %s, %s", run_pass_name(pass), trial_describe(desc, shape, sizeof shape),
                   subject->label);
    return;
  }
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    const size_t length = strlen(shape);
    (void)snprintf(shape + length, sizeof shape - length, "%s%zu", axis == 0 ? "" : "x", desc->dims[axis]);
  }
  (void)snprintf(text, capacity, "%s, %s", shape, subject->label);
}

int check_report_add(check_report *report, const check_subject *subject, const check_result *result)
{
  check_group *group = group_of(report, subject, result->pass);
  char where[sizeof group->where];
  describe(subject, result->pass, where, sizeof where);
  group->cases++;
  group->runs += result->runs;
  if (is_unsupported(report, subject, result)) {
    if (group->unsupported++ == 0) {
      (void)snprintf(group->reason, sizeof group->reason, "%s: %s", where, result->reason);
    }
  } else if (result->status != CLNORM_SUCCESS || result->failures != 0) {
    if (group->failures++ == 0) {
      (void)snprintf(group->failure, sizeof group->failure, "%s: %s", where,
                     result->status != CLNORM_SUCCESS ? result->reason : result->failure);
    }
  }
  if (result->runs != 0 && (group->quantity == NULL || !(result->units <= group->units))) {
    group->units = result->units;
    group->quantity = result->quantity;
    memcpy(group->where, where, sizeof where);
  }
  return report->json != NULL ? check_record_write(report, subject, result) : 0;
}

/* ---- the tables --------------------------------------------------------------------------------------------- */

typedef struct totals {
  int runs, failures, unsupported;
} totals;

static totals count(const check_report *report)
{
  totals t = {0, 0, 0};
  for (int i = 0; i < CHECK_TABLES * CHECK_GROUPS; i++) {
    const check_group *group = &report->groups[i / CHECK_GROUPS][i % CHECK_GROUPS];
    t.runs += group->runs;
    t.failures += group->failures;
    t.unsupported += group->unsupported;
  }
  return t;
}

static void print_group(group_name name, const check_group *group)
{
  const char *verdict = group->failures != 0 ? "FAIL" : "ok";
  char worst[24] = "-";
  if (group->runs != 0) {
    (void)snprintf(worst, sizeof worst, "%.3f", group->units);
  }
  (void)printf("%-16s %-15s %7d %6d  %-6s %-4s %-12s %s\n", name.first, name.second, group->cases, group->runs, worst,
               group->unsupported == group->cases ? "-" : verdict, group->quantity != NULL ? group->quantity : "-",
               group->unsupported == group->cases ? "unsupported" : group->where);
}

static void print_table(const check_report *report, check_table table)
{
  int empty = 1;
  for (int i = 0; i < CHECK_GROUPS; i++) {
    const check_group *group = &report->groups[table][i];
    if (group->cases == 0) {
      continue;
    }
    if (empty) {
      (void)printf("%-16s %-15s %7s %6s  %-11s %-12s %s\n", table == CHECK_BATCH ? "pass" : "operation",
                   table == CHECK_BATCH ? "layout" : "type", table == CHECK_BATCH ? "shapes" : "cases", "runs",
                   "worst/bound", "of", "at");
    }
    empty = 0;
    print_group(name_of(table, i), group);
  }
}

static void print_details(const check_report *report, check_table table)
{
  const char *what = table == CHECK_BATCH ? "shapes" : "cases";
  for (int i = 0; i < CHECK_GROUPS; i++) {
    const check_group *group = &report->groups[table][i];
    if (group->cases == 0) {
      continue;
    }
    const group_name name = name_of(table, i);
    if (group->failures != 0) {
      (void)printf("FAILED %s %s, %d of %d %s; the first: %s\n", name.first, name.second, group->failures, group->cases,
                   what, group->failure);
    }
    if (group->unsupported != 0) {
      (void)printf("unsupported %s %s, %d of %d %s; the first: %s\n", name.first, name.second, group->unsupported,
                   group->cases, what, group->reason);
    }
  }
}

int check_report_print(const check_report *report, double seconds)
{
  const totals t = count(report);
  char unsupported[40] = "";
  (void)printf("%s (%s), clnorm %s\n", report->choice->name, report->choice->driver, clnorm_version());
  for (check_table table = CHECK_BATCH; table < CHECK_TABLES; table++) {
    print_table(report, table);
  }
  for (check_table table = CHECK_BATCH; table < CHECK_TABLES; table++) {
    print_details(report, table);
  }
  if (t.unsupported != 0) {
    (void)snprintf(unsupported, sizeof unsupported, ", %d unsupported", t.unsupported);
  }
  (void)printf("%s: %d runs in %.1f s%s\n\n",
               t.failures != 0 ? "FAILED"
               : t.runs == 0   ? "NOTHING WAS RUN"
                               : "all passed",
               t.runs, seconds, unsupported);
  return t.failures == 0 && t.runs != 0;
}
