/* Which arguments a descriptor of the family makes a call need, refuse or leave open, how far they may reach, what may be in
 * the same place, structures of the first version, and empty tensors. On the CPU backend; OpenCL shares the checks. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"

#define ROOM 4096

/* N 2, C 4, positions 6, batch normalization unless a test says otherwise; zeros everywhere. */
typedef struct fixture {
  clnorm_desc desc;
  clnorm_args args;
  float x[ROOM], dy[ROOM], y[ROOM], dx[ROOM], residual[ROOM], dresidual[ROOM];
  float gamma[64], beta[64], dgamma[64], dbeta[64], running_mean[64], running_var[64], mean[64], inv_std[64];
  uint32_t mask[128];
  int32_t lengths[8];
  _Alignas(64) unsigned char workspace[1 << 16];
} fixture;

static fixture *make(clnorm_op op)
{
  fixture *f = calloc(1, sizeof *f);
  cr_assert(f != NULL);
  expect_success(clnorm_desc_init(&f->desc, sizeof f->desc, op, CLNORM_PRESET_TORCH));
  f->desc.rank = 3;
  memcpy(f->desc.dims, (const size_t[]){2, 4, 6}, 3 * sizeof(size_t));
  f->desc.groups = 2;
  f->args.size = sizeof f->args;
  f->args.workspace.data = f->workspace;
  f->args.x.data = f->x;
  f->args.y.data = f->y;
  for (int i = 0; i < ROOM; i++) {
    f->x[i] = (float)(i * 37 % 101);
    f->dy[i] = (float)(i * 53 % 89) - 40;
  }
  f->lengths[0] = 6, f->lengths[1] = 3;
  return f;
}

static fixture *make_backward(clnorm_op op)
{
  fixture *f = make(op);
  f->args.y.data = NULL;
  f->args.dy.data = f->dy;
  f->args.dx.data = f->dx;
  return f;
}

static clnorm_status run(fixture *f, clnorm_pass pass)
{
  clnorm_plan *plan = NULL;
  const clnorm_status made = clnorm_plan_create(&f->desc, pass, &plan);
  if (made != CLNORM_SUCCESS) {
    return made;
  }
  cr_assert(clnorm_plan_workspace_size(plan) <= sizeof f->workspace);
  const clnorm_status status = clnorm_execute(plan, &f->args);
  clnorm_plan_destroy(plan);
  return status;
}

Test(family_arguments, a_residual_is_required_by_its_flag_alone)
{
  fixture *f = make(CLNORM_LAYER);
  f->args.residual.data = f->residual;
  expect_failure(run(f, CLNORM_TRAIN), CLNORM_INVALID_ARGUMENT, "residual", "does not use it");
  f->desc.flags = CLNORM_RESIDUAL;
  expect_success(run(f, CLNORM_TRAIN));
  f->args.residual.data = NULL;
  expect_failure(run(f, CLNORM_INFER), CLNORM_INVALID_ARGUMENT, "residual", "requires it");
  free(f);
}

Test(family_arguments, gradients_read_beta_and_residual_only_to_find_the_activations_side)
{
  fixture *f = make_backward(CLNORM_GROUP);
  f->args.beta.data = f->beta;
  expect_failure(run(f, CLNORM_BACKWARD), CLNORM_INVALID_ARGUMENT, "beta", "does not use it");
  f->desc.activation = CLNORM_ACTIVATION_SILU;
  expect_success(run(f, CLNORM_BACKWARD));
  f->desc.flags = CLNORM_RESIDUAL;
  expect_failure(run(f, CLNORM_BACKWARD), CLNORM_INVALID_ARGUMENT, "residual", "requires it");
  f->args.residual.data = f->residual;
  f->args.dresidual.data = f->dresidual;
  expect_success(run(f, CLNORM_BACKWARD));
  f->desc.activation = CLNORM_ACTIVATION_RELU;
  f->desc.flags = CLNORM_RESIDUAL | CLNORM_RELU_MASK;
  f->args.mask.data = f->mask;
  expect_failure(run(f, CLNORM_BACKWARD), CLNORM_INVALID_ARGUMENT, "beta", "does not use it");
  f->args.beta.data = NULL;
  expect_failure(run(f, CLNORM_BACKWARD), CLNORM_INVALID_ARGUMENT, "residual", "does not use it");
  f->args.residual.data = NULL;
  expect_success(run(f, CLNORM_BACKWARD));
  free(f);
}

