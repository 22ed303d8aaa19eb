#include "strides.h"

#include "descriptor.h"
#include "error.h"

/* Tensors reach less far than this many elements, so that offsets in bytes fit into 64 bits. */
#define MOST_REACH ((uint64_t)1 << 59)

/* Numbers of steps along one axis that are tried at most. */
#define MOST_TRIES 16

static int is_given(const clnorm_desc *desc, clnorm_tensor tensor)
{
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    if (desc->strides[tensor][axis] != 0) {
      return 1;
    }
  }
  return 0;
}

static int64_t dense_stride(const clnorm_desc *desc, uint32_t axis)
{
  int64_t stride = 1;
  for (uint32_t i = axis + 1; i < desc->rank; i++) {
    stride *= (int64_t)(desc->dims[i] != 0 ? desc->dims[i] : 1);
  }
  return stride;
}

int64_t clnorm__stride_of(const clnorm_desc *desc, clnorm_tensor tensor, uint32_t axis)
{
  return is_given(desc, tensor) ? desc->strides[tensor][axis] : dense_stride(desc, axis);
}

int clnorm__strides_are_dense(const clnorm_desc *desc)
{
  for (int t = 0; t < CLNORM_TENSORS; t++) {
    for (uint32_t axis = 0; axis < desc->rank; axis++) {
      const int one_place = desc->dims[axis] <= 1;
      if (!one_place && clnorm__stride_of(desc, (clnorm_tensor)t, axis) != dense_stride(desc, axis)) {
        return 0;
      }
    }
  }
  return 1;
}

int clnorm__strides_are_equal(const clnorm_desc *desc, clnorm_tensor a, clnorm_tensor b)
{
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    if (desc->dims[axis] > 1 && clnorm__stride_of(desc, a, axis) != clnorm__stride_of(desc, b, axis)) {
      return 0;
    }
  }
  return 1;
}

static int is_empty(const clnorm_desc *desc)
{
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    if (desc->dims[axis] == 0) {
      return 1;
    }
  }
  return 0;
}

static uint64_t size_of(int64_t stride) { return stride < 0 ? (uint64_t)(-(stride + 1)) + 1 : (uint64_t)stride; }

clnorm__reach clnorm__reach_of(const clnorm_desc *desc, clnorm_tensor tensor)
{
  clnorm__reach reach = {0, 1};
  if (is_empty(desc)) {
    return (clnorm__reach){0, 0};
  }
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    const int64_t stride = clnorm__stride_of(desc, tensor, axis);
    *(stride < 0 ? &reach.before : &reach.after) += size_of(stride) * (desc->dims[axis] - 1);
  }
  return reach;
}

static clnorm_status check_reach(const clnorm_desc *desc, clnorm_tensor tensor)
{
  uint64_t reach = 0;
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    const uint64_t places = desc->dims[axis] > 1 ? desc->dims[axis] - 1 : 0;
    const uint64_t stride = size_of(desc->strides[tensor][axis]);
    if (places != 0 && stride > MOST_REACH / places) {
      reach = MOST_REACH;
      break;
    }
    reach += places * stride;
  }
  if (reach >= MOST_REACH) {
    return clnorm__fail(CLNORM_OVERFLOW, "desc.strides[%d]: expected a tensor that reaches less than 2^59 elements far",
                        (int)tensor);
  }
  return CLNORM_SUCCESS;
}

/* The axes of more than one place by falling stride; returns how many. */
static uint32_t by_falling_stride(const clnorm_desc *desc, clnorm_tensor tensor, uint32_t order[CLNORM_MAX_RANK])
{
  uint32_t count = 0;
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    const uint64_t stride = size_of(clnorm__stride_of(desc, tensor, axis));
    uint32_t place = count;
    if (desc->dims[axis] <= 1) {
      continue;
    }
    for (; place > 0 && size_of(clnorm__stride_of(desc, tensor, order[place - 1])) < stride; place--) {
      order[place] = order[place - 1];
    }
    order[place] = axis;
    count++;
  }
  return count;
}

