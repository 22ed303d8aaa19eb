#include "chart.h"

#include "page.h"

#define RADIUS 4.5

void chart_begin(FILE *file, double width, double height, const char *title)
{
  (void)fprintf(file, "<svg viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\" aria-label=\"", width,
                height, width, height);
  page_text(file, title);
  (void)fprintf(file, "\">\n");
}

void chart_end(FILE *file) { (void)fprintf(file, "</svg>\n"); }

void chart_text(FILE *file, double x, double y, const char *style, const char *anchor, const char *text)
{
  (void)fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">", x, y, style, anchor);
  page_text(file, text);
  (void)fprintf(file, "</text>\n");
}

void chart_line(FILE *file, double x1, double y1, double x2, double y2, const char *style)
{
  (void)fprintf(file, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2, style);
}

void chart_path(FILE *file, const double *points, size_t count, const char *style)
{
  (void)fprintf(file, "<polyline class=\"%s\" points=\"", style);
  for (size_t i = 0; i < count; i++) {
    (void)fprintf(file, "%s%.1f,%.1f", i == 0 ? "" : " ", points[2 * i], points[2 * i + 1]);
  }
  (void)fprintf(file, "\"/>\n");
}

static void end_with_title(FILE *file, const char *element, const char *title)
{
  (void)fprintf(file, "><title>");
  page_text(file, title);
  (void)fprintf(file, "</title></%s>\n", element);
}

void chart_bar(FILE *file, double x, double y, double width, double height, const char *style, const char *title)
{
  (void)fprintf(file, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"1.5\" class=\"%s\"", x, y, width,
                height, style);
  end_with_title(file, "rect", title);
}

void chart_point(FILE *file, chart_marker marker, double x, double y, const char *style, const char *title)
{
  const double r = RADIUS;
  switch (marker) {
    case CHART_DOT:
    case CHART_RING:
      (void)fprintf(file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" class=\"%s %s\"", x, y, r,
                    marker == CHART_DOT ? "dot" : "ring", style);
      end_with_title(file, "circle", title);
      break;
    case CHART_DIAMOND:
      (void)fprintf(file, "<path d=\"M%.1f %.1fl%.1f %.1fl%.1f %.1fl%.1f %.1fz\" class=\"dot %s\"", x, y - r - 1, r + 1,
                    r + 1, -r - 1, r + 1, -r - 1, -r - 1, style);
      end_with_title(file, "path", title);
      break;
    case CHART_ARROW:
      (void)fprintf(file, "<path d=\"M%.1f %.1fl%.1f %.1fl%.1f %.1fz\" class=\"dot %s\"", x, y - r, 2 * r, r, -2 * r, r,
                    style);
      end_with_title(file, "path", title);
      break;
  }
}

void chart_whisker(FILE *file, double x1, double x2, double y, const char *style)
{
  chart_line(file, x1, y, x2, y, style);
  chart_line(file, x1, y - 2.5, x1, y + 2.5, style);
  chart_line(file, x2, y - 2.5, x2, y + 2.5, style);
}

/* ---- axes --------------------------------------------------------------------------------------------------- */

void chart_x_axis(FILE *file, const axis *a, double left, double right, double top, double bottom,
                  void (*label)(double value, char *text, size_t capacity))
{
  char text[32];
  for (size_t i = 0; i < a->count; i++) {
    const double x = left + axis_place(a, a->ticks[i]) * (right - left);
    chart_line(file, x, top, x, bottom, "grid");
    label(a->ticks[i], text, sizeof text);
    chart_text(file, x, bottom + 15, "small", "middle", text);
  }
  chart_line(file, left, bottom, right, bottom, "edge");
}

void chart_y_axis(FILE *file, const axis *a, double left, double right, double top, double bottom,
                  void (*label)(double value, char *text, size_t capacity))
{
  char text[32];
  for (size_t i = 0; i < a->count; i++) {
    const double y = bottom - axis_place(a, a->ticks[i]) * (bottom - top);
    chart_line(file, left, y, right, y, "grid");
    label(a->ticks[i], text, sizeof text);
    chart_text(file, left - 6, y + 4, "small", "end", text);
  }
}

void chart_label_number(double value, char *text, size_t capacity) { (void)snprintf(text, capacity, "%g", value); }

/* A tick is a round number, so few digits say it all. */
static void with_unit(double value, double step, const char *const *units, size_t count, char *text, size_t capacity)
{
  size_t unit = 0;
  while (unit + 1 < count && value >= step * (1.0 - 1e-9)) {
    value /= step;
    unit++;
  }
  (void)snprintf(text, capacity, "%.3g %s", value, units[unit]);
}

void chart_label_bytes(double value, char *text, size_t capacity)
{
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
  with_unit(value, 1e3, units, sizeof units / sizeof units[0], text, capacity);
}

void chart_label_time(double value, char *text, size_t capacity)
{
  static const char *const units[] = {"ns", "us", "ms", "s"};
  with_unit(value * 1e9, 1e3, units, sizeof units / sizeof units[0], text, capacity);
}
