#include "arguments.h"

#include "descriptor.h"
#include "error.h"

typedef enum usage { ABSENT, READ, MAY_READ, WRITE, MAY_WRITE, MAY_UPDATE } usage;

/* One row an argument, one column a pass: train, infer, backward, backward-frozen. */
static const usage usages[CLNORM__ARG_COUNT][4] = {
    [CLNORM__ARG_X] = {READ, READ, READ, READ},
    [CLNORM__ARG_DY] = {ABSENT, ABSENT, READ, READ},
    [CLNORM__ARG_Y] = {WRITE, WRITE, ABSENT, ABSENT},
    [CLNORM__ARG_DX] = {ABSENT, ABSENT, MAY_WRITE, MAY_WRITE},
    [CLNORM__ARG_GAMMA] = {MAY_READ, MAY_READ, MAY_READ, MAY_READ},
    [CLNORM__ARG_BETA] = {MAY_READ, MAY_READ, ABSENT, ABSENT},
    [CLNORM__ARG_DGAMMA] = {ABSENT, ABSENT, MAY_WRITE, MAY_WRITE},
    [CLNORM__ARG_DBETA] = {ABSENT, ABSENT, MAY_WRITE, MAY_WRITE},
    [CLNORM__ARG_RUNNING_MEAN] = {MAY_UPDATE, READ, ABSENT, READ},
    [CLNORM__ARG_RUNNING_VAR] = {MAY_UPDATE, READ, ABSENT, READ},
    [CLNORM__ARG_MEAN] = {MAY_WRITE, ABSENT, MAY_READ, ABSENT},
    [CLNORM__ARG_INV_STD] = {MAY_WRITE, ABSENT, MAY_READ, ABSENT},
};

typedef enum extent { TENSOR, PARAMETER, STATISTIC } extent;

static const struct {
  const char *name;
  extent extent;
} arguments[CLNORM__ARG_COUNT] = {
#define ARGUMENT_ROW(name, member, extent) [CLNORM__ARG_##name] = {#member, extent},
    CLNORM__ARGUMENT_TABLE(ARGUMENT_ROW)
#undef ARGUMENT_ROW
};

static usage usage_of(clnorm_pass pass, clnorm__argument argument) { return usages[argument][pass - CLNORM_TRAIN]; }

const char *clnorm__argument_name(clnorm__argument argument) { return arguments[argument].name; }

uint64_t clnorm__argument_count(const clnorm__geometry *geometry, clnorm__argument argument)
{
  switch (arguments[argument].extent) {
    case PARAMETER:
      return geometry->parameters;
    case STATISTIC:
      return geometry->statistics;
    case TENSOR:
      break;
  }
  return geometry->elements;
}

size_t clnorm__argument_element(const clnorm_desc *desc, clnorm__argument argument)
{
  return arguments[argument].extent == TENSOR ? clnorm__dtype_size(desc->dtype) : sizeof(float);
}

int clnorm__argument_written(clnorm_pass pass, clnorm__argument argument)
{
  const usage use = usage_of(pass, argument);
  return use == WRITE || use == MAY_WRITE || use == MAY_UPDATE;
}

static int argument_read(clnorm_pass pass, clnorm__argument argument)
{
  const usage use = usage_of(pass, argument);
  return use == READ || use == MAY_READ || use == MAY_UPDATE;
}

static clnorm_status check_presence(clnorm_pass pass, clnorm__argument argument, const clnorm__span *span)
{
  const usage use = usage_of(pass, argument);
  if ((use == READ || use == WRITE) && !span->present) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "%s: this pass requires it, got NULL", arguments[argument].name);
  }
  if (use == ABSENT && span->present) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "%s: this pass does not use it, expected NULL",
                        arguments[argument].name);
  }
  return CLNORM_SUCCESS;
}

