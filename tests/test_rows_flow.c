/* Whole rows, of which one statistic is written while the next one is summed: past the caches, where two statistics stay in the
 * second one. On the CPU backend, and on a device of wide vectors; elsewhere there is no such thing. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "cpu_call.h"
#include "family_run.h"
#include "generate.h"
#include "poison.h"
#ifdef CLNORM_TEST_OPENCL
#include "context.h"
#endif

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Past the caches, whatever their size. */
#define FLOWING "whole stream_eighths=0 flow_eighths=1073741824"
#define ONE_BY_ONE "whole stream_eighths=0 flow_eighths=0"

/* Samples, channels, positions: runs that are whole vectors, that are not, of a few elements more than two blocks; tasks of several
 * statistics, the last one of fewer. */
static const size_t shapes[][3] = {{3, 16, 512}, {2, 19, 515}, {1, 33, 1039}, {5, 18, 527}, {4, 23, 640}};

static const struct {
  clnorm_dtype dtype;
  clnorm_activation activation;
  uint32_t flags;
} kinds[] = {{CLNORM_F32, CLNORM_ACTIVATION_NONE, 0},
             {CLNORM_F16, CLNORM_ACTIVATION_NONE, 0},
             {CLNORM_BF16, CLNORM_ACTIVATION_NONE, 0},
             {CLNORM_F32, CLNORM_ACTIVATION_RELU, CLNORM_RESIDUAL},
             {CLNORM_BF16, CLNORM_ACTIVATION_NONE, CLNORM_RESIDUAL},
             {CLNORM_F32, CLNORM_ACTIVATION_SILU, CLNORM_ACCUMULATE_DGAMMA}};

/* Means that a float has, and one that it has not. */
static const double means[] = {0.25, 1e5};

static clnorm_desc desc_of(const size_t dims[3], size_t kind)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.rank = 3;
  memcpy(desc.dims, dims, 3 * sizeof *dims);
  desc.dtype = kinds[kind].dtype;
  desc.activation = kinds[kind].activation;
  desc.flags = kinds[kind].flags;
  return desc;
}

/* Whether training and backward are done so. NULL: on the CPU backend. */
static int flows(const clnorm__capabilities *machine, const clnorm_desc *desc, clnorm_pass pass, const char *choice)
{
  const clnorm__role role = pass == CLNORM_TRAIN ? CLNORM__ROWS_TRAIN_FLOW : CLNORM__ROWS_BACKWARD_FLOW;
  char text[128];
  clnorm_plan plan;
  (void)snprintf(text, sizeof text, "rows_%s", choice);
  cr_assert(clnorm__plan_make_with(desc, pass, text, machine != NULL ? machine : &clnorm__host_capabilities, &plan) ==
            CLNORM_SUCCESS);
  return machine != NULL ? clnorm__plan_has_role(&plan, role) : clnorm__cpu_flows(&plan);
}

static void expect_flow(const clnorm__capabilities *machine, const clnorm_desc *desc)
{
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD; pass += CLNORM_BACKWARD - CLNORM_TRAIN) {
    /* Backward of half types is not worth it. */
    const int can = pass == CLNORM_TRAIN || desc->dtype == CLNORM_F32;
    cr_assert(flows(machine, desc, (clnorm_pass)pass, FLOWING) == can, "%zux%zux%zu", desc->dims[0], desc->dims[1],
              desc->dims[2]);
    cr_assert(!flows(machine, desc, (clnorm_pass)pass, ONE_BY_ONE));
  }
}

#ifdef CLNORM_TEST_OPENCL
/* One core, so that few statistics are tasks enough. */
static void become(clnorm_cl *cl)
{
  cr_assert(cl->capabilities.engine == CLNORM__ENGINE_CL_WIDE);
  cl->capabilities.compute_units = 1;
}
#endif

static const clnorm__capabilities *machine_of(const family_run *r)
{
#ifdef CLNORM_TEST_OPENCL
  return family_run_get_cl(r) != NULL ? &family_run_get_cl(r)->capabilities : NULL;
#else
  (void)r;
  return NULL;
#endif
}

static family_run *open_run(void)
{
  family_run *r = family_run_open();
#ifdef CLNORM_TEST_OPENCL
  if (family_run_get_cl(r) != NULL) {
    become(family_run_get_cl(r));
  }
#endif
  r->forced = FLOWING;
  return r;
}

