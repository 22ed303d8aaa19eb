/* A file that is there whole or not at all: written under a temporary name beside its own and renamed at the end. And
 * text that is safe in HTML, whatever bytes a device's name holds. */
#ifndef CLNORM_BENCH_PAGE_H
#define CLNORM_BENCH_PAGE_H

#include <stdio.h>

typedef struct page {
  FILE *file;
  char *temporary;
  const char *path;
} page;

/* Whether a file can be made at `path`, or the one there be replaced: asked before hours of work go into it. Nothing is
 * left behind. 0, or -1 with errno set; EINVAL for what is there and no regular file. */
int page_check(const char *path);

/* Opens the temporary file. The path is kept by reference. 0, or -1 with errno set. */
int page_open(page *p, const char *path);

/* Renames the file to its own name. 0, or -1 with errno set; then the temporary file is gone and what was there before is
 * untouched. Closes it in any case. */
int page_commit(page *p);

/* Writes a text with & < > " ' escaped; control characters become spaces, bytes that are no UTF-8 become U+FFFD. */
void page_text(FILE *file, const char *text);

/* As printf, the result escaped. */
void page_format(FILE *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
