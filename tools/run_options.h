/* What the user asked `clnorm run` for, checked as far as it can be without reading a file. */
#ifndef CLNORM_TOOLS_RUN_OPTIONS_H
#define CLNORM_TOOLS_RUN_OPTIONS_H

#include <clnorm/clnorm.h>

/* The files that go in, in the order of the options. */
typedef enum run_input {
  RUN_X,
  RUN_DY,
  RUN_RESIDUAL,
  RUN_LENGTHS,
  RUN_GAMMA,
  RUN_BETA,
  RUN_MEAN,
  RUN_INV_STD,
  RUN_RUNNING_MEAN,
  RUN_RUNNING_VAR,
  RUN_INPUTS
} run_input;

typedef struct run_options {
  clnorm_pass pass;
  clnorm_desc desc;        /* all but rank, dims and length_axis */
  uint32_t length_axis;    /* 0: not given */
  char *files[RUN_INPUTS]; /* NULL: not given */
  char *device;
  char *out;
  int flatten;
  int explain;
} run_options;

/* "x", "dy" ...: the option without its dashes. */
const char *run_input_name(run_input input);

/* "train", "infer", "backward", "backward-frozen". */
const char *run_pass_name(clnorm_pass pass);

/* BATCH and INSTANCE. */
int run_has_running(clnorm_op op);

/* Whether the files fit operation and pass: what is required is there, what is not used is not. Returns OPTIONS_GO_ON, or an
 * exit code after a line on stderr. */
int run_check_inputs(const run_options *options);

/* Returns OPTIONS_GO_ON or an exit code; free in any case. */
int run_options_read(int argc, const char **argv, run_options *options);
void run_options_free(run_options *options);

#endif
