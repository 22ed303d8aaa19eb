/* Machines without devices, and programs that do not compile. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "cl_fixture.h"
#include "context.h"
#include "error.h"

Test(refusals, a_machine_without_devices_is_no_error_but_selects_none)
{
  size_t count = 7;
  clnorm_cl_device device;
  cr_assert(setenv("OCL_ICD_VENDORS", "/nonexistent", 1) == 0); /* before the loader's first call */
  expect_success(clnorm_cl_list_devices(NULL, 0, &count));
  cr_assert(count == 0, "%zu devices", count);
  expect_failure(clnorm_cl_select_device(NULL, &device), CLNORM_NO_DEVICE, "no OpenCL device", "pocl-opencl-icd");
  expect_failure(clnorm_cl_select_device("0", &device), CLNORM_NO_DEVICE, "no OpenCL device");
}

Test(refusals, a_program_that_does_not_compile_gives_its_log)
{
  cl_fixture f = cl_fixture_open();
  cl_program program = NULL;
  const clnorm_desc desc = {.op = CLNORM_BATCH, .dtype = CLNORM_F32};
  clnorm__step step = {.role = CLNORM__ROWS_TRAIN, .width = 3, .local = 1, .group = 1, .lanes = 1};
  clnorm__error_begin();
  expect_failure(clnorm__program_get(f.cl, &desc, &step, &program), CLNORM_BUILD_FAILED, "clBuildProgram",
                 "CL_BUILD_PROGRAM_FAILURE", "rows_train", "-DWIDTH=3", "WIDTH has to be 1, 4, 8 or 16");
  cr_assert(program == NULL);
  step.width = 4;
  expect_success(clnorm__program_get(f.cl, &desc, &step, &program));
  cr_assert(program != NULL);
  cl_fixture_close(&f);
}
