#include "report_table.h"

#include <stdlib.h>
#include <string.h>

#include "git_revision.h"
#include "report_first_use.h"

#define MAX_COLUMNS (9 + RECORD_PEERS)
#define CELL_BYTES 96

typedef struct grid {
  size_t columns, rows;
  char (*cells)[CELL_BYTES]; /* rows * columns, the header first */
} grid;

static char *cell(grid *g, size_t row, size_t column) { return g->cells[row * g->columns + column]; }

const char *report_time_text(double seconds, char *text, size_t capacity)
{
  static const char *const units[] = {"s", "ms", "us", "ns"};
  size_t unit = 0;
  while (seconds < 1.0 && unit < 3) {
    seconds *= 1e3;
    unit++;
  }
  (void)snprintf(text, capacity, "%.*f %s", seconds < 10.0 ? 2 : seconds < 100.0 ? 1 : 0, seconds, units[unit]);
  return text;
}

/* Both ends in the unit of the upper one. */
static void interval_text(const bench_summary *time, char *text, size_t capacity)
{
  static const char *const units[] = {"s", "ms", "us", "ns"};
  size_t unit = 0;
  double factor = 1.0;
  while (time->high * factor < 1.0 && unit < 3) {
    factor *= 1e3;
    unit++;
  }
  const double high = time->high * factor;
  const int digits = high < 10.0 ? 2 : high < 100.0 ? 1 : 0;
  (void)snprintf(text, capacity, "%.*f-%.*f %s", digits, time->low * factor, digits, high, units[unit]);
}

/* ---- cells -------------------------------------------------------------------------------------------------- */

static void fill_header(grid *g, const bench_record *records, size_t count)
{
  static const char *const names[] = {"operation",  "median",      "95 % interval", "n",    "GB/s",
                                      "times copy", "against CPU", "cold compile",  "check"};
  for (size_t i = 0; i + 1 < 9; i++) {
    (void)snprintf(cell(g, 0, i), CELL_BYTES, "%s", names[i]);
  }
  for (size_t i = 8; i + 1 < g->columns; i++) {
    (void)snprintf(cell(g, 0, i), CELL_BYTES, "against %s", records[0].peers[i - 8].name);
    for (size_t row = 0; row < count; row++) {
      /* A peer that could not be opened has no version in its name. */
      if (records[row].peers[i - 8].median > 0.0) {
        (void)snprintf(cell(g, 0, i), CELL_BYTES, "against %s", records[row].peers[i - 8].name);
      }
    }
  }
  (void)snprintf(cell(g, 0, g->columns - 1), CELL_BYTES, "%s", names[8]);
}

static void fill_check(const bench_record *record, char *text)
{
  static const char *const words[] = {"ok", "WRONG", "FAILED", "unsupported"};
  if (record->outcome == RECORD_OK && record->checked < record->statistics) {
    (void)snprintf(text, CELL_BYTES, "ok, %zu of %zu channels", record->checked, record->statistics);
  } else {
    (void)snprintf(text, CELL_BYTES, "%s", words[record->outcome]);
  }
}

static void fill_times(grid *g, size_t row, const bench_record *record)
{
  const bench_summary *time = &record->time;
  (void)report_time_text(time->median, cell(g, row, 1), CELL_BYTES);
  interval_text(time, cell(g, row, 2), CELL_BYTES);
  (void)snprintf(cell(g, row, 3), CELL_BYTES, "%zu", time->n);
  (void)snprintf(cell(g, row, 4), CELL_BYTES, "%.1f", record->bytes_least / time->median * 1e-9);
  if (record->copy > 0.0) {
    (void)snprintf(cell(g, row, 5), CELL_BYTES, "%.2f", time->median / record->copy);
  }
  if (record->cpu > 0.0) {
    (void)snprintf(cell(g, row, 6), CELL_BYTES, "%.2fx", record->cpu / time->median);
  }
  if (record->compile > 0.0) {
    (void)report_time_text(record->compile, cell(g, row, 7), CELL_BYTES);
  }
  for (size_t i = 0; i < record->peer_count; i++) {
    if (record->peers[i].median > 0.0) {
      (void)snprintf(cell(g, row, 8 + i), CELL_BYTES, "%.2fx", record->peers[i].median / time->median);
    }
  }
}

static void fill_row(grid *g, size_t row, const bench_record *record)
{
  char shape[80];
  const char *layout = record->rank == 2 ? "" : record->layout == CLNORM_CHANNELS_LAST ? " last" : " first";
  (void)snprintf(cell(g, row, 0), CELL_BYTES, "%s %s%s", record_pass_name(record->pass),
                 record_shape_text(record, shape, sizeof shape), layout);
  for (size_t i = 1; i < g->columns; i++) {
    (void)snprintf(cell(g, row, i), CELL_BYTES, "-");
  }
  if (record->outcome == RECORD_OK && record->time.n > 0) {
    fill_times(g, row, record);
  }
  fill_check(record, cell(g, row, g->columns - 1));
}

/* ---- printing ----------------------------------------------------------------------------------------------- */

