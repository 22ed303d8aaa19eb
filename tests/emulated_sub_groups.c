#include "emulated_sub_groups.h"

#include <stdio.h>
#include <string.h>

#include "kernel_sources.h"

/* Goes before kernels/reduce.h. sub_group_shuffle_xor uses what is named `scratch` where it stands. */
static const char builtins[] =
    "#if IN_DOUBLE\n"
    "typedef double emulated_number;\n"
    "#define EMULATED(p) (*(p))\n"
    "#else\n"
    "typedef float emulated_number;\n"
    "#define EMULATED(p) ((p)->hi)\n"
    "#endif\n"
    "__attribute__((always_inline)) static inline emulated_number emulated_shuffle(\n"
    "    emulated_number value, uint mask, __local real *shared)\n"
    "{\n"
    "  const uint id = (uint)get_local_id(0), other = id ^ (BROKEN ? 0 : mask);\n"
    "  EMULATED(shared + id) = value;\n"
    "  barrier(CLK_LOCAL_MEM_FENCE);\n"
    "  const emulated_number found = EMULATED(shared + other);\n"
    "  barrier(CLK_LOCAL_MEM_FENCE);\n"
    "  return found;\n"
    "}\n"
    "#define sub_group_shuffle_xor(v, mask) emulated_shuffle((v), (mask), scratch)\n"
    "#define get_max_sub_group_size() ((uint)(SIZE))\n"
    "#define get_sub_group_id() ((uint)get_local_id(0) / (SIZE))\n"
    "#define get_sub_group_local_id() ((uint)get_local_id(0) % (SIZE))\n";

static const char summing_kernel[] =
    "__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void sums(const __global float *hi,\n"
    "    const __global float *lo, __global float *sums)\n"
    "{\n"
    "  __local real scratch[LOCAL];\n"
    "  const uint id = (uint)get_global_id(0), count = (uint)get_global_size(0);\n"
    "  const real first = work_group_sum(real_of(hi[id], lo[id]), scratch);\n"
    "  const real second = work_group_sum(get_local_id(0) == LOCAL - 1 ? first : real_of(0.0f, 0.0f), scratch);\n"
    "  sums[id] = real_hi(first);\n"
    "  sums[count + id] = real_lo(first);\n"
    "  sums[2 * count + id] = real_hi(second);\n"
    "  sums[3 * count + id] = real_lo(second);\n"
    "}\n";

#define MOST_TEXTS 8

static const char *source_of(const char *name)
{
  for (size_t i = 0; i < clnorm__kernel_sources_count; i++) {
    if (strcmp(clnorm__kernel_sources[i].name, name) == 0) {
      return clnorm__kernel_sources[i].text;
    }
  }
  return "#error there is no such source";
}

cl_program emulated_sub_groups_build(cl_context context, cl_device_id device, const emulated *e)
{
  static const char *const pairs[] = {"common", "storage", "pair", "real_pair", NULL};
  static const char *const doubles[] = {"common", "storage", "real_double", NULL};
  const char *const *names = e->in_double ? doubles : pairs;
  const char *texts[MOST_TEXTS];
  char options[256];
  cl_uint count = 0;
  cl_int code;
  for (; names[count] != NULL; count++) {
    texts[count] = source_of(names[count]);
  }
  texts[count++] = builtins;
  texts[count++] = source_of("reduce");
  texts[count++] = summing_kernel;
  (void)snprintf(
      options, sizeof options,
      "-cl-std=CL1.2 -DWIDTH=1 -DLOCAL=%u -DGROUP=1 -DFMA=0 -DFROM_RUNNING=0 -DSTREAM=0 -DSTORAGE=1 -DALIGNED=0 "
      "-DSUB_GROUPS=1 -DSIZE=%u -DIN_DOUBLE=%d -DBROKEN=%d",
      e->local, e->size, e->in_double, e->broken);
  cl_program program = clCreateProgramWithSource(context, count, texts, NULL, &code);
  if (code != CL_SUCCESS || clBuildProgram(program, 1, &device, options, NULL, NULL) != CL_SUCCESS) {
    return NULL;
  }
  return program;
}