/* Each axis has to step over all that the axes of smaller strides reach. Enough, and what every view of an array made by
 * slicing, transposing and flipping fulfils. */
static int meets_twice(const clnorm_desc *desc, clnorm_tensor tensor)
{
  uint32_t order[CLNORM_MAX_RANK];
  uint64_t reach = 0;
  for (uint32_t i = by_falling_stride(desc, tensor, order); i-- > 0;) {
    const uint64_t stride = size_of(desc->strides[tensor][order[i]]);
    if (stride <= reach) {
      return 1;
    }
    reach += stride * (desc->dims[order[i]] - 1);
  }
  return 0;
}

/* 1 if `distance` can be made of steps along the axes, each in either direction and less often than the axis has places. */
static int is_sum_of_steps(const clnorm_desc *desc, clnorm_tensor tensor, const uint32_t *order, uint32_t axes,
                           int64_t distance)
{
  if (axes == 0) {
    return distance == 0;
  }
  const int64_t stride = (int64_t)size_of(clnorm__stride_of(desc, tensor, order[0]));
  const int64_t most = (int64_t)desc->dims[order[0]] - 1;
  int64_t rest = 0;
  for (uint32_t i = 1; i < axes; i++) {
    rest += ((int64_t)desc->dims[order[i]] - 1) * (int64_t)size_of(clnorm__stride_of(desc, tensor, order[i]));
  }
  /* Only numbers of steps that leave what the other axes can reach: a handful where strides are nested, as an output's are. */
  int64_t first = -most, last = most;
  if (stride != 0) {
    first = (distance - rest) / stride - 1 > first ? (distance - rest) / stride - 1 : first;
    last = (distance + rest) / stride + 1 < last ? (distance + rest) / stride + 1 : last;
  }
  if (last - first > MOST_TRIES) {
    return 1; /* for all that was found out */
  }
  for (int64_t steps = first; steps <= last; steps++) {
    if (is_sum_of_steps(desc, tensor, order + 1, axes - 1, distance - steps * stride)) {
      return 1;
    }
  }
  return 0;
}

int clnorm__tensors_interleave(const clnorm_desc *desc, clnorm_tensor a, clnorm_tensor b, uint64_t a_begin,
                               uint64_t b_begin)
{
  if (a == CLNORM_TENSORS || b == CLNORM_TENSORS || !clnorm__strides_are_equal(desc, a, b)) {
    return 0;
  }
  const uint64_t element = clnorm__dtype_size(desc->dtype);
  const uint64_t bytes = a_begin > b_begin ? a_begin - b_begin : b_begin - a_begin;
  uint32_t order[CLNORM_MAX_RANK];
  const uint32_t axes = by_falling_stride(desc, a, order);
  return bytes % element == 0 && !is_sum_of_steps(desc, a, order, axes, (int64_t)(bytes / element));
}

static int is_output(clnorm_tensor tensor)
{
  return tensor == CLNORM_TENSOR_Y || tensor == CLNORM_TENSOR_DX || tensor == CLNORM_TENSOR_DRESIDUAL;
}

clnorm_status clnorm__strides_check(const clnorm_desc *desc)
{
  clnorm_status status = CLNORM_SUCCESS;
  for (int t = 0; t < CLNORM_TENSORS; t++) {
    const clnorm_tensor tensor = (clnorm_tensor)t;
    if (!is_given(desc, tensor)) {
      continue;
    }
    CLNORM__TRY(check_reach(desc, tensor));
    if (is_output(tensor) && meets_twice(desc, tensor)) {
      return clnorm__fail(CLNORM_INVALID_SHAPE,
                          "desc.strides[%d]: expected distances of an output that meet no element twice", t);
    }
  }
done:
  return status;
}
