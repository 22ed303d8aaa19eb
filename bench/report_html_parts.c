#include "report_html_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "chart.h"
#include "git_revision.h"
#include "page.h"
#include "report_compare.h"
#include "report_grid.h"
#include "style_source.h"

static int is_batch(const html_run *run)
{
  for (size_t i = 0; i < run->count; i++) {
    if (run->records[i].kind.op != CLNORM_BATCH) {
      return 0;
    }
  }
  return 1;
}

void html_head(FILE *file, const report_view *view)
{
  char kinds[128];
  const html_run *run = view->run;
  struct utsname host = {0};
  (void)uname(&host);
  (void)fprintf(file,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
                "content=\"width=device-width, initial-scale=1\"/>\n<title>clnorm bench, ");
  page_text(file, run->began);
  (void)fprintf(file, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>%s, measured</h1>\n",
                report_style_source, is_batch(run) ? "Batch normalization" : "Normalization");
  (void)fprintf(file, "<p class=\"lead\">");
  page_format(file, "clnorm %s%s%s, %s, on %s %s, %s, %ld cores.", clnorm_version(),
              CLNORM_GIT_REVISION[0] != '\0' ? ", git " : "", CLNORM_GIT_REVISION, run->began, host.sysname,
              host.release, host.machine, sysconf(_SC_NPROCESSORS_ONLN));
  (void)fprintf(file, "<br/><code>clnorm bench");
  page_text(file, run->asked);
  (void)fprintf(file, "</code><br/>");
  page_format(file, "%s; %s.", record_kinds_text(run->records, run->count, kinds, sizeof kinds), run->input);
  (void)fprintf(file, "</p>\n");
}

/* ---- cards -------------------------------------------------------------------------------------------------- */

static int ascending(const void *left, const void *right)
{
  const double a = *(const double *)left;
  const double b = *(const double *)right;
  return (a > b) - (a < b);
}

