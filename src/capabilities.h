/* What a plan may know of the machine that it is made for: numbers only, so that a plan for any device can be tested on
 * a machine that has none. */
#ifndef CLNORM_SRC_CAPABILITIES_H
#define CLNORM_SRC_CAPABILITIES_H

#include <stdint.h>

typedef enum clnorm__engine {
  CLNORM__ENGINE_HOST = 1,    /* the CPU backend: tasks are loop iterations, sums are in double */
  CLNORM__ENGINE_CL_WIDE = 2, /* OpenCL on a CPU that vectorizes explicitly: one work-item a group, wide vectors */
  CLNORM__ENGINE_CL_LANES = 3 /* OpenCL on GPUs and the like: many work-items a group, neighbouring addresses */
} clnorm__engine;

typedef struct clnorm__capabilities {
  clnorm__engine engine;
  uint32_t compute_units;  /* the CPU backend takes a constant here, so that its results do not depend on the machine */
  uint32_t vector_width;   /* native, of float */
  uint64_t max_work_group; /* work-items */
  uint64_t local_memory;   /* bytes a work-group */
  uint64_t max_allocation; /* bytes; UINT64_MAX if there is no limit */
  int has_double;          /* double is there at all */
  int sums_in_double;      /* OpenCL: double is there and about as fast as float */
  int fma;                 /* fused multiply-add of float in hardware */
  int sub_groups; /* OpenCL: version of OpenCL C (20, 30) in which programs have sub-groups with shuffles; 0: none */
  uint64_t cache; /* OpenCL on a CPU: bytes of the last-level cache; 0: unknown. The CPU backend asks when it runs */
  uint64_t second_cache; /* the same of the second level, which each core has for itself; 0: nothing stays in it */
  const struct clnorm_tuning *tuning; /* choices measured on this machine; NULL: none */
} clnorm__capabilities;

/* The CPU backend's. */
extern const clnorm__capabilities clnorm__host_capabilities;

/* Bytes of a CPU's last-level cache in which results are better kept than in memory: of what the system tells, as much as cores
 * reach faster than memory. 0 bytes: unknown, taken for 32 MiB; 0 processors: unknown. */
uint64_t clnorm__near_cache(uint64_t bytes, uint64_t processors);

#endif
