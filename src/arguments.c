#include "arguments.h"

#include "descriptor.h"
#include "error.h"
#include "strides.h"

typedef enum usage { ABSENT, READ, MAY_READ, WRITE, MAY_WRITE, MAY_UPDATE } usage;

/* One row an argument, one column a pass: train, infer, backward, backward-frozen. What an operation or a flag changes of it
 * is in usage_of. */
static const usage usages[CLNORM__ARG_COUNT][4] = {
    [CLNORM__ARG_X] = {READ, READ, READ, READ},
    [CLNORM__ARG_DY] = {ABSENT, ABSENT, READ, READ},
    [CLNORM__ARG_Y] = {WRITE, WRITE, ABSENT, ABSENT},
    [CLNORM__ARG_DX] = {ABSENT, ABSENT, MAY_WRITE, MAY_WRITE},
    [CLNORM__ARG_GAMMA] = {MAY_READ, MAY_READ, MAY_READ, MAY_READ},
    [CLNORM__ARG_BETA] = {MAY_READ, MAY_READ, MAY_READ, MAY_READ},
    [CLNORM__ARG_DGAMMA] = {ABSENT, ABSENT, MAY_WRITE, MAY_WRITE},
    [CLNORM__ARG_DBETA] = {ABSENT, ABSENT, MAY_WRITE, MAY_WRITE},
    [CLNORM__ARG_RUNNING_MEAN] = {MAY_UPDATE, READ, ABSENT, READ},
    [CLNORM__ARG_RUNNING_VAR] = {MAY_UPDATE, READ, ABSENT, READ},
    [CLNORM__ARG_MEAN] = {MAY_WRITE, ABSENT, MAY_READ, ABSENT},
    [CLNORM__ARG_INV_STD] = {MAY_WRITE, ABSENT, MAY_READ, ABSENT},
    [CLNORM__ARG_RESIDUAL] = {READ, READ, READ, READ},
    [CLNORM__ARG_LENGTHS] = {READ, READ, READ, READ},
    [CLNORM__ARG_DRESIDUAL] = {ABSENT, ABSENT, MAY_WRITE, MAY_WRITE},
    [CLNORM__ARG_MASK] = {WRITE, WRITE, READ, READ},
};

typedef enum extent { TENSOR, PARAMETER, STATISTIC, LENGTHS, MASK } extent;

static const struct {
  const char *name;
  extent extent;
} arguments[CLNORM__ARG_COUNT] = {
#define ARGUMENT_ROW(name, member, extent) [CLNORM__ARG_##name] = {#member, extent},
    CLNORM__ARGUMENT_TABLE(ARGUMENT_ROW)
#undef ARGUMENT_ROW
};

/* 1 if the descriptor makes an argument, which the pass may have, one that it has not. */
static int is_left_out(const clnorm_desc *desc, clnorm_pass pass, clnorm__argument argument)
{
  const int backward = pass == CLNORM_BACKWARD || pass == CLNORM_BACKWARD_FROZEN;
  const int has_mask = (desc->flags & CLNORM_RELU_MASK) != 0, has_residual = (desc->flags & CLNORM_RESIDUAL) != 0;
  const int needs_z = !backward || (desc->activation != CLNORM_ACTIVATION_NONE && !has_mask);
  switch (argument) {
    case CLNORM__ARG_BETA:
      return !needs_z;
    case CLNORM__ARG_RESIDUAL:
      return !has_residual || !needs_z;
    case CLNORM__ARG_DRESIDUAL:
      return !has_residual;
    case CLNORM__ARG_MASK:
      return !has_mask;
    case CLNORM__ARG_LENGTHS:
      return desc->length_axis == 0;
    case CLNORM__ARG_RUNNING_MEAN:
    case CLNORM__ARG_RUNNING_VAR:
      return !clnorm__op_has_running(desc->op);
    case CLNORM__ARG_MEAN:
      return desc->op == CLNORM_RMS;
    default:
      return 0;
  }
}

static usage usage_of(const clnorm_desc *desc, clnorm_pass pass, clnorm__argument argument)
{
  return is_left_out(desc, pass, argument) ? ABSENT : usages[argument][pass - CLNORM_TRAIN];
}

const char *clnorm__argument_name(clnorm__argument argument) { return arguments[argument].name; }

