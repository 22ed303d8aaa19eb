#include "trial_memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "storage.h"

#define GUARD_BYTE 0xa5
#define GUARD_ELEMENTS 64
#define ALIGNMENT 64

static void set_strides(trial_memory *m, const int64_t *strides)
{
  int any = 0;
  for (uint32_t axis = 0; axis < m->rank; axis++) {
    any |= strides != NULL && strides[axis] != 0;
  }
  int64_t dense = 1;
  for (uint32_t axis = m->rank; axis-- > 0;) {
    m->strides[axis] = any ? strides[axis] : dense;
    dense *= (int64_t)m->dims[axis];
  }
  m->buffer.count = any ? 0 : (size_t)m->elements;
}

/* The element distance of element `index` in order of dims. */
static int64_t distance_of(const trial_memory *m, uint64_t index)
{
  int64_t distance = 0;
  for (uint32_t axis = m->rank; axis-- > 0;) {
    distance += (int64_t)(index % m->dims[axis]) * m->strides[axis];
    index /= m->dims[axis];
  }
  return distance;
}

int trial_memory_open(trial_memory *m, clnorm_dtype dtype, uint32_t rank, const size_t *dims, const int64_t *strides,
                      size_t offset)
{
  int64_t low = 0;
  int64_t high = 0;
  m->dtype = dtype;
  m->rank = rank;
  m->elements = 1;
  for (uint32_t axis = 0; axis < rank; axis++) {
    m->dims[axis] = dims[axis];
    m->elements *= dims[axis];
  }
  set_strides(m, strides);
  for (uint32_t axis = 0; axis < rank && m->elements != 0; axis++) {
    const int64_t span = m->strides[axis] * (int64_t)(dims[axis] - 1);
    *(span < 0 ? &low : &high) += span;
  }
  trial_buffer *b = &m->buffer;
  b->shared = -1;
  b->element = storage_size(dtype);
  b->start = ((size_t)-low + offset) * b->element;
  b->bytes = b->start + ((size_t)high + (m->elements != 0) + GUARD_ELEMENTS) * b->element;
  b->memory = aligned_alloc(ALIGNMENT, (b->bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  m->covered = calloc(b->bytes, 1);
  if (b->memory == NULL || m->covered == NULL) {
    return -1;
  }
  memset(b->memory, GUARD_BYTE, b->bytes);
  for (uint64_t i = 0; i < m->elements; i++) {
    memset(m->covered + (int64_t)b->start + distance_of(m, i) * (int64_t)b->element, 1, b->element);
  }
  return 0;
}

void trial_memory_close(trial_memory *m)
{
  free(m->buffer.memory);
  free(m->before);
  free(m->covered);
  memset(m, 0, sizeof *m);
}

void trial_memory_store(trial_memory *m, const double *values)
{
  for (int numbers = 0; numbers < 2; numbers++) {
    for (uint64_t i = 0; i < m->elements; i++) {
      if ((isnan(values[i]) ? 0 : 1) == numbers) {
        storage_store(m->dtype, m->buffer.memory + m->buffer.start, distance_of(m, i), values[i]);
      }
    }
  }
}

void trial_memory_load(const trial_memory *m, double *values)
{
  for (uint64_t i = 0; i < m->elements; i++) {
    values[i] = storage_load(m->dtype, m->buffer.memory + m->buffer.start, distance_of(m, i));
  }
}

int trial_memory_seal(trial_memory *m)
{
  m->before = malloc(m->buffer.bytes);
  if (m->before == NULL) {
    return -1;
  }
  memcpy(m->before, m->buffer.memory, m->buffer.bytes);
  return 0;
}

size_t trial_memory_damage(const trial_memory *m, int writable)
{
  for (size_t i = 0; i < m->buffer.bytes; i++) {
    if (m->buffer.memory[i] != m->before[i] && !(writable && m->covered[i])) {
      return i;
    }
  }
  return SIZE_MAX;
}
