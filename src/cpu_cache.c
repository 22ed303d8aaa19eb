#include "cpu_cache.h"

#include <stdatomic.h>
#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

#include "capabilities.h"

#define LIKELY_SECOND ((uint64_t)1 << 20)

static uint64_t ask_near(void)
{
#ifdef _SC_LEVEL3_CACHE_SIZE
  const long size = sysconf(_SC_LEVEL3_CACHE_SIZE), processors = sysconf(_SC_NPROCESSORS_ONLN);
  return clnorm__near_cache(size > 0 ? (uint64_t)size : 0, processors > 0 ? (uint64_t)processors : 0);
#else
  return clnorm__near_cache(0, 0);
#endif
}

static uint64_t ask_second(void)
{
#ifdef _SC_LEVEL2_CACHE_SIZE
  const long size = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return size > 0 ? (uint64_t)size : LIKELY_SECOND;
#else
  return LIKELY_SECOND;
#endif
}

/* Asked once: the number of processors is in a file, which took 4 microseconds of every call. */
static uint64_t known_or(_Atomic uint64_t *known, uint64_t (*ask)(void))
{
  uint64_t bytes = atomic_load_explicit(known, memory_order_relaxed); /* 0: not asked yet */
  if (bytes == 0) {
    bytes = ask();
    atomic_store_explicit(known, bytes, memory_order_relaxed);
  }
  return bytes;
}

uint64_t clnorm__cpu_near_cache(void)
{
  static _Atomic uint64_t known;
  return known_or(&known, ask_near);
}

uint64_t clnorm__cpu_second_cache(void)
{
  static _Atomic uint64_t known;
  return known_or(&known, ask_second);
}
