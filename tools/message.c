#include "message.h"

#include <clnorm/clnorm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A build log can be pages long; its first lines say what is wrong. */
#define LINE_BYTES 2048

/* A line that wraps could not be written over. */
#define PROGRESS_BYTES 79

static int progress_length = 0;

static const char *program = "clnorm";

void message_program(const char *name) { program = name; }

/* Prints the text as one line, after "NAME: " if there is a name: control characters become spaces. */
static void print_line(const char *name, const char *format, va_list arguments)
{
  char text[LINE_BYTES];
  progress_end();
  (void)vsnprintf(text, sizeof text, format, arguments);
  size_t length = strlen(text);
  while (length > 0 && (unsigned char)text[length - 1] <= ' ') {
    length--;
  }
  for (size_t i = 0; i < length; i++) {
    if ((unsigned char)text[i] < ' ' || text[i] == 127) {
      text[i] = ' ';
    }
  }
  (void)fprintf(stderr, "%s%s%.*s\n", name, name[0] != '\0' ? ": " : "", (int)length, text);
}

int complain(int code, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  print_line(program, format, arguments);
  va_end(arguments);
  return code;
}

int complain_status(int status, const char *what)
{
  int code = EXIT_DEVICE;
  switch ((clnorm_status)status) {
    case CLNORM_INVALID_ARGUMENT:
    case CLNORM_INVALID_SHAPE:
    case CLNORM_TOO_FEW_VALUES:
    case CLNORM_OVERFLOW:
    case CLNORM_BUFFER_TOO_SMALL:
      code = EXIT_USAGE;
      break;
    default:
      break;
  }
  return complain(code, "%s: %s (%s)", what, clnorm_last_error(), clnorm_status_name((clnorm_status)status));
}

void tell(const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  print_line("", format, arguments);
  va_end(arguments);
}

int progress_shown(void) { return isatty(STDERR_FILENO); }

void progress(const char *format, ...)
{
  char text[PROGRESS_BYTES];
  if (!progress_shown()) {
    return;
  }
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  (void)fprintf(stderr, "\r%-*s", progress_length, text);
  (void)fflush(stderr);
  progress_length = (int)strlen(text);
}

void progress_end(void)
{
  if (progress_length > 0) {
    (void)fprintf(stderr, "\r%*s\r", progress_length, "");
    progress_length = 0;
  }
}
