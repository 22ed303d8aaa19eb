/* What is asked about files before hours of work go into them. */
#ifndef CLNORM_TOOLS_FILE_CHECKS_H
#define CLNORM_TOOLS_FILE_CHECKS_H

/* Whether a file can be put at `path`, with the folders that are missing: makes them and a temporary file, and removes
 * both. 0, or -1 with errno set: EISDIR, EINVAL for what is there and no regular file. */
int file_check(const char *path);

/* 1 if both paths lead to one file, however they are spelled: also by a link, and if the file is not there yet. NULL is no
 * file. */
int file_is_same(const char *a, const char *b);

#endif
