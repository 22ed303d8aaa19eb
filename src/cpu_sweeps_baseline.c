#define SWEEPS_TABLE clnorm__cpu_kernels_baseline
#define SWEEPS_NAME "baseline"
#include "cpu_sweeps.h"
