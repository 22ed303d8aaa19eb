/* A folder of its own for a test of the program cache, and what may happen to a file. */
#ifndef CLNORM_TESTS_CACHE_FIXTURE_H
#define CLNORM_TESTS_CACHE_FIXTURE_H

#include <stddef.h>
#include <sys/types.h>

/* A user that owns nothing: Debian's nobody. */
#define CACHE_OTHER_USER 65534

typedef struct cache_folder {
  char root[64];  /* made by cache_folder_open, of mode 0700 */
  char path[128]; /* the cache's folder in it: not made yet */
} cache_folder;

cache_folder cache_folder_open(void);

/* Removes all of it. */
void cache_folder_close(const cache_folder *f);

/* Root may write anywhere: from here on the test's process is another user. Before cache_folder_open. */
void cache_drop_root(void);

/* How many files `folder` has, of any kind but folders; 0 if it is not there. `path` receives the last one's, may be NULL. */
size_t cache_count_files(const char *folder, char path[512]);

/* The whole file; free it. */
unsigned char *cache_read_file(const char *path, size_t *bytes);

/* Overwrites or makes a file of mode 0600. */
void cache_write_file(const char *path, const void *data, size_t bytes);

#endif
