/* What `clnorm bench` does with what it measured: JSON lines as they come, tables a device, comparison with an earlier
 * run, an HTML report at the end. */
#ifndef CLNORM_TOOLS_BENCH_RESULTS_H
#define CLNORM_TOOLS_BENCH_RESULTS_H

#include <compare_file.h>
#include <stdio.h>

#include "bench_request.h"
#include "device_choice.h"

typedef struct bench_results {
  const bench_request *request;
  const char *input; /* what x was, for people */
  FILE *json;
  compare_file then;
  const char *then_device; /* of `then`, if this run has another one */
  bench_record *records;   /* of all devices */
  compare_row *rows;       /* one a record; NULL: no comparison */
  size_t count, capacity;
  char began[40];
} bench_results;

/* Reads the earlier run and sees whether the report can be written, before anything is asked of a device.
 * Returns EXIT_OK or an exit code after a line on stderr; close in any case. */
int bench_results_open(bench_results *r, const bench_request *request, const char *input);

/* The devices are chosen: opens the JSON file. `capacity`: records that will come. Returns as bench_results_open. */
int bench_results_begin(bench_results *r, const device_choice *choices, size_t devices, size_t capacity);

/* Room for `count` records more, which stay where they are. */
bench_record *bench_results_add(bench_results *r, size_t count);

/* Writes the last `count` records as JSON lines, and compares them. */
int bench_results_keep(bench_results *r, size_t count);

/* Prints the tables of a device: of the last `count` records. Returns EXIT_DEVICE if one of them is wrong or failed. */
int bench_results_print(const bench_results *r, size_t count);

/* Ends the files and writes the report. `code` is what the run has come to, `asked` the command's options. */
int bench_results_close(bench_results *r, int code, const char *asked);

#endif
