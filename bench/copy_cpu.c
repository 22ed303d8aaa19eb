/* The fastest copies of a CPU: memcpy and streaming stores on all threads, memcpy on one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_STREAMS 1
#include <immintrin.h>
#endif

/* Slices begin on pages. */
#define SLICE_BYTES 4096

typedef void copy_function(void *to, const void *from, size_t bytes);

typedef struct copy_cpu {
  copy_function *copy;
  const unsigned char *from;
  unsigned char *to;
  size_t bytes;
  int alone; /* on one thread: what is fastest for the smallest tensors */
} copy_cpu;

static void copy_memcpy(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }

#if HAVE_STREAMS
/* What is left over after the last whole cache line, and the fence that streaming stores ask for. */
static void finish_stream(unsigned char *to, const unsigned char *from, size_t done, size_t bytes)
{
  memcpy(to + done, from + done, bytes - done);
  _mm_sfence();
}

__attribute__((target("avx"))) static void copy_stream_avx(void *to, const void *from, size_t bytes)
{
  const size_t whole = bytes / 64 * 64;
  for (size_t i = 0; i < whole; i += 64) {
    const float *source = (const float *)((const unsigned char *)from + i);
    float *target = (float *)((unsigned char *)to + i);
    const __m256 low = _mm256_loadu_ps(source);
    const __m256 high = _mm256_loadu_ps(source + 8);
    _mm256_stream_ps(target, low);
    _mm256_stream_ps(target + 8, high);
  }
  finish_stream(to, from, whole, bytes);
}

__attribute__((target("avx512f"))) static void copy_stream_avx512(void *to, const void *from, size_t bytes)
{
  const size_t whole = bytes / 64 * 64;
  for (size_t i = 0; i < whole; i += 64) {
    const __m512 line = _mm512_loadu_ps((const unsigned char *)from + i);
    _mm512_stream_ps((float *)((unsigned char *)to + i), line);
  }
  finish_stream(to, from, whole, bytes);
}
#endif

static void copy_slice(const copy_cpu *copy, size_t part, size_t parts)
{
  const size_t slices = (copy->bytes + SLICE_BYTES - 1) / SLICE_BYTES;
  const size_t begin = slices * part / parts * SLICE_BYTES;
  size_t end = slices * (part + 1) / parts * SLICE_BYTES;
  end = end < copy->bytes ? end : copy->bytes;
  if (begin < end) {
    copy->copy(copy->to + begin, copy->from + begin, end - begin);
  }
}

static int run_copy(void *self, size_t times)
{
  const copy_cpu *copy = self;
  for (size_t i = 0; i < times; i++) {
    if (copy->alone) {
      copy_slice(copy, 0, 1);
      continue;
    }
#if defined(_OPENMP)
#pragma omp parallel
    copy_slice(copy, (size_t)omp_get_thread_num(), (size_t)omp_get_num_threads());
#else
    copy_slice(copy, 0, 1);
#endif
  }
  return 0;
}

static int open_copy(runner *r, const char *name, copy_function *function, const void *from, void *to, size_t bytes,
                     int alone)
{
  copy_cpu *made = malloc(sizeof *made);
  if (made == NULL) {
    return -1;
  }
  *made = (copy_cpu){function, from, to, bytes, alone};
  *r = (runner){.self = made, .run = run_copy, .close = free};
  (void)snprintf(r->name, sizeof r->name, "%s", name);
  return 0;
}

size_t runner_open_copies_cpu(runner *runners, const void *from, void *to, size_t bytes)
{
  size_t count = 0;
  count += open_copy(&runners[count], "memcpy", copy_memcpy, from, to, bytes, 0) == 0;
  count += open_copy(&runners[count], "memcpy on one thread", copy_memcpy, from, to, bytes, 1) == 0;
#if HAVE_STREAMS
  if ((uintptr_t)to % 64 == 0 && __builtin_cpu_supports("avx512f")) {
    count += open_copy(&runners[count], "streaming stores", copy_stream_avx512, from, to, bytes, 0) == 0;
  } else if ((uintptr_t)to % 64 == 0 && __builtin_cpu_supports("avx")) {
    count += open_copy(&runners[count], "streaming stores", copy_stream_avx, from, to, bytes, 0) == 0;
  }
#endif
  return count;
}
