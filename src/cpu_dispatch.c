#include "cpu_kernels.h"

extern const clnorm__cpu_kernels clnorm__cpu_kernels_baseline;

#ifdef CLNORM_CPU_X86
extern const clnorm__cpu_kernels clnorm__cpu_kernels_avx2;
extern const clnorm__cpu_kernels clnorm__cpu_kernels_avx512;

static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static int has_avx512(void)
{
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#endif

static int always(void) { return 1; }

/* Best first. */
static const struct {
  int (*runs_here)(void);
  const clnorm__cpu_kernels *kernels;
} tables[] = {
#ifdef CLNORM_CPU_X86
    {has_avx512, &clnorm__cpu_kernels_avx512},
    {has_avx2, &clnorm__cpu_kernels_avx2},
#endif
    {always, &clnorm__cpu_kernels_baseline},
};

const clnorm__cpu_kernels *clnorm__cpu_kernels_at(size_t i)
{
  for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
    if (tables[t].runs_here() && i-- == 0) {
      return tables[t].kernels;
    }
  }
  return NULL;
}

const clnorm__cpu_kernels *clnorm__cpu_kernels_best(void) { return clnorm__cpu_kernels_at(0); }
