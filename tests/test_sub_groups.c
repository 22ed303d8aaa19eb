/* Sums by sub-groups: which devices they are chosen for, as data, and their code with emulated sub-groups against exact sums. */
#include "sub_groups.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl_fixture.h"
#include "context.h"
#include "emulated_sub_groups.h"

Test(sub_groups, are_chosen_where_both_extensions_are)
{
  static const struct {
    const char *version, *extensions;
    int expected;
  } cases[] = {
      {"OpenCL 3.0 NEO", "cl_khr_fp16 cl_khr_subgroups cl_khr_subgroup_shuffle", 30},
      {"OpenCL 3.0 ", "cl_khr_subgroup_shuffle cl_khr_subgroups cl_khr_icd ", 30},
      {"OpenCL 2.0 AMD-APP (3513.0)", "cl_khr_subgroups  cl_khr_subgroup_shuffle", 20},
      {"OpenCL 2.1", "cl_khr_subgroups cl_khr_subgroup_shuffle", 20},
      {"OpenCL 4.1", "cl_khr_subgroups cl_khr_subgroup_shuffle", 30},
      {"OpenCL 1.2 Mesa", "cl_khr_subgroups cl_khr_subgroup_shuffle", 0},
      {"OpenCL 3.0 CUDA", "cl_khr_fp64 cl_nv_device_attribute_query", 0},
      {"OpenCL 3.0", "cl_khr_subgroups", 0},
      {"OpenCL 3.0", "cl_khr_subgroup_shuffle", 0},
      {"OpenCL 3.0", "cl_khr_subgroups cl_khr_subgroup_shuffle_relative", 0},
      {"OpenCL 3.0", "cl_intel_subgroups cl_khr_subgroup_shuffle", 0},
      {"OpenCL 3.0", "", 0},
      {"", "cl_khr_subgroups cl_khr_subgroup_shuffle", 0},
      {"3.0", "cl_khr_subgroups cl_khr_subgroup_shuffle", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const int found = clnorm__sub_groups_of(cases[i].version, cases[i].extensions);
    cr_expect(found == cases[i].expected, "%s, %s: %d, expected %d", cases[i].version, cases[i].extensions, found,
              cases[i].expected);
  }
}

/* A driver that offers what it cannot compile: plans are made without. */
Test(sub_groups, are_given_up_where_they_do_not_compile)
{
  cl_fixture f = cl_fixture_open();
  cl_program program = NULL;
  const clnorm_desc desc = {.op = CLNORM_BATCH, .dtype = CLNORM_F32};
  const clnorm__step step = {.role = CLNORM__ROWS_STATS, .width = 4, .local = 8, .group = 1, .lanes = 8};
  if (clnorm__sub_groups_of_device(f.found.device) != 0) {
    cr_log_info("this device has them");
  } else {
    f.cl->capabilities.sub_groups = 30;
    expect_success(clnorm__program_get(f.cl, &desc, &step, &program));
    cr_assert(program != NULL && f.cl->without_sub_groups);
  }
  cl_fixture_close(&f);
}

/* ---- the code --------------------------------------------------------------------------------------------------- */

enum { GROUPS = 3, MOST_ITEMS = 256 };

/* Numbers of 40 bits as hi + lo, whose sums no step rounds. */
static void fill(float *hi, float *lo, size_t count)
{
  uint32_t state = 99;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    hi[i] = (float)((int)(state >> 13) - (1 << 18));
    state = state * 1664525u + 1013904223u;
    lo[i] = (float)((int)(state >> 13) - (1 << 18)) * 0x1p-20f;
  }
}

/* Returns how many work-items have another sum than their group's. */
static size_t wrong_sums(const emulated *e)
{
  static float hi[GROUPS * MOST_ITEMS], lo[GROUPS * MOST_ITEMS], sums[4 * GROUPS * MOST_ITEMS];
  const size_t local = e->local, count = GROUPS * local;
  cl_fixture f = cl_fixture_open();
  cl_program program = emulated_sub_groups_build(f.context, f.found.device, e);
  size_t wrong = 0;
  cl_int code;
  cr_assert(program != NULL, "%u work-items in sub-groups of %u do not compile", e->local, e->size);
  cl_kernel kernel = clCreateKernel(program, "sums", &code);
  CHECK_CL(code);
  fill(hi, lo, count);
  cl_mem memory[] = {cl_fixture_buffer(f.context, CL_MEM_READ_ONLY, hi, count),
                     cl_fixture_buffer(f.context, CL_MEM_READ_ONLY, lo, count),
                     cl_fixture_buffer(f.context, CL_MEM_READ_WRITE, NULL, 4 * count)};
  for (cl_uint i = 0; i < 3; i++) {
    CHECK_CL(clSetKernelArg(kernel, i, sizeof memory[i], &memory[i]));
  }
  CHECK_CL(clEnqueueNDRangeKernel(f.queue, kernel, 1, NULL, &count, &local, 0, NULL, NULL));
  cl_fixture_read(f.queue, memory[2], 0, sums, 4 * count);
  for (size_t i = 0; i < count; i++) {
    double exact = 0.0;
    for (size_t j = i / local * local; j < (i / local + 1) * local; j++) {
      exact += (double)hi[j] + (double)lo[j];
    }
    wrong += (double)sums[i] + (double)sums[count + i] != exact ||
             (double)sums[2 * count + i] + (double)sums[3 * count + i] != exact;
  }
  for (size_t i = 0; i < 3; i++) {
    CHECK_CL(clReleaseMemObject(memory[i]));
  }
  CHECK_CL(clReleaseKernel(kernel));
  CHECK_CL(clReleaseProgram(program));
  cl_fixture_close(&f);
  return wrong;
}

static int has_double(void)
{
  cl_fixture f = cl_fixture_open();
  const int found = f.cl->capabilities.has_double;
  cl_fixture_close(&f);
  return found;
}

/* Sub-groups of each size that devices have, one that is the whole group, and some that the tree has to stand in for. */
Test(sub_groups, sum_exactly_whatever_their_size)
{
  static const unsigned cases[][2] = {{64, 8},   {64, 16}, {64, 32}, {64, 64}, {256, 8}, {256, 32},
                                      {256, 64}, {16, 32}, {64, 24}, {64, 1},  {2, 2}};
  const int doubles = has_double();
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    for (int in_double = 0; in_double <= doubles; in_double++) {
      const size_t wrong = wrong_sums(&(const emulated){cases[i][0], cases[i][1], in_double, 0});
      cr_expect(wrong == 0, "%u work-items in sub-groups of %u, %s: %zu have wrong sums", cases[i][0], cases[i][1],
                in_double ? "doubles" : "pairs", wrong);
    }
  }
}

/* That they are used where they can be, and only there. */
Test(sub_groups, broken_ones_show)
{
  cr_expect(wrong_sums(&(const emulated){64, 16, 0, 1}) == (size_t)GROUPS * 64);
  cr_expect(wrong_sums(&(const emulated){64, 64, 0, 1}) == (size_t)GROUPS * 64);
  cr_expect(wrong_sums(&(const emulated){16, 32, 0, 1}) == 0);
  cr_expect(wrong_sums(&(const emulated){64, 24, 0, 1}) == 0);
}