uint64_t clnorm__argument_count(const clnorm_desc *desc, const clnorm__geometry *geometry, clnorm__argument argument)
{
  switch (arguments[argument].extent) {
    case PARAMETER:
      return geometry->parameters;
    case STATISTIC:
      return geometry->statistics;
    case LENGTHS:
      return desc->dims[0];
    case MASK:
      return (geometry->elements + 31) / 32;
    case TENSOR:
      break;
  }
  return geometry->elements;
}

size_t clnorm__argument_element(const clnorm_desc *desc, clnorm__argument argument)
{
  switch (arguments[argument].extent) {
    case LENGTHS:
    case MASK:
      return sizeof(uint32_t);
    case TENSOR:
      return clnorm__dtype_size(desc->dtype);
    case PARAMETER:
    case STATISTIC:
      break;
  }
  return clnorm__number_size(desc->dtype);
}

clnorm_tensor clnorm__argument_tensor(clnorm__argument argument)
{
  switch (argument) {
    case CLNORM__ARG_X:
      return CLNORM_TENSOR_X;
    case CLNORM__ARG_Y:
      return CLNORM_TENSOR_Y;
    case CLNORM__ARG_DY:
      return CLNORM_TENSOR_DY;
    case CLNORM__ARG_DX:
      return CLNORM_TENSOR_DX;
    case CLNORM__ARG_RESIDUAL:
      return CLNORM_TENSOR_RESIDUAL;
    case CLNORM__ARG_DRESIDUAL:
      return CLNORM_TENSOR_DRESIDUAL;
    default:
      return CLNORM_TENSORS;
  }
}

static int is_written(const clnorm_desc *desc, clnorm_pass pass, clnorm__argument argument)
{
  const usage use = usage_of(desc, pass, argument);
  return use == WRITE || use == MAY_WRITE || use == MAY_UPDATE;
}

static int accumulates(const clnorm_desc *desc, clnorm__argument argument)
{
  return (argument == CLNORM__ARG_DX && (desc->flags & CLNORM_ACCUMULATE_DX) != 0) ||
         (argument == CLNORM__ARG_DGAMMA && (desc->flags & CLNORM_ACCUMULATE_DGAMMA) != 0) ||
         (argument == CLNORM__ARG_DBETA && (desc->flags & CLNORM_ACCUMULATE_DBETA) != 0);
}

static int is_read(const clnorm_desc *desc, clnorm_pass pass, clnorm__argument argument)
{
  const usage use = usage_of(desc, pass, argument);
  return use == READ || use == MAY_READ || use == MAY_UPDATE || (use == MAY_WRITE && accumulates(desc, argument));
}

static clnorm_status check_presence(const clnorm_desc *desc, clnorm_pass pass, clnorm__argument argument,
                                    const clnorm__span *span)
{
  const usage use = usage_of(desc, pass, argument);
  if ((use == READ || use == WRITE) && !span->present) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "%s: this pass requires it, got NULL", arguments[argument].name);
  }
  if (use == ABSENT && span->present) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "%s: this pass does not use it, expected NULL",
                        arguments[argument].name);
  }
  return CLNORM_SUCCESS;
}

/* Elements that an argument takes up before and from the place on that it points to. */
static clnorm__reach reach_of(const clnorm_desc *desc, const clnorm__geometry *geometry, clnorm__argument argument)
{
  const clnorm_tensor tensor = clnorm__argument_tensor(argument);
  if (tensor != CLNORM_TENSORS) {
    return clnorm__reach_of(desc, tensor);
  }
  return (clnorm__reach){0, clnorm__argument_count(desc, geometry, argument)};
}

static clnorm_status check_extent(const clnorm_desc *desc, const clnorm__geometry *geometry, clnorm__argument argument,
                                  const clnorm__span *span)
{
  const char *name = arguments[argument].name;
  const clnorm__reach reach = reach_of(desc, geometry, argument);
  const size_t element = clnorm__argument_element(desc, argument);
  if (span->count != 0 && span->count != reach.after) {
    return clnorm__fail(CLNORM_BUFFER_TOO_SMALL, "%s: expected %llu elements, got %llu", name,
                        (unsigned long long)reach.after, (unsigned long long)span->count);
  }
  if (span->capacity / element < reach.after) {
    return clnorm__fail(CLNORM_BUFFER_TOO_SMALL, "%s: expected %llu bytes from its offset on, got %llu", name,
                        (unsigned long long)(reach.after * element), (unsigned long long)span->capacity);
  }
  if ((span->begin - span->floor) / element < reach.before) {
    return clnorm__fail(CLNORM_BUFFER_TOO_SMALL, "%s: expected %llu bytes before its offset, got %llu", name,
                        (unsigned long long)(reach.before * element), (unsigned long long)(span->begin - span->floor));
  }
  if (span->begin % element != 0) {
    return clnorm__fail(CLNORM_INVALID_BUFFER, "%s: expected alignment to %zu bytes, starts %llu bytes past it", name,
                        element, (unsigned long long)(span->begin % element));
  }
  return CLNORM_SUCCESS;
}

