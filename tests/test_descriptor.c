/* What a descriptor may say, and what a wrong one gets. */
#include <math.h>

#include "expect.h"
#include "problem.h"

static clnorm_desc good(void)
{
  clnorm_desc desc;
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 4, (const size_t[]){2, 3, 4, 5});
  return desc;
}

static clnorm_status counts_of(const clnorm_desc *desc)
{
  clnorm_counts counts;
  return clnorm_desc_counts(desc, &counts);
}

Test(descriptor, presets_have_the_conventions_of_their_frameworks)
{
  static const struct {
    clnorm_preset preset;
    double epsilon, factor;
    clnorm_variance variance;
  } presets[] = {
      {CLNORM_PRESET_TORCH, 1e-5, 0.1, CLNORM_VARIANCE_UNBIASED},
      {CLNORM_PRESET_KERAS, 1e-3, 0.01, CLNORM_VARIANCE_POPULATION},
      {CLNORM_PRESET_ONNX, 1e-5, 0.1, CLNORM_VARIANCE_POPULATION},
  };
  for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
    clnorm_desc desc;
    expect_success(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, presets[i].preset));
    cr_assert(desc.epsilon == presets[i].epsilon && desc.average_factor == presets[i].factor &&
              desc.running_variance == presets[i].variance && desc.averaging == CLNORM_AVERAGE_EXPONENTIAL);
    cr_assert(desc.size == sizeof desc && desc.op == CLNORM_BATCH && desc.layout == CLNORM_CHANNELS_FIRST &&
              desc.dtype == CLNORM_F32 && desc.flags == 0 && desc.rank == 0);
  }
}

Test(descriptor, init_refuses_null_unknown_values_and_other_sizes)
{
  clnorm_desc desc;
  expect_failure(clnorm_desc_init(NULL, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH), CLNORM_INVALID_ARGUMENT,
                 "desc", "NULL");
  expect_failure(clnorm_desc_init(&desc, 12, CLNORM_BATCH, CLNORM_PRESET_TORCH), CLNORM_INVALID_ARGUMENT, "size", "12");
  expect_failure(clnorm_desc_init(&desc, sizeof desc, (clnorm_op)9, CLNORM_PRESET_TORCH), CLNORM_INVALID_ARGUMENT, "op",
                 "9");
  expect_failure(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, (clnorm_preset)0), CLNORM_INVALID_ARGUMENT,
                 "preset", "got 0");
}

Test(descriptor, a_failing_init_leaves_the_descriptor_as_it_was)
{
  clnorm_desc desc;
  clnorm_desc before;
  memset(&desc, 0x5a, sizeof desc);
  before = desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, (clnorm_preset)99) == CLNORM_INVALID_ARGUMENT);
  cr_assert(memcmp(&desc, &before, sizeof desc) == 0);
}

Test(descriptor, null_pointers_are_named)
{
  const clnorm_desc desc = good();
  clnorm_counts counts;
  clnorm_plan *plan = NULL;
  expect_failure(clnorm_desc_counts(NULL, &counts), CLNORM_INVALID_ARGUMENT, "desc", "NULL");
  expect_failure(clnorm_desc_counts(&desc, NULL), CLNORM_INVALID_ARGUMENT, "counts", "NULL");
  expect_failure(clnorm_plan_create(NULL, CLNORM_TRAIN, &plan), CLNORM_INVALID_ARGUMENT, "desc", "NULL");
  expect_failure(clnorm_plan_create(&desc, CLNORM_TRAIN, NULL), CLNORM_INVALID_ARGUMENT, "plan", "NULL");
  cr_assert(plan == NULL);
}

Test(descriptor, a_size_of_another_version_is_refused)
{
  clnorm_desc desc = good();
  desc.size = sizeof desc - 8;
  expect_failure(counts_of(&desc), CLNORM_INVALID_ARGUMENT, "desc.size");
  desc.size = 0;
  expect_failure(counts_of(&desc), CLNORM_INVALID_ARGUMENT, "desc.size", "got 0");
}

