/* The axes of every operation: which elements make a statistic and share a parameter, against index arithmetic of the
 * reference's own, element by element; and tensors that are too large to walk. */
#include "axes.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "family_cases.h"
#include "family_shape.h"
#include "geometry.h"
#include "plan.h"

/* Place i of all axes, the last the fastest. */
static uint64_t sum_at(const clnorm__axes *axes, const uint64_t *stride, uint64_t i)
{
  uint64_t sum = 0;
  for (uint64_t a = axes->count; a-- > 0; i /= axes->extent[a]) {
    sum += i % axes->extent[a] * stride[a];
  }
  return sum;
}

static int64_t offset_at(const clnorm__axes *axes, const clnorm__strides *strides, uint64_t i)
{
  int64_t offset = 0;
  for (uint64_t a = axes->count; a-- > 0; i /= axes->extent[a]) {
    offset += (int64_t)(i % axes->extent[a]) * strides->of[a];
  }
  return offset;
}

/* Element i, in dense order of dims, where the descriptor's own strides have it. */
static int64_t expected_offset(const clnorm_desc *desc, clnorm_tensor tensor, uint64_t i)
{
  int64_t offset = 0, dense = 1;
  int given = 0;
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    given |= desc->strides[tensor][axis] != 0;
  }
  for (uint32_t axis = desc->rank; axis-- > 0;) {
    const int64_t stride = given ? desc->strides[tensor][axis] : dense;
    offset += (int64_t)(i % desc->dims[axis]) * stride;
    i /= desc->dims[axis];
    dense *= (int64_t)desc->dims[axis];
  }
  return offset;
}

static void check_case(const clnorm_desc *desc)
{
  clnorm__axes axes;
  clnorm__strides strides[CLNORM_TENSORS];
  family_shape shape;
  int32_t *lengths = calloc(desc->dims[0], sizeof *lengths);
  cr_assert(lengths != NULL && family_shape_create(&shape, desc, desc->length_axis != 0 ? lengths : NULL) == 0);
  clnorm__axes_derive(desc, &axes, strides);
  for (uint64_t i = 0; i < shape.elements; i++) {
    cr_assert(sum_at(&axes, axes.statistic_stride, i) == shape.statistic[i] &&
                  sum_at(&axes, axes.parameter_stride, i) == shape.parameter[i],
              "element %llu of op %d", (unsigned long long)i, (int)desc->op);
    for (int t = 0; t < CLNORM_TENSORS; t++) {
      cr_assert(offset_at(&axes, &strides[t], i) == expected_offset(desc, (clnorm_tensor)t, i),
                "element %llu of tensor %d", (unsigned long long)i, t);
    }
  }
  family_shape_destroy(&shape);
  free(lengths);
}

Test(axes, every_element_has_the_statistic_parameter_and_place_of_the_reference)
{
  family_case *cases;
  const size_t count = family_cases_make(&cases);
  cr_assert(count > 100);
  for (size_t i = 0; i < count; i++) {
    if (!cases[i].large) {
      check_case(&cases[i].desc);
    }
  }
  free(cases);
}

static clnorm_desc dense(clnorm_op op, clnorm_layout layout, uint32_t rank, const size_t *dims)
{
  clnorm_desc desc;
  expect_success(clnorm_desc_init(&desc, sizeof desc, op, CLNORM_PRESET_TORCH));
  desc.layout = layout;
  desc.rank = rank;
  desc.groups = 4;
  memcpy(desc.dims, dims, rank * sizeof *dims);
  return desc;
}

static uint64_t axes_of(clnorm_op op, clnorm_layout layout)
{
  const clnorm_desc desc = dense(op, layout, 5, (const size_t[]){2, 8, 8, 8, 8});
  clnorm__axes axes;
  clnorm__strides strides[CLNORM_TENSORS];
  clnorm__axes_derive(&desc, &axes, strides);
  return axes.count;
}

/* Dense tensors come down to the few axes that the operation tells apart. */
Test(axes, neighbours_that_can_be_walked_as_one_are_one)
{
  cr_assert(axes_of(CLNORM_BATCH, CLNORM_CHANNELS_FIRST) == 3);
  cr_assert(axes_of(CLNORM_BATCH, CLNORM_CHANNELS_LAST) == 2);
  cr_assert(axes_of(CLNORM_INSTANCE, CLNORM_CHANNELS_LAST) == 3);
  cr_assert(axes_of(CLNORM_GROUP, CLNORM_CHANNELS_FIRST) == 4);
  cr_assert(axes_of(CLNORM_LAYER, CLNORM_CHANNELS_FIRST) == 2);
}

/* Eight halves a KiB of the tensor: 2^33 elements, 2^34 bytes. */
Test(axes, tensors_of_2_to_the_33_elements_have_right_offsets)
{
  static const clnorm_op ops[] = {CLNORM_BATCH, CLNORM_LAYER, CLNORM_INSTANCE, CLNORM_GROUP, CLNORM_RMS};
  static const size_t dims[] = {(size_t)1 << 12, 1 << 9, 1 << 6, 1 << 6};
  const uint64_t elements = UINT64_C(1) << 33;
  for (size_t o = 0; o < sizeof ops / sizeof ops[0]; o++) {
    for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
      clnorm_desc desc = dense(ops[o], (clnorm_layout)layout, 4, dims);
      clnorm_counts counts;
      clnorm_plan *plan = NULL;
      desc.dtype = CLNORM_BF16;
      expect_success(clnorm_desc_counts(&desc, &counts));
      cr_assert(counts.elements == elements && counts.statistics * counts.values == elements &&
                counts.mask_words == elements / 32);
      expect_success(clnorm_plan_create(&desc, CLNORM_BACKWARD, &plan));
      const clnorm__geometry *g = &plan->geometry;
      static const uint64_t some[] = {0, 1, UINT32_MAX, UINT64_C(1) << 32, (UINT64_C(1) << 33) - 1};
      for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        cr_assert(offset_at(&g->axes, &g->strides[CLNORM_TENSOR_DX], some[i]) == (int64_t)some[i]);
        cr_assert(sum_at(&g->axes, g->axes.statistic_stride, some[i]) < counts.statistics);
        cr_assert(sum_at(&g->axes, g->axes.parameter_stride, some[i]) < counts.parameters);
      }
      cr_assert(sum_at(&g->axes, g->axes.statistic_stride, elements - 1) == counts.statistics - 1);
      cr_assert(sum_at(&g->axes, g->axes.parameter_stride, elements - 1) == counts.parameters - 1);
      clnorm_plan_destroy(plan);
    }
  }
}