static clnorm_status check_access(const clnorm_desc *desc, clnorm_pass pass, clnorm__argument argument,
                                  const clnorm__span *span)
{
  if (is_written(desc, pass, argument) && !span->can_write) {
    return clnorm__fail(CLNORM_INVALID_BUFFER, "%s: expected a buffer that kernels may write, its flags forbid it",
                        arguments[argument].name);
  }
  if (is_read(desc, pass, argument) && !span->can_read) {
    return clnorm__fail(CLNORM_INVALID_BUFFER, "%s: expected a buffer that kernels may read, its flags forbid it",
                        arguments[argument].name);
  }
  return CLNORM_SUCCESS;
}

/* Every element is read before it is written, by the same work-item. Not where the result is added to what is there. */
static int may_alias(const clnorm_desc *desc, clnorm__argument output, clnorm__argument other)
{
  const int is_pair = (output == CLNORM__ARG_Y && (other == CLNORM__ARG_X || other == CLNORM__ARG_RESIDUAL)) ||
                      (output == CLNORM__ARG_DX && other == CLNORM__ARG_DY && !accumulates(desc, output)) ||
                      (output == CLNORM__ARG_DRESIDUAL && other == CLNORM__ARG_DY);
  return is_pair && clnorm__strides_are_equal(desc, clnorm__argument_tensor(output), clnorm__argument_tensor(other));
}

typedef struct range {
  const void *root;
  uint64_t begin, end;
} range;

static range range_of(const clnorm_desc *desc, const clnorm__geometry *geometry, clnorm__argument argument,
                      const clnorm__span *span)
{
  const clnorm__reach reach = reach_of(desc, geometry, argument);
  const uint64_t element = clnorm__argument_element(desc, argument);
  return (range){span->root, span->begin - reach.before * element, span->begin + reach.after * element};
}

static int ranges_overlap(range a, range b)
{
  return a.root == b.root && a.begin != a.end && b.begin != b.end && a.begin < b.end && b.begin < a.end;
}

static clnorm_status check_overlap(const clnorm_desc *desc, const clnorm__geometry *geometry, const clnorm__span *spans,
                                   clnorm__argument output)
{
  const range own = range_of(desc, geometry, output, &spans[output]);
  for (int i = 0; i < CLNORM__ARG_COUNT; i++) {
    const clnorm__argument other = (clnorm__argument)i;
    if (other == output || !spans[other].present) {
      continue;
    }
    if (!ranges_overlap(own, range_of(desc, geometry, other, &spans[other]))) {
      continue;
    }
    if (may_alias(desc, output, other) && spans[output].begin == spans[other].begin) {
      continue;
    }
    if (clnorm__tensors_interleave(desc, clnorm__argument_tensor(output), clnorm__argument_tensor(other),
                                   spans[output].begin, spans[other].begin)) {
      continue;
    }
    return clnorm__fail(CLNORM_OVERLAP, "%s: expected memory of its own, overlaps %s (starts at bytes %llu and %llu)",
                        arguments[output].name, arguments[other].name, (unsigned long long)spans[output].begin,
                        (unsigned long long)spans[other].begin);
  }
  return CLNORM_SUCCESS;
}

