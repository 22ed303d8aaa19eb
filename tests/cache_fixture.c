#include "cache_fixture.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

cache_folder cache_folder_open(void)
{
  cache_folder f = {.root = "/tmp/clnorm-test-XXXXXX"};
  cr_assert(mkdtemp(f.root) != NULL);
  (void)snprintf(f.path, sizeof f.path, "%s/programs", f.root);
  return f;
}

static int remove_one(const char *path, const struct stat *what, int kind, struct FTW *where)
{
  (void)what, (void)kind, (void)where;
  return remove(path);
}

static int open_up(const char *path, const struct stat *what, int kind, struct FTW *where)
{
  (void)where, (void)what;
  return kind == FTW_D || kind == FTW_DNR ? chmod(path, 0700) : 0;
}

void cache_folder_close(const cache_folder *f)
{
  (void)nftw(f->root, open_up, 8, FTW_PHYS);
  cr_assert(nftw(f->root, remove_one, 8, FTW_PHYS | FTW_DEPTH) == 0);
}

void cache_drop_root(void)
{
  if (geteuid() == 0) {
    cr_assert(setresuid(CACHE_OTHER_USER, CACHE_OTHER_USER, CACHE_OTHER_USER) == 0);
  }
}

size_t cache_count_files(const char *folder, char path[512])
{
  size_t count = 0;
  DIR *open_folder = opendir(folder);
  if (open_folder == NULL) {
    return 0;
  }
  for (struct dirent *entry; (entry = readdir(open_folder)) != NULL;) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
      count++;
      if (path != NULL) {
        cr_assert(snprintf(path, 512, "%s/%s", folder, entry->d_name) < 512);
      }
    }
  }
  (void)closedir(open_folder);
  return count;
}

unsigned char *cache_read_file(const char *path, size_t *bytes)
{
  FILE *file = fopen(path, "rb");
  cr_assert(file != NULL, "%s", path);
  cr_assert(fseek(file, 0, SEEK_END) == 0);
  *bytes = (size_t)ftell(file);
  rewind(file);
  unsigned char *data = malloc(*bytes + 1);
  cr_assert(data != NULL && fread(data, 1, *bytes, file) == *bytes);
  (void)fclose(file);
  return data;
}

void cache_write_file(const char *path, const void *data, size_t bytes)
{
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  cr_assert(file >= 0, "%s", path);
  cr_assert(write(file, data, bytes) == (ssize_t)bytes);
  (void)close(file);
}
