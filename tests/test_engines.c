/* Plans for machines that are not here: the capabilities that the library found are replaced, so that a CPU runs the
 * kernels as GPUs, other CPUs and small accelerators would, against the reference. The bounds: tolerance.c. */
#include <criterion/criterion.h>
#include <string.h>

#include "context.h"
#include "problem.h"

/* What is replaced; 0 or -1 leaves what the device has. Each costs the compilation of all kernels. */
typedef struct machine {
  const char *name;
  clnorm__engine engine;
  uint64_t max_work_group;
  uint32_t vector_width, compute_units;
  uint64_t local_memory;
  int sums_in_double, fma;
  int aligned; /* 1: with whole vectors, which kernels of their own load */
} machine;

/* (N, C, S): vectors of 4 that are whole everywhere, several rows a work-group, ends of rows, statistics that are split, and more of them than a group has. */
static const size_t shapes[][3] = {{3, 12, 20}, {3, 5, 7}, {2, 3, 65}, {2, 2, 9001}, {130, 37, 1}};

static int has_fp64(const clnorm_cl *cl)
{
  cl_device_fp_config config = 0;
  return clGetDeviceInfo(cl->device, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof config, &config, NULL) == CL_SUCCESS &&
         config != 0;
}

/* 0 if the device cannot be that machine. */
static int become(clnorm_cl *cl, const machine *m)
{
  clnorm__capabilities *c = &cl->capabilities;
  if ((m->sums_in_double == 1 && !has_fp64(cl)) || (m->fma == 1 && !c->fma) || m->max_work_group > c->max_work_group) {
    return 0;
  }
  c->engine = m->engine;
  c->max_work_group = m->max_work_group != 0 ? m->max_work_group : c->max_work_group;
  c->vector_width = m->vector_width != 0 ? m->vector_width : c->vector_width;
  c->compute_units = m->compute_units != 0 ? m->compute_units : c->compute_units;
  c->local_memory = m->local_memory != 0 ? m->local_memory : c->local_memory;
  c->sums_in_double = m->sums_in_double >= 0 ? m->sums_in_double : c->sums_in_double;
  c->fma = m->fma >= 0 ? m->fma : c->fma;
  return 1;
}

/* Programs that compute a backward pass on tensors that begin `offset` elements after a buffer's start. */
static size_t builds_at(problem *p, backend *b, size_t offset)
{
  size_t before = 0, after = 0;
  clnorm_cl_build_counts(backend_get_cl(b), &before, NULL);
  backend_set_offset(b, offset);
  problem_check(p, b, CLNORM_BACKWARD, WITH_ALL);
  clnorm_cl_build_counts(backend_get_cl(b), &after, NULL);
  return after - before;
}

/* Whole vectors have a program of their own, and those of other offsets another, built when the first comes. */
static void check_offsets(problem *p, backend *b)
{
  cr_expect(builds_at(p, b, 16) > 0);
  cr_expect(builds_at(p, b, 3) > 0);
  cr_expect(builds_at(p, b, 8) == 0);
  cr_expect(builds_at(p, b, 1) == 0);
  backend_set_offset(b, 16);
}

static void check_machine(const machine *m)
{
  for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
    backend *b = backend_open();
    if (!become(backend_get_cl(b), m)) {
      cr_log_info("%s: not on this device", m->name);
      backend_close(b);
      return;
    }
    for (size_t i = m->aligned ? 0 : 1; i < sizeof shapes / sizeof shapes[0]; i++) {
      clnorm_desc desc;
      desc_set(&desc, (clnorm_layout)layout, 0, 3, shapes[i]);
      problem *p = problem_make(&desc, GENERATE_NORMAL, 1000.0, 1.5, i + 1);
      if (i == 0) {
        check_offsets(p, b);
      }
      for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
        problem_check(p, b, (clnorm_pass)pass, WITH_ALL);
      }
      /* mean and inv_std are computed again */
      problem_check(p, b, CLNORM_BACKWARD, WITH_ALL & ~(WITH_MEAN | WITH_INV_STD));
      problem_free(p);
    }
    backend_close(b);
  }
}

#define CHECK_MACHINE(...) check_machine(&(const machine){__VA_ARGS__})

Test(engines, work_groups_of_one_item)
{
  CHECK_MACHINE("lanes of 1", CLNORM__ENGINE_CL_LANES, .max_work_group = 1, .sums_in_double = 0, .fma = -1);
}

Test(engines, work_groups_of_sixty_four_items)
{
  CHECK_MACHINE("lanes of 64", CLNORM__ENGINE_CL_LANES, .max_work_group = 64, .compute_units = 64, .sums_in_double = 0,
                .fma = 0, .aligned = 1);
}

Test(engines, work_groups_of_256_items_with_sums_in_double)
{
  CHECK_MACHINE("lanes of 256", CLNORM__ENGINE_CL_LANES, .max_work_group = 256, .compute_units = 20,
                .sums_in_double = 1, .fma = 1);
}

Test(engines, wide_vectors_without_doubles_or_fma)
{
  CHECK_MACHINE("16 wide, no fp64, no fma", CLNORM__ENGINE_CL_WIDE, .vector_width = 16, .sums_in_double = 0, .fma = 0);
}