static void print_grid(FILE *file, grid *g)
{
  size_t widths[MAX_COLUMNS] = {0};
  for (size_t row = 0; row < g->rows; row++) {
    for (size_t i = 0; i < g->columns; i++) {
      const size_t length = strlen(cell(g, row, i));
      widths[i] = length > widths[i] ? length : widths[i];
    }
  }
  for (size_t row = 0; row < g->rows; row++) {
    for (size_t i = 0; i < g->columns; i++) {
      const int left = i == 0 || i + 1 == g->columns;
      (void)fprintf(file, left ? "| %-*s " : "| %*s ", (int)widths[i], cell(g, row, i));
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

static int same_tensor(const bench_record *a, const bench_record *b)
{
  return a->rank == b->rank && a->layout == b->layout && memcmp(a->dims, b->dims, sizeof a->dims) == 0;
}

/* A line for each shape: its copy. */
static void print_copies(FILE *file, const bench_record *records, size_t count)
{
  const bench_record *before = NULL;
  (void)fprintf(file, "\nCopies of x, the fastest way of each:\n");
  for (size_t i = 0; i < count; i++) {
    const bench_record *record = &records[i];
    char shape[80];
    char time[32];
    if (record->outcome != RECORD_OK || record->copy <= 0.0 || (before != NULL && same_tensor(before, record))) {
      continue;
    }
    const double bytes = record->bytes_least / record_tensors_moved(record->pass);
    (void)fprintf(file, "- %s %s, %.1f MB: %s, %.1f GB/s (%s)\n", record_shape_text(record, shape, sizeof shape),
                  record_layout_name(record->layout), bytes * 1e-6, report_time_text(record->copy, time, sizeof time),
                  2.0 * bytes / record->copy * 1e-9, record->copy_name);
    before = record;
  }
}

static void print_model(FILE *file, const bench_record *record)
{
  (void)fprintf(file,
                "\nHow to read it: T = bytes of x. Least traffic: infer 2T (x read, y written), train 2T (x stays in "
                "cache\nbetween statistics and result), backward 3T (x, dy read, dx written). GB/s = least traffic / "
                "median, 1 GB = 10^9 bytes.\nA copy moves 2T: times copy = median / the fastest copy of x in the same "
                "run.%s\nfirst, last = channels-first, "
                "channels-last. Median and its distribution-free 95 %% interval over n samples, after warm-up,\nall "
                "taking turns. check = every result against a reference in long double, before timing.\n",
                strcmp(record->backend, "cpu") == 0
                    ? ""
                    : " against CPU = CPU backend's median / median\n(2x: twice as fast as the CPU backend). cold "
                      "compile = from nothing to the first result, less one warm run.");
}

/* Reasons, each once. */
static void print_reasons(FILE *file, const bench_record *records, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    const bench_record *record = &records[i];
    char shape[80];
    (void)record_shape_text(record, shape, sizeof shape);
    const char *pass = record_pass_name(record->pass);
    const char *layout = record_layout_name(record->layout);
    if (record->outcome != RECORD_OK) {
      (void)fprintf(file, "\n%s %s %s: %s: %s\n", pass, shape, layout,
                    record->outcome == RECORD_UNSUPPORTED ? "unsupported"
                    : record->outcome == RECORD_WRONG     ? "wrong result, so no speed"
                                                          : "failed",
                    record->reason);
    }
    if (record->cpu_note[0] != '\0') {
      (void)fprintf(file, "\n%s %s %s: CPU backend: %s\n", pass, shape, layout, record->cpu_note);
    }
    for (size_t j = 0; j < record->peer_count; j++) {
      if (record->peers[j].note[0] != '\0') {
        (void)fprintf(file, "\n%s %s %s: %s: %s\n", pass, shape, layout, record->peers[j].name, record->peers[j].note);
      }
    }
  }
}

/* The CPU backend's driver is clnorm itself. */
static void print_heading(FILE *file, const bench_record *record, const char *input)
{
  const int cpu = strcmp(record->backend, "cpu") == 0;
  (void)fprintf(file, "\n## %s\n\n%s%sclnorm %s%s%s, %s; batch normalization, float32; %s\n\n", record->device,
                cpu ? "" : record->driver, cpu ? "" : "; ", clnorm_version(),
                CLNORM_GIT_REVISION[0] != '\0' ? ", git " : "", CLNORM_GIT_REVISION, cpu ? "CPU backend" : "OpenCL",
                input);
}

void report_table_print(FILE *file, const bench_record *records, size_t count, const char *input)
{
  size_t peers = 0;
  for (size_t i = 0; i < count; i++) {
    peers = records[i].peer_count > peers ? records[i].peer_count : peers;
  }
  grid g = {.columns = 9 + peers, .rows = count + 1};
  if (count == 0 || (g.cells = calloc(g.columns * g.rows, sizeof *g.cells)) == NULL) {
    return;
  }
  fill_header(&g, records, count);
  for (size_t i = 0; i < count; i++) {
    fill_row(&g, i + 1, &records[i]);
  }
  print_heading(file, &records[0], input);
  print_grid(file, &g);
  print_reasons(file, records, count);
  print_copies(file, records, count);
  report_first_use_print(file, records, count);
  print_model(file, &records[0]);
  free(g.cells);
}
