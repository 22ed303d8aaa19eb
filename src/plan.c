#include "plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "descriptor.h"
#include "error.h"
#include "strides.h"
#include "tuning_state.h"
#include "variants.h"

/* Pieces of the workspace start at multiples of this many bytes: a cache line, and the widest vector. */
#define PIECE_ALIGNMENT 64

/* Components of partial results and coefficients, see plan.h. */
#define STATS_COMPONENTS_CL 6
#define STATS_COMPONENTS_HOST 3
#define GRADIENTS_COMPONENTS_CL 6
#define GRADIENTS_COMPONENTS_HOST 3
#define COEFFICIENTS 4
#define COEFFICIENTS_OF_Z 2
#define COEFFICIENTS_OF_Z_CL 1

/* Bytes of a parameter's partial results of samples_backward and its like: two doubles, or four floats. */
#define PARAMETER_PARTIAL 16

/* What a task with copied parameters has of each element of a run, in floats. */
#define COPIED_FLOATS 6

const char *clnorm__role_name(clnorm__role role)
{
  static const char *const names[CLNORM__ROLE_COUNT] = {
#define ROLE_NAME(name, kernel) [CLNORM__##name] = #kernel,
      CLNORM__CL_ROLE_TABLE(ROLE_NAME) CLNORM__ROLE_TABLE(ROLE_NAME)
#undef ROLE_NAME
  };
  return names[role];
}

uint64_t clnorm__step_piece(const clnorm__geometry *geometry, const clnorm__step *step)
{
  return step->shared == CLNORM__SHARED ? geometry->repeat : geometry->run;
}

int clnorm__plan_has_role(const clnorm_plan *plan, clnorm__role role)
{
  for (int i = 0; i < plan->num_steps; i++) {
    if (plan->steps[i].role == role) {
      return 1;
    }
  }
  return 0;
}

static int uses_partials(const clnorm_plan *plan)
{
  return clnorm__plan_has_role(plan, CLNORM__MERGE_STATS) || clnorm__plan_has_role(plan, CLNORM__MERGE_GRADIENTS) ||
         clnorm__plan_has_role(plan, CLNORM__MATRIX_STATS);
}

static int recomputes_statistics(const clnorm_plan *plan)
{
  for (int i = 0; i < plan->num_steps; i++) {
    if (plan->steps[i].owns_saved) {
      return 1;
    }
  }
  return 0;
}

static uint64_t take_piece(uint64_t *end, uint64_t bytes)
{
  const uint64_t begin = *end;
  *end = (begin + bytes + PIECE_ALIGNMENT - 1) / PIECE_ALIGNMENT * PIECE_ALIGNMENT;
  return begin;
}

static uint64_t partial_bytes(const clnorm_plan *plan)
{
  if (plan->engine == CLNORM__ENGINE_HOST) {
    return sizeof(double) *
           (STATS_COMPONENTS_HOST > GRADIENTS_COMPONENTS_HOST ? STATS_COMPONENTS_HOST : GRADIENTS_COMPONENTS_HOST);
  }
  return sizeof(float) *
         (STATS_COMPONENTS_CL > GRADIENTS_COMPONENTS_CL ? STATS_COMPONENTS_CL : GRADIENTS_COMPONENTS_CL);
}

/* Coefficients a statistic. Gradients need those of z too: on the CPU backend where something is fused, on OpenCL with an
 * activation. */
static uint64_t coefficients_of(const clnorm_plan *plan)
{
  if (plan->pass == CLNORM_TRAIN || plan->pass == CLNORM_INFER) {
    return COEFFICIENTS;
  }
  if (plan->engine == CLNORM__ENGINE_HOST) {
    return COEFFICIENTS + (clnorm__desc_fuses_nothing(&plan->desc) ? 0 : COEFFICIENTS_OF_Z);
  }
  return COEFFICIENTS + (plan->desc.activation == CLNORM_ACTIVATION_NONE ? 0 : COEFFICIENTS_OF_Z_CL);
}

static int copies_parameters(const clnorm_plan *plan)
{
  for (int i = 0; i < plan->num_steps; i++) {
    if (plan->steps[i].shared == CLNORM__COPIED) {
      return 1;
    }
  }
  return 0;
}

