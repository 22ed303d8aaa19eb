#include "array.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idx.h"
#include "npy.h"
#include "storage_type.h"

/* Elements converted at a time, and of the first allocation. */
#define CHUNK ((size_t)8192)
#define FIRST_ALLOCATION ((size_t)1 << 18)

int array_make(array *a, clnorm_dtype type, int rank, const size_t *dims)
{
  array made = {.type = type, .rank = rank, .count = 1};
  for (int axis = 0; axis < rank; axis++) {
    if (dims[axis] != 0 && made.count > SIZE_MAX / storage_size(type) / dims[axis]) {
      return -1;
    }
    made.dims[axis] = dims[axis];
    made.count *= dims[axis];
  }
  made.data = calloc(made.count != 0 ? made.count : 1, storage_size(type));
  if (made.data == NULL) {
    return -1;
  }
  *a = made;
  return 0;
}

void array_free(array *a)
{
  free(a->data);
  *a = (array){0};
}

/* The types of the language are many times as fast without storage_load's arithmetic. */
double array_get(const array *a, size_t i)
{
  return a->type == CLNORM_F32   ? (double)((const float *)a->data)[i]
         : a->type == CLNORM_F64 ? ((const double *)a->data)[i]
                                 : storage_load(a->type, a->data, (int64_t)i);
}

void array_set(array *a, size_t i, double value)
{
  if (a->type == CLNORM_F32) {
    ((float *)a->data)[i] = (float)value;
  } else if (a->type == CLNORM_F64) {
    ((double *)a->data)[i] = value;
  } else {
    storage_store(a->type, a->data, (int64_t)i, value);
  }
}

const char *array_shape_text(const array *a, char *text, size_t capacity)
{
  size_t length = 0;
  (void)snprintf(text, capacity, "(");
  for (int axis = 0; axis < a->rank; axis++) {
    length = strlen(text);
    (void)snprintf(text + length, capacity - length, "%s%zu", axis == 0 ? "" : ", ", a->dims[axis]);
  }
  length = strlen(text);
  (void)snprintf(text + length, capacity - length, a->rank == 1 ? ",)" : ")");
  return text;
}

int array_load(array *a, clnorm_dtype type, const char *path, file_error *error)
{
  stream s;
  unsigned char magic[4] = {0};
  size_t got = 0;
  *a = (array){.type = type};
  if (stream_open(&s, path, error) != 0) {
    return -1;
  }
  int result = stream_peek(&s, magic, sizeof magic, &got);
  if (result == 0) {
    if (npy_recognize(magic, got)) {
      result = npy_read(a, &s);
    } else if (idx_recognize(magic, got)) {
      result = idx_read(a, &s);
    } else if (got == 0) {
      result = stream_fail(&s, 0, "the file is empty");
    } else {
      result = stream_fail(&s, 0, "neither a NumPy .npy nor an IDX file");
    }
  }
  stream_close(&s);
  if (result != 0) {
    array_free(a);
  }
  return result;
}

int array_set_shape(array *a, stream *s, uint64_t offset, int rank, const uint64_t *dims, element_type type)
{
  const size_t element = type.size > storage_size(a->type) ? type.size : storage_size(a->type);
  uint64_t bytes = element;
  if (rank > ARRAY_MAX_RANK) {
    return stream_fail(s, offset, "expected at most %d dimensions, got %d", ARRAY_MAX_RANK, rank);
  }
  a->rank = rank;
  for (int axis = 0; axis < rank; axis++) {
    /* A dimension of 0 empties the array; the others still have to be sane. */
    const uint64_t dim = dims[axis] != 0 ? dims[axis] : 1;
    if (bytes > (uint64_t)PTRDIFF_MAX / dim) {
      return stream_fail(s, offset, "the shape's product overflows at dimension %d = %llu", axis,
                         (unsigned long long)dims[axis]);
    }
    bytes *= dim;
    a->dims[axis] = (size_t)dims[axis];
  }
  a->count = 1;
  for (int axis = 0; axis < rank; axis++) {
    a->count *= a->dims[axis];
  }
  return 0;
}

