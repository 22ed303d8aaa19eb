/* Uses an installed clnorm as a user would: normalizes three values and, where OpenCL is built in, counts devices. */
#include <clnorm/clnorm.h>
#include <clnorm/layer.h>
#include <math.h>
#include <stdio.h>
#ifdef CONSUMER_OPENCL
#include <clnorm/opencl.h>
#endif

static int fail(const char *what)
{
  fprintf(stderr, "%s: %s\n", what, clnorm_last_error());
  return 1;
}

static int normalize(void)
{
  clnorm_desc desc;
  if (clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) != CLNORM_SUCCESS) {
    return fail("desc_init");
  }
  desc.rank = 2;
  desc.dims[0] = 3;
  desc.dims[1] = 1;
  clnorm_plan *plan = NULL;
  if (clnorm_plan_create(&desc, CLNORM_TRAIN, &plan) != CLNORM_SUCCESS) {
    return fail("plan_create");
  }
  /* The variance of 1, 2, 3 is 2/3, so y is -sqrt(1.5), 0, sqrt(1.5) but for epsilon. */
  const float x[3] = {1, 2, 3};
  float y[3] = {NAN, NAN, NAN};
  _Alignas(64) char workspace[4096]; /* an example this small needs less; the library checks */
  const clnorm_args args = {.size = sizeof args, .x = {x, 3}, .y = {y, 3}, .workspace = {workspace, sizeof workspace}};
  const clnorm_status status = clnorm_execute(plan, &args);
  clnorm_plan_destroy(plan);
  if (status != CLNORM_SUCCESS) {
    return fail("execute");
  }
  const int right = fabsf(y[0] + 1.2247f) < 1e-3f && fabsf(y[1]) < 1e-6f && fabsf(y[2] - 1.2247f) < 1e-3f;
  printf("clnorm %s: %g %g %g\n", clnorm_version(), y[0], y[1], y[2]);
  return right ? 0 : 1;
}

int main(void)
{
#ifdef CONSUMER_OPENCL
  size_t count = 0;
  if (clnorm_cl_list_devices(NULL, 0, &count) != CLNORM_SUCCESS) {
    return fail("list_devices");
  }
  printf("%zu OpenCL devices\n", count);
#endif
  return normalize();
}
