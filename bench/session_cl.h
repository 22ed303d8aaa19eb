/* One OpenCL device under measurement: context, queue, and the tensors of the present workload, which copies and
 * passes share. Built only where the library has OpenCL. */
#ifndef CLNORM_BENCH_SESSION_CL_H
#define CLNORM_BENCH_SESSION_CL_H

#include <clnorm/opencl.h>

#include "runner.h"

typedef struct session_cl {
  clnorm_cl_device device;
  cl_context context;
  cl_command_queue queue;
  cl_mem x, dy, out;
  cl_mem residual, dresidual; /* NULL if the workload has none */
} session_cl;

/* 0, or -1 with *error set; then nothing is open. */
int session_cl_open(session_cl *session, const clnorm_cl_device *device, runner_error *error);

/* Of an open or zeroed session. */
void session_cl_close(session_cl *session);

/* Brings the tensors of a workload onto the device, in place of those before. 0, or -1 with *error set. */
int session_cl_load(session_cl *session, const workload *w, runner_error *error);

/* A buffer with what the host has there. NULL with *error set on failure. */
cl_mem session_cl_upload(session_cl *session, const char *name, const void *from, size_t bytes, runner_error *error);

/* 0, or -1 with *error set. */
int session_cl_check(cl_int code, const char *call, runner_error *error);

/* 1 if compiled programs are kept on disk for this device, unless one asks for it otherwise. */
int session_cl_cache_is_on(const session_cl *session);

/* A pass on the device. Makes its kernels and runs nothing yet; `compile` receives the seconds.
 *   choice  as runner_open_cpu takes it
 *   cache   of compiled programs, as clnorm_cl_cache_use takes it; "off": they are compiled from nothing */
int runner_open_cl(runner *r, session_cl *session, workload *w, clnorm_pass pass, const char *choice, const char *cache,
                   runner_error *error, double *compile);

/* What the cache did for a pass that runner_open_cl has opened. */
void runner_cache_cl(const runner *r, clnorm_cl_cache *cache);

/* Copies from x to out in every way that the device knows; at most RUNNER_COPIES. Returns how many were opened. */
size_t runner_open_copies_cl(runner *runners, session_cl *session, size_t bytes);

#endif
