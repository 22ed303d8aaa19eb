#include "norm_kind.h"

#include <stdio.h>
#include <storage_type.h>
#include <words.h>

const norm_kind norm_plain = {.op = CLNORM_BATCH, .axis = 1, .dtype = CLNORM_F32};

int norm_kind_same(const norm_kind *a, const norm_kind *b)
{
  return a->op == b->op && a->axis == b->axis && a->groups == b->groups && a->dtype == b->dtype &&
         a->activation == b->activation && a->alpha == b->alpha && a->residual == b->residual;
}

void norm_kind_apply(const norm_kind *kind, clnorm_desc *desc)
{
  desc->op = kind->op;
  desc->axis = kind->axis;
  desc->groups = kind->groups;
  desc->dtype = kind->dtype;
  desc->activation = kind->activation;
  desc->alpha = kind->alpha;
  desc->flags |= kind->residual ? CLNORM_RESIDUAL : 0u;
}

norm_kind norm_kind_of(const clnorm_desc *desc)
{
  return (norm_kind){.op = desc->op,
                     .axis = desc->axis,
                     .groups = desc->groups,
                     .dtype = desc->dtype,
                     .activation = desc->activation,
                     .alpha = desc->alpha,
                     .residual = (desc->flags & CLNORM_RESIDUAL) != 0};
}

int norm_has_channels(clnorm_op op) { return op != CLNORM_LAYER && op != CLNORM_RMS; }

int norm_has_running(clnorm_op op) { return op == CLNORM_BATCH || op == CLNORM_INSTANCE; }

/* Forward: x and the residual are read, y is written. Backward: x and dy are read, dx and dresidual written; the residual is
 * read where an activation's derivative needs it. */
double norm_tensors_moved(const norm_kind *kind, clnorm_pass pass)
{
  const double residual = kind->residual ? 1.0 : 0.0;
  if (pass == CLNORM_TRAIN || pass == CLNORM_INFER) {
    return 2.0 + residual;
  }
  return 3.0 + residual + (kind->activation != CLNORM_ACTIVATION_NONE ? residual : 0.0);
}

const char *norm_activation_text(const norm_kind *kind, char *text, size_t capacity)
{
  double usual = 0.0;
  if (activation_alpha(kind->activation, &usual)) {
    (void)snprintf(text, capacity, "%s:%.9g", activation_name(kind->activation), kind->alpha);
  } else {
    (void)snprintf(text, capacity, "%s", activation_name(kind->activation));
  }
  return text;
}

const char *norm_kind_before(const norm_kind *kind, char *text, size_t capacity)
{
  const char *name = op_name(kind->op);
  if (kind->op == CLNORM_BATCH) {
    (void)snprintf(text, capacity, "%s", "");
  } else if (kind->op == CLNORM_GROUP) {
    (void)snprintf(text, capacity, "%s(%u) ", name, (unsigned)kind->groups);
  } else if (!norm_has_channels(kind->op) && kind->axis != 1) {
    (void)snprintf(text, capacity, "%s(%u) ", name, (unsigned)kind->axis);
  } else {
    (void)snprintf(text, capacity, "%s ", name);
  }
  return text;
}

const char *norm_kind_behind(const norm_kind *kind, char *text, size_t capacity)
{
  char activation[48];
  const int fused = kind->activation != CLNORM_ACTIVATION_NONE;
  (void)norm_activation_text(kind, activation, sizeof activation);
  (void)snprintf(text, capacity, "%s%s%s%s%s", kind->dtype == CLNORM_F32 ? "" : " ",
                 kind->dtype == CLNORM_F32 ? "" : storage_name(kind->dtype), fused ? " " : "", fused ? activation : "",
                 kind->residual ? " residual" : "");
  return text;
}
