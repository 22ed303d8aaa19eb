/* The record of `clnorm bench --json`, schema 1: a contract with scripts. */
#ifndef CLNORM_BENCH_REPORT_JSON_H
#define CLNORM_BENCH_REPORT_JSON_H

#include <stdio.h>

#include "record.h"

struct json_t;

/* The record as an object; release it with json_decref. */
struct json_t *report_json_record(const bench_record *record);

/* Writes the record as one line. What was not measured is null; a record that is not ok has a "reason" besides.
 * Returns 0, or -1 if it cannot be written. */
int report_json_write(FILE *file, const bench_record *record);

#endif
