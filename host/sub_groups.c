#include "sub_groups.h"

#include <stdlib.h>
#include <string.h>

/* Names are separated by spaces, and some begin with others. */
static int has_name(const char *list, const char *name)
{
  const size_t length = strlen(name);
  while (*list != '\0') {
    const size_t word = strcspn(list, " ");
    if (word == length && memcmp(list, name, length) == 0) {
      return 1;
    }
    list += word;
    list += strspn(list, " ");
  }
  return 0;
}

int clnorm__sub_groups_of(const char *version, const char *extensions)
{
  static const char prefix[] = "OpenCL ";
  if (strncmp(version, prefix, sizeof prefix - 1) != 0 || !has_name(extensions, "cl_khr_subgroups") ||
      !has_name(extensions, "cl_khr_subgroup_shuffle")) {
    return 0;
  }
  const long major = strtol(version + sizeof prefix - 1, NULL, 10);
  return major >= 3 ? 30 : major == 2 ? 20 : 0;
}

/* A text property of any length; NULL if the driver refuses it. The caller frees it. */
static char *device_text(cl_device_id device, cl_device_info what)
{
  size_t bytes = 0;
  if (clGetDeviceInfo(device, what, 0, NULL, &bytes) != CL_SUCCESS) {
    return NULL;
  }
  char *text = calloc(bytes + 1, 1);
  if (text != NULL && clGetDeviceInfo(device, what, bytes, text, NULL) != CL_SUCCESS) {
    free(text);
    text = NULL;
  }
  return text;
}

int clnorm__sub_groups_of_device(cl_device_id device)
{
  char *version = device_text(device, CL_DEVICE_VERSION), *extensions = device_text(device, CL_DEVICE_EXTENSIONS);
  const int found = version != NULL && extensions != NULL ? clnorm__sub_groups_of(version, extensions) : 0;
  free(version);
  free(extensions);
  return found;
}
