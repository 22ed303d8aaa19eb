/* What a device says of itself, as text for people and as numbers for plans. */
#ifndef CLNORM_HOST_DEVICES_H
#define CLNORM_HOST_DEVICES_H

#include "capabilities.h"
#include "clnorm/opencl.h"

/* What the driver refuses to tell stays empty or 0. Returns the first error among the numbers that plans depend on. */
cl_int clnorm__device_describe(cl_device_id id, clnorm_cl_device *device);

void clnorm__device_capabilities(const clnorm_cl_device *device, clnorm__capabilities *capabilities);

#endif