Test(family_arguments, masks_and_lengths_are_required_where_the_descriptor_has_them)
{
  fixture *f = make(CLNORM_INSTANCE);
  f->args.mask.data = f->mask;
  expect_failure(run(f, CLNORM_TRAIN), CLNORM_INVALID_ARGUMENT, "mask", "does not use it");
  f->args.mask.data = NULL;
  f->args.lengths.data = f->lengths;
  expect_failure(run(f, CLNORM_TRAIN), CLNORM_INVALID_ARGUMENT, "lengths", "does not use it");
  f->desc.length_axis = 2;
  f->desc.activation = CLNORM_ACTIVATION_RELU;
  f->desc.flags = CLNORM_RELU_MASK;
  expect_failure(run(f, CLNORM_TRAIN), CLNORM_INVALID_ARGUMENT, "mask", "requires it");
  f->args.mask.data = f->mask;
  f->args.mask.count = 1;
  expect_failure(run(f, CLNORM_TRAIN), CLNORM_BUFFER_TOO_SMALL, "mask", "expected 2");
  f->args.mask.count = 2;
  f->args.lengths.count = 3;
  expect_failure(run(f, CLNORM_TRAIN), CLNORM_BUFFER_TOO_SMALL, "lengths", "expected 2");
  f->args.lengths.count = 2;
  expect_success(run(f, CLNORM_TRAIN));
  free(f);
}

Test(family_arguments, only_batch_and_instance_have_running_statistics_and_rms_has_no_mean)
{
  static const clnorm_op without[] = {CLNORM_LAYER, CLNORM_GROUP, CLNORM_RMS};
  for (int i = 0; i < 3; i++) {
    fixture *f = make(without[i]);
    f->args.running_mean.data = f->running_mean;
    expect_failure(run(f, CLNORM_TRAIN), CLNORM_INVALID_ARGUMENT, "running_mean", "does not use it");
    f->args.running_mean.data = NULL;
    expect_success(run(f, CLNORM_INFER));
    free(f);
  }
  fixture *f = make(CLNORM_INSTANCE);
  expect_failure(run(f, CLNORM_INFER), CLNORM_INVALID_ARGUMENT, "running_mean", "requires it");
  f->args.running_mean.data = f->running_mean, f->args.running_mean.count = 8;
  f->args.running_var.data = f->running_var;
  expect_failure(run(f, CLNORM_INFER), CLNORM_BUFFER_TOO_SMALL, "running_mean", "expected 4", "got 8");
  f->args.running_mean.count = 4;
  expect_success(run(f, CLNORM_INFER));
  free(f);
  f = make(CLNORM_RMS);
  f->args.mean.data = f->mean;
  expect_failure(run(f, CLNORM_TRAIN), CLNORM_INVALID_ARGUMENT, "mean", "does not use it");
  free(f);
}

Test(family_arguments, dresidual_alone_is_output_enough)
{
  fixture *f = make_backward(CLNORM_BATCH);
  f->args.dx.data = NULL;
  f->desc.flags = CLNORM_RESIDUAL;
  expect_failure(run(f, CLNORM_BACKWARD), CLNORM_INVALID_ARGUMENT, "at least one");
  f->args.dresidual.data = f->dresidual;
  expect_success(run(f, CLNORM_BACKWARD));
  cr_assert(memcmp(f->dresidual, f->dy, 48 * sizeof(float)) == 0);
  free(f);
}

static void set_strides(fixture *f, clnorm_tensor tensor, int64_t n, int64_t c, int64_t s)
{
  memcpy(f->desc.strides[tensor], (const int64_t[]){n, c, s}, 3 * sizeof(int64_t));
}