Test(descriptor, unknown_enum_values_and_flags_are_named_with_what_came)
{
#define REFUSE(member, value, status, ...)                 \
  do {                                                     \
    clnorm_desc desc = good();                             \
    desc.member = (value);                                 \
    expect_failure(counts_of(&desc), status, __VA_ARGS__); \
  } while (0)
  REFUSE(op, (clnorm_op)0, CLNORM_INVALID_ARGUMENT, "desc.op", "0");
  REFUSE(op, (clnorm_op)6, CLNORM_INVALID_ARGUMENT, "desc.op", "6");
  REFUSE(layout, (clnorm_layout)0, CLNORM_INVALID_ARGUMENT, "desc.layout", "got 0");
  REFUSE(layout, (clnorm_layout)3, CLNORM_INVALID_ARGUMENT, "desc.layout", "got 3");
  REFUSE(dtype, (clnorm_dtype)0, CLNORM_INVALID_ARGUMENT, "desc.dtype", "got 0");
  REFUSE(dtype, (clnorm_dtype)5, CLNORM_INVALID_ARGUMENT, "desc.dtype", "got 5");
  REFUSE(flags, 64u, CLNORM_INVALID_ARGUMENT, "desc.flags", "0x40");
  REFUSE(flags, 0x80000001u, CLNORM_INVALID_ARGUMENT, "desc.flags", "0x80000001");
  REFUSE(averaging, (clnorm_averaging)0, CLNORM_INVALID_ARGUMENT, "desc.averaging", "got 0");
  REFUSE(averaging, (clnorm_averaging)3, CLNORM_INVALID_ARGUMENT, "desc.averaging", "got 3");
  REFUSE(running_variance, (clnorm_variance)0, CLNORM_INVALID_ARGUMENT, "desc.running_variance", "got 0");
  REFUSE(running_variance, (clnorm_variance)3, CLNORM_INVALID_ARGUMENT, "desc.running_variance", "got 3");
}

Test(descriptor, every_storage_type_is_read)
{
  for (int dtype = CLNORM_F32; dtype <= CLNORM_F64; dtype++) {
    clnorm_desc desc = good();
    desc.dtype = (clnorm_dtype)dtype;
    expect_success(counts_of(&desc));
  }
}

/* As a caller has it who was compiled before the members from `axis` on existed: what is there in memory is not read. */
Test(descriptor, a_descriptor_of_the_first_version_means_what_it_did)
{
  const size_t first = offsetof(clnorm_desc, axis);
  clnorm_desc desc;
  clnorm_plan *plan = NULL;
  memset(&desc, 0x5a, sizeof desc);
  expect_success(clnorm_desc_init(&desc, first, CLNORM_BATCH, CLNORM_PRESET_TORCH));
  cr_assert(desc.size == first && desc.axis == 0x5a5a5a5a, "members beyond its size were written");
  desc.rank = 4;
  memcpy(desc.dims, (const size_t[]){2, 3, 4, 5}, 4 * sizeof(size_t));
  expect_success(clnorm_plan_create(&desc, CLNORM_TRAIN, &plan));
  cr_assert(strcmp(clnorm_plan_variant(plan), "rows_whole") == 0, "%s", clnorm_plan_variant(plan));
  clnorm_plan_destroy(plan);
}

Test(descriptor, activations_and_their_parameter_are_checked)
{
  REFUSE(activation, (clnorm_activation)10, CLNORM_INVALID_ARGUMENT, "desc.activation", "got 10");
  REFUSE(alpha, NAN, CLNORM_INVALID_ARGUMENT, "desc.alpha", "nan");
  REFUSE(alpha, 1e300, CLNORM_INVALID_ARGUMENT, "desc.alpha", "1e+300");
  clnorm_desc desc = good();
  desc.activation = CLNORM_ACTIVATION_CLIPPED_RELU;
  expect_failure(counts_of(&desc), CLNORM_INVALID_ARGUMENT, "desc.alpha", "positive", "got 0");
  desc.alpha = 6;
  expect_success(counts_of(&desc));
}

Test(descriptor, flags_go_with_their_operations)
{
  REFUSE(flags, CLNORM_RELU_MASK, CLNORM_INVALID_ARGUMENT, "desc.flags", "RELU");
  clnorm_desc desc = good();
  desc.op = CLNORM_INSTANCE;
  desc.flags = CLNORM_PER_ACTIVATION;
  expect_failure(counts_of(&desc), CLNORM_INVALID_ARGUMENT, "desc.flags", "PER_ACTIVATION", "3");
}

Test(descriptor, groups_axes_and_length_axes_are_checked)
{
  clnorm_desc desc = good();
  desc.op = CLNORM_GROUP;
  expect_failure(counts_of(&desc), CLNORM_INVALID_SHAPE, "desc.groups", "got 0");
  desc.groups = (uint32_t)desc.dims[1] + 1;
  expect_failure(counts_of(&desc), CLNORM_INVALID_SHAPE, "desc.groups");
  desc = good();
  desc.op = CLNORM_LAYER;
  desc.axis = desc.rank;
  expect_failure(counts_of(&desc), CLNORM_INVALID_SHAPE, "desc.axis");
  REFUSE(length_axis, 1, CLNORM_INVALID_SHAPE, "desc.length_axis", "channels");
  REFUSE(length_axis, 7, CLNORM_INVALID_SHAPE, "desc.length_axis", "7");
}

