#define CURVES_TABLE clnorm__cpu_curves_avx512
#include "cpu_curves.h"
