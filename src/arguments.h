/* The arguments of every pass as data: who needs which, how long each is, what may alias. Both backends describe what
 * the caller gave as spans of bytes and have them checked here, before anything is written or enqueued. */
#ifndef CLNORM_SRC_ARGUMENTS_H
#define CLNORM_SRC_ARGUMENTS_H

#include "geometry.h"

/* ROW(NAME, member of clnorm_args and clnorm_cl_args, extent). The workspace is checked apart. */
#define CLNORM__ARGUMENT_TABLE(ROW)          \
  ROW(X, x, TENSOR)                          \
  ROW(DY, dy, TENSOR)                        \
  ROW(Y, y, TENSOR)                          \
  ROW(DX, dx, TENSOR)                        \
  ROW(GAMMA, gamma, PARAMETER)               \
  ROW(BETA, beta, PARAMETER)                 \
  ROW(DGAMMA, dgamma, PARAMETER)             \
  ROW(DBETA, dbeta, PARAMETER)               \
  ROW(RUNNING_MEAN, running_mean, PARAMETER) \
  ROW(RUNNING_VAR, running_var, PARAMETER)   \
  ROW(MEAN, mean, STATISTIC)                 \
  ROW(INV_STD, inv_std, STATISTIC)           \
  ROW(RESIDUAL, residual, TENSOR)            \
  ROW(LENGTHS, lengths, LENGTHS)             \
  ROW(DRESIDUAL, dresidual, TENSOR)          \
  ROW(MASK, mask, MASK)

typedef enum clnorm__argument {
#define CLNORM__ARGUMENT_ENUM(name, member, extent) CLNORM__ARG_##name,
  CLNORM__ARGUMENT_TABLE(CLNORM__ARGUMENT_ENUM)
#undef CLNORM__ARGUMENT_ENUM
      CLNORM__ARG_COUNT
} clnorm__argument;

/* What the caller gave for one argument, as bytes of one address space. */
typedef struct clnorm__span {
  int present;
  const void *root;        /* what offsets count from: NULL for host pointers, the parent cl_mem otherwise */
  uint64_t begin;          /* byte where the argument starts, from the root */
  uint64_t floor;          /* byte where its memory starts; 0 if unknown */
  uint64_t capacity;       /* bytes from begin to the end of its memory; UINT64_MAX if unknown (host pointers) */
  uint64_t count;          /* elements that the caller states, 0 if none */
  int can_read, can_write; /* by the kernel */
} clnorm__span;

/* Sentences of errors name the argument by its member. */
const char *clnorm__argument_name(clnorm__argument argument);

/* Elements and bytes of an element that an argument has in this geometry. */
uint64_t clnorm__argument_count(const clnorm_desc *desc, const clnorm__geometry *geometry, clnorm__argument argument);
size_t clnorm__argument_element(const clnorm_desc *desc, clnorm__argument argument);

/* The tensor that an argument is, CLNORM_TENSORS for those that are none. */
clnorm_tensor clnorm__argument_tensor(clnorm__argument argument);

/* Checks presence, counts, alignment, access and overlap of all arguments and of the workspace (whose span counts
 * bytes). Errors: INVALID_ARGUMENT, BUFFER_TOO_SMALL, INVALID_BUFFER, OVERLAP. */
clnorm_status clnorm__arguments_check(const clnorm_desc *desc, const clnorm__geometry *geometry, clnorm_pass pass,
                                      const clnorm__span spans[CLNORM__ARG_COUNT], const clnorm__span *workspace,
                                      uint64_t workspace_bytes);

/* An empty tensor has often no address, and there are no buffers of no bytes: what an empty descriptor requires counts as
 * given. */
void clnorm__arguments_forgive_empty(const clnorm_desc *desc, clnorm_pass pass, clnorm__span spans[CLNORM__ARG_COUNT]);

/* The weight of the new value for this call's running statistics.
 * Errors: INVALID_ARGUMENT if averaging is cumulative, the pass is training and batch_number is 0. */
clnorm_status clnorm__average_weight(const clnorm_desc *desc, clnorm_pass pass, uint64_t batch_number, double *weight);

#endif
