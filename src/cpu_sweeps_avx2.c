#define SWEEPS_TABLE clnorm__cpu_kernels_avx2
#define SWEEPS_NAME "avx2"
#include "cpu_sweeps.h"
