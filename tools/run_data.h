/* What goes into a run and what comes out of it. */
#ifndef CLNORM_TOOLS_RUN_DATA_H
#define CLNORM_TOOLS_RUN_DATA_H

#include "array.h"
#include "engine.h"
#include "run_geometry.h"
#include "run_options.h"

/* The results, each a file NAME.npy. */
typedef enum run_result {
  RUN_OUT_Y,
  RUN_OUT_MEAN,
  RUN_OUT_INV_STD,
  RUN_OUT_RUNNING_MEAN,
  RUN_OUT_RUNNING_VAR,
  RUN_OUT_DX,
  RUN_OUT_DRESIDUAL,
  RUN_OUT_DGAMMA,
  RUN_OUT_DBETA,
  RUN_RESULTS
} run_result;

typedef struct run_data {
  clnorm_pass pass;
  clnorm_desc desc;
  clnorm_counts counts;
  int32_t *lengths;           /* [N]; NULL: none */
  array in[RUN_INPUTS];       /* data is NULL where no file was given; infer's statistics stay here */
  array results[RUN_RESULTS]; /* data is NULL where the pass has no such result */
} run_data;

/* "y", "mean" ... */
const char *run_result_name(run_result result);

/* 1 if the pass has the result. */
int run_has_result(const clnorm_desc *desc, clnorm_pass pass, run_result result);

/* Reads the files, fills *data but for the results, and checks all of it before any device is touched. Returns an exit code,
 * after a line on stderr on failure. */
int run_load(const run_options *options, run_data *data);

/* Whether the folder `out` is there and can be written to, or can be made: before anything runs. Returns an exit code,
 * after a line on stderr on failure. */
int run_check_out(const char *out);

/* Writes all results into the folder `out`, made with its parents if it is missing: each to a temporary name first, and
 * renamed when all are complete. Returns an exit code, after a line on stderr on failure; then nothing is left. */
int run_write(const run_data *data, const char *out);

/* Prints the steps of the formulas on stdout, computed here in double from the inputs, and what the device gave. Of
 * more statistics or values than fit a page it prints the first few and says so. Returns an exit code. */
int run_explain(const run_data *data);

#endif
