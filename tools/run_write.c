#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "npy.h"
#include "run_data.h"

/* A result on its way: complete under its temporary name, then under its own. */
typedef struct target {
  char *temporary;
  char *final;
  int written;
  int renamed;
} target;

static char *join(const char *folder, const char *before, const char *name, const char *after)
{
  const size_t length = strlen(folder) + strlen(before) + strlen(name) + strlen(after) + 2;
  char *path = malloc(length);
  if (path != NULL) {
    (void)snprintf(path, length, "%s/%s%s%s", folder, before, name, after);
  }
  return path;
}

/* Like mkdir -p. *made is 1 if the last folder of the path was not there before. */
static int make_folder(const char *path, int *made)
{
  char *copy = strdup(path);
  int result = copy == NULL ? -1 : 0;
  *made = 0;
  for (char *at = copy == NULL ? NULL : copy + 1; result == 0 && at != NULL; at = at == NULL ? NULL : at + 1) {
    at = strchr(at, '/');
    if (at != NULL) {
      *at = '\0';
    }
    if (mkdir(copy, 0777) == 0) {
      *made = 1;
    } else if (errno == EEXIST) {
      *made = 0;
    } else {
      result = -1;
    }
    if (at == NULL) {
      break;
    }
    *at = '/';
  }
  const int cause = errno;
  free(copy);
  errno = cause;
  return result;
}

int run_check_out(const char *out)
{
  struct stat found;
  char *copy = strdup(out);
  if (copy == NULL) {
    return complain(EXIT_DEVICE, "run: not enough memory");
  }
  /* Up from the folder to the first that is there; a file on the way stops it with ENOTDIR at what is below. */
  int result = stat(copy, &found);
  while (result != 0 && errno == ENOENT) {
    char *slash = strrchr(copy, '/');
    (void)snprintf(copy, strlen(out) + 1, "%.*s", slash == NULL || slash == copy ? 1 : (int)(slash - copy),
                   slash == NULL ? "." : out);
    result = stat(copy, &found);
  }
  if (result == 0 && !S_ISDIR(found.st_mode)) {
    errno = ENOTDIR;
    result = -1;
  }
  result = result == 0 ? access(copy, W_OK | X_OK) : result;
  const int cause = errno;
  free(copy);
  return result == 0 ? EXIT_OK
                     : complain(EXIT_USAGE, "run: --out %s cannot be a folder to write to: %s", out, strerror(cause));
}

static int write_all(const run_data *data, const char *out, target *targets)
{
  file_error error;
  char suffix[48];
  (void)snprintf(suffix, sizeof suffix, ".npy.%ld.tmp", (long)getpid());
  for (int i = 0; i < RUN_RESULTS; i++) {
    if (data->results[i].data == NULL) {
      continue;
    }
    const char *name = run_result_name((run_result)i);
    targets[i].temporary = join(out, ".", name, suffix);
    targets[i].final = join(out, "", name, ".npy");
    if (targets[i].temporary == NULL || targets[i].final == NULL) {
      return complain(EXIT_DEVICE, "not enough memory");
    }
    targets[i].written = 1;
    if (npy_write(&data->results[i], targets[i].temporary, &error) != 0) {
      return complain(EXIT_USAGE, "run: %s", error.text);
    }
  }
  return EXIT_OK;
}

static int rename_all(target *targets)
{
  for (int i = 0; i < RUN_RESULTS; i++) {
    if (targets[i].final == NULL) {
      continue;
    }
    if (rename(targets[i].temporary, targets[i].final) != 0) {
      return complain(EXIT_USAGE, "run: %s: cannot be written: %s", targets[i].final, strerror(errno));
    }
    targets[i].renamed = 1;
  }
  return EXIT_OK;
}

int run_write(const run_data *data, const char *out)
{
  target targets[RUN_RESULTS] = {{0}};
  int made = 0;
  if (make_folder(out, &made) != 0) {
    return complain(EXIT_USAGE, "run: --out %s: the folder cannot be made: %s", out, strerror(errno));
  }
  int code = write_all(data, out, targets);
  if (code == EXIT_OK) {
    code = rename_all(targets);
  }
  for (int i = 0; i < RUN_RESULTS; i++) {
    if (code != EXIT_OK && targets[i].written) {
      (void)unlink(targets[i].renamed ? targets[i].final : targets[i].temporary);
    }
    free(targets[i].temporary);
    free(targets[i].final);
  }
  if (code != EXIT_OK && made) {
    (void)rmdir(out);
  }
  return code;
}