Test(descriptor, only_operations_with_running_statistics_have_frozen_gradients)
{
  clnorm_plan *plan = NULL;
  clnorm_desc desc = good();
  desc.op = CLNORM_RMS;
  expect_failure(clnorm_plan_create(&desc, CLNORM_BACKWARD_FROZEN, &plan), CLNORM_INVALID_ARGUMENT, "pass", "rms");
  desc.op = CLNORM_INSTANCE;
  expect_success(clnorm_plan_create(&desc, CLNORM_BACKWARD_FROZEN, &plan));
  clnorm_plan_destroy(plan);
}

/* Rows of strides are distances in elements; an output may not meet an element twice. */
Test(descriptor, strides_of_outputs_meet_no_element_twice)
{
  clnorm_desc desc = good();
  desc.rank = 3;
  memcpy(desc.dims, (const size_t[]){4, 3, 5}, 3 * sizeof(size_t));
  memcpy(desc.strides[CLNORM_TENSOR_X], (const int64_t[]){0, 0, 1}, 3 * sizeof(int64_t));
  expect_success(counts_of(&desc)); /* an input may */
  memcpy(desc.strides[CLNORM_TENSOR_Y], (const int64_t[]){14, 5, 1}, 3 * sizeof(int64_t));
  expect_failure(counts_of(&desc), CLNORM_INVALID_SHAPE, "desc.strides[1]", "twice");
  memcpy(desc.strides[CLNORM_TENSOR_Y], (const int64_t[]){-15, 5, 1}, 3 * sizeof(int64_t));
  expect_success(counts_of(&desc));
  desc.strides[CLNORM_TENSOR_X][0] = INT64_MAX;
  expect_failure(counts_of(&desc), CLNORM_OVERFLOW, "desc.strides[0]");
}

Test(descriptor, epsilon_is_a_positive_normal_float)
{
  static const double bad[] = {0.0, -0.0, -1e-5, NAN, INFINITY, -INFINITY, 1e-60, 1e-40, 1e300};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    REFUSE(epsilon, bad[i], CLNORM_INVALID_ARGUMENT, "desc.epsilon");
  }
  REFUSE(epsilon, -2.5, CLNORM_INVALID_ARGUMENT, "desc.epsilon", "-2.5");
}

Test(descriptor, average_factor_lies_from_zero_to_one)
{
  static const double bad[] = {-1e-9, 1.0000001, NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    REFUSE(average_factor, bad[i], CLNORM_INVALID_ARGUMENT, "desc.average_factor");
  }
  for (int i = 0; i <= 1; i++) {
    clnorm_desc desc = good();
    desc.average_factor = i;
    expect_success(counts_of(&desc));
  }
}

Test(descriptor, ranks_are_two_to_eight)
{
  REFUSE(rank, 0, CLNORM_INVALID_SHAPE, "desc.rank", "got 0");
  REFUSE(rank, 1, CLNORM_INVALID_SHAPE, "desc.rank", "got 1");
  REFUSE(rank, 9, CLNORM_INVALID_SHAPE, "desc.rank", "got 9");
  REFUSE(rank, 4000000000u, CLNORM_INVALID_SHAPE, "desc.rank", "4000000000");
}

Test(descriptor, no_channels_is_an_invalid_shape)
{
  REFUSE(dims[1], 0, CLNORM_INVALID_SHAPE, "desc.dims[1]", "got 0");
  clnorm_desc desc = good();
  desc.layout = CLNORM_CHANNELS_LAST;
  desc.dims[3] = 0;
  expect_failure(counts_of(&desc), CLNORM_INVALID_SHAPE, "desc.dims[3]", "got 0");
}

