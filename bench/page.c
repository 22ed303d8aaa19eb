#include "page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the file ----------------------------------------------------------------------------------------------- */

static int is_replaceable(const char *path)
{
  struct stat found;
  if (stat(path, &found) == 0 && !S_ISREG(found.st_mode)) {
    errno = S_ISDIR(found.st_mode) ? EISDIR : EINVAL;
    return 0;
  }
  return 1;
}

/* The descriptor of a new file beside `path`, with the permissions of any new file; its name in *name. */
static int make_temporary(const char *path, char **name)
{
  static const char ending[] = ".XXXXXX";
  const size_t length = strlen(path) + sizeof ending;
  *name = malloc(length);
  if (*name == NULL) {
    errno = ENOMEM;
    return -1;
  }
  (void)snprintf(*name, length, "%s%s", path, ending);
  const int file = mkstemp(*name);
  if (file < 0) {
    const int cause = errno;
    free(*name);
    *name = NULL;
    errno = cause;
    return -1;
  }
  const mode_t mask = umask(0);
  (void)umask(mask);
  (void)fchmod(file, 0666 & ~mask);
  return file;
}

int page_check(const char *path)
{
  char *name = NULL;
  const int file = is_replaceable(path) ? make_temporary(path, &name) : -1;
  if (file < 0) {
    return -1;
  }
  (void)close(file);
  (void)unlink(name);
  free(name);
  return 0;
}

int page_open(page *p, const char *path)
{
  *p = (page){.path = path};
  const int file = is_replaceable(path) ? make_temporary(path, &p->temporary) : -1;
  if (file < 0) {
    return -1;
  }
  p->file = fdopen(file, "w");
  if (p->file == NULL) {
    const int cause = errno;
    (void)close(file);
    (void)unlink(p->temporary);
    free(p->temporary);
    errno = cause;
    return -1;
  }
  return 0;
}

int page_commit(page *p)
{
  errno = 0;
  int failed = ferror(p->file) || fflush(p->file) != 0 || fsync(fileno(p->file)) != 0;
  int cause = errno;
  if (fclose(p->file) != 0 && !failed) {
    failed = 1;
    cause = errno;
  }
  if (!failed && rename(p->temporary, p->path) != 0) {
    failed = 1;
    cause = errno;
  }
  if (failed) {
    (void)unlink(p->temporary);
  }
  free(p->temporary);
  *p = (page){0};
  errno = failed && cause == 0 ? EIO : cause;
  return failed ? -1 : 0;
}

/* ---- text --------------------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 sequence at `at`; 0 if it is none (overlong and surrogate forms included). */
static size_t sequence(const unsigned char *at)
{
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (at[0] < 0x80) {
    return 1;
  }
  const size_t length = at[0] >= 0xf0 && at[0] < 0xf8 ? 4 : at[0] >= 0xe0 ? 3 : 2;
  if (at[0] < 0xc2 || at[0] > 0xf4) {
    return 0;
  }
  uint32_t value = at[0] & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; i++) {
    if ((at[i] & 0xc0) != 0x80) {
      return 0;
    }
    value = value << 6 | (at[i] & 0x3f);
  }
  const int surrogate = value >= 0xd800 && value < 0xe000;
  const int no_character = (value & 0xfffe) == 0xfffe;
  return value < least[length] || value > 0x10ffff || surrogate || no_character ? 0 : length;
}

static const char *entity(unsigned char byte)
{
  switch (byte) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return byte < ' ' || byte == 127 ? " " : NULL;
  }
}

void page_text(FILE *file, const char *text)
{
  const unsigned char *at = (const unsigned char *)text;
  while (*at != '\0') {
    const char *replacement = entity(*at);
    const size_t length = sequence(at);
    if (replacement != NULL) {
      (void)fputs(replacement, file);
    } else if (length == 0) {
      (void)fputs("\xef\xbf\xbd", file);
    } else {
      (void)fwrite(at, 1, length, file);
    }
    at += length > 0 ? length : 1;
  }
}

void page_format(FILE *file, const char *format, ...)
{
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  page_text(file, text);
}
