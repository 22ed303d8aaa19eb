#define SWEEPS_TABLE clnorm__cpu_kernels_baseline_f32
#include "cpu_sweeps.h"
