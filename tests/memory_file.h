/* A file that lives in memory, for tests of readers and writers: nothing to clean up. */
#ifndef CLNORM_TESTS_MEMORY_FILE_H
#define CLNORM_TESTS_MEMORY_FILE_H

#include <stddef.h>

typedef struct memory_file {
  char path[64]; /* what a reader opens; good until this process ends */
  int descriptor;
} memory_file;

/* A file of these bytes. `count` may be 0. */
memory_file memory_file_make(const void *bytes, size_t count);

/* The same bytes gzipped; of the gzip data only the first `keep` bytes, SIZE_MAX for all. */
memory_file memory_file_gzip(const void *bytes, size_t count, size_t keep);

/* The whole content; returns how many bytes were stored in `bytes`. */
size_t memory_file_content(const memory_file *file, void *bytes, size_t capacity);

#endif
