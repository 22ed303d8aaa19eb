#include "tuning_cl.h"

#include <stdio.h>

#include "devices.h"
#include "error.h"
#include "tuning_state.h"

clnorm_tuning *clnorm__tuning_of_device(const clnorm_cl_device *device, const char *folder)
{
  clnorm__capabilities capabilities;
  char driver[sizeof device->platform_name + sizeof device->driver + 2];
  clnorm__device_capabilities(device, &capabilities);
  clnorm__identity identity = {.engine = capabilities.engine, .units = device->compute_units};
  (void)snprintf(driver, sizeof driver, "%s, %s", device->platform_name, device->driver);
  clnorm__identity_text(identity.device, sizeof identity.device, device->name);
  clnorm__identity_text(identity.driver, sizeof identity.driver, driver);
  return clnorm__tuning_open(&identity, folder);
}

clnorm_status clnorm_cl_tuning_open(const clnorm_cl_device *device, const char *folder, clnorm_tuning **tuning)
{
  clnorm__error_begin();
  if (device == NULL || tuning == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                        device == NULL ? "device" : "tuning");
  }
  clnorm_tuning *made = clnorm__tuning_of_device(device, folder);
  if (made == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "tuning: host memory was refused");
  }
  *tuning = made;
  return CLNORM_SUCCESS;
}
