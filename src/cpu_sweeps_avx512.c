#define SWEEPS_TABLE clnorm__cpu_kernels_avx512_f32
#include "cpu_sweeps.h"
