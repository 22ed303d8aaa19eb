/* The words of the command line for operations, storage types and activations. Functions that find return 0, or -1 for a word
 * that is none. */
#ifndef CLNORM_TOOLS_WORDS_H
#define CLNORM_TOOLS_WORDS_H

#include <clnorm/clnorm.h>

#define WORDS_OPS "batch, layer, instance, group or rms"
#define WORDS_TYPES "f32, f16, bf16 or f64"
#define WORDS_ACTIVATIONS "none, relu, leaky-relu, clipped-relu, elu, sigmoid, tanh, silu, gelu or gelu-tanh"

const char *op_name(clnorm_op op);
int op_find(const char *name, clnorm_op *op);

/* storage_name() in storage_type.h is the way back. */
int type_find(const char *name, clnorm_dtype *type);

const char *activation_name(clnorm_activation activation);
int activation_find(const char *name, clnorm_activation *activation);

/* 1 if the activation has a parameter; *alpha is then what it is by default. */
int activation_alpha(clnorm_activation activation, double *alpha);

#endif