static clnorm_status lay_out_workspace(clnorm_plan *plan)
{
  const uint64_t statistics = plan->geometry.statistics;
  const uint64_t each = partial_bytes(plan) * plan->partials + (coefficients_of(plan) + 2) * sizeof(float);
  uint64_t end = 0;
  if ((uses_partials(plan) || plan->moments != 0) && statistics > ((uint64_t)INT64_MAX - 4 * PIECE_ALIGNMENT) / each) {
    return clnorm__fail(CLNORM_OVERFLOW,
                        "workspace: expected less than 2^63 bytes, %" PRIu64 " statistics need %" PRIu64 " each",
                        statistics, each);
  }
  if (clnorm__plan_has_role(plan, CLNORM__MATRIX_STATS)) {
    const uint64_t samples = statistics / plan->geometry.parameter_groups, columns = plan->geometry.columns;
    plan->partials_offset = take_piece(&end, partial_bytes(plan) * plan->partials * columns);
    plan->coefficients_offset = take_piece(&end, coefficients_of(plan) * sizeof(float) * samples * columns);
  } else if (uses_partials(plan)) {
    plan->partials_offset = take_piece(&end, partial_bytes(plan) * plan->partials * plan->merged);
    plan->coefficients_offset = take_piece(&end, coefficients_of(plan) * sizeof(float) * plan->merged);
  }
  if (recomputes_statistics(plan)) {
    plan->own_mean_offset = take_piece(&end, sizeof(float) * statistics);
    plan->own_inv_std_offset = take_piece(&end, sizeof(float) * statistics);
  }
  if (clnorm__plan_has_role(plan, CLNORM__SAMPLES_MERGE) && !clnorm__plan_has_role(plan, CLNORM__MATRIX_STATS)) {
    const uint64_t copied = copies_parameters(plan) ? COPIED_FLOATS * sizeof(float) * plan->geometry.run : 0;
    plan->partials_offset = take_piece(&end, (PARAMETER_PARTIAL * plan->geometry.parameters + copied) * plan->partials);
  }
  if (plan->moments != 0) {
    plan->moments_offset = take_piece(&end, plan->moments * clnorm__number_size(plan->desc.dtype) * statistics);
  }
  plan->workspace_size = end;
  return CLNORM_SUCCESS;
}

/* Elements from the first to the last of the tensor that reaches farthest. */
static uint64_t largest_tensor(const clnorm_desc *desc)
{
  uint64_t largest = 0;
  for (int t = 0; t < CLNORM_TENSORS; t++) {
    const clnorm__reach reach = clnorm__reach_of(desc, (clnorm_tensor)t);
    largest = reach.before + reach.after > largest ? reach.before + reach.after : largest;
  }
  return largest;
}

static clnorm_status check_allocation(const clnorm_plan *plan, const clnorm__capabilities *capabilities)
{
  const uint64_t tensor = largest_tensor(&plan->desc) * clnorm__dtype_size(plan->desc.dtype);
  const uint64_t largest = tensor > plan->workspace_size ? tensor : plan->workspace_size;
  if (largest > capabilities->max_allocation) {
    return clnorm__fail(
        CLNORM_OUT_OF_MEMORY,
        "%s: needs %" PRIu64 " bytes in one buffer, expected at most the device's largest allocation of %" PRIu64,
        tensor >= plan->workspace_size ? "desc.dims" : "workspace", largest, capabilities->max_allocation);
  }
  return CLNORM_SUCCESS;
}

static const char *pass_name(clnorm_pass pass)
{
  switch (pass) {
    case CLNORM_TRAIN:
      return "forward-train";
    case CLNORM_INFER:
      return "forward-infer";
    case CLNORM_BACKWARD:
      return "backward";
    case CLNORM_BACKWARD_FROZEN:
      return "backward-frozen";
  }
  return "?";
}

/* A choice by the caller, else by the database, else by the built-in table. */
static clnorm_status choose(clnorm_plan *plan, const char *text)
{
  const clnorm__capabilities *capabilities = &plan->capabilities;
  clnorm__choice choice;
  clnorm__choice_clear(&choice);
  if (text == NULL && clnorm__desc_fuses_nothing(&plan->desc)) {
    const clnorm__choice *tuned = clnorm__tuning_find(capabilities->tuning, plan);
    if (tuned != NULL && clnorm__variant_choose(plan, capabilities, tuned)) {
      plan->chooser = CLNORM__TUNED;
      return CLNORM_SUCCESS;
    }
  } else if (text != NULL && strcmp(text, CLNORM_BUILT_IN) != 0) {
    const char *why = clnorm__choice_read(text, strlen(text), plan->engine, &choice);
    if (why != NULL) {
      return clnorm__fail(CLNORM_INVALID_ARGUMENT,
                          "choice: expected \"variant parameter=value ...\", got %s in \"%.200s\"", why, text);
    }
    plan->chooser = CLNORM__FORCED;
  }
  if (!clnorm__variant_choose(plan, capabilities, &choice)) {
    return clnorm__fail(CLNORM_UNSUPPORTED, "choice: %s cannot compute %s of this shape", choice.variant,
                        pass_name(plan->pass));
  }
  return CLNORM_SUCCESS;
}

