/* The table of a comparison with an earlier run. */
#ifndef CLNORM_BENCH_REPORT_COMPARE_H
#define CLNORM_BENCH_REPORT_COMPARE_H

#include <stdio.h>

#include "compare_file.h"

/* Rows of one device. `other`: the device of the earlier run, if it was another one; else NULL. */
void report_compare_print(FILE *file, const compare_row *rows, size_t count, const compare_file *then, const char *path,
                          const char *other);

/* Under all tables: how many of each verdict, and the rows of the earlier run that were not measured now. */
void report_compare_total(FILE *file, const compare_row *rows, size_t count, const compare_file *then,
                          const char *path);

/* The rule in three lines. */
const char *report_compare_rule(void);

/* "0.82 (0.80-0.85)", "-" if nothing was compared. Returns text. */
const char *report_ratio_text(const compare_result *result, char *text, size_t capacity);

#endif
