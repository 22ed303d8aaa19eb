/* An n-dimensional array in C order, of one of the storage types, whatever the type in the file that it came from. */
#ifndef CLNORM_TOOLS_ARRAY_H
#define CLNORM_TOOLS_ARRAY_H

#include <clnorm/clnorm.h>
#include <stddef.h>
#include <stdint.h>

#include "stream.h"

#define ARRAY_MAX_RANK 8

typedef struct array {
  clnorm_dtype type;
  int rank; /* 0: a single value */
  size_t dims[ARRAY_MAX_RANK];
  size_t count; /* product of the dimensions */
  void *data;   /* owned; NULL in an empty structure */
} array;

/* Makes an array of zeros. Returns 0, or -1 if there is not the memory (or its bytes overflow). */
int array_make(array *a, clnorm_dtype type, int rank, const size_t *dims);

/* Leaves *a empty. An empty structure is allowed. */
void array_free(array *a);

/* An element's value, exact; and the same set, rounded once to nearest even. */
double array_get(const array *a, size_t i);
void array_set(array *a, size_t i, double value);

/* Writes "(8000, 28, 28)", "(10,)" or "()", as Python does. Returns text. */
const char *array_shape_text(const array *a, char *text, size_t capacity);

/* Reads the file at `path`: a NumPy .npy file or an IDX file, by its first bytes; either may be gzipped. Its values are
 * rounded once to `type`, to nearest even; a finite one that is too large for it is an error.
 * Returns 0, or -1 with error->text a sentence naming file, byte and reason; *a is then empty. */
int array_load(array *a, clnorm_dtype type, const char *path, file_error *error);

/* ---- for the readers of file formats ------------------------------------------------------------------------ */

typedef struct element_type {
  char kind;   /* 'f' IEEE float, 'i' two's complement, 'u' unsigned */
  size_t size; /* bytes: f 2, 4, 8; i, u 1, 2, 4, 8 */
  int big_endian;
} element_type;

/* Sets rank, dims and count of an array that is empty but for its type; fails (through s, at byte `offset`) where the product does not fit. */
int array_set_shape(array *a, stream *s, uint64_t offset, int rank, const uint64_t *dims, element_type type);

/* Reads a->count elements and then expects the end of the file. Memory grows with what the file really holds, so that a
 * header that lies about the shape costs nothing. */
int array_read_elements(array *a, stream *s, element_type type);

#endif
