#include "report_calls.h"

#include <string.h>

enum { NAME, RATE, CALL, INTERVAL, SAMPLES, WAITED, LAUNCHES, ARGUMENTS, HOST, BARE, OWN, AGAINST_CPU, CHECK, COLUMNS };

static void set(const report_grid *g, size_t row, size_t column, const char *text)
{
  (void)snprintf(report_grid_cell(g, row, column), REPORT_CELL_BYTES, "%s", text);
}

static void set_count(const report_grid *g, size_t row, size_t column, double count)
{
  (void)snprintf(report_grid_cell(g, row, column), REPORT_CELL_BYTES, "%.0f", count);
}

static void set_time(const report_grid *g, size_t row, size_t column, const bench_summary *time)
{
  if (time->n > 0) {
    (void)report_time_text(time->median, report_grid_cell(g, row, column), REPORT_CELL_BYTES);
  }
}

static void fill(const report_grid *g, size_t row, const bench_record *record)
{
  const record_calls *calls = &record->calls;
  const bench_summary own = record_own_work(record);
  set_count(g, row, RATE, 1.0 / record->time.median);
  set_time(g, row, CALL, &record->time);
  (void)report_interval_text(&record->time, report_grid_cell(g, row, INTERVAL), REPORT_CELL_BYTES);
  set_count(g, row, SAMPLES, (double)record->time.n);
  if (record->cpu > 0.0) {
    (void)snprintf(report_grid_cell(g, row, AGAINST_CPU), REPORT_CELL_BYTES, "%.2fx",
                   record->cpu / record->time.median);
  }
  if (calls->waited.n > 0) {
    set_count(g, row, WAITED, 1.0 / calls->waited.median);
  }
  if (calls->launches > 0) {
    set_count(g, row, LAUNCHES, (double)calls->launches);
    set_count(g, row, ARGUMENTS, (double)calls->arguments);
  }
  set_time(g, row, HOST, &calls->enqueue);
  set_time(g, row, BARE, &calls->bare);
  set_time(g, row, OWN, &own);
}

int report_calls_grid(report_grid *g, const bench_record *records, size_t count)
{
  static const char *const names[COLUMNS] = {
      "operation", "calls/s",   "a call",  "95 % interval", "n",        "calls/s, each waited for",
      "launches",  "arguments", "enqueue", "bare enqueue",  "own work", "against CPU",
      "check"};
  if (report_grid_reserve(g, count + 1, COLUMNS) != 0) {
    return -1;
  }
  for (size_t i = 0; i < COLUMNS; i++) {
    set(g, 0, i, names[i]);
  }
  for (size_t i = 0; i < count; i++) {
    report_grid_name(g, i + 1, &records[i]);
    if (records[i].outcome == RECORD_OK && records[i].time.n > 0) {
      fill(g, i + 1, &records[i]);
    }
    report_grid_check(g, i + 1, &records[i]);
  }
  return 0;
}

const char *report_calls_model(int opencl)
{
  return opencl ? "calls/s = many calls back to back in one in-order queue with one wait at the end. Each waited for: "
                  "clFinish\nafter every call. launches, arguments = kernels that a call enqueues and kernel arguments "
                  "that it sets.\nenqueue = the host's time in clnorm_cl_enqueue while the queue is held back; bare "
                  "enqueue = the same for\nclSetKernelArg and clEnqueueNDRangeKernel alone, of empty kernels: as many "
                  "launches and arguments; own work =\nthe difference. against CPU = CPU backend's time / the "
                  "device's.\n"
                : "calls/s = many calls back to back; the CPU backend has finished when a call returns.\n";
}

void report_calls_explain(FILE *file, const bench_record *records, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    char name[160];
    if (records[i].calls.note[0] != '\0') {
      (void)fprintf(file, "\n%s: the host's work was not measured: %s\n",
                    report_name_text(&records[i], name, sizeof name), records[i].calls.note);
    }
  }
  (void)fprintf(file, "\nHow to read it: %s", report_calls_model(strcmp(records[0].backend, "cpu") != 0));
}