clnorm_status clnorm__plan_make(const clnorm_desc *desc, clnorm_pass pass, const clnorm__capabilities *capabilities,
                                clnorm_plan *plan)
{
  return clnorm__plan_make_with(desc, pass, NULL, capabilities, plan);
}

clnorm_status clnorm__plan_make_with(const clnorm_desc *desc, clnorm_pass pass, const char *choice,
                                     const clnorm__capabilities *capabilities, clnorm_plan *plan)
{
  clnorm_status status;
  memset(plan, 0, sizeof *plan);
  CLNORM__TRY(clnorm__descriptor_read(desc, &plan->desc, &plan->geometry));
  CLNORM__TRY(clnorm__descriptor_allows(&plan->desc, &plan->geometry, pass));
  if (plan->desc.dtype == CLNORM_F64 && !capabilities->has_double) {
    return clnorm__fail(CLNORM_UNSUPPORTED, "desc.dtype: CLNORM_F64 (4) expects double, which the device has not");
  }
  plan->pass = pass;
  plan->engine = capabilities->engine;
  plan->capabilities = *capabilities;
  const int unbiased = plan->desc.running_variance == CLNORM_VARIANCE_UNBIASED;
  plan->merged = plan->geometry.statistics;
  plan->stats_divisor = plan->geometry.values - (unbiased && plan->geometry.values > 1 ? 1 : 0);
  CLNORM__TRY(choose(plan, choice));
  CLNORM__TRY(lay_out_workspace(plan));
  CLNORM__TRY(check_allocation(plan, capabilities));
done:
  return status;
}

int clnorm__plan_exceeds(const clnorm_plan *plan, uint64_t cache)
{
  return plan->geometry.elements * clnorm__dtype_size(plan->desc.dtype) >= cache / 8 * plan->parameters.stream_eighths;
}

int clnorm__step_needed(const clnorm_plan *plan, const clnorm__step *step, const clnorm__span spans[CLNORM__ARG_COUNT])
{
  const int parameters = spans[CLNORM__ARG_DGAMMA].present || spans[CLNORM__ARG_DBETA].present;
  const int inputs = spans[CLNORM__ARG_DX].present || spans[CLNORM__ARG_DRESIDUAL].present;
  if (step->tasks == 0) {
    return 0;
  }
  switch (step->when) {
    case CLNORM__ALWAYS:
      break;
    case CLNORM__WITHOUT_STATISTICS:
      return !spans[CLNORM__ARG_MEAN].present || !spans[CLNORM__ARG_INV_STD].present;
    case CLNORM__WITH_SUMS:
      return plan->pass == CLNORM_BACKWARD || parameters;
    case CLNORM__WITHOUT_SUMS:
      return inputs && !parameters;
    case CLNORM__WITH_RUNNING:
      return spans[CLNORM__ARG_RUNNING_MEAN].present || spans[CLNORM__ARG_RUNNING_VAR].present;
    case CLNORM__WITH_PARAMETERS:
      return parameters;
    case CLNORM__WITH_INPUTS:
      return inputs;
  }
  return 1;
}

clnorm_status clnorm_plan_create(const clnorm_desc *desc, clnorm_pass pass, clnorm_plan **plan)
{
  return clnorm_plan_create_with(desc, pass, NULL, plan);
}

clnorm_status clnorm_plan_create_with(const clnorm_desc *desc, clnorm_pass pass, const char *choice, clnorm_plan **plan)
{
  clnorm_status status;
  clnorm_plan *made = NULL;
  clnorm__capabilities capabilities = clnorm__host_capabilities;
  clnorm__error_begin();
  if (plan == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "plan: expected a pointer to fill, got NULL");
  }
  made = malloc(sizeof *made);
  if (made == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "plan: %zu bytes of host memory were refused", sizeof *made);
  }
  capabilities.tuning = choice == NULL ? clnorm__tuning_of_host() : NULL;
  CLNORM__TRY(clnorm__plan_make_with(desc, pass, choice, &capabilities, made));
  *plan = made;
  made = NULL;
