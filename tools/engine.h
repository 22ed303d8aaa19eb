/* One pass on arrays in the host's memory, on the CPU backend or on one OpenCL device.
 *
 *   engine *e = NULL;
 *   if (engine_open(&choice, &e) != EXIT_OK) { it was said on stderr }
 *   engine_run(e, &desc, CLNORM_TRAIN, &args, &report);
 *   engine_close(e);
 *
 * An engine keeps context, queue and compiled programs from run to run. One thread at a time an engine. */
#ifndef CLNORM_TOOLS_ENGINE_H
#define CLNORM_TOOLS_ENGINE_H

#include <clnorm/clnorm.h>

#include "device_choice.h"

typedef struct engine engine;

typedef struct engine_report {
  char variant[64]; /* of the plan */
  char plan[256];   /* the plan's own sentence */
  double seconds;   /* of the pass: no transfer, no compiling but what the driver leaves to the first launch */
  double compile_seconds;
  double load_seconds;  /* of programs from the cache on disk */
  char cache_note[160]; /* why CLNORM_CACHE_DIR is not followed; "" if it is */
  int overrun;          /* engine_run_within: 1 if the pass wrote outside its workspace */
} engine_report;

/* Returns EXIT_OK, or another exit code after a line on stderr. `choice` is copied. */
int engine_open(const device_choice *choice, engine **e);

/* NULL is allowed. */
void engine_close(engine *e);

/* Seconds of a clock that only goes forward. */
double engine_now(void);

/* "cpu" or "opencl". */
const char *engine_backend(const engine *e);

#define ENGINE_SPANS 16

/* Memory of the host in which arguments lie, with whatever else lies there. */
typedef struct engine_span {
  void *memory;
  size_t bytes;
} engine_span;

/* Runs the pass on args as clnorm_execute takes them, tensors in the descriptor's storage type, but for the workspace, which
 * the engine makes itself; what is in place here is on the device too. On a device every output is first filled with what
 * the host has there.
 *   report   may be NULL
 * On failure engine_error() has the sentence. */
clnorm_status engine_run(engine *e, const clnorm_desc *desc, clnorm_pass pass, const clnorm_args *args,
                         engine_report *report);

/* The same for arguments that lie in up to ENGINE_SPANS spans, each of them whole in one, at a multiple of its element. Each span goes to the
 * device as it is and comes back as it is there: what lies around an argument here lies around it there. The workspace holds
 * NaN before the run, and what lies around it is looked at afterwards: see engine_report.
 * On the CPU backend the arguments are where they are. */
clnorm_status engine_run_within(engine *e, const clnorm_desc *desc, clnorm_pass pass, const clnorm_args *args,
                                const engine_span *spans, size_t count, engine_report *report);

const char *engine_error(const engine *e);

#endif
