#include "error.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char error_text[CLNORM__ERROR_CAPACITY];
static _Thread_local int error_recorded;

void clnorm__error_begin(void) { error_recorded = 0; }

clnorm_status clnorm__fail(clnorm_status status, const char *format, ...)
{
  if (!error_recorded) {
    va_list list;
    va_start(list, format);
    (void)vsnprintf(error_text, sizeof error_text, format, list);
    va_end(list);
    error_recorded = 1;
  }
  return status;
}

const char *clnorm_last_error(void) { return error_text; }

const char *clnorm_status_name(clnorm_status status)
{
  switch (status) {
#define STATUS_NAME(code, name, message) \
  case CLNORM_##name:                    \
    return #name;
    CLNORM_STATUS_TABLE(STATUS_NAME)
#undef STATUS_NAME
  }
  return "UNKNOWN";
}

const char *clnorm_status_message(clnorm_status status)
{
  switch (status) {
#define STATUS_MESSAGE(code, name, message) \
  case CLNORM_##name:                       \
    return message;
    CLNORM_STATUS_TABLE(STATUS_MESSAGE)
#undef STATUS_MESSAGE
  }
  return "not a status of clnorm";
}

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *clnorm_version(void)
{
  return VERSION_TEXT(CLNORM_VERSION_MAJOR, CLNORM_VERSION_MINOR, CLNORM_VERSION_PATCH);
}
