#include "cache_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* All of it in this file and nothing to link: users of the library need no xxHash. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SUFFIX ".clnorm"
#define DIGITS 32
static const char digits[] = "0123456789abcdef";

/* More than any program; a length from a damaged file never becomes an allocation beyond it. */
#define MOST_BYTES (256ll << 20)

typedef struct file_header {
  char magic[12];
  uint32_t version;
  uint64_t key_bytes;
  uint64_t payload_bytes;
  XXH128_canonical_t checksum;
} file_header;
_Static_assert(sizeof(file_header) == 48, "a header without gaps");

/* What a file with this key and payload begins with. A file is verified by making its header anew and comparing all of it:
 * no field of a file is trusted, or even looked at. */
static file_header make_header(const clnorm__cache_bytes *key, const void *payload, size_t payload_bytes)
{
  file_header header = {.magic = "clnorm file", .version = 1, .key_bytes = key->size, .payload_bytes = payload_bytes};
  XXH128_canonicalFromHash(&header.checksum, XXH3_128bits(payload, payload_bytes));
  return header;
}

/* ---- names -------------------------------------------------------------------------------------------------- */

void clnorm__cache_name(const clnorm__cache_bytes *key, char name[CLNORM__CACHE_NAME])
{
  XXH128_canonical_t hash;
  XXH128_canonicalFromHash(&hash, XXH3_128bits(key->data, key->size));
  for (size_t i = 0; i < DIGITS / 2; i++) {
    name[2 * i] = digits[hash.digest[i] >> 4];
    name[2 * i + 1] = digits[hash.digest[i] & 15];
  }
  memcpy(name + DIGITS, SUFFIX, sizeof SUFFIX);
}

/* Temporary names go on behind a whole one: process, time and attempt. */
#define TEMPORARY_NAME (CLNORM__CACHE_NAME + 48)

clnorm__cache_kind clnorm__cache_kind_of(const char *name)
{
  if (strspn(name, digits) != DIGITS || strncmp(name + DIGITS, SUFFIX, strlen(SUFFIX)) != 0) {
    return CLNORM__CACHE_OTHER;
  }
  const char *rest = name + DIGITS + strlen(SUFFIX);
  return rest[0] == '\0' ? CLNORM__CACHE_WHOLE : rest[0] == '.' ? CLNORM__CACHE_TEMPORARY : CLNORM__CACHE_OTHER;
}

/* ---- loading ------------------------------------------------------------------------------------------------ */

/* Into memory and not mapped, so that nobody changes or shortens it between the check and the use. */
static int read_all(int file, char *to, size_t bytes)
{
  while (bytes > 0) {
    const ssize_t got = read(file, to, bytes);
    if (got == 0 || (got < 0 && errno != EINTR)) {
      return 0;
    }
    to += got > 0 ? got : 0;
    bytes -= got > 0 ? (size_t)got : 0;
  }
  return 1;
}

/* The whole file, if it may be one of ours; NULL else. */
static char *read_file(int file, size_t least, size_t *bytes)
{
  struct stat found;
  if (fstat(file, &found) != 0 || !S_ISREG(found.st_mode) || !clnorm__cache_is_ours(&found) ||
      found.st_size <= (off_t)least || found.st_size > MOST_BYTES) {
    return NULL;
  }
  *bytes = (size_t)found.st_size;
  char *data = malloc(*bytes);
  if (data != NULL && !read_all(file, data, *bytes)) {
    free(data);
    data = NULL;
  }
  return data;
}

static int verify(const char *data, size_t bytes, const clnorm__cache_bytes *key)
{
  const size_t payload_at = sizeof(file_header) + key->size;
  const file_header expected = make_header(key, data + payload_at, bytes - payload_at);
  return memcmp(data, &expected, sizeof expected) == 0 && memcmp(data + sizeof expected, key->data, key->size) == 0;
}