static clnorm_status check_extent(const char *name, const clnorm__span *span, uint64_t count, size_t element)
{
  if (span->count != 0 && span->count != count) {
    return clnorm__fail(CLNORM_BUFFER_TOO_SMALL, "%s: expected %llu elements, got %llu", name,
                        (unsigned long long)count, (unsigned long long)span->count);
  }
  if (span->capacity / element < count) {
    return clnorm__fail(CLNORM_BUFFER_TOO_SMALL, "%s: expected %llu bytes from its offset on, got %llu", name,
                        (unsigned long long)(count * element), (unsigned long long)span->capacity);
  }
  if (span->begin % element != 0) {
    return clnorm__fail(CLNORM_INVALID_BUFFER, "%s: expected alignment to %zu bytes, starts %llu bytes past it", name,
                        element, (unsigned long long)(span->begin % element));
  }
  return CLNORM_SUCCESS;
}

static clnorm_status check_access(clnorm_pass pass, clnorm__argument argument, const clnorm__span *span)
{
  if (clnorm__argument_written(pass, argument) && !span->can_write) {
    return clnorm__fail(CLNORM_INVALID_BUFFER, "%s: expected a buffer that kernels may write, its flags forbid it",
                        arguments[argument].name);
  }
  if (argument_read(pass, argument) && !span->can_read) {
    return clnorm__fail(CLNORM_INVALID_BUFFER, "%s: expected a buffer that kernels may read, its flags forbid it",
                        arguments[argument].name);
  }
  return CLNORM_SUCCESS;
}

/* y = x and dx = dy: every element is read before it is written, by the same work-item. */
static int may_alias(clnorm__argument output, clnorm__argument other)
{
  return (output == CLNORM__ARG_Y && other == CLNORM__ARG_X) || (output == CLNORM__ARG_DX && other == CLNORM__ARG_DY);
}

static int ranges_overlap(const clnorm__span *a, uint64_t a_bytes, const clnorm__span *b, uint64_t b_bytes)
{
  return a->root == b->root && a_bytes != 0 && b_bytes != 0 && a->begin < b->begin + b_bytes &&
         b->begin < a->begin + a_bytes;
}

static uint64_t bytes_of(const clnorm_desc *desc, const clnorm__geometry *geometry, clnorm__argument argument)
{
  return clnorm__argument_count(geometry, argument) * clnorm__argument_element(desc, argument);
}

static clnorm_status check_overlap(const clnorm_desc *desc, const clnorm__geometry *geometry, const clnorm__span *spans,
                                   clnorm__argument output)
{
  const uint64_t bytes = bytes_of(desc, geometry, output);
  for (int i = 0; i < CLNORM__ARG_COUNT; i++) {
    const clnorm__argument other = (clnorm__argument)i;
    if (other == output || !spans[other].present) {
      continue;
    }
    if (!ranges_overlap(&spans[output], bytes, &spans[other], bytes_of(desc, geometry, other))) {
      continue;
    }
    if (may_alias(output, other) && spans[output].begin == spans[other].begin) {
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
    if (spans[argument].present &&
        ranges_overlap(workspace, bytes, &spans[argument], bytes_of(desc, geometry, argument))) {
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
      !spans[CLNORM__ARG_DBETA].present) {
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
    CLNORM__TRY(check_presence(pass, argument, &spans[argument]));
    if (!spans[argument].present) {
      continue;
    }
    CLNORM__TRY(check_extent(arguments[argument].name, &spans[argument], clnorm__argument_count(geometry, argument),
                             clnorm__argument_element(desc, argument)));
    CLNORM__TRY(check_access(pass, argument, &spans[argument]));
  }
  CLNORM__TRY(check_asked_for(pass, spans));
  for (int i = 0; i < CLNORM__ARG_COUNT; i++) {
    if (spans[i].present && clnorm__argument_written(pass, (clnorm__argument)i)) {
      CLNORM__TRY(check_overlap(desc, geometry, spans, (clnorm__argument)i));
    }
  }
  CLNORM__TRY(check_workspace(desc, geometry, spans, workspace, workspace_bytes));
done:
  return status;
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
