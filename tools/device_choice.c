#include "device_choice.h"

#include <clnorm/clnorm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

static void describe_cpu(device_choice *choice)
{
  char line[256];
  char model[200] = "unknown model";
  *choice = (device_choice){.number = -1};
  FILE *file = fopen("/proc/cpuinfo", "re");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, "model name", 10) == 0 && sscanf(line, "model name : %199[^\n]", model) == 1) {
      break;
    }
  }
  if (file != NULL) {
    (void)fclose(file);
  }
  (void)snprintf(choice->name, sizeof choice->name, "cpu (%s)", model);
  (void)snprintf(choice->driver, sizeof choice->driver, "clnorm %s", clnorm_version());
}

const char *device_number_text(const device_choice *choice, char *text, size_t capacity)
{
  if (choice->number < 0) {
    (void)snprintf(text, capacity, "cpu");
  } else {
    (void)snprintf(text, capacity, "%d", choice->number);
  }
  return text;
}

static void announce(const device_choice *choice, const char *why)
{
  char number[16];
  tell("device %s: %s, %s%s", device_number_text(choice, number, sizeof number), choice->name, choice->driver, why);
}

#if CLNORM_HAVE_OPENCL

static void describe_cl(device_choice *choice, const clnorm_cl_device *device, int number)
{
  *choice = (device_choice){.number = number, .device = *device};
  (void)snprintf(choice->name, sizeof choice->name, "%s", device->name);
  (void)snprintf(choice->driver, sizeof choice->driver, "%.120s, %.200s, %.60s", device->platform_name,
                 device->platform_version, device->driver);
}

int device_list(device_choice **choices, size_t *count)
{
  clnorm_cl_device *list = NULL;
  device_choice *made = NULL;
  size_t found = 0;
  int code = EXIT_OK;
  clnorm_status status = clnorm_cl_list_devices(NULL, 0, &found);
  if (status == CLNORM_SUCCESS) {
    list = calloc(found + 1, sizeof *list);
    made = calloc(found + 1, sizeof *made);
    if (list == NULL || made == NULL) {
      code = complain(EXIT_DEVICE, "not enough memory");
      goto done;
    }
    size_t now = 0;
    status = clnorm_cl_list_devices(list, found, &now);
    found = now < found ? now : found;
  }
  if (status != CLNORM_SUCCESS) {
    code = complain_status(status, "devices");
    goto done;
  }
  for (size_t i = 0; i < found; i++) {
    describe_cl(&made[i], &list[i], (int)i);
  }
  describe_cpu(&made[found]);
  *choices = made;
  *count = found + 1;
  made = NULL;
done:
  free(list);
  free(made);
  return code;
}

/* One line with everything that would have fitted; cpu first, for a long list is cut. */
static int complain_no_fit(const char *selector, const char *origin, const device_choice *list, size_t count)
{
  char fits[1200] = "cpu";
  for (size_t i = 0; i + 1 < count; i++) {
    const size_t length = strlen(fits);
    (void)snprintf(fits + length, sizeof fits - length, ", %d: %s (%s)", list[i].number, list[i].name,
                   list[i].device.platform_name);
  }
  return complain(EXIT_USAGE, "%s: '%s' fits no device; there %s %s%s", origin, selector, count > 1 ? "are" : "is only",
                  fits, count > 1 ? "" : "; " DEVICE_ADVICE);
}

/* Sets *choice to the entry of the list that the library selects. */
static int select_cl(const char *selector, const char *origin, const device_choice *list, size_t count,
                     device_choice *choice)
{
  clnorm_cl_device selected;
  const clnorm_status status = clnorm_cl_select_device(selector, &selected);
  if (status == CLNORM_NO_DEVICE && selector != NULL) {
    return complain_no_fit(selector, origin, list, count);
  }
  if (status != CLNORM_SUCCESS) {
    return complain_status(status, origin);
  }
  for (size_t i = 0; i + 1 < count; i++) {
    if (list[i].device.device == selected.device) {
      *choice = list[i];
      return EXIT_OK;
    }
  }
  return complain(EXIT_DEVICE, "%s: the device is not in the list any more", origin);
}

#else

int device_list(device_choice **choices, size_t *count)
{
  *choices = calloc(1, sizeof **choices);
  if (*choices == NULL) {
    return complain(EXIT_DEVICE, "not enough memory");
  }
  describe_cpu(*choices);
  *count = 1;
  return EXIT_OK;
}

static int select_cl(const char *selector, const char *origin, const device_choice *list, size_t count,
                     device_choice *choice)
{
  (void)list;
  (void)count;
  (void)choice;
  return complain(EXIT_USAGE, "%s: '%s' fits no device; there is only cpu; %s", origin, selector, DEVICE_ADVICE);
}

#endif

int device_choose(const char *selector, device_choice *choice)
{
  const char *origin = "--device";
  device_choice *list = NULL;
  size_t count = 0;
  if (selector != NULL && selector[0] == '\0') {
    return complain(EXIT_USAGE, "--device is empty; expected a number of `clnorm devices`, a part of a name, or cpu");
  }
  if (selector == NULL) {
    origin = "$CLNORM_DEVICE";
    selector = getenv("CLNORM_DEVICE");
    selector = selector != NULL && selector[0] != '\0' ? selector : NULL;
  }
  if (selector != NULL && strcmp(selector, "cpu") == 0) {
    describe_cpu(choice);
    announce(choice, "");
    return EXIT_OK;
  }
  int code = device_list(&list, &count);
  if (code == EXIT_OK && selector == NULL && count == 1) {
    *choice = list[0];
    announce(choice, " (no OpenCL device was found; " DEVICE_ADVICE ")");
  } else if (code == EXIT_OK) {
    code = select_cl(selector, origin, list, count, choice);
    if (code == EXIT_OK) {
      announce(choice, "");
    }
  }
  free(list);
  return code;
}

int device_choose_several(const char *selector, device_choice **choices, size_t *count)
{
  if (selector != NULL && strcmp(selector, "all") == 0) {
    const int code = device_list(choices, count);
    for (size_t i = 0; code == EXIT_OK && i < *count; i++) {
      announce(&(*choices)[i], "");
    }
    return code;
  }
  device_choice *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return complain(EXIT_DEVICE, "not enough memory");
  }
  const int code = device_choose(selector, made);
  if (code != EXIT_OK) {
    free(made);
    return code;
  }
  *choices = made;
  *count = 1;
  return EXIT_OK;
}
