/* The parts of the report that are no plots: a card for each device, legends, tables. */
#ifndef CLNORM_BENCH_REPORT_HTML_PARTS_H
#define CLNORM_BENCH_REPORT_HTML_PARTS_H

#include "report_view.h"

void html_head(FILE *file, const report_view *view);
void html_device_card(FILE *file, const report_view *view, size_t device);

/* What colours and marks mean; `layouts`: with ring and dot, `copies`: with the dashed line. */
void html_legend(FILE *file, const report_view *view, int layouts, int copies);

/* A device's records as the table on the terminal has them, and under it why numbers are missing. */
void html_table(FILE *file, const report_view *view, size_t device);

/* A device's rows against the earlier run. */
void html_compare_table(FILE *file, const report_view *view, size_t device);

#endif
