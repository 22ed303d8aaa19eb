#include "chart_rows.h"
#include "charts.h"

#define BAR 10.0
#define GAP 8.0
/* For the numbers behind the bars. */
#define MARGIN 54.0
/* How far beyond the devices' medians a peer or the end of an interval still widens the axis. */
#define WIDEN 1.4

static double copies(const bench_record *record, double seconds)
{
  return record->copy > 0.0 ? seconds / record->copy : 0.0;
}

/* Where the axis has to end: at the slowest median, and at what lies not much further. */
static double reach(const chart_plot *p)
{
  double median = 1.0;
  double most = 1.0;
  for (int round = 0; round < 2; round++) {
    for (size_t i = 0; i < p->count; i++) {
      for (size_t j = 0; j < p->view->device_count; j++) {
        const bench_record *record = report_view_find(p->view, j, p->cases[i]);
        const double own = record == NULL ? 0.0 : copies(record, record->time.median);
        const double end = record == NULL ? 0.0 : copies(record, record->time.high);
        median = own > median ? own : median;
        most = round == 1 && end > most && end < WIDEN * median ? end : most;
        for (size_t k = 0; record != NULL && k < p->view->peer_count; k++) {
          const double peer = copies(record, report_view_peer(p->view, record, k));
          most = round == 1 && peer > most && peer < WIDEN * median ? peer : most;
        }
      }
    }
  }
  return most > median ? most : median;
}

/* Beyond the axis a peer is an arrow with its number. */
static void draw_peers(const chart_plot *p, const bench_record *record, double y)
{
  for (size_t k = 0; k < p->view->peer_count; k++) {
    const double value = copies(record, report_view_peer(p->view, record, k));
    char title[160];
    (void)snprintf(title, sizeof title, "%s: %.2f copies", p->view->peers[k], value);
    if (value > p->x.high) {
      char text[32];
      (void)snprintf(text, sizeof text, "%.0f", value);
      chart_point(p->file, CHART_ARROW, p->rows.right + 1.0, y, report_view_peer_style(k), title);
      chart_text(p->file, p->rows.right + 12.0, y + 4.0, "small", "start", text);
    } else if (value > 0.0) {
      chart_point(p->file, CHART_DIAMOND, chart_rows_x(&p->rows, &p->x, value), y, report_view_peer_style(k), title);
    }
  }
}

static void draw_bar(const chart_plot *p, size_t device, const bench_record *record, double y)
{
  const double value = copies(record, record->time.median);
  const double end = chart_rows_x(&p->rows, &p->x, value);
  char title[400];
  (void)snprintf(title, sizeof title, "%.200s: %.2f copies; the copy %.1f GB/s, %.60s", record->device, value,
                 2.0 * record_tensor_bytes(record) / record->copy * 1e-9, record->variant);
  chart_bar(p->file, p->rows.left, y - BAR / 2, end - p->rows.left, BAR, report_view_device_style(device), title);
  chart_whisker(p->file, chart_rows_x(&p->rows, &p->x, record->time.low / record->copy_high),
                chart_rows_x(&p->rows, &p->x, record->time.high / record->copy_low), y, "whisker");
}

/* Over everything else, behind bar and whisker. */
static void draw_number(const chart_plot *p, const bench_record *record, double y)
{
  char text[32];
  const double bar = chart_rows_x(&p->rows, &p->x, copies(record, record->time.median));
  const double whisker = chart_rows_x(&p->rows, &p->x, record->time.high / record->copy_low);
  (void)snprintf(text, sizeof text, "%.2f", copies(record, record->time.median));
  /* Behind a whisker that reaches the frame's end are the arrows of peers. */
  chart_text(p->file, (whisker > p->rows.right - 26.0 && bar < p->rows.right - 26.0 ? bar : whisker) + 5.0, y + 4.0,
             "tiny", "start", text);
}

static void draw_row(const chart_plot *p, size_t index)
{
  const double first = chart_rows_y(&p->rows, index) - (double)(p->view->device_count - 1) * (BAR + 2.0) / 2;
  for (int layer = 0; layer < 3; layer++) {
    for (size_t j = 0; j < p->view->device_count; j++) {
      const bench_record *record = report_view_find(p->view, j, p->cases[index]);
      const double y = first + (double)j * (BAR + 2.0);
      if (record == NULL || record->copy <= 0.0) {
        continue;
      }
      if (layer == 0) {
        draw_bar(p, j, record, y);
      } else if (layer == 1) {
        draw_peers(p, record, y);
      } else {
        draw_number(p, record, y);
      }
    }
  }
}

void chart_copies_write(FILE *file, const report_view *view, clnorm_pass pass)
{
  char title[96];
  chart_plot p;
  chart_plot_cases(&p, file, view, pass);
  p.x = axis_linear(reach(&p), 6);
  p.rows = chart_rows_make(p.names, p.count, (double)view->device_count * (BAR + 2.0) + GAP, MARGIN);
  (void)snprintf(title, sizeof title, "times the copy of x, %s", record_pass_name(pass));
  chart_plot_begin(&p, title, chart_label_number);
  for (size_t i = 0; i < p.count; i++) {
    draw_row(&p, i);
  }
  const double one = chart_rows_x(&p.rows, &p.x, 1.0);
  chart_line(file, one, p.rows.top, one, p.rows.bottom, "one");
  chart_text(file, p.rows.right, p.rows.height - 8.0, "small", "end", "times the copy: 1 is as fast as copying x");
  chart_end(file);
}
