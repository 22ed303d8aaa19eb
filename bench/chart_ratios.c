#include "chart_rows.h"
#include "charts.h"
#include "report_compare.h"
#include "report_grid.h"

#define ROW 20.0
#define MARGIN 66.0

typedef struct plot {
  const compare_row *rows[4 * VIEW_CASES];
  const char *names[4 * VIEW_CASES];
  char texts[4 * VIEW_CASES][112];
  size_t count;
} plot;

static void collect(plot *p, const report_view *view, size_t device)
{
  const size_t first = (size_t)(view->devices[device].records - view->run->records);
  for (size_t i = 0; i < view->devices[device].count && p->count < 4 * VIEW_CASES; i++) {
    const compare_row *row = &view->run->rows[first + i];
    if (row->record != NULL && row->verdict != COMPARE_NONE) {
      p->rows[p->count] = row;
      p->names[p->count] = report_name_text(row->record, p->texts[p->count], sizeof p->texts[0]);
      p->count++;
    }
  }
}

static const char *style_of(compare_verdict verdict)
{
  return verdict == COMPARE_FASTER ? "good" : verdict == COMPARE_SLOWER ? "bad" : "plain";
}

static void draw(FILE *file, const plot *p, const chart_rows *frame, const axis *x)
{
  for (size_t i = 0; i < p->count; i++) {
    const compare_row *row = p->rows[i];
    const double y = chart_rows_y(frame, i);
    char title[160];
    char ratio[64];
    (void)snprintf(title, sizeof title, "%s: %s", compare_verdict_name(row->verdict),
                   report_ratio_text(&row->time, ratio, sizeof ratio));
    chart_whisker(file, chart_rows_x(frame, x, row->time.low), chart_rows_x(frame, x, row->time.high), y, "whisker");
    chart_point(file, row->verdict == COMPARE_UNSURE ? CHART_RING : CHART_DOT, chart_rows_x(frame, x, row->time.ratio),
                y, style_of(row->verdict), title);
    chart_text(file, frame->right + 8.0, y + 4.0, "small", "start", compare_verdict_name(row->verdict));
  }
}

void chart_ratios_write(FILE *file, const report_view *view, size_t device)
{
  plot p;
  double low = 0.9;
  double high = 1.1;
  p.count = 0;
  collect(&p, view, device);
  for (size_t i = 0; i < p.count; i++) {
    low = p.rows[i]->time.low < low ? p.rows[i]->time.low : low;
    high = p.rows[i]->time.high > high ? p.rows[i]->time.high : high;
  }
  const axis x = axis_log(low, high, 7);
  const chart_rows frame = chart_rows_make(p.names, p.count, ROW, MARGIN);
  chart_begin(file, frame.width, frame.height, "time now divided by time then");
  chart_x_axis(file, &x, frame.left, frame.right, frame.top, frame.bottom, chart_label_number);
  chart_rows_draw(file, &frame, p.names, p.count);
  const double one = chart_rows_x(&frame, &x, 1.0);
  chart_line(file, one, frame.top, one, frame.bottom, "one");
  draw(file, &p, &frame, &x);
  chart_text(file, frame.right, frame.height - 8.0, "small", "end", "now / then, seconds: left is faster");
  chart_end(file);
}
