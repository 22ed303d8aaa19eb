/* One HTML file about a run: plots, tables and how to read them. It needs no network and no script. */
#ifndef CLNORM_BENCH_REPORT_HTML_H
#define CLNORM_BENCH_REPORT_HTML_H

#include <stdio.h>

#include "compare_file.h"

typedef struct html_run {
  const bench_record *records; /* of all devices, those of one after those of the other */
  size_t count;
  const char *input; /* what x was */
  const char *began; /* when, for people */
  const char *asked; /* the command's options */
  /* With an earlier run; rows NULL: without */
  const compare_row *rows; /* one a record */
  const compare_file *then;
  const char *then_path;
  const char *then_device; /* if it was another device; else NULL */
} html_run;

/* Errors of writing stay in the stream's state. */
void report_html_write(FILE *file, const html_run *run);

#endif
