/* Which normalization is measured: what a descriptor says besides shape and layout. */
#ifndef CLNORM_BENCH_NORM_KIND_H
#define CLNORM_BENCH_NORM_KIND_H

#include <clnorm/clnorm.h>

typedef struct norm_kind {
  clnorm_op op;
  uint32_t axis;   /* layer, rms; else 1 */
  uint32_t groups; /* group; else 0 */
  clnorm_dtype dtype;
  clnorm_activation activation;
  double alpha; /* of an activation that has it; else 0 */
  int residual;
} norm_kind;

/* Batch normalization of float32 tensors with nothing fused: what a name leaves out. */
extern const norm_kind norm_plain;

int norm_kind_same(const norm_kind *a, const norm_kind *b);

/* Sets what it says in a descriptor that clnorm_desc_init has filled. */
void norm_kind_apply(const norm_kind *kind, clnorm_desc *desc);

/* What a descriptor says. */
norm_kind norm_kind_of(const clnorm_desc *desc);

/* 1 for operations over (N, C, ...), where the layout tells which axis C is. */
int norm_has_channels(clnorm_op op);

/* 1 for operations with running statistics: their infer and backward-frozen are other computations than train, backward. */
int norm_has_running(clnorm_op op);

/* Least traffic of a pass in tensors of x's size: what it reads and writes if its data stays in the cache. */
double norm_tensors_moved(const norm_kind *kind, clnorm_pass pass);

/* "none", "relu", "elu:0.5": as --activation takes it. */
const char *norm_activation_text(const norm_kind *kind, char *text, size_t capacity);

/* What stands before a shape, "group(8) ", and behind it, " f16 relu residual"; "" of what norm_plain has, too, and of axis 1. */
const char *norm_kind_before(const norm_kind *kind, char *text, size_t capacity);
const char *norm_kind_behind(const norm_kind *kind, char *text, size_t capacity);

#endif
