#include "runner.h"

#include <stdarg.h>
#include <stdio.h>

int runner_fail(runner_error *error, clnorm_status status, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  error->status = status;
  (void)vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  return -1;
}

void runner_close(runner *r)
{
  if (r->self != NULL) {
    r->close(r->self);
  }
  *r = (runner){0};
}