static clnorm_status check_workspace(const clnorm_desc *desc, const clnorm__geometry *geometry,
                                     const clnorm__span *spans, const clnorm__span *workspace, uint64_t bytes)
{
  /* Vectors of four floats are the widest that a kernel reads there. */
  const uint64_t alignment = 16;
  if (bytes == 0) {
    return CLNORM_SUCCESS;
  }
  if (!workspace->present) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "workspace: this plan requires %llu bytes, got NULL",
                        (unsigned long long)bytes);
  }
  const uint64_t has =
      workspace->count != 0 && workspace->count < workspace->capacity ? workspace->count : workspace->capacity;
  if (has < bytes) {
    return clnorm__fail(CLNORM_BUFFER_TOO_SMALL, "workspace: expected %llu bytes, got %llu", (unsigned long long)bytes,
                        (unsigned long long)has);
  }
  if (workspace->begin % alignment != 0) {
    return clnorm__fail(CLNORM_INVALID_BUFFER, "workspace: expected alignment to %llu bytes, starts %llu bytes past it",
                        (unsigned long long)alignment, (unsigned long long)(workspace->begin % alignment));
  }
  if (!workspace->can_write || !workspace->can_read) {
    return clnorm__fail(CLNORM_INVALID_BUFFER,
                        "workspace: expected a buffer that kernels may read and write, its flags forbid it");
  }
  for (int i = 0; i < CLNORM__ARG_COUNT; i++) {
    const clnorm__argument argument = (clnorm__argument)i;
    if (spans[argument].present && ranges_overlap((range){workspace->root, workspace->begin, workspace->begin + bytes},
                                                  range_of(desc, geometry, argument, &spans[argument]))) {
      return clnorm__fail(CLNORM_OVERLAP, "workspace: expected memory of its own, overlaps %s",
                          arguments[argument].name);
    }
  }
  return CLNORM_SUCCESS;
}

static clnorm_status check_asked_for(clnorm_pass pass, const clnorm__span *spans)
{
  const int backward = pass == CLNORM_BACKWARD || pass == CLNORM_BACKWARD_FROZEN;
  if (backward && !spans[CLNORM__ARG_DX].present && !spans[CLNORM__ARG_DGAMMA].present &&
      !spans[CLNORM__ARG_DBETA].present && !spans[CLNORM__ARG_DRESIDUAL].present) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT,
                        "dx, dgamma, dbeta: a backward pass expects at least one of them, all are NULL");
  }
  return CLNORM_SUCCESS;
}

clnorm_status clnorm__arguments_check(const clnorm_desc *desc, const clnorm__geometry *geometry, clnorm_pass pass,
                                      const clnorm__span spans[CLNORM__ARG_COUNT], const clnorm__span *workspace,
                                      uint64_t workspace_bytes)
{
  clnorm_status status;
  for (int i = 0; i < CLNORM__ARG_COUNT; i++) {
    const clnorm__argument argument = (clnorm__argument)i;
    CLNORM__TRY(check_presence(desc, pass, argument, &spans[argument]));
    if (!spans[argument].present) {
      continue;
    }
    CLNORM__TRY(check_extent(desc, geometry, argument, &spans[argument]));
    CLNORM__TRY(check_access(desc, pass, argument, &spans[argument]));
  }
  CLNORM__TRY(check_asked_for(pass, spans));
  for (int i = 0; i < CLNORM__ARG_COUNT; i++) {
    if (spans[i].present && is_written(desc, pass, (clnorm__argument)i)) {
      CLNORM__TRY(check_overlap(desc, geometry, spans, (clnorm__argument)i));
    }
  }
  CLNORM__TRY(check_workspace(desc, geometry, spans, workspace, workspace_bytes));
done:
  return status;
}

void clnorm__arguments_forgive_empty(const clnorm_desc *desc, clnorm_pass pass, clnorm__span spans[CLNORM__ARG_COUNT])
{
  for (int i = 0; i < CLNORM__ARG_COUNT; i++) {
    const usage use = usage_of(desc, pass, (clnorm__argument)i);
    const int is_empty = clnorm__argument_tensor((clnorm__argument)i) != CLNORM_TENSORS ||
                         arguments[i].extent == LENGTHS || arguments[i].extent == MASK;
    if ((use == READ || use == WRITE) && is_empty && !spans[i].present) {
      spans[i].present = spans[i].can_read = spans[i].can_write = 1;
    }
  }
}

clnorm_status clnorm__average_weight(const clnorm_desc *desc, clnorm_pass pass, uint64_t batch_number, double *weight)
{
  *weight = desc->average_factor;
  if (pass == CLNORM_TRAIN && desc->averaging == CLNORM_AVERAGE_CUMULATIVE) {
    if (batch_number == 0) {
      return clnorm__fail(CLNORM_INVALID_ARGUMENT, "batch_number: cumulative averaging expects 1, 2, 3 ..., got 0");
    }
    *weight = 1.0 / (double)batch_number;
  }
  return CLNORM_SUCCESS;
}
