#include "chart_rows.h"

#include <string.h>

#define WIDTH 560.0
#define TOP 8.0
#define BELOW 40.0 /* for the labels of the axis and its name */
#define NAMES_LEAST 70.0
#define NAMES_MOST 320.0

chart_rows chart_rows_make(const char *const *names, size_t count, double row, double margin)
{
  double widest = NAMES_LEAST;
  for (size_t i = 0; i < count; i++) {
    const double width = CHART_LETTER * (double)strlen(names[i]) + 12.0;
    widest = width > widest ? width : widest;
  }
  chart_rows rows = {
      .left = widest < NAMES_MOST ? widest : NAMES_MOST, .right = WIDTH - margin, .top = TOP, .row = row};
  rows.bottom = TOP + row * (double)count;
  rows.width = WIDTH;
  rows.height = rows.bottom + BELOW;
  return rows;
}

void chart_rows_draw(FILE *file, const chart_rows *rows, const char *const *names, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    const double y = chart_rows_y(rows, i);
    chart_text(file, rows->left - 8.0, y + 4.0, "small", "end", names[i]);
    if (i > 0) {
      chart_line(file, rows->left, y - rows->row / 2, rows->right, y - rows->row / 2, "faint");
    }
  }
  chart_line(file, rows->left, rows->top, rows->left, rows->bottom, "edge");
}

double chart_rows_y(const chart_rows *rows, size_t index) { return rows->top + ((double)index + 0.5) * rows->row; }

double chart_rows_x(const chart_rows *rows, const axis *a, double value)
{
  return rows->left + axis_place(a, value) * (rows->right - rows->left);
}

void chart_plot_cases(chart_plot *plot, FILE *file, const report_view *view, clnorm_pass pass)
{
  *plot = (chart_plot){.file = file, .view = view};
  plot->count = report_view_cases(view, pass, plot->cases);
  for (size_t i = 0; i < plot->count; i++) {
    plot->names[i] = record_case_text(plot->cases[i], 0, plot->texts[i], sizeof plot->texts[i]);
  }
}

void chart_plot_begin(const chart_plot *plot, const char *title,
                      void (*label)(double value, char *text, size_t capacity))
{
  const chart_rows *rows = &plot->rows;
  chart_begin(plot->file, rows->width, rows->height, title);
  chart_x_axis(plot->file, &plot->x, rows->left, rows->right, rows->top, rows->bottom, label);
  chart_rows_draw(plot->file, rows, plot->names, plot->count);
}
