#include "words.h"

#include <string.h>

/* In the order of the enumerations, which begin at 1, 1 and 0. */
static const char *const ops[] = {"batch", "layer", "instance", "group", "rms"};
static const char *const types[] = {"f32", "f16", "bf16", "f64"};
static const char *const activations[] = {"none",    "relu", "leaky-relu", "clipped-relu", "elu",
                                          "sigmoid", "tanh", "silu",       "gelu",         "gelu-tanh"};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static int find(const char *const *table, size_t count, const char *name, size_t *which)
{
  for (*which = 0; *which < count; (*which)++) {
    if (strcmp(table[*which], name) == 0) {
      return 0;
    }
  }
  return -1;
}

const char *op_name(clnorm_op op) { return ops[op - CLNORM_BATCH]; }

int op_find(const char *name, clnorm_op *op)
{
  size_t which = 0;
  const int result = find(ops, COUNT(ops), name, &which);
  *op = result == 0 ? (clnorm_op)(which + CLNORM_BATCH) : *op;
  return result;
}

int type_find(const char *name, clnorm_dtype *type)
{
  size_t which = 0;
  const int result = find(types, COUNT(types), name, &which);
  *type = result == 0 ? (clnorm_dtype)(which + CLNORM_F32) : *type;
  return result;
}

const char *activation_name(clnorm_activation activation) { return activations[activation]; }

int activation_find(const char *name, clnorm_activation *activation)
{
  size_t which = 0;
  const int result = find(activations, COUNT(activations), name, &which);
  *activation = result == 0 ? (clnorm_activation)which : *activation;
  return result;
}

int activation_alpha(clnorm_activation activation, double *alpha)
{
  switch (activation) {
    case CLNORM_ACTIVATION_LEAKY_RELU:
      *alpha = 0.01;
      return 1;
    case CLNORM_ACTIVATION_ELU:
      *alpha = 1;
      return 1;
    case CLNORM_ACTIVATION_CLIPPED_RELU:
      *alpha = 6;
      return 1;
    default:
      return 0;
  }
}
