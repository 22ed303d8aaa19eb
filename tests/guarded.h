/* Memory that lies against a page that nobody may touch, so that the first byte read or written outside of it ends the
 * process. */
#ifndef CLNORM_TESTS_GUARDED_H
#define CLNORM_TESTS_GUARDED_H

#include <stddef.h>

typedef enum guarded_side {
  GUARDED_END,  /* the page lies behind the last byte */
  GUARDED_START /* the page lies before the first byte */
} guarded_side;

typedef struct guarded {
  void *data; /* NULL if bytes is 0 */
  size_t bytes;
  void *mapping;
  size_t mapped;
} guarded;

/* Zeroed memory; asserts that there is some. */
guarded guarded_make(size_t bytes, guarded_side side);
void guarded_free(guarded *memory);

/* From now on a fault first writes `what` (of at most 240 characters), which arrays there are and where it was, to the
 * standard error. Later calls replace the text. */
void guarded_explain(const char *what);
void guarded_name(const guarded *memory, const char *name); /* one of those arrays; until the next guarded_explain */

/* The same call in a child of this process: 1 if a segmentation fault or bus error ended it. */
int guarded_dies(void (*call)(void *of), void *of);

#endif