static double median(double *values, size_t count)
{
  qsort(values, count, sizeof *values, ascending);
  return count == 0 ? 0.0 : count % 2 == 1 ? values[count / 2] : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

static void tile(FILE *file, const char *number, const char *what)
{
  (void)fprintf(file, "<div class=\"tile\"><b>");
  page_text(file, number);
  (void)fprintf(file, "</b><span>");
  page_text(file, what);
  (void)fprintf(file, "</span></div>\n");
}

/* The middle of what a pass took in all its rows: copies, or calls a second. */
static void pass_tile(FILE *file, const report_view *view, size_t device, clnorm_pass pass)
{
  double values[VIEW_CASES];
  char number[32];
  char what[64];
  size_t count = 0;
  int calls = 0;
  for (size_t i = 0; i < view->devices[device].count && count < VIEW_CASES; i++) {
    const bench_record *record = &view->devices[device].records[i];
    if (record->pass == pass && record->time.n > 0 && record->copy > 0.0) {
      calls = record->calls.measured;
      values[count++] = calls ? 1.0 / record->time.median : record->time.median / record->copy;
    }
  }
  if (count > 0) {
    const double middle = median(values, count);
    (void)snprintf(number, sizeof number, calls ? "%.0f" : "%.2f", middle);
    (void)snprintf(what, sizeof what, "%s, %s", calls ? "calls/s" : "times the copy", record_pass_name(pass));
    tile(file, number, what);
  }
}

static void entry(FILE *file, const char *name, const char *text)
{
  (void)fprintf(file, "<dt>%s</dt><dd>", name);
  page_text(file, text);
  (void)fprintf(file, "</dd>\n");
}

void html_device_card(FILE *file, const report_view *view, size_t device)
{
  const bench_record *records = view->devices[device].records;
  double copy = 0.0;
  size_t right = 0;
  char text[160];
  for (size_t i = 0; i < view->devices[device].count; i++) {
    const double rate = records[i].copy > 0.0 ? 2.0 * record_tensor_bytes(&records[i]) / records[i].copy * 1e-9 : 0.0;
    copy = rate > copy ? rate : copy;
    right += records[i].outcome == RECORD_OK;
  }
  (void)fprintf(file, "<section class=\"card %s\">\n<h3>", report_view_device_style(device));
  page_text(file, records[0].device);
  (void)fprintf(file, "</h3>\n<div class=\"tiles\">\n");
  for (size_t i = 0; i < view->pass_count; i++) {
    pass_tile(file, view, device, view->passes[i]);
  }
  (void)fprintf(file, "</div>\n<dl>\n");
  entry(file, "backend", strcmp(records[0].backend, "cpu") == 0 ? "CPU" : "OpenCL");
  entry(file, "driver", records[0].driver);
  (void)snprintf(text, sizeof text, "%.1f GB/s, read and written", copy);
  entry(file, "fastest copy", copy > 0.0 ? text : "-");
  (void)snprintf(text, sizeof text, "%zu of %zu rows right", right, view->devices[device].count);
  entry(file, "check", text);
  (void)fprintf(file, "</dl>\n</section>\n");
}

/* ---- legends ------------------------------------------------------------------------------------------------ */

static void begin_item(FILE *file) { (void)fprintf(file, "<li><svg viewBox=\"0 0 26 12\" aria-hidden=\"true\">"); }

static void end_item(FILE *file, const char *text)
{
  (void)fprintf(file, "</svg>");
  page_text(file, text);
  (void)fprintf(file, "</li>\n");
}

void html_legend(FILE *file, const report_view *view, int layouts, int copies)
{
  char style[16];
  (void)fprintf(file, "<ul class=\"legend\">\n");
  for (size_t i = 0; i < view->device_count; i++) {
    begin_item(file);
    chart_bar(file, 4, 1, 18, 10, report_view_device_style(i), "");
    end_item(file, view->devices[i].records[0].device);
  }
  for (size_t i = 0; i < view->peer_count; i++) {
    begin_item(file);
    chart_point(file, CHART_DIAMOND, 13, 6, report_view_peer_style(i), "");
    end_item(file, view->peers[i]);
  }
  if (copies) {
    (void)snprintf(style, sizeof style, "dashed %s", view->device_count == 1 ? "s0" : "plain");
    begin_item(file);
    chart_line(file, 1, 6, 25, 6, style);
    end_item(file, view->device_count == 1 ? "the device's copy" : "copies, in the devices' colours");
  }
  if (layouts) {
    begin_item(file);
    chart_point(file, CHART_DOT, 13, 6, "plain", "");
    end_item(file, "channels-first, (N, C)");
    begin_item(file);
    chart_point(file, CHART_RING, 13, 6, "plain", "");
    end_item(file, "channels-last");
  }
  (void)fprintf(file, "</ul>\n");
}

/* ---- tables ------------------------------------------------------------------------------------------------- */

static void cell(FILE *file, const char *element, const char *style, const char *text)
{
  (void)fprintf(file, "<%s%s%s%s>", element, style[0] != '\0' ? " class=\"" : "", style, style[0] != '\0' ? "\"" : "");
  page_text(file, text);
  (void)fprintf(file, "</%s>", element);
}

static void begin_table(FILE *file) { (void)fprintf(file, "<div class=\"scroll\"><table>\n<thead><tr>"); }
static void end_table(FILE *file) { (void)fprintf(file, "</tbody></table></div>\n"); }

static void notes(FILE *file, const bench_record *record)
{
  static const char *const words[] = {"", "wrong result, so no speed", "failed", "unsupported"};
  char name[160];
  (void)report_name_text(record, name, sizeof name);
  if (record->outcome != RECORD_OK) {
    (void)fprintf(file, "<p class=\"note\">");
    page_format(file, "%s: %s: %s", name, words[record->outcome], record->reason);
    (void)fprintf(file, "</p>\n");
  }
  for (size_t i = 0; i < record->peer_count; i++) {
    if (record->peers[i].note[0] != '\0') {
      (void)fprintf(file, "<p class=\"note\">");
      page_format(file, "%s: %s: %s", name, record->peers[i].name, record->peers[i].note);
      (void)fprintf(file, "</p>\n");
    }
  }
}

void html_table(FILE *file, const report_view *view, size_t device)
{
  const bench_record *records = view->devices[device].records;
  const size_t count = view->devices[device].count;
  report_grid g;
  (void)fprintf(file, "<h3>");
  page_text(file, records[0].device);
  (void)fprintf(file, "</h3>\n");
  if (report_grid_make(&g, records, count) != 0) {
    return;
  }
  begin_table(file);
  for (size_t i = 0; i < g.columns; i++) {
    cell(file, "th", "", report_grid_cell(&g, 0, i));
  }
  (void)fprintf(file, "</tr></thead>\n<tbody>\n");
  for (size_t row = 1; row < g.rows; row++) {
    (void)fprintf(file, "<tr>");
    for (size_t i = 0; i < g.columns; i++) {
      const int verdict = i + 1 == g.columns;
      cell(file, "td",
           !verdict                                ? ""
           : records[row - 1].outcome == RECORD_OK ? "good"
                                                   : "bad",
           report_grid_cell(&g, row, i));
    }
    (void)fprintf(file, "</tr>\n");
  }
  end_table(file);
  report_grid_free(&g);
  for (size_t i = 0; i < count; i++) {
    notes(file, &records[i]);
  }
}

static void compare_line(FILE *file, const compare_row *row)
{
  char text[160];
  (void)fprintf(file, "<tr>");
  cell(file, "td", "", report_name_text(row->record, text, sizeof text));
  cell(file, "td", "", row->then.median > 0.0 ? report_time_text(row->then.median, text, sizeof text) : "-");
  cell(file, "td", "", row->now.median > 0.0 ? report_time_text(row->now.median, text, sizeof text) : "-");
  cell(file, "td", "", report_ratio_text(&row->time, text, sizeof text));
  cell(file, "td", "", compare_verdict_name(row->time.verdict));
  cell(file, "td", "", report_ratio_text(&row->copies, text, sizeof text));
  cell(file, "td", "", compare_verdict_name(row->copies.verdict));
  cell(file, "td", compare_verdict_name(row->verdict),
       row->verdict == COMPARE_NONE ? row->note : compare_verdict_name(row->verdict));
  (void)fprintf(file, "</tr>\n");
}

void html_compare_table(FILE *file, const report_view *view, size_t device)
{
  static const char *const names[] = {"operation",          "then",      "now",    "now / then, seconds", "by seconds",
                                      "now / then, copies", "by copies", "verdict"};
  const size_t first = (size_t)(view->devices[device].records - view->run->records);
  (void)fprintf(file, "<h3>");
  page_text(file, view->devices[device].records[0].device);
  (void)fprintf(file, "</h3>\n");
  begin_table(file);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    cell(file, "th", "", names[i]);
  }
  (void)fprintf(file, "</tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < view->devices[device].count; i++) {
    if (view->run->rows[first + i].record != NULL) {
      compare_line(file, &view->run->rows[first + i]);
    }
  }
  end_table(file);
}