done:
  free(made);
  return status;
}

void clnorm_plan_destroy(clnorm_plan *plan) { free(plan); }

size_t clnorm_plan_workspace_size(const clnorm_plan *plan) { return plan == NULL ? 0 : (size_t)plan->workspace_size; }

const char *clnorm_plan_variant(const clnorm_plan *plan) { return plan == NULL ? "" : plan->variant; }

const char *clnorm_plan_tuning(const clnorm_plan *plan)
{
  static const char *const names[] = {"built-in", "tuned", "forced"};
  return plan == NULL ? "" : names[plan->chooser];
}

size_t clnorm_plan_choice(const clnorm_plan *plan, char *text, size_t capacity)
{
  if (plan == NULL) {
    if (capacity != 0) {
      text[0] = '\0';
    }
    return 0;
  }
  return clnorm__choice_write(plan->variant, &plan->parameters, plan->engine, text, capacity);
}

/* Appends to a text that may be full already; `length` counts on past the end, like snprintf. */
static void append(char *text, size_t capacity, size_t *length, const char *piece)
{
  const size_t piece_length = strlen(piece);
  for (size_t i = 0; i < piece_length; i++, (*length)++) {
    if (*length + 1 < capacity) {
      text[*length] = piece[i];
    }
  }
  if (capacity != 0) {
    text[*length < capacity ? *length : capacity - 1] = '\0';
  }
}

/* " f32 channels-first per-activation relu residual: " */
static void append_kind(const clnorm_plan *plan, char *text, size_t capacity, size_t *length)
{
  static const char *const dtypes[] = {"f32", "f16", "bf16", "f64"};
  static const char *const activations[] = {"",         " relu", " leaky-relu", " clipped-relu", " elu",
                                            " sigmoid", " tanh", " silu",       " gelu",         " gelu-tanh"};
  const clnorm_desc *desc = &plan->desc;
  char piece[64];
  (void)snprintf(piece, sizeof piece, " %s", dtypes[desc->dtype - CLNORM_F32]);
  append(text, capacity, length, piece);
  if (desc->op == CLNORM_LAYER || desc->op == CLNORM_RMS) {
    (void)snprintf(piece, sizeof piece, " axis %u", (unsigned)desc->axis);
  } else if (desc->op == CLNORM_GROUP) {
    (void)snprintf(piece, sizeof piece, " channels-%s groups %u",
                   desc->layout == CLNORM_CHANNELS_FIRST ? "first" : "last", (unsigned)desc->groups);
  } else {
    (void)snprintf(piece, sizeof piece, " channels-%s", desc->layout == CLNORM_CHANNELS_FIRST ? "first" : "last");
  }
  append(text, capacity, length, piece);
  append(text, capacity, length, desc->flags & CLNORM_PER_ACTIVATION ? " per-activation" : "");
  append(text, capacity, length, activations[desc->activation]);
  append(text, capacity, length, desc->flags & CLNORM_RESIDUAL ? " residual" : "");
  append(text, capacity, length, desc->flags & CLNORM_RELU_MASK ? " mask" : "");
  append(text, capacity, length, desc->length_axis != 0 ? " lengths" : "");
  append(text, capacity, length, clnorm__strides_are_dense(desc) ? ": " : " strided: ");
}

size_t clnorm_plan_describe(const clnorm_plan *plan, char *text, size_t capacity)
{
  size_t length = 0;
  char piece[128];
  if (plan == NULL) {
    append(text, capacity, &length, "");
    return 0;
  }
  (void)snprintf(piece, sizeof piece, "%s %s ", clnorm__op_name(plan->desc.op), pass_name(plan->pass));
  append(text, capacity, &length, piece);
  for (uint32_t axis = 0; axis < plan->desc.rank; axis++) {
    (void)snprintf(piece, sizeof piece, "%s%zu", axis == 0 ? "" : "x", plan->desc.dims[axis]);
    append(text, capacity, &length, piece);
  }
  append_kind(plan, text, capacity, &length);
  append(text, capacity, &length, plan->variant);
  const clnorm__step *last = &plan->steps[plan->num_steps - 1];
  (void)snprintf(piece, sizeof piece, ", %" PRIu64 " groups of %u", last->tasks, (unsigned)last->local);
  append(text, capacity, &length, piece);
  return length;
}
