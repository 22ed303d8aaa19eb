/* The plots of the report, one SVG a call. Each is of one pass, in the view's order and colours. */
#ifndef CLNORM_BENCH_CHARTS_H
#define CLNORM_BENCH_CHARTS_H

#include "report_view.h"

/* Bandwidth (least traffic / median) against the size of x. Shapes that differ in N alone are joined. */
void chart_sizes_write(FILE *file, const report_view *view, clnorm_pass pass);

/* Times the copy, a row for each shape and layout, a bar for each device, peers as diamonds. */
void chart_copies_write(FILE *file, const report_view *view, clnorm_pass pass);

/* Seconds on a logarithmic axis, a row for each shape and layout, a point for each device and peer. */
void chart_times_write(FILE *file, const report_view *view, clnorm_pass pass);

/* now / then of every row of one device that could be compared. */
void chart_ratios_write(FILE *file, const report_view *view, size_t device);

#endif
