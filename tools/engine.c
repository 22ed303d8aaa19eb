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

static clnorm_status run_cpu(const clnorm_desc *desc, clnorm_pass pass, const clnorm_args *args, engine_report *report,
                             char *error)
{
  clnorm_plan *plan = NULL;
  clnorm_args call = *args;
  void *workspace = NULL;
  clnorm_status status = clnorm_plan_create(desc, pass, &plan);
  if (status != CLNORM_SUCCESS) {
    goto failed;
  }
  const size_t bytes = clnorm_plan_workspace_size(plan);
  if (bytes != 0) {
    /* aligned_alloc wants a multiple of the alignment. */
    workspace = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (workspace == NULL) {
      (void)snprintf(error, ENGINE_ERROR_BYTES, "%zu bytes of workspace were refused", bytes);
      status = CLNORM_OUT_OF_MEMORY;
      goto done;
    }
    call.workspace = (clnorm_output){workspace, bytes};
  }
  engine_describe(plan, report);
  const double begin = engine_now();
  status = clnorm_execute(plan, &call);
  report->seconds = engine_now() - begin;
failed:
  if (status != CLNORM_SUCCESS) {
    (void)snprintf(error, ENGINE_ERROR_BYTES, "%s", clnorm_last_error());
  }
done:
  free(workspace);
  clnorm_plan_destroy(plan);
  return status;
}

clnorm_status engine_run(engine *e, const clnorm_desc *desc, clnorm_pass pass, const clnorm_args *args,
                         engine_report *report)
{
  engine_report made = {0};
  clnorm_status status;
#if CLNORM_HAVE_OPENCL
  if (e->device != NULL) {
    status = engine_device_run(e->device, desc, pass, args, &made, e->error);
  } else
#endif
  {
    status = run_cpu(desc, pass, args, &made, e->error);
  }
  if (report != NULL) {
    *report = made;
  }
  return status;
}
