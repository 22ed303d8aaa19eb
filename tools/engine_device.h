/* The part of engine.c that works on an OpenCL device; built only where the library has OpenCL. */
#ifndef CLNORM_TOOLS_ENGINE_DEVICE_H
#define CLNORM_TOOLS_ENGINE_DEVICE_H

#include "engine.h"

/* A failed build's log is long. */
#define ENGINE_ERROR_BYTES 8400

typedef struct engine_device engine_device;

/* On failure `error`, of ENGINE_ERROR_BYTES, receives a sentence. */
clnorm_status engine_device_open(const device_choice *choice, engine_device **device, char *error);
void engine_device_close(engine_device *device);
/* count 0: engine_run, else engine_run_within. */
clnorm_status engine_device_run(engine_device *device, const clnorm_desc *desc, clnorm_pass pass,
                                const clnorm_args *args, const engine_span *spans, size_t count, engine_report *report,
                                char *error);

/* Shared with engine.c: variant and sentence of a plan. */
void engine_describe(const clnorm_plan *plan, engine_report *report);

/* `bytes` of NaN, aligned to 64, with ENGINE_GUARD bytes before and behind them: the workspace begins at ENGINE_GUARD.
 * NULL: no memory, and `error` has a sentence. Release with free. */
#define ENGINE_GUARD 1024
unsigned char *engine_guarded(size_t bytes, char *error);

/* 1 if what lies around those bytes is as it was. */
int engine_is_intact(const unsigned char *guarded, size_t bytes);

#endif
