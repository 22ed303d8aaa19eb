#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "storage.h"
#include "trial.h"

static const char *op_name(clnorm_op op)
{
  static const char *const names[] = {"?", "batch", "layer", "instance", "group", "rms"};
  return names[op];
}

static const char *activation_name(clnorm_activation activation)
{
  static const char *const names[] = {"",         " relu", " leaky-relu", " clipped-relu", " elu",
                                      " sigmoid", " tanh", " silu",       " gelu",         " gelu-tanh"};
  return names[activation];
}

static int is_strided(const clnorm_desc *desc)
{
  static const int64_t dense[CLNORM_TENSORS][CLNORM_MAX_RANK];
  return memcmp(desc->strides, dense, sizeof dense) != 0;
}

/* Appends as much as fits. */
static void append(char *text, size_t capacity, const char *format, ...)
{
  const size_t length = strlen(text);
  va_list values;
  va_start(values, format);
  (void)vsnprintf(text + length, capacity - length, format, values);
  va_end(values);
}

const char *trial_describe(const clnorm_desc *desc, char *text, size_t capacity)
{
  static const struct {
    uint32_t flag;
    const char *name;
  } flags[] = {{CLNORM_PER_ACTIVATION, "per-activation"},
               {CLNORM_RESIDUAL, "residual"},
               {CLNORM_RELU_MASK, "mask"},
               {CLNORM_ACCUMULATE_DX, "add-dx"},
               {CLNORM_ACCUMULATE_DGAMMA, "add-dgamma"},
               {CLNORM_ACCUMULATE_DBETA, "add-dbeta"}};
  const int has_axis = desc->op == CLNORM_LAYER || desc->op == CLNORM_RMS;
  text[0] = '\0';
  append(text, capacity, "%s ", op_name(desc->op));
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    append(text, capacity, "%s%zu", axis == 0 ? "" : "x", desc->dims[axis]);
  }
  if (has_axis) {
    append(text, capacity, " from %u", (unsigned)desc->axis);
  } else {
    append(text, capacity, " channels-%s", desc->layout == CLNORM_CHANNELS_LAST ? "last" : "first");
  }
  if (desc->op == CLNORM_GROUP) {
    append(text, capacity, " in %u", (unsigned)desc->groups);
  }
  append(text, capacity, " %s%s", storage_name(desc->dtype), activation_name(desc->activation));
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    append(text, capacity, "%s%s", desc->flags & flags[i].flag ? " " : "",
           desc->flags & flags[i].flag ? flags[i].name : "");
  }
  append(text, capacity, "%s%s", desc->length_axis != 0 ? " lengths" : "", is_strided(desc) ? " strides" : "");
  return text;
}
