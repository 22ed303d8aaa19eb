/* Writes a device's database with one choice for the scripts: tuned_file N C POSITIONS PASS CHOICE
 * into $CLNORM_TUNING_DB, for the device that CLNORM_DEVICE names, channels-first. PASS: 1 train, 2 infer, 3 backward. Prints the
 * file's name. */
#include <clnorm/tuning.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef TUNED_OPENCL
#include <clnorm/opencl.h>
#endif

static int fail(const char *what)
{
  (void)fprintf(stderr, "%s: %s\n", what, clnorm_last_error());
  return 1;
}

static int keep(clnorm_tuning *tuning, const clnorm_plan *plan)
{
  if (clnorm_tuning_keep(tuning, plan) != CLNORM_SUCCESS || clnorm_tuning_save(tuning) != CLNORM_SUCCESS) {
    return fail("keep");
  }
  (void)puts(clnorm_tuning_file(tuning));
  clnorm_tuning_close(tuning);
  return 0;
}

#ifdef TUNED_OPENCL
static int on_device(const char *selector, const clnorm_desc *desc, clnorm_pass pass, const char *choice)
{
  clnorm_cl_device found;
  clnorm_cl *cl = NULL;
  clnorm_cl_plan *plan = NULL;
  clnorm_tuning *tuning = NULL;
  if (clnorm_cl_select_device(selector, &found) != CLNORM_SUCCESS) {
    return fail("device");
  }
  cl_context context = clCreateContext(NULL, 1, &found.device, NULL, NULL, NULL);
  if (context == NULL || clnorm_cl_create(context, found.device, &cl) != CLNORM_SUCCESS ||
      clnorm_cl_plan_create_with(cl, desc, pass, choice, &plan) != CLNORM_SUCCESS ||
      clnorm_cl_tuning_open(&found, NULL, &tuning) != CLNORM_SUCCESS) {
    return fail("plan");
  }
  const int code = keep(tuning, clnorm_cl_plan_data(plan));
  clnorm_cl_plan_destroy(plan);
  clnorm_cl_destroy(cl);
  (void)clReleaseContext(context);
  return code;
}
#endif

int main(int argc, char **argv)
{
  clnorm_desc desc;
  clnorm_plan *plan = NULL;
  clnorm_tuning *tuning = NULL;
  const char *selector = getenv("CLNORM_DEVICE");
  if (argc != 6 || clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) != CLNORM_SUCCESS) {
    return 2;
  }
  desc.rank = 3;
  for (int i = 0; i < 3; i++) {
    desc.dims[i] = strtoul(argv[i + 1], NULL, 10);
  }
  const clnorm_pass pass = (clnorm_pass)atoi(argv[4]);
#ifdef TUNED_OPENCL
  if (selector != NULL && strcmp(selector, "cpu") != 0) {
    return on_device(selector, &desc, pass, argv[5]);
  }
#endif
  (void)selector;
  if (clnorm_plan_create_with(&desc, pass, argv[5], &plan) != CLNORM_SUCCESS ||
      clnorm_tuning_open(NULL, &tuning) != CLNORM_SUCCESS) {
    return fail("plan");
  }
  const int code = keep(tuning, plan);
  clnorm_plan_destroy(plan);
  return code;
}
