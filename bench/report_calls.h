/* The table of calls a second, and how it is to be read. */
#ifndef CLNORM_BENCH_REPORT_CALLS_H
#define CLNORM_BENCH_REPORT_CALLS_H

#include <stdio.h>

#include "report_grid.h"

/* As report_grid_make, of records whose calls were measured. */
int report_calls_grid(report_grid *g, const bench_record *records, size_t count);

/* The paragraph under the table, and why a number is missing. */
void report_calls_explain(FILE *file, const bench_record *records, size_t count);

/* The paragraph alone; `opencl`: with what is measured on OpenCL devices only. */
const char *report_calls_model(int opencl);

#endif