/* Even channels in, odd channels of the same array out: the ranges overlap, the elements do not. */
Test(family_arguments, views_of_one_array_may_interleave_but_not_meet)
{
  fixture *f = make(CLNORM_BATCH);
  set_strides(f, CLNORM_TENSOR_X, 48, 12, 1);
  set_strides(f, CLNORM_TENSOR_Y, 48, 12, 1);
  f->args.y.data = f->x + 6;
  expect_success(run(f, CLNORM_TRAIN));
  f->args.y.data = f->x + 5;
  expect_failure(run(f, CLNORM_TRAIN), CLNORM_OVERLAP, "y", "x");
  f->args.y.data = f->x + 12;
  expect_failure(run(f, CLNORM_TRAIN), CLNORM_OVERLAP, "y", "x");
  f->args.y.data = f->x;
  expect_success(run(f, CLNORM_TRAIN));
  set_strides(f, CLNORM_TENSOR_Y, 24, 6, 1);
  expect_failure(run(f, CLNORM_TRAIN), CLNORM_OVERLAP, "y", "x");
  free(f);
}

Test(family_arguments, what_is_added_to_cannot_be_in_place)
{
  fixture *f = make_backward(CLNORM_LAYER);
  f->args.dx.data = f->dy;
  expect_success(run(f, CLNORM_BACKWARD));
  f->desc.flags = CLNORM_ACCUMULATE_DX;
  expect_failure(run(f, CLNORM_BACKWARD), CLNORM_OVERLAP, "dx", "dy");
  free(f);
}

Test(family_arguments, a_tensor_reaches_as_far_as_its_strides)
{
  fixture *f = make(CLNORM_LAYER);
  set_strides(f, CLNORM_TENSOR_X, 100, 10, 1);
  f->args.x.count = 136;
  expect_success(run(f, CLNORM_TRAIN));
  f->args.x.count = 48;
  expect_failure(run(f, CLNORM_TRAIN), CLNORM_BUFFER_TOO_SMALL, "x", "expected 136", "got 48");
  free(f);
}

/* Arguments as a caller has them who was compiled before the members from `residual` on existed. */
Test(family_arguments, arguments_of_the_first_version_are_read)
{
  fixture *f = make(CLNORM_BATCH);
  f->args.residual.data = f->residual; /* behind the end of what the caller says it has */
  f->args.size = offsetof(clnorm_args, residual);
  expect_success(run(f, CLNORM_TRAIN));
  cr_assert(f->y[0] != 0);
  f->args.size--;
  expect_failure(run(f, CLNORM_TRAIN), CLNORM_INVALID_ARGUMENT, "args.size");
  free(f);
}

/* N = 0: nothing to do but gradients of parameters, which are sums of nothing. */
Test(family_arguments, empty_tensors_have_gradients_of_zero)
{
  static const clnorm_op ops[] = {CLNORM_LAYER, CLNORM_INSTANCE, CLNORM_GROUP, CLNORM_RMS};
  for (int i = 0; i < 4; i++) {
    fixture *f = make_backward(ops[i]);
    f->desc.dims[0] = 0;
    f->args.x.data = f->args.dy.data = NULL;
    f->args.dx.data = NULL;
    f->args.dgamma.data = f->dgamma;
    f->args.dbeta.data = f->dbeta;
    f->dgamma[3] = f->dbeta[3] = 7;
    expect_success(run(f, CLNORM_BACKWARD));
    cr_assert(f->dgamma[3] == 0 && f->dbeta[3] == 0);
    f->dgamma[3] = f->dbeta[3] = 7;
    f->desc.flags = CLNORM_ACCUMULATE_DGAMMA | CLNORM_ACCUMULATE_DBETA;
    expect_success(run(f, CLNORM_BACKWARD));
    cr_assert(f->dgamma[3] == 7 && f->dbeta[3] == 7);
    free(f);
    f = make(ops[i]);
    f->desc.dims[0] = 0;
    f->args.x.data = NULL;
    f->args.y.data = NULL;
    expect_success(run(f, CLNORM_TRAIN));
    free(f);
  }
}
