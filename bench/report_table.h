/* What a person sees: one table a device, in Markdown, to be pasted into an issue; under it how it is to be read. */
#ifndef CLNORM_BENCH_REPORT_TABLE_H
#define CLNORM_BENCH_REPORT_TABLE_H

#include <stdio.h>

#include "record.h"

/* `input` says what x was. */
void report_table_print(FILE *file, const bench_record *records, size_t count, const char *input);

#endif
