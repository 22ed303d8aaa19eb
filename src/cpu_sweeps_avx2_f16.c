#define SWEEPS_TABLE clnorm__cpu_kernels_avx2_f16
#define SWEEPS_F16
#include "cpu_sweeps.h"
