/* Whether a device can sum within sub-groups, and in which OpenCL C. */
#ifndef CLNORM_HOST_SUB_GROUPS_H
#define CLNORM_HOST_SUB_GROUPS_H

#include "clnorm/opencl.h"

/* From the texts of CL_DEVICE_VERSION and CL_DEVICE_EXTENSIONS: the version of OpenCL C, 20 or 30, in which programs have
 * the built-in functions of cl_khr_subgroups and cl_khr_subgroup_shuffle; 0 without either of them, or below OpenCL 2.0. */
int clnorm__sub_groups_of(const char *version, const char *extensions);

/* The same of a device; 0 if the driver refuses to tell. */
int clnorm__sub_groups_of_device(cl_device_id device);

#endif
