/* The pieces that plots are drawn with, as inline SVG. Colours come from the page's style by class: s0 to s5 for devices,
 * p0 to p3 for peers. Coordinates are in SVG units, x to the right, y downwards. */
#ifndef CLNORM_BENCH_CHART_H
#define CLNORM_BENCH_CHART_H

#include <stdio.h>

#include "chart_axis.h"

#define CHART_COLOURS 6

/* Width of a character of the small text, on average and rather too wide. */
#define CHART_LETTER 6.3

typedef enum chart_marker { CHART_DOT, CHART_RING, CHART_DIAMOND, CHART_ARROW } chart_marker;

/* `title` says what is seen, for those who do not see it. */
void chart_begin(FILE *file, double width, double height, const char *title);
void chart_end(FILE *file);

/* `style`: classes of the page's style; `anchor`: start, middle or end. The text is escaped. */
void chart_text(FILE *file, double x, double y, const char *style, const char *anchor, const char *text);

void chart_line(FILE *file, double x1, double y1, double x2, double y2, const char *style);

/* Through count points, x and y in turn. */
void chart_path(FILE *file, const double *points, size_t count, const char *style);

/* `title` appears when the pointer rests on it. */
void chart_bar(FILE *file, double x, double y, double width, double height, const char *style, const char *title);
void chart_point(FILE *file, chart_marker marker, double x, double y, const char *style, const char *title);

/* An interval from x1 to x2 with ends, at height y. */
void chart_whisker(FILE *file, double x1, double x2, double y, const char *style);

/* Grid lines and labels of a horizontal axis along the bottom of a frame, of a vertical one along its left side. */
void chart_x_axis(FILE *file, const axis *a, double left, double right, double top, double bottom,
                  void (*label)(double value, char *text, size_t capacity));
void chart_y_axis(FILE *file, const axis *a, double left, double right, double top, double bottom,
                  void (*label)(double value, char *text, size_t capacity));

/* Labels: "20", "0.5"; "1 MB"; "20 us". */
void chart_label_number(double value, char *text, size_t capacity);
void chart_label_bytes(double value, char *text, size_t capacity);
void chart_label_time(double value, char *text, size_t capacity);

#endif
