/* The parameters of every kernel in order, as data: what enqueue sets is what the .cl file declares. */
#ifndef CLNORM_HOST_SIGNATURES_H
#define CLNORM_HOST_SIGNATURES_H

#include "plan.h"

/* What a kernel sees as a buffer and an offset: the caller's arguments, and those that depend on pass and call. */
typedef enum clnorm__operand {
  CLNORM__OPERAND_ARGUMENTS_END = CLNORM__ARG_COUNT,
  CLNORM__OPERAND_PARTIALS = CLNORM__ARG_COUNT, /* pieces of the workspace */
  CLNORM__OPERAND_COEFFICIENTS,
  CLNORM__OPERAND_STORED_MEAN, /* where merge_stats stores: the caller's, or the workspace's if the step owns them */
  CLNORM__OPERAND_STORED_INV_STD,
  CLNORM__OPERAND_CENTER,     /* mean of the backward passes: given, recomputed or running */
  CLNORM__OPERAND_SPREAD,     /* inv_std, given or recomputed, or the running variance */
  CLNORM__OPERAND_GIVEN_MEAN, /* of a backward pass with the batch's statistics: what the caller gave; NULL if nothing */
  CLNORM__OPERAND_GIVEN_INV_STD,
  CLNORM__OPERAND_MOMENTS, /* NULL if the plan has none */
  CLNORM__OPERAND_COUNT
} clnorm__operand;

/* Numbers that only a call knows. */
typedef struct clnorm__call {
  double epsilon;
  double weight; /* of the new value in the running statistics */
  double keep;   /* 1 - weight */
  double alpha;
} clnorm__call;

typedef enum clnorm__parameter_kind {
  CLNORM__PARAMETER_END = 0,
  CLNORM__PARAMETER_OPERAND,  /* two kernel arguments: buffer, offset in elements */
  CLNORM__PARAMETER_STRIDES,  /* clnorm__strides of a clnorm_tensor */
  CLNORM__PARAMETER_AXES,     /* clnorm__axes */
  CLNORM__PARAMETER_GEOMETRY, /* uint64_t in clnorm__geometry */
  CLNORM__PARAMETER_PLAN,     /* uint64_t in clnorm_plan */
  CLNORM__PARAMETER_STEP,     /* uint64_t in clnorm__step */
  CLNORM__PARAMETER_STEP_32,  /* uint32_t in clnorm__step */
  CLNORM__PARAMETER_DESC_32,  /* uint32_t in clnorm_desc */
  CLNORM__PARAMETER_NUMBER    /* double in clnorm__call; as float unless the tensors are double */
} clnorm__parameter_kind;

typedef struct clnorm__parameter {
  clnorm__parameter_kind kind;
  size_t where; /* operand, or offset of the member */
} clnorm__parameter;

/* Ends with a parameter of kind CLNORM__PARAMETER_END. */
const clnorm__parameter *clnorm__signature(clnorm__role role);

#endif
