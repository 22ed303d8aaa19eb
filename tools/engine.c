#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine_device.h"
#include "message.h"

struct engine {
  engine_device *device; /* NULL: the CPU backend */
  char error[ENGINE_ERROR_BYTES];
};

double engine_now(void)
{
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void engine_describe(const clnorm_plan *plan, engine_report *report)
{
  (void)snprintf(report->variant, sizeof report->variant, "%s", clnorm_plan_variant(plan));
  (void)clnorm_plan_describe(plan, report->plan, sizeof report->plan);
}

int engine_open(const device_choice *choice, engine **e)
{
  engine *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return complain(EXIT_DEVICE, "not enough memory");
  }
#if CLNORM_HAVE_OPENCL
  if (choice->number >= 0 && engine_device_open(choice, &made->device, made->error) != CLNORM_SUCCESS) {
    const int code = complain(EXIT_DEVICE, "%s: %s", choice->name, made->error);
    free(made);
    return code;
  }
#else
  (void)choice;
#endif
  *e = made;
  return EXIT_OK;
}

void engine_close(engine *e)
{
  if (e != NULL) {
#if CLNORM_HAVE_OPENCL
    engine_device_close(e->device);
#endif
    free(e);
  }
}

const char *engine_backend(const engine *e) { return e->device != NULL ? "opencl" : "cpu"; }

const char *engine_error(const engine *e) { return e->error; }

/* ---- guarded workspace -------------------------------------------------------------------------------------- */

#define GUARD_BYTE 0x5a
/* All bits set: NaN in every type. */
#define NAN_BYTE 0xff

/* aligned_alloc wants a multiple of the alignment. */
static void *allocate(size_t bytes, char *error)
{
  void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (memory == NULL) {
    (void)snprintf(error, ENGINE_ERROR_BYTES, "%zu bytes of workspace were refused", bytes);
  }
  return memory;
}

unsigned char *engine_guarded(size_t bytes, char *error)
{
  unsigned char *guarded = allocate(bytes + 2 * (size_t)ENGINE_GUARD, error);
  if (guarded != NULL) {
    memset(guarded, GUARD_BYTE, ENGINE_GUARD);
    memset(guarded + ENGINE_GUARD, NAN_BYTE, bytes);
    memset(guarded + ENGINE_GUARD + bytes, GUARD_BYTE, ENGINE_GUARD);
  }
  return guarded;
}

int engine_is_intact(const unsigned char *guarded, size_t bytes)
{
  int intact = 1;
  for (size_t i = 0; i < ENGINE_GUARD; i++) {
    intact &= guarded[i] == GUARD_BYTE && guarded[ENGINE_GUARD + bytes + i] == GUARD_BYTE;
  }
  return intact;
}

/* ---- the CPU backend ---------------------------------------------------------------------------------------- */

static clnorm_status fail_library(char *error, clnorm_status status)
{
  (void)snprintf(error, ENGINE_ERROR_BYTES, "%s", clnorm_last_error());
  return status;
}

static clnorm_status execute(const clnorm_plan *plan, const clnorm_args *args, int guarded, engine_report *report,
                             char *error)
{
  clnorm_args call = *args;
  unsigned char *memory = NULL;
  const size_t bytes = clnorm_plan_workspace_size(plan);
  if (bytes != 0) {
    memory = guarded ? engine_guarded(bytes, error) : allocate(bytes, error);
    if (memory == NULL) {
      return CLNORM_OUT_OF_MEMORY;
    }
    call.workspace = (clnorm_output){memory + (guarded ? ENGINE_GUARD : 0), bytes};
  }
  const double begin = engine_now();
  const clnorm_status status = clnorm_execute(plan, &call);
  report->seconds = engine_now() - begin;
  report->overrun = guarded && bytes != 0 && !engine_is_intact(memory, bytes);
  free(memory);
  return status == CLNORM_SUCCESS ? status : fail_library(error, status);
}

static clnorm_status run_cpu(const clnorm_desc *desc, clnorm_pass pass, const clnorm_args *args, int guarded,
                             engine_report *report, char *error)
{
  clnorm_plan *plan = NULL;
  clnorm_status status = clnorm_plan_create(desc, pass, &plan);
  if (status != CLNORM_SUCCESS) {
    return fail_library(error, status);
  }
  engine_describe(plan, report);
  status = execute(plan, args, guarded, report, error);
  clnorm_plan_destroy(plan);
  return status;
}

/* ---- both --------------------------------------------------------------------------------------------------- */

clnorm_status engine_run_within(engine *e, const clnorm_desc *desc, clnorm_pass pass, const clnorm_args *args,
                                const engine_span *spans, size_t count, engine_report *report)
{
  engine_report made = {0};
  clnorm_status status;
#if CLNORM_HAVE_OPENCL
  if (e->device != NULL) {
    status = engine_device_run(e->device, desc, pass, args, spans, count, &made, e->error);
  } else
#else
  (void)spans;
#endif
  {
    status = run_cpu(desc, pass, args, count != 0, &made, e->error);
  }
  if (report != NULL) {
    *report = made;
  }
  return status;
}

clnorm_status engine_run(engine *e, const clnorm_desc *desc, clnorm_pass pass, const clnorm_args *args,
                         engine_report *report)
{
  return engine_run_within(e, desc, pass, args, NULL, 0, report);
}
