/* Where the database of a device lies, and how it is read and written. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tuning_state.h"

#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#define HAS_POSIX 1
#endif

/* Far above what 4096 choices need. */
#define MOST_BYTES ((size_t)1 << 20)

/* Characters of the device's name in its file's name. */
#define NAME_BYTES 48

#ifdef HAS_POSIX

/* ---- where --------------------------------------------------------------------------------------------------- */

/* "cpu-amd-epyc-7b13-0123456789abcdef.tuning": for people, and a hash for the rest. */
static void file_name(const clnorm__identity *identity, char *text, size_t capacity)
{
  char slug[NAME_BYTES + 1];
  size_t length = 0;
  for (const char *c = identity->device; *c != '\0' && length < NAME_BYTES; c++) {
    if (isalnum((unsigned char)*c)) {
      slug[length++] = (char)tolower((unsigned char)*c);
    } else if (length > 0 && slug[length - 1] != '-') {
      slug[length++] = '-';
    }
  }
  slug[length] = '\0';
  uint64_t hash = clnorm__hash(CLNORM__HASH, identity->device, strlen(identity->device) + 1);
  hash = clnorm__hash(hash, identity->driver, strlen(identity->driver) + 1);
  hash = clnorm__hash(hash, &identity->units, sizeof identity->units);
  (void)snprintf(text, capacity, "%s%s%016" PRIx64 ".tuning", slug, length > 0 && slug[length - 1] != '-' ? "-" : "",
                 hash);
}

static char *join(const char *folder, const char *middle, const char *name)
{
  const size_t capacity = strlen(folder) + strlen(middle) + strlen(name) + 2;
  char *path = malloc(capacity);
  if (path != NULL) {
    (void)snprintf(path, capacity, "%s%s/%s", folder, middle, name);
  }
  return path;
}

static int is_absolute(const char *folder) { return folder != NULL && folder[0] == '/'; }

char *clnorm__tuning_path(const clnorm__identity *identity, const char *folder)
{
  char name[NAME_BYTES + 32];
  const char *const home = getenv("HOME"), *const config = getenv("XDG_CONFIG_HOME");
  file_name(identity, name, sizeof name);
  if (folder == NULL) {
    folder = getenv("CLNORM_TUNING_DB");
  }
  if (folder != NULL && strcmp(folder, "off") == 0) {
    return strdup("");
  }
  if (folder != NULL && folder[0] != '\0') {
    return join(folder, "", name);
  }
  if (is_absolute(config)) {
    return join(config, "/clnorm/tuning", name);
  }
  return is_absolute(home) ? join(home, "/.config/clnorm/tuning", name) : strdup("");
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static char *read_open(int descriptor, size_t *length, char *why, size_t capacity)
{
  struct stat status;
  char *text = NULL;
  size_t used = 0;
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > (off_t)MOST_BYTES) {
    (void)snprintf(why, capacity, "it is no regular file of at most a mebibyte");
    return NULL;
  }
  /* One byte more shows whether the file has grown meanwhile. */
  const size_t room = (size_t)status.st_size + 1;
  if ((text = malloc(room)) == NULL) {
    (void)snprintf(why, capacity, "not enough memory");
    return NULL;
  }
  while (used < room) {
    const ssize_t got = read(descriptor, text + used, room - used);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      break;
    }
    used += (size_t)got;
  }
  if (used != room - 1) {
    (void)snprintf(why, capacity, "it cannot be read");
    free(text);
    return NULL;
  }
  *length = used;
  return text;
}

char *clnorm__file_read(const char *path, size_t *length, char *why, size_t capacity)
{
  why[0] = '\0';
  /* Opening a pipe must not wait for its writer. */
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) {
    if (errno != ENOENT && errno != ENOTDIR) {
      (void)snprintf(why, capacity, "it cannot be opened: %s", strerror(errno));
    }
    return NULL;
  }
  char *text = read_open(descriptor, length, why, capacity);
  (void)close(descriptor);
  return text;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

/* Makes the folders of a path. */
static int make_folders(char *path)
{
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    const int failed = mkdir(path, 0777) != 0 && errno != EEXIST && errno != EISDIR;
    *slash = '/';
    if (failed) {
      return errno;
    }
  }
  return 0;
}

static int write_open(int descriptor, const char *text, size_t length)
{
  size_t used = 0;
  while (used < length) {
    const ssize_t written = write(descriptor, text + used, length - used);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return written < 0 ? errno : EIO;
    }
    used += (size_t)written;
  }
  return fsync(descriptor) != 0 ? errno : 0;
}

/* Opens a file beside `path` that nobody else has, and sets its name. -1 with errno. */
static int open_beside(const char *path, char *name, size_t capacity)
{
  static atomic_uint number;
  int descriptor = -1;
  for (int tries = 0; tries < 16; tries++) {
    (void)snprintf(name, capacity, "%s.%ld-%u", path, (long)getpid(), atomic_fetch_add(&number, 1));
    descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0 || errno != EEXIST) {
      break;
    }
  }
  return descriptor;
}

int clnorm__file_write(const char *path, const char *text, size_t length)
{
  const size_t capacity = strlen(path) + 48;
  char *temporary = malloc(capacity);
  if (temporary == NULL) {
    return ENOMEM;
  }
  (void)snprintf(temporary, capacity, "%s", path);
  int error = make_folders(temporary);
  const int descriptor = error == 0 ? open_beside(path, temporary, capacity) : -1;
  if (descriptor < 0) {
    error = error != 0 ? error : errno;
    free(temporary);
    return error;
  }
  error = write_open(descriptor, text, length);
  if (close(descriptor) != 0 && error == 0) {
    error = errno;
  }
  if (error == 0 && rename(temporary, path) != 0) {
    error = errno;
  }
  if (error != 0) {
    (void)unlink(temporary);
  }
  free(temporary);
  return error;
}

#else

char *clnorm__tuning_path(const clnorm__identity *identity, const char *folder)
{
  (void)identity, (void)folder;
  return calloc(1, 1);
}

char *clnorm__file_read(const char *path, size_t *length, char *why, size_t capacity)
{
  (void)path, (void)length;
  (void)snprintf(why, capacity, "this system has no databases");
  return NULL;
}

int clnorm__file_write(const char *path, const char *text, size_t length)
{
  (void)path, (void)text, (void)length;
  return ENOTSUP;
}

#endif
