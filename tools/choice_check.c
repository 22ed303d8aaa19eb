#include "choice_check.h"

#include <clnorm/tuning.h>

#include "message.h"
#if CLNORM_HAVE_OPENCL
#include <session_cl.h>
#endif

/* A tensor that no device holds: its plan is refused for that, but after its choice was read and before anything is
 * compiled. */
static clnorm_status describe(clnorm_desc *desc)
{
  const clnorm_status status = clnorm_desc_init(desc, sizeof *desc, CLNORM_BATCH, CLNORM_PRESET_TORCH);
  desc->rank = 2;
  desc->dims[0] = UINT32_MAX;
  desc->dims[1] = 1024;
  return status;
}

static clnorm_status ask_host(const clnorm_desc *desc, const char *choice)
{
  clnorm_plan *plan = NULL;
  const clnorm_status status = clnorm_plan_create_with(desc, CLNORM_INFER, choice, &plan);
  clnorm_plan_destroy(plan);
  return status;
}

#if CLNORM_HAVE_OPENCL
/* A device that cannot be opened is for whoever measures to tell of. */
static clnorm_status ask_device(const clnorm_cl_device *device, const clnorm_desc *desc, const char *choice)
{
  session_cl session;
  runner_error error = {0};
  clnorm_cl *cl = NULL;
  clnorm_cl_plan *plan = NULL;
  if (session_cl_open(&session, device, &error) != 0) {
    return CLNORM_SUCCESS;
  }
  clnorm_status status = clnorm_cl_create(session.context, device->device, &cl);
  if (status == CLNORM_SUCCESS) {
    status = clnorm_cl_plan_create_with(cl, desc, CLNORM_INFER, choice, &plan);
  }
  clnorm_cl_plan_destroy(plan);
  clnorm_cl_destroy(cl);
  session_cl_close(&session);
  return status;
}
#endif

static clnorm_status ask(const device_choice *device, const clnorm_desc *desc, const char *choice)
{
#if CLNORM_HAVE_OPENCL
  if (device->number >= 0) {
    return ask_device(&device->device, desc, choice);
  }
#endif
  (void)device;
  return ask_host(desc, choice);
}

int choice_check(const char *command, const char *choice, const device_choice *devices, size_t count)
{
  clnorm_desc desc;
  if (choice == NULL || describe(&desc) != CLNORM_SUCCESS) {
    return EXIT_OK;
  }
  for (size_t i = 0; i < count; i++) {
    if (ask(&devices[i], &desc, choice) == CLNORM_INVALID_ARGUMENT) {
      return complain(EXIT_USAGE, "%s: --choice: %s; %s", command, clnorm_last_error(), devices[i].name);
    }
  }
  return EXIT_OK;
}
