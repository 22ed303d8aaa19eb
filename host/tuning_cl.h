/* The database of choices for an OpenCL device. */
#ifndef CLNORM_HOST_TUNING_CL_H
#define CLNORM_HOST_TUNING_CL_H

#include "clnorm/opencl.h"

/* NULL if there is not the memory. */
clnorm_tuning *clnorm__tuning_of_device(const clnorm_cl_device *device, const char *folder);

#endif
