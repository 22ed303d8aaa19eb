#include "cache_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cache_file.h"

int clnorm__cache_is_ours(const struct stat *what)
{
  return what->st_uid == geteuid() && (what->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Folders above are made on the way; one that cannot be made shows when the last one is opened. */
static void make_folders(const char *path)
{
  char part[CLNORM__CACHE_PATH];
  for (size_t i = 1; i < sizeof part; i++) {
    if (path[i] == '/' || path[i] == '\0') {
      memcpy(part, path, i);
      part[i] = '\0';
      (void)mkdir(part, S_IRWXU);
    }
    if (path[i] == '\0') {
      return;
    }
  }
}

clnorm__cache_answer clnorm__cache_folder_open(const char *path, int make, int *folder)
{
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  struct stat found;
  int opened = open(path, flags);
  if (opened < 0 && errno == ENOENT && make) {
    make_folders(path);
    opened = open(path, flags);
  }
  if (opened < 0) {
    return errno == ENOENT ? CLNORM__CACHE_MISS : CLNORM__CACHE_REJECTED;
  }
  if (fstat(opened, &found) != 0 || !clnorm__cache_is_ours(&found)) {
    (void)close(opened);
    return CLNORM__CACHE_REJECTED;
  }
  *folder = opened;
  return CLNORM__CACHE_HIT;
}

/* ---- trimming ----------------------------------------------------------------------------------------------- */

#define TEMPORARY_SECONDS 3600

typedef struct kept_file {
  char name[CLNORM__CACHE_NAME];
  struct timespec used;
  long long bytes;
} kept_file;

typedef struct kept_list {
  kept_file *files;
  size_t count, capacity;
  long long bytes;
} kept_list;

static int keep(kept_list *list, const char *name, const struct stat *found)
{
  if (list->count == list->capacity) {
    const size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
    kept_file *larger = realloc(list->files, capacity * sizeof *larger);
    if (larger == NULL) {
      return 0;
    }
    list->files = larger;
    list->capacity = capacity;
  }
  kept_file *file = &list->files[list->count++];
  memcpy(file->name, name, strlen(name) + 1); /* the names of the cache's files have one length */
  file->used = found->st_mtim;
  file->bytes = found->st_size;
  list->bytes += file->bytes;
  return 1;
}

static void list_files(DIR *open_folder, int folder, kept_list *list)
{
  const time_t now = time(NULL);
  for (struct dirent *entry; (entry = readdir(open_folder)) != NULL;) {
    const clnorm__cache_kind kind = clnorm__cache_kind_of(entry->d_name);
    struct stat found;
    if (kind == CLNORM__CACHE_OTHER || fstatat(folder, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(found.st_mode)) {
      continue;
    }
    if (kind == CLNORM__CACHE_TEMPORARY) {
      if (now - found.st_mtim.tv_sec > TEMPORARY_SECONDS) {
        (void)unlinkat(folder, entry->d_name, 0);
      }
    } else if (!keep(list, entry->d_name, &found)) {
      return;
    }
  }
}

static int older_first(const void *a, const void *b)
{
  const struct timespec *first = &((const kept_file *)a)->used;
  const struct timespec *second = &((const kept_file *)b)->used;
  if (first->tv_sec != second->tv_sec) {
    return first->tv_sec < second->tv_sec ? -1 : 1;
  }
  return (first->tv_nsec > second->tv_nsec) - (first->tv_nsec < second->tv_nsec);
}

void clnorm__cache_folder_trim(int folder, long long limit)
{
  kept_list list = {0};
  /* A descriptor of its own, which closedir() closes, with a position of its own. */
  const int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *open_folder = again < 0 ? NULL : fdopendir(again);
  if (open_folder == NULL) {
    if (again >= 0) {
      (void)close(again);
    }
    return;
  }
  list_files(open_folder, folder, &list);
  if (list.bytes > limit) {
    qsort(list.files, list.count, sizeof *list.files, older_first);
    for (size_t i = 0; i < list.count && list.bytes > limit; i++) {
      (void)unlinkat(folder, list.files[i].name, 0);
      list.bytes -= list.files[i].bytes;
    }
  }
  free(list.files);
  (void)closedir(open_folder);
}
