#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "charts.h"
#include "report_grid.h"

#define WIDTH 560.0
#define HEIGHT 310.0
#define LEFT 46.0
#define RIGHT (WIDTH - 14.0)
#define TOP 24.0
#define BOTTOM (HEIGHT - 42.0)

typedef struct frame {
  FILE *file;
  const report_view *view;
  const bench_record *cases[VIEW_CASES];
  size_t case_count;
  axis x, y;
} frame;

/* GB/s of `seconds` for the case's least traffic; 0: no time. */
static double rate(const bench_record *record, double seconds)
{
  return seconds > 0.0 ? record->bytes_least / seconds * 1e-9 : 0.0;
}

static double copy_rate(const bench_record *record)
{
  return record->copy > 0.0 ? 2.0 * record_tensor_bytes(record) / record->copy * 1e-9 : 0.0;
}

static double at_x(const frame *f, double bytes) { return LEFT + axis_place(&f->x, bytes) * (RIGHT - LEFT); }

static double at_y(const frame *f, double gbps) { return BOTTOM - axis_place(&f->y, gbps) * (BOTTOM - TOP); }

/* ---- what is drawn: a value of a case, for a device or a peer ------------------------------------------------ */

typedef struct series {
  const char *name, *style;
  double (*value)(const frame *f, const struct series *s, const bench_record *wanted);
  size_t index; /* of the device or the peer */
} series;

static double device_value(const frame *f, const series *s, const bench_record *wanted)
{
  const bench_record *record = report_view_find(f->view, s->index, wanted);
  return record != NULL ? rate(record, record->time.median) : 0.0;
}

static double copy_value(const frame *f, const series *s, const bench_record *wanted)
{
  const bench_record *record = report_view_find(f->view, s->index, wanted);
  return record != NULL ? copy_rate(record) : 0.0;
}

static double peer_value(const frame *f, const series *s, const bench_record *wanted)
{
  return rate(wanted, report_view_peer_of_case(f->view, wanted, s->index));
}

/* ---- lines -------------------------------------------------------------------------------------------------- */

static int only_n_differs(const bench_record *a, const bench_record *b)
{
  return norm_kind_same(&a->kind, &b->kind) && a->rank == b->rank && a->layout == b->layout &&
         memcmp(&a->dims[1], &b->dims[1], (CLNORM_MAX_RANK - 1) * sizeof a->dims[0]) == 0;
}

static int by_x(const void *left, const void *right)
{
  const double a = *(const double *)left;
  const double b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Of several points at one x the highest, which is the smallest y. Returns how many are left. */
static size_t keep_highest(double *points, size_t count)
{
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (kept > 0 && points[2 * kept - 2] == points[2 * i]) {
      points[2 * kept - 1] = points[2 * i + 1] < points[2 * kept - 1] ? points[2 * i + 1] : points[2 * kept - 1];
    } else {
      points[2 * kept] = points[2 * i];
      points[2 * kept++ + 1] = points[2 * i + 1];
    }
  }
  return kept;
}

/* Joins the cases that belong to `first`; copies of one size are one line whatever the shape. */
static void draw_line(const frame *f, const series *s, size_t first, int all)
{
  double points[2 * VIEW_CASES];
  char style[32];
  size_t count = 0;
  for (size_t i = first; i < f->case_count; i++) {
    const double value = s->value(f, s, f->cases[i]);
    if (value > 0.0 && (all || only_n_differs(f->cases[first], f->cases[i]))) {
      points[2 * count] = at_x(f, record_tensor_bytes(f->cases[i]));
      points[2 * count++ + 1] = at_y(f, value);
    }
  }
  qsort(points, count, 2 * sizeof points[0], by_x);
  count = all ? keep_highest(points, count) : count;
  (void)snprintf(style, sizeof style, "%s %s", all ? "dashed" : "line", s->style);
  if (count > 1) {
    chart_path(f->file, points, count, style);
  }
}

static void draw_lines(const frame *f, const series *s)
{
  for (size_t i = 0; i < f->case_count; i++) {
    size_t before = 0;
    while (before < i && !only_n_differs(f->cases[before], f->cases[i])) {
      before++;
    }
    if (before == i) {
      draw_line(f, s, i, 0);
    }
  }
}

static void draw_points(const frame *f, const series *s, int diamond)
{
  for (size_t i = 0; i < f->case_count; i++) {
    const bench_record *record = f->cases[i];
    const double value = s->value(f, s, record);
    char name[160];
    char title[400];
    if (value > 0.0) {
      const int last = record->rank > 2 && record->layout == CLNORM_CHANNELS_LAST;
      (void)snprintf(title, sizeof title, "%.150s, %s: %.1f GB/s", s->name,
                     record_case_text(record, 0, name, sizeof name), value);
      chart_point(f->file,
                  diamond ? CHART_DIAMOND
                  : last  ? CHART_RING
                          : CHART_DOT,
                  at_x(f, record_tensor_bytes(record)), at_y(f, value), s->style, title);
    }
  }
}

/* ---- the plot ----------------------------------------------------------------------------------------------- */

static void draw_series(const frame *f)
{
  const report_view *view = f->view;
  for (size_t i = 0; i < view->device_count; i++) {
    const series copy = {"copy", report_view_device_style(i), copy_value, i};
    draw_line(f, &copy, 0, 1);
  }
  for (size_t i = 0; i < view->peer_count; i++) {
    const series peer = {view->peers[i], report_view_peer_style(i), peer_value, i};
    draw_lines(f, &peer);
    draw_points(f, &peer, 1);
  }
  for (size_t i = 0; i < view->device_count; i++) {
    const series device = {view->devices[i].records[0].device, report_view_device_style(i), device_value, i};
    draw_lines(f, &device);
    draw_points(f, &device, 0);
  }
}

static void make_axes(frame *f)
{
  double least = 0.0;
  double most = 0.0;
  double high = 0.0;
  for (size_t i = 0; i < f->case_count; i++) {
    const double bytes = record_tensor_bytes(f->cases[i]);
    least = least == 0.0 || bytes < least ? bytes : least;
    most = bytes > most ? bytes : most;
    for (size_t j = 0; j < f->view->device_count; j++) {
      const bench_record *record = report_view_find(f->view, j, f->cases[i]);
      const double own = record == NULL ? 0.0 : rate(record, record->time.median);
      const double copy = record == NULL ? 0.0 : copy_rate(record);
      high = own > high ? own : high;
      high = copy > high ? copy : high;
    }
    for (size_t j = 0; j < f->view->peer_count; j++) {
      const double peer = rate(f->cases[i], report_view_peer_of_case(f->view, f->cases[i], j));
      high = peer > high ? peer : high;
    }
  }
  f->x = axis_log(least, most, 10);
  f->y = axis_linear(high, 6);
}

void chart_sizes_write(FILE *file, const report_view *view, clnorm_pass pass)
{
  frame f = {.file = file, .view = view};
  char title[80];
  f.case_count = report_view_cases(view, pass, f.cases);
  make_axes(&f);
  (void)snprintf(title, sizeof title, "GB/s against the size of x, %s", record_pass_name(pass));
  chart_begin(file, WIDTH, HEIGHT, title);
  chart_y_axis(file, &f.y, LEFT, RIGHT, TOP, BOTTOM, chart_label_number);
  chart_x_axis(file, &f.x, LEFT, RIGHT, TOP, BOTTOM, chart_label_bytes);
  chart_text(file, 4.0, 12.0, "small", "start", "GB/s");
  chart_text(file, RIGHT, HEIGHT - 8.0, "small", "end", "bytes of x");
  draw_series(&f);
  chart_end(file);
}
