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
clnorm_status engine_device_run(engine_device *device, const clnorm_desc *desc, clnorm_pass pass,
                                const clnorm_args *args, engine_report *report, char *error);

/* Shared with engine.c: seconds of a clock that only goes forward; variant and sentence of a plan. */
double engine_now(void);
void engine_describe(const clnorm_plan *plan, engine_report *report);

#endif
