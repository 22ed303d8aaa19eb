#include "report_grid.h"

#include <stdio.h>
#include <stdlib.h>

#include "report_calls.h"

static const char *const units[] = {"s", "ms", "us", "ns"};

/* Three digits. */
static int digits_of(double value) { return value < 10.0 ? 2 : value < 100.0 ? 1 : 0; }

const char *report_time_text(double seconds, char *text, size_t capacity)
{
  const char *sign = seconds < 0.0 ? "-" : "";
  double value = seconds < 0.0 ? -seconds : seconds;
  size_t unit = 0;
  while (value < 1.0 && unit < 3) {
    value *= 1e3;
    unit++;
  }
  (void)snprintf(text, capacity, "%s%.*f %s", sign, digits_of(value), value, units[unit]);
  return text;
}

const char *report_interval_text(const bench_summary *time, char *text, size_t capacity)
{
  size_t unit = 0;
  double factor = 1.0;
  while (time->high * factor < 1.0 && unit < 3) {
    factor *= 1e3;
    unit++;
  }
  const double high = time->high * factor;
  (void)snprintf(text, capacity, "%.*f-%.*f %s", digits_of(high), time->low * factor, digits_of(high), high,
                 units[unit]);
  return text;
}

const char *report_name_text(const bench_record *record, char *text, size_t capacity)
{
  char what[160];
  (void)snprintf(text, capacity, "%s %s", record_pass_name(record->pass),
                 record_case_text(record, 0, what, sizeof what));
  return text;
}

/* ---- cells -------------------------------------------------------------------------------------------------- */

char *report_grid_cell(const report_grid *g, size_t row, size_t column) { return g->cells[row * g->columns + column]; }

int report_grid_reserve(report_grid *g, size_t rows, size_t columns)
{
  *g = (report_grid){.rows = rows, .columns = columns, .cells = calloc(rows * columns, sizeof *g->cells)};
  for (size_t i = 0; g->cells != NULL && i < rows * columns; i++) {
    (void)snprintf(g->cells[i], REPORT_CELL_BYTES, "-");
  }
  return g->cells != NULL ? 0 : -1;
}

void report_grid_free(report_grid *g)
{
  free(g->cells);
  *g = (report_grid){0};
}

void report_grid_name(const report_grid *g, size_t row, const bench_record *record)
{
  (void)report_name_text(record, report_grid_cell(g, row, 0), REPORT_CELL_BYTES);
}

void report_grid_check(const report_grid *g, size_t row, const bench_record *record)
{
  static const char *const words[] = {"ok", "WRONG", "FAILED", "unsupported"};
  char *text = report_grid_cell(g, row, g->columns - 1);
  if (record->outcome == RECORD_OK && record->checked < record->checkable) {
    (void)snprintf(text, REPORT_CELL_BYTES, "ok, %zu of %zu %s", record->checked, record->checkable,
                   record_checked_word(record));
  } else {
    (void)snprintf(text, REPORT_CELL_BYTES, "%s", words[record->outcome]);
  }
}

/* ---- times -------------------------------------------------------------------------------------------------- */

/* Columns before those of the peers, which stand before the last one. */
#define FIXED 8

static void fill_header(const report_grid *g, const bench_record *records, size_t count)
{
  static const char *const names[FIXED] = {"operation", "median",     "95 % interval", "n",
                                           "GB/s",      "times copy", "against CPU",   "cold compile"};
  for (size_t i = 0; i < FIXED; i++) {
    (void)snprintf(report_grid_cell(g, 0, i), REPORT_CELL_BYTES, "%s", names[i]);
  }
  for (size_t i = 0; i + FIXED + 1 < g->columns; i++) {
    char *text = report_grid_cell(g, 0, FIXED + i);
    (void)snprintf(text, REPORT_CELL_BYTES, "against %s", records[0].peers[i].name);
    for (size_t row = 0; row < count; row++) {
      /* A peer that could not be opened has no version in its name. */
      if (records[row].peers[i].median > 0.0) {
        (void)snprintf(text, REPORT_CELL_BYTES, "against %s", records[row].peers[i].name);
      }
    }
  }
  (void)snprintf(report_grid_cell(g, 0, g->columns - 1), REPORT_CELL_BYTES, "check");
}

static void fill_times(const report_grid *g, size_t row, const bench_record *record)
{
  const bench_summary *time = &record->time;
  (void)report_time_text(time->median, report_grid_cell(g, row, 1), REPORT_CELL_BYTES);
  (void)report_interval_text(time, report_grid_cell(g, row, 2), REPORT_CELL_BYTES);
  (void)snprintf(report_grid_cell(g, row, 3), REPORT_CELL_BYTES, "%zu", time->n);
  (void)snprintf(report_grid_cell(g, row, 4), REPORT_CELL_BYTES, "%.1f", record->bytes_least / time->median * 1e-9);
  if (record->copy > 0.0) {
    (void)snprintf(report_grid_cell(g, row, 5), REPORT_CELL_BYTES, "%.2f", time->median / record->copy);
  }
  if (record->cpu > 0.0) {
    (void)snprintf(report_grid_cell(g, row, 6), REPORT_CELL_BYTES, "%.2fx", record->cpu / time->median);
  }
  if (record->compile > 0.0) {
    (void)report_time_text(record->compile, report_grid_cell(g, row, 7), REPORT_CELL_BYTES);
  }
  for (size_t i = 0; i < record->peer_count; i++) {
    if (record->peers[i].median > 0.0) {
      (void)snprintf(report_grid_cell(g, row, FIXED + i), REPORT_CELL_BYTES, "%.2fx",
                     record->peers[i].median / time->median);
    }
  }
}

int report_grid_make(report_grid *g, const bench_record *records, size_t count)
{
  size_t peers = 0;
  if (count > 0 && records[0].calls.measured) {
    return report_calls_grid(g, records, count);
  }
  for (size_t i = 0; i < count; i++) {
    peers = records[i].peer_count > peers ? records[i].peer_count : peers;
  }
  if (report_grid_reserve(g, count + 1, FIXED + peers + 1) != 0) {
    return -1;
  }
  fill_header(g, records, count);
  for (size_t i = 0; i < count; i++) {
    report_grid_name(g, i + 1, &records[i]);
    if (records[i].outcome == RECORD_OK && records[i].time.n > 0) {
      fill_times(g, i + 1, &records[i]);
    }
    report_grid_check(g, i + 1, &records[i]);
  }
  return 0;
}
