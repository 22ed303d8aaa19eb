/* The first use of each pass, compiled and from the cache of compiled programs, as lines under the table. */
#ifndef CLNORM_BENCH_REPORT_FIRST_USE_H
#define CLNORM_BENCH_REPORT_FIRST_USE_H

#include <stdio.h>

#include "record.h"

/* Prints nothing if no record was loaded from the cache. */
void report_first_use_print(FILE *file, const bench_record *records, size_t count);

#endif