static uint64_t assemble(const unsigned char *bytes, element_type type)
{
  uint64_t word = 0;
  for (size_t i = 0; i < type.size; i++) {
    word = word << 8 | bytes[type.big_endian ? i : type.size - 1 - i];
  }
  return word;
}

/* The nearest double; for a target of fewer bits the odd one of its two neighbours, so that rounding once more gives what
 * rounding the integer itself would. */
static double from_size(uint64_t size, clnorm_dtype target)
{
  if (target == CLNORM_F64 || size >> 53 == 0) {
    return (double)size;
  }
  /* A double keeps 53 of at most 64 bits. */
  const uint64_t lost = (1u << 11) - 1;
  return (double)((size & ~lost) | ((size & lost) != 0 ? lost + 1 : 0));
}

static double from_integer(uint64_t word, element_type type, clnorm_dtype target)
{
  const uint64_t sign = (uint64_t)1 << (8 * type.size - 1);
  if (type.kind == 'u' || (word & sign) == 0) {
    return from_size(word, target);
  }
  /* The conversion of an unsigned word beyond the largest int64_t is the implementation's choice; this is not. */
  return -from_size(sign - (word & (sign - 1)), target);
}

static double from_float(uint64_t word, element_type type)
{
  double wide = 0;
  float narrow = 0;
  const uint32_t bits = (uint32_t)word;
  switch (type.size) {
    case 8:
      memcpy(&wide, &word, sizeof wide);
      return wide;
    case 4:
      memcpy(&narrow, &bits, sizeof narrow);
      return (double)narrow;
    default:
      return storage_decode(CLNORM_F16, word);
  }
}

/* Returns 0 if a finite value is too large for the array's type. */
static int convert(const unsigned char *bytes, element_type type, array *a, size_t i)
{
  const uint64_t word = assemble(bytes, type);
  const double value = type.kind == 'f' ? from_float(word, type) : from_integer(word, type, a->type);
  array_set(a, i, value);
  return !isfinite(value) || isfinite(array_get(a, i));
}

static int grow(array *a, stream *s, size_t *capacity)
{
  size_t wanted = *capacity == 0 ? FIRST_ALLOCATION : *capacity * 2;
  if (wanted > a->count) {
    wanted = a->count;
  }
  void *larger = realloc(a->data, (wanted != 0 ? wanted : 1) * storage_size(a->type));
  if (larger == NULL) {
    return file_fail(s->error, s->path, "not enough memory for %zu values", a->count);
  }
  a->data = larger;
  *capacity = wanted;
  return 0;
}

int array_read_elements(array *a, stream *s, element_type type)
{
  unsigned char bytes[CHUNK * sizeof(double)];
  char what[80];
  size_t capacity = 0;
  (void)snprintf(what, sizeof what, "the %zu values of %zu byte%s that its header announces", a->count, type.size,
                 type.size == 1 ? "" : "s");
  if (grow(a, s, &capacity) != 0) {
    return -1;
  }
  for (size_t done = 0; done < a->count;) {
    if (done == capacity && grow(a, s, &capacity) != 0) {
      return -1;
    }
    size_t now = capacity - done;
    now = now < CHUNK ? now : CHUNK;
    const uint64_t begin = s->offset;
    if (stream_read(s, bytes, now * type.size, what) != 0) {
      return -1;
    }
    for (size_t i = 0; i < now; i++) {
      if (!convert(bytes + i * type.size, type, a, done + i)) {
        return stream_fail(s, begin + i * type.size, "a value beyond the largest %s (%g)", storage_name(a->type),
                           storage_decode(a->type, storage_encode(a->type, (double)INFINITY) - 1));
      }
    }
    done += now;
  }
  return stream_expect_end(s, what);
}
