/* What a person sees: one table a device, in Markdown, to be pasted into an issue; under it how it is to be read. */
#ifndef CLNORM_BENCH_REPORT_TABLE_H
#define CLNORM_BENCH_REPORT_TABLE_H

#include <stdio.h>

#include "record.h"

/* `input` says what x was. */
void report_table_print(FILE *file, const bench_record *records, size_t count, const char *input);

/* "1.23 ms", "45.6 us": three digits. Returns text. */
const char *report_time_text(double seconds, char *text, size_t capacity);

#endif
