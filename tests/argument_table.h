/* The arguments of all passes for the tests of wrong ones: X(member, extent, use). extent: TENSOR or SMALL (one element a
 * channel). use: R required, o optional, . must be absent; one letter a pass: train, infer, backward, backward-frozen. */
#ifndef CLNORM_TESTS_ARGUMENT_TABLE_H
#define CLNORM_TESTS_ARGUMENT_TABLE_H

#include <stddef.h>
#include <string.h>

#include "clnorm/clnorm.h"

#define ARGUMENT_TABLE(X)        \
  X(x, TENSOR, "RRRR")           \
  X(dy, TENSOR, "..RR")          \
  X(gamma, SMALL, "oooo")        \
  X(beta, SMALL, "oo..")         \
  X(y, TENSOR, "RR..")           \
  X(running_mean, SMALL, "oR.R") \
  X(running_var, SMALL, "oR.R")  \
  X(mean, SMALL, "o.o.")         \
  X(inv_std, SMALL, "o.o.")      \
  X(dx, TENSOR, "..oo")          \
  X(dgamma, SMALL, "..oo")       \
  X(dbeta, SMALL, "..oo")

typedef enum extent { TENSOR, SMALL } extent;

/* `member` is the offset in the structure of arguments that the including test works on. */
typedef struct row {
  const char *name;
  size_t member;
  extent extent;
  const char *use;
} row;

#define ROWS 12

static inline char use_of(const row *r, clnorm_pass pass) { return r->use[pass - CLNORM_TRAIN]; }

static inline size_t index_of(const row *rows, const char *name)
{
  size_t i = 0;
  while (strcmp(rows[i].name, name) != 0) {
    i++;
  }
  return i;
}

static inline int row_is_output(const row *r, clnorm_pass pass)
{
  if (pass == CLNORM_BACKWARD || pass == CLNORM_BACKWARD_FROZEN) {
    return r->name[0] == 'd' && strcmp(r->name, "dy") != 0;
  }
  const int state =
      strncmp(r->name, "running", 7) == 0 || strcmp(r->name, "mean") == 0 || strcmp(r->name, "inv_std") == 0;
  return strcmp(r->name, "y") == 0 || (pass == CLNORM_TRAIN && state);
}

/* y = x and dx = dy. */
static inline int rows_may_be_same(const char *output, const char *other)
{
  return (strcmp(output, "y") == 0 && strcmp(other, "x") == 0) ||
         (strcmp(output, "dx") == 0 && strcmp(other, "dy") == 0);
}

#endif
