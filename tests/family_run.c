#include "family_run.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clnorm/tuning.h"

#define GUARD_BYTE 0x5a
/* All bits set: NaN in every type. */
#define NAN_BYTE 0xff

unsigned char *family_run_workspace(size_t bytes)
{
  const size_t whole = (bytes + 2 * (size_t)FAMILY_RUN_GUARD + 63) / 64 * 64;
  unsigned char *memory = aligned_alloc(64, whole);
  if (memory != NULL) {
    memset(memory, GUARD_BYTE, whole);
    memset(memory + FAMILY_RUN_GUARD, NAN_BYTE, bytes);
  }
  return memory;
}

void family_run_check_workspace(const unsigned char *memory, size_t bytes)
{
  for (size_t i = 0; i < FAMILY_RUN_GUARD; i++) {
    cr_assert(memory[i] == GUARD_BYTE && memory[FAMILY_RUN_GUARD + bytes + i] == GUARD_BYTE,
              "the workspace's guard was written, byte %zu", i);
  }
}

family_run *family_run_open(void)
{
  const char *selector = getenv("CLNORM_DEVICE");
  family_run *r = calloc(1, sizeof *r);
  cr_assert(r != NULL);
  if (selector != NULL && strcmp(selector, "cpu") != 0) {
#ifdef CLNORM_TEST_OPENCL
    r->cl = family_run_cl_open();
#else
    cr_assert_fail("CLNORM_DEVICE=%s, but these tests were built without OpenCL", selector);
#endif
  }
  return r;
}

void family_run_close(family_run *r)
{
#ifdef CLNORM_TEST_OPENCL
  if (r->cl != NULL) {
    family_run_cl_close(r->cl);
  }
#endif
  free(r);
}

static clnorm_input input_of(const trial_buffer *b)
{
  return b->memory == NULL ? (clnorm_input){NULL, 0} : (clnorm_input){b->memory + b->start, b->count};
}

static clnorm_output output_of(const trial_buffer *b)
{
  return b->memory == NULL ? (clnorm_output){NULL, 0} : (clnorm_output){b->memory + b->start, b->count};
}

clnorm_status family_run_choose(const family_run *r, clnorm_status (*make)(void *context, const char *choice),
                                void *context)
{
  char choice[64];
  if (r->forced == NULL) {
    return make(context, NULL);
  }
  (void)snprintf(choice, sizeof choice, "rows_%s", r->forced);
  const clnorm_status status = make(context, choice);
  if (status != CLNORM_UNSUPPORTED) {
    return status;
  }
  (void)snprintf(choice, sizeof choice, "columns_%s", r->forced);
  return make(context, choice);
}

typedef struct wanted {
  const clnorm_desc *desc;
  clnorm_pass pass;
  clnorm_plan *plan;
} wanted;

static clnorm_status make_plan(void *context, const char *choice)
{
  wanted *w = context;
  return clnorm_plan_create_with(w->desc, w->pass, choice, &w->plan);
}

static clnorm_status run_on_cpu(family_run *r, const clnorm_desc *desc, clnorm_pass pass, const trial_buffer *b,
                                uint64_t batch_number)
{
  wanted w = {desc, pass, NULL};
  clnorm_status status = family_run_choose(r, make_plan, &w);
  if (status != CLNORM_SUCCESS) {
    return status;
  }
  clnorm_plan *plan = w.plan;
  (void)snprintf(r->variant, sizeof r->variant, "%s", clnorm_plan_variant(plan));
  const size_t bytes = clnorm_plan_workspace_size(plan);
  unsigned char *workspace = family_run_workspace(bytes);
  cr_assert(workspace != NULL, "the test needs %zu bytes", bytes);
  const clnorm_args args = {
      .size = sizeof args,
      .x = input_of(&b[TRIAL_X]),
      .dy = input_of(&b[TRIAL_DY]),
      .gamma = input_of(&b[TRIAL_GAMMA]),
      .beta = input_of(&b[TRIAL_BETA]),
      .y = output_of(&b[TRIAL_Y]),
      .dx = output_of(&b[TRIAL_DX]),
      .dgamma = output_of(&b[TRIAL_DGAMMA]),
      .dbeta = output_of(&b[TRIAL_DBETA]),
      .running_mean = output_of(&b[TRIAL_RUNNING_MEAN]),
      .running_var = output_of(&b[TRIAL_RUNNING_VAR]),
      .mean = output_of(&b[TRIAL_MEAN]),
      .inv_std = output_of(&b[TRIAL_INV_STD]),
      .workspace = {bytes == 0 ? NULL : workspace + FAMILY_RUN_GUARD, bytes},
      .batch_number = batch_number,
      .residual = input_of(&b[TRIAL_RESIDUAL]),
      .lengths = input_of(&b[TRIAL_LENGTHS]),
      .dresidual = output_of(&b[TRIAL_DRESIDUAL]),
      .mask = output_of(&b[TRIAL_MASK]),
  };
  status = clnorm_execute(plan, &args);
  family_run_check_workspace(workspace, bytes);
  free(workspace);
  clnorm_plan_destroy(plan);
  return status;
}

int family_run_pass(void *context, const clnorm_desc *desc, clnorm_pass pass, const trial_buffer buffers[TRIAL_SLOTS],
                    uint64_t batch_number)
{
  family_run *r = context;
#ifdef CLNORM_TEST_OPENCL
  if (r->cl != NULL) {
    return family_run_cl_pass(r, desc, pass, buffers, batch_number);
  }
#endif
  return run_on_cpu(r, desc, pass, buffers, batch_number);
}

size_t family_run_check_pass(family_run *r, const clnorm_desc *desc, clnorm_pass pass, const trial_data *data,
                             const unsigned *with, size_t count)
{
  trial *t = trial_create(desc, data);
  size_t wrong = 0;
  cr_assert(t != NULL, "no memory");
  for (size_t i = 0; i < count; i++) {
    trial_result result;
    if (!trial_check(t, pass, with[i], family_run_pass, r, &result)) {
      (void)fprintf(stderr, "%s (%s, dtype %d, activation %d, %x)\n", result.problem, r->variant, (int)desc->dtype,
                    (int)desc->activation, with[i]);
      wrong++;
    }
  }
  trial_destroy(t);
  return wrong;
}

size_t family_run_check(family_run *r, const clnorm_desc *desc, const trial_data *data, const unsigned *with,
                        size_t count)
{
  return family_run_check_pass(r, desc, CLNORM_TRAIN, data, with, count) +
         family_run_check_pass(r, desc, CLNORM_BACKWARD, data, with, count);
}

const unsigned family_run_presences[FAMILY_RUN_PRESENCES] = {
    TRIAL_ALL, TRIAL_ALL | TRIAL_IN_PLACE, TRIAL_ALL & ~(TRIAL_WITH_MEAN | TRIAL_WITH_INV_STD),
    TRIAL_ALL | TRIAL_IN_PLACE_RESIDUAL, TRIAL_ALL & ~(TRIAL_WITH_GAMMA | TRIAL_WITH_DGAMMA | TRIAL_WITH_DBETA)};

trial_data family_run_data(double mean, size_t turn)
{
  return (trial_data){.kind = GENERATE_NORMAL,
                      .mean = mean,
                      .std = 1.5,
                      .seed = turn + 1,
                      .batch_number = 1,
                      .offset = turn % 2 == 0 ? 16 : turn % 7};
}
