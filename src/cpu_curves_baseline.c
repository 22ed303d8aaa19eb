#define CURVES_TABLE clnorm__cpu_curves_baseline
#include "cpu_curves.h"
