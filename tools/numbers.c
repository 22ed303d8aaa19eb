#include "numbers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *parse_decimal(const char *text, double least, double most, double *value)
{
  char *end = NULL;
  if (text == NULL || text[0] == '\0') {
    return "is empty";
  }
  /* strtod also takes "inf", "0x1p3" and leading spaces. */
  if (strspn(text, "0123456789+-.eE") != strlen(text)) {
    return "is no number";
  }
  errno = 0;
  const double parsed = strtod(text, &end);
  if (end == text || *end != '\0') {
    return "is no number";
  }
  if (!isfinite(parsed) || !(parsed >= least && parsed <= most)) {
    return "is out of its range";
  }
  *value = parsed;
  return NULL;
}

const char *parse_whole(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
  uint64_t parsed = 0;
  if (text == NULL || text[0] == '\0') {
    return "is empty";
  }
  if (strspn(text, "0123456789") != strlen(text)) {
    return "is no whole number";
  }
  for (; *text != '\0'; text++) {
    const uint64_t digit = (uint64_t)(*text - '0');
    if (parsed > (UINT64_MAX - digit) / 10) {
      return "is out of its range";
    }
    parsed = parsed * 10 + digit;
  }
  if (parsed < least || parsed > most) {
    return "is out of its range";
  }
  *value = parsed;
  return NULL;
}
