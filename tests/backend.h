/* One way to run a pass for every suite: on the CPU backend, or on the OpenCL device that CLNORM_DEVICE selects.
 *
 * Each tensor is copied into memory of its own between two guards. Outputs and workspace are filled with NaN before the
 * run, and the guards are compared after it, so a missing write and a write beside the tensor both fail the test.
 *
 *   backend *b = backend_open();     CLNORM_DEVICE=cpu, or a selector for clnorm_cl_select_device; no device fails
 *   status = backend_run(b, &desc, CLNORM_TRAIN, &(backend_args){.x = x, .y = y});
 *   backend_close(b); */
#ifndef CLNORM_TESTS_BACKEND_H
#define CLNORM_TESTS_BACKEND_H

#include "clnorm/clnorm.h"

typedef struct backend backend;

/* Host arrays; NULL is an absent argument. y may be x and dx may be dy: then the run is in place. */
typedef struct backend_args {
  float *x, *dy, *gamma, *beta, *y, *dx, *dgamma, *dbeta, *running_mean, *running_var, *mean, *inv_std;
  uint64_t batch_number;
  int threads; /* of the CPU backend */
} backend_args;

#define BACKEND_SLOTS 12

/* Opens what CLNORM_DEVICE names; unset, the CPU backend. Fails the test if that is not there. */
backend *backend_open(void);
void backend_close(backend *b);

int backend_is_cpu(const backend *b);

/* 1 for devices that are worth millions of elements, 0 where a suite should keep to small ones (CLNORM_TEST_SLOW). */
int backend_is_fast(const backend *b);

/* Elements between the start of a tensor's memory and the tensor, 16 at the start. Any number that is no multiple of 16
 * gives every tensor an offset, and so an alignment, of its own. */
void backend_set_offset(backend *b, size_t elements);

#ifdef CLNORM_TEST_OPENCL
/* The OpenCL backend's own object; NULL on the CPU backend. */
struct clnorm_cl *backend_get_cl(const backend *b);
#endif

/* Runs a pass and copies the outputs back. A failing status is returned, with all arrays as they were. */
clnorm_status backend_run(backend *b, const clnorm_desc *desc, clnorm_pass pass, const backend_args *args);

/* The variant that the last run used. */
const char *backend_variant(const backend *b);

/* The plan of the last run; it lives until the next one. */
const clnorm_plan *backend_plan(const backend *b);

/* From now on plans are made with this choice, as clnorm_plan_create_with takes it; NULL: as the library chooses. Where the
 * choice cannot compute a pass of a shape, the library chooses too; backend_was_forced() tells of the last run which it was.
 * CLNORM_TEST_VARIANT=split does the same with rows_split and columns_split for every backend of a process. */
void backend_force(backend *b, const char *choice);
int backend_was_forced(const backend *b);

/* ---- for backend.c and backend_cl.c -------------------------------------------------------------------------- */

/* A tensor with its guards, in the host's memory; slot 12 is the workspace, counted in floats. */
typedef struct backend_slot {
  float *memory; /* offset + count + BACKEND_GUARD floats; NULL if absent or the same as another slot's */
  size_t offset; /* of the tensor from `memory` */
  size_t count;
  int shared; /* -1, or the slot whose memory this is */
} backend_slot;

#define BACKEND_GUARD 64
#define BACKEND_WORKSPACE BACKEND_SLOTS

#ifdef CLNORM_TEST_OPENCL
typedef struct backend_cl backend_cl;
struct clnorm_cl *backend_cl_get(const backend_cl *b);
backend_cl *backend_cl_open(const char *selector);
void backend_cl_close(backend_cl *b);
/* Makes the plan current; NULL data on failure. */
clnorm_status backend_cl_plan(backend_cl *b, const clnorm_desc *desc, clnorm_pass pass, const char *choice,
                              const clnorm_plan **data);
clnorm_status backend_cl_execute(backend_cl *b, backend_slot slots[BACKEND_SLOTS + 1], uint64_t batch_number);
#endif

#endif
