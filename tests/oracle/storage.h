/* The storage types of tensors, written from their definitions and sharing no code with the library: a double goes into an
 * element rounded to nearest even, what is too large becomes infinite, denormals are kept, NaN stays NaN. Every element is
 * a double exactly, so storage_store(storage_load(...)) gives back the same bits, but for those of a NaN.
 *
 * Elements lie at any address, aligned or not. An unknown dtype counts as CLNORM_F32. */
#ifndef CLNORM_TESTS_STORAGE_H
#define CLNORM_TESTS_STORAGE_H

#include "clnorm/clnorm.h"

/* Bytes of an element: 4, 2, 2 or 8. */
size_t storage_size(clnorm_dtype dtype);

/* "f32", "f16", "bf16", "f64" */
const char *storage_name(clnorm_dtype dtype);

/* The type of statistics and parameters beside tensors of `dtype`: CLNORM_F64 beside itself, else CLNORM_F32. */
clnorm_dtype storage_number(clnorm_dtype dtype);

/* Element `index` of an array at `array`; negative indices lie before it. */
double storage_load(clnorm_dtype dtype, const void *array, int64_t index);
void storage_store(clnorm_dtype dtype, void *array, int64_t index, double value);

/* The bits of an element in the low bits of the result, and back. */
uint64_t storage_encode(clnorm_dtype dtype, double value);
double storage_decode(clnorm_dtype dtype, uint64_t bits);

/* The value that an element has after `value` was stored in it. */
double storage_round(clnorm_dtype dtype, double value);

/* The distance between neighbours in the binade of |value|; below the normal numbers that of the denormals. Binades go on
 * above the largest number. */
double storage_ulp(clnorm_dtype dtype, double value);

#endif
