#include "memory_file.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

memory_file memory_file_make(const void *bytes, size_t count)
{
  memory_file file;
  file.descriptor = memfd_create("clnorm-test", 0);
  cr_assert(file.descriptor >= 0, "no file in memory");
  cr_assert(write(file.descriptor, bytes, count) == (ssize_t)count);
  (void)snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.descriptor);
  return file;
}

memory_file memory_file_gzip(const void *bytes, size_t count, size_t keep)
{
  static unsigned char packed[1 << 20];
  memory_file plain = memory_file_make(NULL, 0);
  gzFile gz = gzopen(plain.path, "wb");
  cr_assert(gz != NULL && gzwrite(gz, bytes, (unsigned)count) == (int)count && gzclose(gz) == Z_OK);
  const size_t length = memory_file_content(&plain, packed, sizeof packed);
  (void)close(plain.descriptor);
  return memory_file_make(packed, keep < length ? keep : length);
}

size_t memory_file_content(const memory_file *file, void *bytes, size_t capacity)
{
  const ssize_t got = pread(file->descriptor, bytes, capacity, 0);
  cr_assert(got >= 0);
  return (size_t)got;
}
