/* Assertions about a call that has to fail: its status, and a sentence that names argument, expectation and value. */
#ifndef CLNORM_TESTS_EXPECT_H
#define CLNORM_TESTS_EXPECT_H

#include <criterion/criterion.h>
#include <string.h>

#include "clnorm/clnorm.h"

/* Each further argument is a piece of text that the sentence has to contain. */
#define expect_failure(status, expected, ...)                                                                    \
  do {                                                                                                           \
    const clnorm_status expect_got = (status);                                                                   \
    static const char *const expect_pieces[] = {__VA_ARGS__};                                                    \
    cr_assert(expect_got == (expected), "%s: got %s (%s), expected %s", #status, clnorm_status_name(expect_got), \
              clnorm_last_error(), clnorm_status_name(expected));                                                \
    for (size_t expect_i = 0; expect_i < sizeof expect_pieces / sizeof expect_pieces[0]; expect_i++) {           \
      cr_assert(strstr(clnorm_last_error(), expect_pieces[expect_i]) != NULL, "\"%s\" does not say \"%s\"",      \
                clnorm_last_error(), expect_pieces[expect_i]);                                                   \
    }                                                                                                            \
  } while (0)

#define expect_success(status)                                                                     \
  do {                                                                                             \
    const clnorm_status expect_got = (status);                                                     \
    cr_assert(expect_got == CLNORM_SUCCESS, "%s: %s: %s", #status, clnorm_status_name(expect_got), \
              clnorm_last_error());                                                                \
  } while (0)

#endif
