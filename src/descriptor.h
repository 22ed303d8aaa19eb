/* Validation of a descriptor: the only place that reads one as the caller wrote it. */
#ifndef CLNORM_SRC_DESCRIPTOR_H
#define CLNORM_SRC_DESCRIPTOR_H

#include "geometry.h"

/* Copies the caller's descriptor of any known size, and nothing more. Errors: INVALID_ARGUMENT. */
clnorm_status clnorm__descriptor_copy(const clnorm_desc *from, clnorm_desc *desc);

/* Copies the caller's descriptor, validates every field, and derives the geometry.
 * Errors: INVALID_ARGUMENT, INVALID_SHAPE, OVERFLOW, UNSUPPORTED, each with a sentence that names the field. */
clnorm_status clnorm__descriptor_read(const clnorm_desc *from, clnorm_desc *desc, clnorm__geometry *geometry);

/* What a pass asks of a shape beyond the descriptor's own rules (a training pass needs two values a statistic).
 * Errors: INVALID_ARGUMENT (unknown pass), INVALID_SHAPE, TOO_FEW_VALUES. */
clnorm_status clnorm__descriptor_allows(const clnorm_desc *desc, const clnorm__geometry *geometry, clnorm_pass pass);

/* Bytes of one element of x, and of one number (gamma, mean, ...). */
size_t clnorm__dtype_size(clnorm_dtype dtype);
size_t clnorm__number_size(clnorm_dtype dtype);

/* "batch", "layer", ... */
const char *clnorm__op_name(clnorm_op op);

/* 1 if the operation keeps running statistics. */
int clnorm__op_has_running(clnorm_op op);

/* 1 if it is dense tensors, of whatever type, and asks for nothing beside an activation and a residual. */
int clnorm__desc_is_lean(const clnorm_desc *desc);

/* 1 if rows and columns describe all of it: batch normalization of a dense tensor, of whatever type, and nothing fused. */
int clnorm__desc_fuses_nothing(const clnorm_desc *desc);

#endif
