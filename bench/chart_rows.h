/* A frame with one row for each case, named at its left side. */
#ifndef CLNORM_BENCH_CHART_ROWS_H
#define CLNORM_BENCH_CHART_ROWS_H

#include "chart.h"
#include "report_view.h"

typedef struct chart_rows {
  double left, right, top, bottom; /* of the frame */
  double row, width, height;       /* of a row, of the whole */
} chart_rows;

/* A frame for `count` rows of `row` units each; `margin` units stay free at the right side. */
chart_rows chart_rows_make(const char *const *names, size_t count, double row, double margin);

/* The names and lines between the rows; call chart_x_axis besides. */
void chart_rows_draw(FILE *file, const chart_rows *rows, const char *const *names, size_t count);

/* Middle of a row. */
double chart_rows_y(const chart_rows *rows, size_t index);

double chart_rows_x(const chart_rows *rows, const axis *a, double value);

/* A plot of the cases of one pass. The names may point into it, so it is not to be copied. */
typedef struct chart_plot {
  FILE *file;
  const report_view *view;
  const bench_record *cases[VIEW_CASES];
  const char *names[VIEW_CASES];
  char texts[VIEW_CASES][96];
  size_t count;
  chart_rows rows; /* rows and axis: the caller's to set */
  axis x;
} chart_plot;

/* Finds the cases and their names. */
void chart_plot_cases(chart_plot *plot, FILE *file, const report_view *view, clnorm_pass pass);

/* Draws axis, names and lines; call chart_end at the end. */
void chart_plot_begin(const chart_plot *plot, const char *title,
                      void (*label)(double value, char *text, size_t capacity));

#endif
