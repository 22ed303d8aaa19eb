/* Devices on which no kernel gets the work-items that the device tells of: it is found out once, and nothing is compiled twice
 * for it. */
#include "cl_fixture.h"
#include "context.h"
#include "plan_cl.h"
#include "problem.h"

static const size_t dims[4] = {6, 24, 9, 19};

enum { PLANS = 2 * (CLNORM_BACKWARD_FROZEN - CLNORM_TRAIN + 1) };

static clnorm_cl_plan *make(clnorm_cl *cl, int index)
{
  clnorm_desc desc;
  clnorm_cl_plan *plan = NULL;
  desc_set(&desc, index % 2 == 0 ? CLNORM_CHANNELS_FIRST : CLNORM_CHANNELS_LAST, 0, 4, dims);
  expect_success(clnorm_cl_plan_create(cl, &desc, (clnorm_pass)(CLNORM_TRAIN + index / 2), &plan));
  return plan;
}

Test(work_group, no_plan_but_the_first_compiles_more_than_its_steps)
{
  cl_fixture f = cl_fixture_open();
  for (int i = 0; i < PLANS; i++) {
    size_t before = 0;
    size_t after = 0;
    clnorm_cl_build_counts(f.cl, &before, NULL);
    clnorm_cl_plan *plan = make(f.cl, i);
    const size_t steps = (size_t)plan->data.num_steps;
    clnorm_cl_build_counts(f.cl, &after, NULL);
    cr_expect(after - before <= steps + (i == 0), "plan %d of %zu steps compiled %zu programs", i, steps,
              after - before);
    clnorm_cl_plan_destroy(plan);
  }
  cl_fixture_close(&f);
}

/* What was learned does not change a plan: the first one of each kind, and one that comes after all others. */
Test(work_group, plans_do_not_depend_on_those_before)
{
  cl_fixture f = cl_fixture_open();
  for (int i = PLANS - 1; i >= 0; i--) {
    clnorm_cl *other = NULL;
    clnorm_cl_plan *last = make(f.cl, i);
    expect_success(clnorm_cl_create(f.context, f.found.device, &other));
    clnorm_cl_plan *first = make(other, i);
    cr_assert(first->data.num_steps == last->data.num_steps);
    cr_expect(memcmp(first->data.steps, last->data.steps, sizeof first->data.steps) == 0, "plan %d", i);
    clnorm_cl_plan_destroy(first);
    clnorm_cl_plan_destroy(last);
    clnorm_cl_destroy(other);
  }
  cl_fixture_close(&f);
}

/* Each kernel may be launched as its plan says. */
Test(work_group, kernels_allow_what_their_plans_have)
{
  cl_fixture f = cl_fixture_open();
  for (int i = 0; i < PLANS; i++) {
    clnorm_cl_plan *plan = make(f.cl, i);
    for (int step = 0; step < plan->data.num_steps; step++) {
      clnorm__pooled_kernel *kernel = NULL;
      size_t limit = 0;
      expect_success(clnorm__kernel_take(plan, step, plan->data.steps[step].aligned, &kernel));
      CHECK_CL(clGetKernelWorkGroupInfo(kernel->kernel, f.found.device, CL_KERNEL_WORK_GROUP_SIZE, sizeof limit, &limit,
                                        NULL));
      cr_expect(plan->data.steps[step].local <= limit, "plan %d, step %d: %u of %zu", i, step,
                (unsigned)plan->data.steps[step].local, limit);
      clnorm__kernel_put(plan, step, kernel);
    }
    clnorm_cl_plan_destroy(plan);
  }
  cl_fixture_close(&f);
}
