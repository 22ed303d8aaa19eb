#define SWEEPS_TABLE clnorm__cpu_kernels_avx512
#define SWEEPS_NAME "avx512"
#include "cpu_sweeps.h"
