#include "cpu_name.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#define HAS_CPUID 1
#endif

#ifdef HAS_CPUID

/* The brand string: 48 characters in the registers of three leaves. No file has to be read, which takes milliseconds on
 * machines with many processors. */
#define FIRST_LEAF 0x80000002u
#define LAST_LEAF 0x80000004u

const char *clnorm__cpu_name(char *text, size_t capacity)
{
  unsigned registers[12];
  char brand[sizeof registers + 1] = "";
  if ((unsigned)__get_cpuid_max(0x80000000u, NULL) < LAST_LEAF) {
    (void)snprintf(text, capacity, "unknown model");
    return text;
  }
  for (unsigned leaf = FIRST_LEAF; leaf <= LAST_LEAF; leaf++) {
    unsigned *to = registers + 4 * (size_t)(leaf - FIRST_LEAF);
    (void)__get_cpuid(leaf, &to[0], &to[1], &to[2], &to[3]);
  }
  memcpy(brand, registers, sizeof registers);
  const char *begin = brand + strspn(brand, " ");
  (void)snprintf(text, capacity, "%s", begin[0] != '\0' ? begin : "unknown model");
  for (size_t end = strlen(text); end > 0 && text[end - 1] == ' '; end--) {
    text[end - 1] = '\0';
  }
  return text;
}

#else

const char *clnorm__cpu_name(char *text, size_t capacity)
{
  char line[256];
  char model[200] = "unknown model";
  FILE *file = fopen("/proc/cpuinfo", "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "model name : %199[^\n]", model) == 1) {
      break;
    }
  }
  if (file != NULL) {
    (void)fclose(file);
  }
  (void)snprintf(text, capacity, "%s", model);
  return text;
}

#endif
