#include <stdatomic.h>

#include "cpu_kernels.h"

#ifdef CLNORM_CPU_X86
#include <cpuid.h>

/* Not every compiler knows the name of this one. */
static int has_f16c(void)
{
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
}

static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c(); }

static int has_avx512(void)
{
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#endif

static int always(void) { return 1; }

/* X(instruction set, 1 if this processor has it): best first. */
#ifdef CLNORM_CPU_X86
#define SETS(X) X(avx512, has_avx512) X(avx2, has_avx2) X(baseline, always)
#else
#define SETS(X) X(baseline, always)
#endif

#define DECLARE(set, runs_here)                                                                      \
  extern const clnorm__cpu_kernels clnorm__cpu_kernels_##set##_f32, clnorm__cpu_kernels_##set##_f16, \
      clnorm__cpu_kernels_##set##_bf16;                                                              \
  extern const clnorm__cpu_curves clnorm__cpu_curves_##set;
SETS(DECLARE)

#define TABLES(set)                                                                                       \
  {                                                                                                       \
    &clnorm__cpu_kernels_##set##_f32, &clnorm__cpu_kernels_##set##_f16, &clnorm__cpu_kernels_##set##_bf16 \
  }

static const struct {
  int (*runs_here)(void);
  clnorm__cpu_set set;
} sets[] = {
#define ROW(set, runs_here) {runs_here, {#set, TABLES(set), &clnorm__cpu_curves_##set}},
    SETS(ROW)
#undef ROW
};

const clnorm__cpu_set *clnorm__cpu_set_at(size_t i)
{
  for (size_t s = 0; s < sizeof sets / sizeof sets[0]; s++) {
    if (sets[s].runs_here() && i-- == 0) {
      return &sets[s].set;
    }
  }
  return NULL;
}

/* Asked once: in a virtual machine each question leaves it, which took 10 microseconds of every call. */
const clnorm__cpu_set *clnorm__cpu_set_best(void)
{
  static _Atomic(const clnorm__cpu_set *) best;
  const clnorm__cpu_set *known = atomic_load_explicit(&best, memory_order_relaxed);
  if (known == NULL) {
    known = clnorm__cpu_set_at(0);
    atomic_store_explicit(&best, known, memory_order_relaxed);
  }
  return known;
}
