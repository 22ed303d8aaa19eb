#include "file_checks.h"

#include <errno.h>
#include <page.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Folders as far as `from`, a place in `path`, are there. */
static int check_from(char *path, char *from)
{
  char *slash = strchr(from, '/');
  if (slash == NULL) {
    return page_check(path);
  }
  *slash = '\0';
  const int made = mkdir(path, 0777) == 0;
  const int there = made || errno == EEXIST || errno == EISDIR;
  *slash = '/';
  const int result = there ? check_from(path, slash + 1) : -1;
  if (made) {
    const int cause = errno;
    *slash = '\0';
    (void)rmdir(path);
    *slash = '/';
    errno = cause;
  }
  return result;
}

int file_check(const char *path)
{
  char *own = strdup(path);
  if (own == NULL) {
    errno = ENOMEM;
    return -1;
  }
  const int result = check_from(own, own[0] == '/' ? own + 1 : own);
  const int cause = errno;
  free(own);
  errno = cause;
  return result;
}

static int is_same_entry(const struct stat *a, const struct stat *b)
{
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* What is known of the folder that a path's last name is in. 0 or -1. */
static int stat_folder(const char *path, struct stat *found)
{
  const char *slash = strrchr(path, '/');
  if (slash == NULL) {
    return stat(".", found);
  }
  char *folder = strndup(path, (size_t)(slash - path) + 1);
  const int result = folder == NULL ? -1 : stat(folder, found);
  free(folder);
  return result;
}

static const char *last_name(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

int file_is_same(const char *a, const char *b)
{
  struct stat of_a;
  struct stat of_b;
  if (a == NULL || b == NULL) {
    return 0;
  }
  if (strcmp(a, b) == 0) {
    return 1;
  }
  const int no_a = stat(a, &of_a);
  const int no_b = stat(b, &of_b);
  if (no_a == 0 && no_b == 0) {
    return is_same_entry(&of_a, &of_b);
  }
  return no_a != 0 && no_b != 0 && strcmp(last_name(a), last_name(b)) == 0 && stat_folder(a, &of_a) == 0 &&
         stat_folder(b, &of_b) == 0 && is_same_entry(&of_a, &of_b);
}
