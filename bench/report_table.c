#include "report_table.h"

#include <string.h>

#include "git_revision.h"
#include "report_calls.h"
#include "report_first_use.h"
#include "report_grid.h"

/* ---- printing ----------------------------------------------------------------------------------------------- */

static void print_grid(FILE *file, const report_grid *g)
{
  size_t widths[REPORT_COLUMNS] = {0};
  for (size_t row = 0; row < g->rows; row++) {
    for (size_t i = 0; i < g->columns; i++) {
      const size_t length = strlen(report_grid_cell(g, row, i));
      widths[i] = length > widths[i] ? length : widths[i];
    }
  }
  for (size_t row = 0; row < g->rows; row++) {
    for (size_t i = 0; i < g->columns; i++) {
      const int left = i == 0 || i + 1 == g->columns;
      (void)fprintf(file, left ? "| %-*s " : "| %*s ", (int)widths[i], report_grid_cell(g, row, i));
    }
    (void)fprintf(file, "|\n");
    for (size_t i = 0; row == 0 && i < g->columns; i++) {
      const int left = i == 0 || i + 1 == g->columns;
      (void)fputc('|', file);
      for (size_t dash = 0; dash < widths[i] + 1; dash++) {
        (void)fputc('-', file);
      }
      (void)fputc(left ? '-' : ':', file);
    }
    (void)fprintf(file, row == 0 ? "|\n" : "");
  }
}

/* A line for each case: its copy. */
static void print_copies(FILE *file, const bench_record *records, size_t count)
{
  const bench_record *before = NULL;
  (void)fprintf(file, "\nCopies of x, the fastest way of each:\n");
  for (size_t i = 0; i < count; i++) {
    const bench_record *record = &records[i];
    char name[160];
    char time[32];
    if (record->outcome != RECORD_OK || record->copy <= 0.0 || (before != NULL && record_same_case(before, record))) {
      continue;
    }
    const double bytes = record_tensor_bytes(record);
    (void)fprintf(file, "- %s, %.1f MB: %s, %.1f GB/s (%s)\n", record_case_text(record, 1, name, sizeof name),
                  bytes * 1e-6, report_time_text(record->copy, time, sizeof time), 2.0 * bytes / record->copy * 1e-9,
                  record->copy_name);
    before = record;
  }
}

static void print_model(FILE *file, const bench_record *records, size_t count)
{
  (void)fprintf(file,
                "\nHow to read it: T = bytes of x. Least traffic: infer 2T (x read, y written), train 2T (x stays in "
                "cache\nbetween statistics and result), backward 3T (x, dy read, dx written). GB/s = least traffic / "
                "median, 1 GB = 10^9 bytes.\nA copy moves 2T: times copy = median / the fastest copy of x in the same "
                "run.%s\nfirst, last = channels-first, "
                "channels-last. Median and its distribution-free 95 %% interval over n samples, after warm-up,\nall "
                "taking turns. check = every result against a reference in long double, before timing.\n%s",
                strcmp(records[0].backend, "cpu") == 0
                    ? ""
                    : " against CPU = CPU backend's median / median\n(2x: twice as fast as the CPU backend). cold "
                      "compile = from nothing to the first result, less one warm run.",
                record_kinds_note(records, count));
}

/* Reasons, each once. */
static void print_reasons(FILE *file, const bench_record *records, size_t count)
{
  static const char *const words[] = {"", "wrong result, so no speed", "failed", "unsupported"};
  for (size_t i = 0; i < count; i++) {
    const bench_record *record = &records[i];
    const char *pass = record_pass_name(record->pass);
    char name[160];
    (void)record_case_text(record, 1, name, sizeof name);
    if (record->outcome != RECORD_OK) {
      (void)fprintf(file, "\n%s %s: %s: %s\n", pass, name, words[record->outcome], record->reason);
    }
    if (record->cpu_note[0] != '\0') {
      (void)fprintf(file, "\n%s %s: CPU backend: %s\n", pass, name, record->cpu_note);
    }
    for (size_t j = 0; j < record->peer_count; j++) {
      if (record->peers[j].note[0] != '\0') {
        (void)fprintf(file, "\n%s %s: %s: %s\n", pass, name, record->peers[j].name, record->peers[j].note);
      }
    }
  }
}

static int has_plan(const bench_record *records, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (records[i].tuning[0] != '\0') {
      return 1;
    }
  }
  return 0;
}

/* Which rows the built-in table did not choose; nothing if there was nothing to choose for. */
static void print_tuning(FILE *file, const bench_record *records, size_t count)
{
  const char *separator = "";
  if (!has_plan(records, count)) {
    return;
  }
  (void)fprintf(file, "\nVariants and parameters: ");
  for (size_t i = 0; i < count; i++) {
    const bench_record *record = &records[i];
    char name[160];
    if (record->tuning[0] != '\0' && strcmp(record->tuning, "built-in") != 0) {
      (void)fprintf(file, "%s%s for %s %s", separator, record->tuning, record_pass_name(record->pass),
                    record_case_text(record, 1, name, sizeof name));
      separator = ", ";
    }
  }
  (void)fprintf(file, "%s.\n", separator[0] == '\0' ? "built-in" : "; else built-in");
}

/* The CPU backend's driver is clnorm itself. */
static void print_heading(FILE *file, const bench_record *records, size_t count, const char *input)
{
  const bench_record *record = &records[0];
  char kinds[128];
  const int cpu = strcmp(record->backend, "cpu") == 0;
  (void)fprintf(file, "\n## %s\n\n%s%sclnorm %s%s%s, %s; %s; %s\n\n", record->device, cpu ? "" : record->driver,
                cpu ? "" : "; ", clnorm_version(), CLNORM_GIT_REVISION[0] != '\0' ? ", git " : "", CLNORM_GIT_REVISION,
                cpu ? "CPU backend" : "OpenCL", record_kinds_text(records, count, kinds, sizeof kinds), input);
}

void report_table_print(FILE *file, const bench_record *records, size_t count, const char *input)
{
  report_grid g;
  if (count == 0 || report_grid_make(&g, records, count) != 0) {
    return;
  }
  print_heading(file, records, count, input);
  print_grid(file, &g);
  print_tuning(file, records, count);
  print_reasons(file, records, count);
  if (records[0].calls.measured) {
    report_calls_explain(file, records, count);
  } else {
    print_copies(file, records, count);
    report_first_use_print(file, records, count);
    print_model(file, records, count);
  }
  report_grid_free(&g);
}
