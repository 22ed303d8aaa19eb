/* A file read once from front to back, plain or gzipped (the file's first bytes tell), that knows where it is.
 *
 * Every function that can fail returns 0 on success and -1 on failure, and then the stream's `error` holds one sentence
 * with the file's name, the byte and the reason. Bytes of a gzipped file are counted after unpacking. */
#ifndef CLNORM_TOOLS_STREAM_H
#define CLNORM_TOOLS_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

typedef struct file_error {
  char text[1024];
} file_error;

#define STREAM_AHEAD 8

typedef struct stream {
  gzFile file;
  const char *path;
  uint64_t offset; /* of the next byte that stream_read gives */
  unsigned char ahead[STREAM_AHEAD];
  size_t ahead_count;
  file_error *error;
} stream;

/* `path` and `error` are kept, not copied. Close also after a failure of stream_read; not after one of stream_open. */
int stream_open(stream *s, const char *path, file_error *error);
void stream_close(stream *s);

/* The file's next bytes without taking them: at most `count` (up to STREAM_AHEAD), fewer at the end of the file.
 * Only before the first stream_read. -1 on failure. */
int stream_peek(stream *s, unsigned char *bytes, size_t count, size_t *got);

/* Exactly `count` bytes; `what` names them in the sentence about a file that ends before. */
int stream_read(stream *s, void *bytes, size_t count, const char *what);

/* As many as there are, up to `count`: fewer only at the end of the file. */
int stream_take(stream *s, unsigned char *bytes, size_t count, size_t *got);

/* Fails if there is anything left; `what` is what should have been the last. */
int stream_expect_end(stream *s, const char *what);

/* Records "PATH: byte OFFSET: reason" and returns -1. */
int stream_fail(stream *s, uint64_t offset, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Records "PATH: reason" and returns -1: for failures that have no place in the file. */
int file_fail(file_error *error, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
