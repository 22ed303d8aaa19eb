#include "host_memory.h"

#include <stdio.h>

/* The first number behind `format` in the lines of a file, else 0. */
static double number_in(const char *path, const char *format)
{
  char line[256];
  double value = 0.0;
  FILE *file = fopen(path, "re");
  while (file != NULL && value == 0.0 && fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, format, &value) != 1) {
      value = 0.0;
    }
  }
  if (file != NULL) {
    (void)fclose(file);
  }
  return value;
}

double host_memory_available(void)
{
  /* Of a control group, version 2 and 1; "max" is no number. */
  const double limits[] = {number_in("/sys/fs/cgroup/memory.max", "%lf"),
                           number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes", "%lf")};
  double available = 1024.0 * number_in("/proc/meminfo", "MemAvailable: %lf kB");
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    if (limits[i] > 0.0 && (available == 0.0 || limits[i] < available)) {
      available = limits[i];
    }
  }
  return available;
}

int host_memory_lacks(double bytes, char *text, size_t capacity)
{
  const double available = host_memory_available();
  if (available == 0.0 || bytes <= available) {
    return 0;
  }
  (void)snprintf(text, capacity, "its tensors take %.1f GB of the host's memory, %.1f GB are free", bytes * 1e-9,
                 available * 1e-9);
  return 1;
}
