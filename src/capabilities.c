#include "capabilities.h"

const clnorm__capabilities clnorm__host_capabilities = {
    .engine = CLNORM__ENGINE_HOST,
    .compute_units = 8, /* a constant, so that tiles and with them the last bits are the same on every machine */
    .vector_width = 16,
    .max_work_group = 1,
    .local_memory = 0,
    .max_allocation = UINT64_MAX,
    .has_double = 1,
    .fma = 0,
};
