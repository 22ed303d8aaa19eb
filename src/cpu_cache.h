/* The caches of the processor that is running, as far as the system tells. */
#ifndef CLNORM_SRC_CPU_CACHE_H
#define CLNORM_SRC_CPU_CACHE_H

#include <stdint.h>

/* clnorm__near_cache of the last level. Cheap, and the same in every thread. */
uint64_t clnorm__cpu_near_cache(void);

/* Bytes of the second level, of which each core has its own. Cheap, as above. Unknown: 1 MiB. */
uint64_t clnorm__cpu_second_cache(void);

#endif
