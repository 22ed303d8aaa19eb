#include "chart_rows.h"
#include "charts.h"
#include "report_grid.h"

#define ROW 22.0
#define MARGIN 26.0

typedef struct range {
  double low, high;
} range;

static void widen(range *r, double value)
{
  if (value > 0.0) {
    r->low = r->low == 0.0 || value < r->low ? value : r->low;
    r->high = value > r->high ? value : r->high;
  }
}

/* From the fastest to the slowest of a case. */
static range range_of(const chart_plot *p, const bench_record *wanted)
{
  range r = {0.0, 0.0};
  for (size_t j = 0; j < p->view->device_count; j++) {
    const bench_record *record = report_view_find(p->view, j, wanted);
    if (record != NULL) {
      widen(&r, record->time.low);
      widen(&r, record->time.high);
    }
  }
  for (size_t k = 0; k < p->view->peer_count; k++) {
    widen(&r, report_view_peer_of_case(p->view, wanted, k));
  }
  return r;
}

static void draw_device(const chart_plot *p, size_t device, const bench_record *wanted, double y)
{
  const bench_record *record = report_view_find(p->view, device, wanted);
  char title[400];
  char time[32];
  if (record == NULL) {
    return;
  }
  (void)snprintf(title, sizeof title, "%.200s: %s", record->device,
                 report_time_text(record->time.median, time, sizeof time));
  chart_whisker(p->file, chart_rows_x(&p->rows, &p->x, record->time.low),
                chart_rows_x(&p->rows, &p->x, record->time.high), y, "whisker");
  chart_point(p->file, CHART_DOT, chart_rows_x(&p->rows, &p->x, record->time.median), y,
              report_view_device_style(device), title);
}

static void draw_peer(const chart_plot *p, size_t peer, const bench_record *wanted, double y)
{
  const double seconds = report_view_peer_of_case(p->view, wanted, peer);
  char title[160];
  char time[32];
  if (seconds > 0.0) {
    (void)snprintf(title, sizeof title, "%s: %s", p->view->peers[peer], report_time_text(seconds, time, sizeof time));
    chart_point(p->file, CHART_DIAMOND, chart_rows_x(&p->rows, &p->x, seconds), y, report_view_peer_style(peer), title);
  }
}

static void draw_row(const chart_plot *p, size_t index)
{
  const double y = chart_rows_y(&p->rows, index);
  const range r = range_of(p, p->cases[index]);
  chart_line(p->file, chart_rows_x(&p->rows, &p->x, r.low), y, chart_rows_x(&p->rows, &p->x, r.high), y, "span");
  for (size_t k = 0; k < p->view->peer_count; k++) {
    draw_peer(p, k, p->cases[index], y);
  }
  for (size_t j = 0; j < p->view->device_count; j++) {
    draw_device(p, j, p->cases[index], y);
  }
}

void chart_times_write(FILE *file, const report_view *view, clnorm_pass pass)
{
  char title[96];
  range all = {0.0, 0.0};
  chart_plot p;
  chart_plot_cases(&p, file, view, pass);
  for (size_t i = 0; i < p.count; i++) {
    const range r = range_of(&p, p.cases[i]);
    widen(&all, r.low);
    widen(&all, r.high);
  }
  p.x = axis_log(all.low, all.high, 7);
  p.rows = chart_rows_make(p.names, p.count, ROW, MARGIN);
  (void)snprintf(title, sizeof title, "time of each device, %s", record_pass_name(pass));
  chart_plot_begin(&p, title, chart_label_time);
  for (size_t i = 0; i < p.count; i++) {
    draw_row(&p, i);
  }
  chart_text(file, p.rows.right, p.rows.height - 8.0, "small", "end", "time of a run, logarithmic: left is faster");
  chart_end(file);
}
