#define SWEEPS_TABLE clnorm__cpu_kernels_avx512_bf16
#define SWEEPS_BF16
#include "cpu_sweeps.h"
