#include "array.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idx.h"
#include "npy.h"

/* Elements converted at a time, and the first allocation's size: 1 MiB of float. */
#define CHUNK ((size_t)8192)
#define FIRST_ALLOCATION ((size_t)1 << 18)

int array_make(array *a, int rank, const size_t *dims)
{
  array made = {.rank = rank, .count = 1};
  for (int axis = 0; axis < rank; axis++) {
    if (dims[axis] != 0 && made.count > SIZE_MAX / sizeof(float) / dims[axis]) {
      return -1;
    }
    made.dims[axis] = dims[axis];
    made.count *= dims[axis];
  }
  made.data = calloc(made.count != 0 ? made.count : 1, sizeof(float));
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

int array_load(array *a, const char *path, file_error *error)
{
  stream s;
  unsigned char magic[4] = {0};
  size_t got = 0;
  *a = (array){0};
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
  const size_t element = type.size > sizeof(float) ? type.size : sizeof(float);
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

static float from_half(uint64_t word)
{
  const int exponent = (int)(word >> 10 & 31);
  const float fraction = (float)(word & 1023);
  float size = 0;
  if (exponent == 31) {
    size = fraction != 0 ? NAN : INFINITY;
  } else if (exponent == 0) {
    size = ldexpf(fraction, -24);
  } else {
    size = ldexpf(1024 + fraction, exponent - 25);
  }
  return word >> 15 & 1 ? -size : size;
}

/* Returns 0 if a finite double is too large for a float. */
static int from_double(uint64_t word, float *value)
{
  double wide = 0;
  memcpy(&wide, &word, sizeof wide);
  *value = (float)wide;
  return !isfinite(wide) || isfinite(*value);
}

static float from_integer(uint64_t word, element_type type)
{
  if (type.kind == 'u') {
    return (float)word;
  }
  const uint64_t sign = (uint64_t)1 << (8 * type.size - 1);
  /* The conversion of an unsigned word beyond the largest int64_t is the implementation's choice; this is not. */
  return word & sign ? -(float)(sign - (word & (sign - 1))) : (float)word;
}

/* Returns 0 if the value does not fit into a float. */
static int convert(const unsigned char *bytes, element_type type, float *value)
{
  const uint64_t word = assemble(bytes, type);
  if (type.kind != 'f') {
    *value = from_integer(word, type);
    return 1;
  }
  if (type.size == 8) {
    return from_double(word, value);
  }
  if (type.size == 2) {
    *value = from_half(word);
    return 1;
  }
  const uint32_t narrow = (uint32_t)word;
  memcpy(value, &narrow, sizeof narrow);
  return 1;
}

static int grow(array *a, stream *s, size_t *capacity)
{
  size_t wanted = *capacity == 0 ? FIRST_ALLOCATION : *capacity * 2;
  if (wanted > a->count) {
    wanted = a->count;
  }
  float *larger = realloc(a->data, (wanted != 0 ? wanted : 1) * sizeof(float));
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
      if (!convert(bytes + i * type.size, type, &a->data[done + i])) {
        return stream_fail(s, begin + i * type.size, "a value beyond the largest float (%g)", (double)FLT_MAX);
      }
    }
    done += now;
  }
  return stream_expect_end(s, what);
}
