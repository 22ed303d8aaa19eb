/* What `clnorm check` found on one device: two tables (batch normalization in float32: a line for each pass and layout; the
 * whole family: a line for each operation and storage type), and JSON with a record for each pass of each case. */
#ifndef CLNORM_TOOLS_CHECK_REPORT_H
#define CLNORM_TOOLS_CHECK_REPORT_H

#include <stdio.h>

#include "check_result.h"
#include "device_choice.h"

typedef enum check_table { CHECK_BATCH = 0, CHECK_FAMILY, CHECK_TABLES } check_table;

#define CHECK_GROUPS 20 /* four passes by two layouts; five operations by four types */

/* What a result is about. */
typedef struct check_subject {
  check_table table;
  const clnorm_desc *desc;
  const char *label; /* of the data: "normal, mean 0, std 1" */
} check_subject;

/* All results of a line. */
typedef struct check_group {
  int cases, runs;
  int failures;    /* cases with a wrong result, or a call that failed */
  int unsupported; /* cases that the device cannot hold or has no type for */
  double units;    /* the worst error */
  const char *quantity;
  char where[280]; /* the case of the worst error */
  char failure[1100];
  char reason[600]; /* of the first unsupported case */
} check_group;

typedef struct check_report {
  const device_choice *choice;
  const char *backend;
  FILE *json; /* NULL: none */
  check_group groups[CHECK_TABLES][CHECK_GROUPS];
} check_report;

/* "ok", "failed" or "unsupported". */
const char *check_verdict(const check_report *report, const check_subject *subject, const check_result *result);

/* Counts the result and writes its record. Returns 0, or -1 if the record cannot be written. */
int check_report_add(check_report *report, const check_subject *subject, const check_result *result);

/* check_record.c: writes the record alone. */
int check_record_write(const check_report *report, const check_subject *subject, const check_result *result);

/* Prints the tables on stdout. Returns 1 if something was run and everything that was is right. */
int check_report_print(const check_report *report, double seconds);

#endif
