/* OpenCL's error codes as statuses of clnorm with a sentence that names the call and the error. */
#ifndef CLNORM_HOST_CL_STATUS_H
#define CLNORM_HOST_CL_STATUS_H

#include "clnorm/opencl.h"
#include "error.h"

/* From cl_khr_icd: what the loader answers when there is no platform at all. */
#define CLNORM__PLATFORM_NOT_FOUND (-1001)

/* "CL_INVALID_VALUE"; "unknown OpenCL error" for a code that has no name. */
const char *clnorm__cl_error_name(cl_int error);

/* SUCCESS for CL_SUCCESS; else records the call and the error's name. Allocation failures become OUT_OF_MEMORY. */
clnorm_status clnorm__cl_check(cl_int error, const char *call);

/* Leaves through `done:` if an expression that yields a cl_int fails. */
#define CLNORM__TRY_CL(call) CLNORM__TRY(clnorm__cl_check((call), #call))

#endif
