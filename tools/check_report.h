/* What `clnorm check` found on one device: a table with a line for each pass and layout, and JSON with a record for
 * each shape. */
#ifndef CLNORM_TOOLS_CHECK_REPORT_H
#define CLNORM_TOOLS_CHECK_REPORT_H

#include <stdio.h>

#include "check_case.h"
#include "device_choice.h"

#define CHECK_GROUPS 8 /* four passes, two layouts */

/* All cases of one pass and layout. */
typedef struct check_group {
  int cases, runs;
  int failures;    /* cases with a result outside its bound, or a call that failed */
  int unsupported; /* cases that the device cannot hold */
  double units;    /* the worst error */
  oracle_quantity quantity;
  char where[224]; /* the case of the worst error */
  char failure[640];
  char reason[300]; /* of the first unsupported case */
} check_group;

typedef struct check_report {
  const device_choice *choice;
  const char *backend;
  FILE *json; /* NULL: none */
  check_group groups[CHECK_GROUPS];
} check_report;

/* Counts the result and writes its record. Returns 0, or -1 if the record cannot be written. */
int check_report_add(check_report *report, const check_input *input, const check_result *result);

/* Prints the table on stdout. Returns 1 if everything passed. */
int check_report_print(const check_report *report, double seconds);

#endif
