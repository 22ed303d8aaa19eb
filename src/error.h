/* Recording of what went wrong, behind clnorm_last_error().
 *
 * A public function calls clnorm__error_begin() first; the first clnorm__fail() after it wins, so that failures while
 * cleaning up do not hide the cause. Success never clears the text. */
#ifndef CLNORM_SRC_ERROR_H
#define CLNORM_SRC_ERROR_H

#include "clnorm/clnorm.h"

/* Length of the longest text kept; a longer build log is cut at its end. */
#define CLNORM__ERROR_CAPACITY 8192

void clnorm__error_begin(void);

/* Records the sentence unless one is recorded since clnorm__error_begin(), and returns `status`. */
clnorm_status clnorm__fail(clnorm_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Leaves the calling function through its `done:` label with the status of the first step that fails. */
#define CLNORM__TRY(expression)     \
  do {                              \
    status = (expression);          \
    if (status != CLNORM_SUCCESS) { \
      goto done;                    \
    }                               \
  } while (0)

#endif
