#include "stream.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* zlib's own buffer; its default of 8 KiB costs a system call for every 8 KiB. */
#define BUFFER_BYTES (128 * 1024)

/* gzread counts in unsigned int and returns int. */
#define MAX_PIECE ((size_t)1 << 30)

int file_fail(file_error *error, const char *path, const char *format, ...)
{
  char reason[600];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  (void)snprintf(error->text, sizeof error->text, "%.400s: %s", path, reason);
  return -1;
}

int stream_fail(stream *s, uint64_t offset, const char *format, ...)
{
  char reason[500];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  return file_fail(s->error, s->path, "byte %llu%s: %s", (unsigned long long)offset,
                   s->file != NULL && !gzdirect(s->file) ? " (unpacked)" : "", reason);
}

int stream_open(stream *s, const char *path, file_error *error)
{
  *s = (stream){.path = path, .error = error};
  errno = 0;
  s->file = gzopen(path, "rbe");
  if (s->file == NULL) {
    return file_fail(error, path, "cannot be opened: %s", errno != 0 ? strerror(errno) : "out of memory");
  }
  (void)gzbuffer(s->file, BUFFER_BYTES);
  return 0;
}

void stream_close(stream *s)
{
  if (s->file != NULL) {
    (void)gzclose(s->file);
    s->file = NULL;
  }
}

/* Up to `count` bytes straight from zlib; fewer only at the end of the file. */
static int read_file(stream *s, unsigned char *bytes, size_t count, size_t *got)
{
  *got = 0;
  while (*got < count) {
    const size_t piece = count - *got < MAX_PIECE ? count - *got : MAX_PIECE;
    errno = 0;
    const int result = gzread(s->file, bytes + *got, (unsigned)piece);
    int code = Z_OK;
    const char *message = gzerror(s->file, &code);
    /* A cut gzip file gives its bytes first and the error Z_BUF_ERROR with the last of them. */
    if (result < 0 || (code != Z_OK && code != Z_STREAM_END)) {
      const uint64_t at = s->offset + *got + (result > 0 ? (uint64_t)result : 0);
      if (code == Z_ERRNO) {
        return stream_fail(s, at, "cannot be read: %s", errno != 0 ? strerror(errno) : "unknown error");
      }
      if (code == Z_BUF_ERROR) {
        return stream_fail(s, at, "the gzip data is truncated");
      }
      return stream_fail(s, at, "the gzip data is damaged: %s", message);
    }
    if (result == 0) {
      break;
    }
    *got += (size_t)result;
  }
  return 0;
}

int stream_peek(stream *s, unsigned char *bytes, size_t count, size_t *got)
{
  if (s->ahead_count == 0 && read_file(s, s->ahead, sizeof s->ahead, &s->ahead_count) != 0) {
    return -1;
  }
  *got = count < s->ahead_count ? count : s->ahead_count;
  memcpy(bytes, s->ahead, *got);
  return 0;
}

int stream_take(stream *s, unsigned char *bytes, size_t count, size_t *got)
{
  const size_t from_ahead = count < s->ahead_count ? count : s->ahead_count;
  memcpy(bytes, s->ahead, from_ahead);
  memmove(s->ahead, s->ahead + from_ahead, s->ahead_count - from_ahead);
  s->ahead_count -= from_ahead;
  s->offset += from_ahead;
  size_t from_file = 0;
  if (from_ahead < count && read_file(s, bytes + from_ahead, count - from_ahead, &from_file) != 0) {
    return -1;
  }
  s->offset += from_file;
  *got = from_ahead + from_file;
  return 0;
}

int stream_read(stream *s, void *bytes, size_t count, const char *what)
{
  const uint64_t begin = s->offset;
  size_t got = 0;
  if (stream_take(s, bytes, count, &got) != 0) {
    return -1;
  }
  if (got < count) {
    return stream_fail(s, begin + got, "the file is truncated: it ends inside %s", what);
  }
  return 0;
}

int stream_expect_end(stream *s, const char *what)
{
  unsigned char byte = 0;
  size_t got = 0;
  const uint64_t end = s->offset;
  if (stream_take(s, &byte, 1, &got) != 0) {
    return -1;
  }
  return got == 0 ? 0 : stream_fail(s, end, "expected the end of the file after %s, more follows", what);
}
