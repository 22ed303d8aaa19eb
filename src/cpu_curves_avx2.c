#define CURVES_TABLE clnorm__cpu_curves_avx2
#include "cpu_curves.h"