Test(descriptor, products_that_overflow_are_told_apart_from_memory)
{
  static const size_t huge[][4] = {{SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX},
                                   {(size_t)1 << 32, (size_t)1 << 32, 1, 1},
                                   {1, 1, (size_t)1 << 62, 1},
                                   {2, SIZE_MAX / 2 + 1, 1, 1},
                                   {0, (size_t)1 << 32, (size_t)1 << 32, 1}};
  for (size_t i = 0; i < sizeof huge / sizeof huge[0]; i++) {
    for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
      clnorm_desc desc;
      clnorm_plan *plan = NULL;
      desc_set(&desc, (clnorm_layout)layout, 0, 4, huge[i]);
      expect_failure(counts_of(&desc), CLNORM_OVERFLOW, "desc.dims");
      for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
        expect_failure(clnorm_plan_create(&desc, (clnorm_pass)pass, &plan), CLNORM_OVERFLOW, "desc.dims");
      }
      cr_assert(plan == NULL);
    }
  }
}

Test(descriptor, an_empty_tensor_is_fine_for_inference_alone)
{
  static const size_t empty[][4] = {{0, 3, 4, 5}, {2, 3, 0, 5}, {2, 3, 4, 0}};
  for (size_t i = 0; i < 3; i++) {
    clnorm_desc desc;
    clnorm_plan *plan = NULL;
    desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 4, empty[i]);
    expect_failure(clnorm_plan_create(&desc, CLNORM_TRAIN, &plan), CLNORM_INVALID_SHAPE, "desc.dims", "empty");
    expect_failure(clnorm_plan_create(&desc, CLNORM_BACKWARD, &plan), CLNORM_INVALID_SHAPE, "desc.dims", "empty");
    cr_assert(plan == NULL);
    expect_success(clnorm_plan_create(&desc, CLNORM_INFER, &plan));
    clnorm_plan_destroy(plan);
    plan = NULL;
    expect_success(clnorm_plan_create(&desc, CLNORM_BACKWARD_FROZEN, &plan));
    clnorm_plan_destroy(plan);
  }
}

Test(descriptor, one_value_a_statistic_is_too_few_to_train)
{
  clnorm_desc desc;
  clnorm_plan *plan = NULL;
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 3, (const size_t[]){1, 10, 1});
  expect_failure(clnorm_plan_create(&desc, CLNORM_TRAIN, &plan), CLNORM_TOO_FEW_VALUES, "desc.dims", "2", "got 1");
  expect_failure(clnorm_plan_create(&desc, CLNORM_BACKWARD, &plan), CLNORM_TOO_FEW_VALUES, "desc.dims");
  desc_set(&desc, CLNORM_CHANNELS_FIRST, CLNORM_PER_ACTIVATION, 3, (const size_t[]){1, 10, 9});
  expect_failure(clnorm_plan_create(&desc, CLNORM_TRAIN, &plan), CLNORM_TOO_FEW_VALUES, "desc.dims");
  cr_assert(plan == NULL);
  expect_success(clnorm_plan_create(&desc, CLNORM_INFER, &plan));
  clnorm_plan_destroy(plan);
}

Test(descriptor, an_unknown_pass_is_refused)
{
  const clnorm_desc desc = good();
  clnorm_plan *plan = NULL;
  expect_failure(clnorm_plan_create(&desc, (clnorm_pass)0, &plan), CLNORM_INVALID_ARGUMENT, "pass", "got 0");
  expect_failure(clnorm_plan_create(&desc, (clnorm_pass)5, &plan), CLNORM_INVALID_ARGUMENT, "pass", "got 5");
  cr_assert(plan == NULL);
}

Test(descriptor, counts_follow_from_shape_layout_and_flags)
{
  static const struct {
    clnorm_layout layout;
    uint32_t flags;
    clnorm_counts counts;
  } expected[] = {
      {CLNORM_CHANNELS_FIRST, 0, {120, 3, 3, 40, 4}},
      {CLNORM_CHANNELS_LAST, 0, {120, 3, 3, 40, 4}},
      {CLNORM_CHANNELS_FIRST, CLNORM_PER_ACTIVATION, {120, 60, 60, 2, 4}},
      {CLNORM_CHANNELS_LAST, CLNORM_PER_ACTIVATION, {120, 60, 60, 2, 4}},
  };
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    clnorm_desc desc;
    clnorm_counts counts;
    desc_set(&desc, expected[i].layout, expected[i].flags, 4, (const size_t[]){2, 3, 4, 5});
    expect_success(clnorm_desc_counts(&desc, &counts));
    cr_assert(memcmp(&counts, &expected[i].counts, sizeof counts) == 0);
  }
}

Test(descriptor, dimensions_beyond_the_rank_are_not_read)
{
  clnorm_desc desc = good();
  for (int axis = 4; axis < CLNORM_MAX_RANK; axis++) {
    desc.dims[axis] = SIZE_MAX;
  }
  expect_success(counts_of(&desc));
}
