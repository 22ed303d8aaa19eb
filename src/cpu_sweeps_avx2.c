#define SWEEPS_TABLE clnorm__cpu_kernels_avx2_f32
#include "cpu_sweeps.h"