Test(rows_flow, they_are_normalized_as_the_reference_does)
{
  size_t wrong = 0;
  family_run *r = open_run();
  for (size_t kind = 0; kind < COUNT(kinds); kind++) {
    for (size_t i = 0; i < COUNT(shapes); i++) {
      const clnorm_desc desc = desc_of(shapes[i], kind);
      /* Half numbers do not have large means. */
      const trial_data data = family_run_data(means[desc.dtype == CLNORM_F32 ? i % COUNT(means) : 0], i + kind);
      expect_flow(machine_of(r), &desc);
      wrong += family_run_check(r, &desc, &data, family_run_presences, FAMILY_RUN_PRESENCES);
    }
  }
  family_run_close(r);
  cr_assert(wrong == 0, "%zu passes are wrong", wrong);
}

/* ---- other statistics ------------------------------------------------------------------------------------------- */

static size_t statistic_of(const clnorm_desc *desc, size_t element) { return element / desc->dims[2] % desc->dims[1]; }

Test(rows_flow, nan_and_infinity_stay_inside_their_own_statistic)
{
  static const float poisons[] = {NAN, INFINITY};
  const clnorm_desc desc = desc_of(shapes[1], 0);
  const size_t values = shapes[1][0] * shapes[1][2];
  backend *b = backend_open();
#ifdef CLNORM_TEST_OPENCL
  if (!backend_is_cpu(b)) {
    become(backend_get_cl(b));
  }
#endif
  backend_force(b, "rows_" FLOWING);
  for (size_t i = 0; i < COUNT(poisons); i++) {
    /* The first of a task, one in the midst, the last one. */
    for (size_t spoilt = 0; spoilt < shapes[1][1]; spoilt += 6) {
      const poison_case of = {&desc, values * shapes[1][1], statistic_of, spoilt};
      cr_assert(poison_check(b, &of, CLNORM_TRAIN, poisons[i]) == values && backend_was_forced(b));
      cr_assert(poison_check(b, &of, CLNORM_BACKWARD, poisons[i]) == values && backend_was_forced(b));
    }
  }
  backend_close(b);
}

/* ---- the same bits ---------------------------------------------------------------------------------------------- */

typedef struct outcome {
  float *result, *first, *second; /* y, mean, inv_std; dx, dgamma, dbeta */
} outcome;

static void run_as(backend *b, const clnorm_desc *desc, clnorm_pass pass, const char *choice, int threads, float *x,
                   float *dy, const outcome *to)
{
  const int forward = pass == CLNORM_TRAIN;
  const backend_args args = {.x = x,
                             .dy = forward ? NULL : dy,
                             .y = forward ? to->result : NULL,
                             .mean = forward ? to->first : NULL,
                             .inv_std = forward ? to->second : NULL,
                             .dx = forward ? NULL : to->result,
                             .dgamma = forward ? NULL : to->first,
                             .dbeta = forward ? NULL : to->second,
                             .threads = threads};
  backend_force(b, choice);
  cr_assert(backend_run(b, desc, pass, &args) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  cr_assert(backend_was_forced(b));
}

/* On the CPU backend the machine's caches tell whether it is done so, and results must not depend on the machine. */
Test(rows_flow, the_cpu_backend_makes_the_same_bits_without_it)
{
  static const clnorm_activation bends[] = {CLNORM_ACTIVATION_NONE, CLNORM_ACTIVATION_RELU, CLNORM_ACTIVATION_TANH};
  backend *b = backend_open();
  backend_set_offset(b, 5);
  for (size_t turn = 0; turn < COUNT(bends) * COUNT(shapes) && backend_is_cpu(b); turn++) {
    const size_t i = turn % COUNT(shapes);
    clnorm_desc desc = desc_of(shapes[i], 0);
    desc.activation = bends[turn / COUNT(shapes)];
    const size_t n = shapes[i][0] * shapes[i][1] * shapes[i][2], c = shapes[i][1];
    float *memory = calloc(4 * n + 4 * c, sizeof *memory);
    cr_assert(memory != NULL);
    float *const x = memory, *const dy = x + n, *const statistics = x + 4 * n;
    const outcome with = {dy + n, statistics, statistics + c};
    const outcome without = {dy + 2 * n, statistics + 2 * c, statistics + 3 * c};
    generate_normal(x, n, i, 1000.0, 1.0);
    generate_normal(dy, n, i + 9, 0.5, 1.0);
    for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD; pass += CLNORM_BACKWARD - CLNORM_TRAIN) {
      run_as(b, &desc, (clnorm_pass)pass, "rows_" FLOWING " serial_below=0", 3, x, dy, &with);
      run_as(b, &desc, (clnorm_pass)pass, "rows_" ONE_BY_ONE, 1, x, dy, &without);
      cr_expect(memcmp(with.result, without.result, n * sizeof *x) == 0, "case %zu, pass %d", turn, pass);
      cr_expect(memcmp(with.first, without.first, 2 * c * sizeof *x) == 0, "case %zu, pass %d", turn, pass);
    }
    free(memory);
  }
  backend_close(b);
}