static int load_verified(int file, const clnorm__cache_bytes *key, clnorm__cache_bytes *payload)
{
  const size_t payload_at = sizeof(file_header) + key->size;
  size_t bytes = 0;
  char *data = read_file(file, payload_at, &bytes);
  if (data == NULL || !verify(data, bytes, key)) {
    free(data);
    return 0;
  }
  payload->size = bytes - payload_at;
  memmove(data, data + payload_at, payload->size);
  payload->data = data;
  return 1;
}

clnorm__cache_answer clnorm__cache_load(const char *path, const clnorm__cache_bytes *key, clnorm__cache_bytes *payload)
{
  char name[CLNORM__CACHE_NAME];
  int folder = -1;
  clnorm__cache_answer answer = clnorm__cache_folder_open(path, 0, &folder);
  if (answer != CLNORM__CACHE_HIT) {
    return answer;
  }
  clnorm__cache_name(key, name);
  /* Not to wait for the other end, should it be a pipe. */
  const int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (file < 0) {
    answer = errno == ENOENT ? CLNORM__CACHE_MISS : CLNORM__CACHE_REJECTED;
  } else {
    answer = load_verified(file, key, payload) ? CLNORM__CACHE_HIT : CLNORM__CACHE_REJECTED;
    if (answer == CLNORM__CACHE_HIT) {
      (void)futimens(file, NULL); /* for trimming: the least recently used go first */
    }
    (void)close(file);
  }
  (void)close(folder);
  return answer;
}

/* ---- saving ------------------------------------------------------------------------------------------------- */

static int write_all(int file, const char *from, size_t bytes)
{
  while (bytes > 0) {
    const ssize_t put = write(file, from, bytes);
    if (put == 0 || (put < 0 && errno != EINTR)) {
      return 0;
    }
    from += put > 0 ? put : 0;
    bytes -= put > 0 ? (size_t)put : 0;
  }
  return 1;
}

/* A file beyond the process's limit would not only fail: by default the signal that comes with it ends the process. */
static int may_write(size_t bytes)
{
  struct rlimit limit;
  return bytes <= (size_t)MOST_BYTES &&
         (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || bytes <= limit.rlim_cur);
}

static int create_temporary(int folder, const char *name, char temporary[TEMPORARY_NAME])
{
  int file = -1;
  for (int attempt = 0; attempt < 100 && file < 0; attempt++) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)snprintf(temporary, TEMPORARY_NAME, "%s.%ld.%ld.%d", name, (long)getpid(), now.tv_nsec, attempt);
    file = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0 && errno != EEXIST) {
      break;
    }
  }
  return file;
}

/* Not synchronized to the disk: what a power failure leaves incomplete is rejected like any damaged file. */
static int save_in(int folder, const clnorm__cache_bytes *key, const clnorm__cache_bytes *payload)
{
  char name[CLNORM__CACHE_NAME];
  char temporary[TEMPORARY_NAME];
  const file_header header = make_header(key, payload->data, payload->size);
  clnorm__cache_name(key, name);
  const int file = create_temporary(folder, name, temporary);
  if (file < 0) {
    return 0;
  }
  int saved = fchmod(file, S_IRUSR | S_IWUSR) == 0 && /* whatever the umask */
              write_all(file, (const char *)&header, sizeof header) && write_all(file, key->data, key->size) &&
              write_all(file, payload->data, payload->size);
  saved = close(file) == 0 && saved; /* some file systems tell only now that they are full */
  saved = saved && renameat(folder, temporary, folder, name) == 0;
  if (!saved) {
    (void)unlinkat(folder, temporary, 0);
  }
  return saved;
}

int clnorm__cache_save(const char *path, const clnorm__cache_bytes *key, const clnorm__cache_bytes *payload)
{
  int folder = -1;
  if (payload->size == 0 || !may_write(sizeof(file_header) + key->size + payload->size) ||
      clnorm__cache_folder_open(path, 1, &folder) != CLNORM__CACHE_HIT) {
    return 0;
  }
  const int saved = save_in(folder, key, payload);
  if (saved) {
    clnorm__cache_folder_trim(folder, CLNORM__CACHE_LIMIT);
  }
  (void)close(folder);
  return saved;
}
