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

#endif
