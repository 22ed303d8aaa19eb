/* The folder of the program cache: a folder of this user alone, in which files may be found, kept and removed. Nothing here
 * knows OpenCL or what the files hold, and nothing reports an error: a cache that cannot be used is no failure. */
#ifndef CLNORM_HOST_CACHE_FOLDER_H
#define CLNORM_HOST_CACHE_FOLDER_H

#include <sys/stat.h>

/* Length of the longest path of a folder, with its end. */
#define CLNORM__CACHE_PATH 1024

/* After each new file the least recently used ones are removed until the rest holds no more bytes than this. */
#define CLNORM__CACHE_LIMIT (64ll << 20)

typedef enum clnorm__cache_answer {
  CLNORM__CACHE_HIT,
  CLNORM__CACHE_MISS,    /* nothing is there */
  CLNORM__CACHE_REJECTED /* something is there that is not to be used */
} clnorm__cache_answer;

/* HIT: *folder is a descriptor that the caller closes. The folder has to belong to this user, nobody else may write to it,
 * and the last part of its path is no link.
 *   make   1: a folder that is missing is made, with those above it, for this user alone */
clnorm__cache_answer clnorm__cache_folder_open(const char *path, int make, int *folder);

/* 1 if the file or folder is this user's and nobody else may write to it. */
int clnorm__cache_is_ours(const struct stat *what);

/* Removes files of the cache, and only those, until the rest fits `limit` bytes; the least recently used go first. Files
 * that a killed process has left half written go after an hour. */
void clnorm__cache_folder_trim(int folder, long long limit);

#endif
