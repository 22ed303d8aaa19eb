/* Options that say which normalizations are measured: lists of operations, storage types, activations and residuals, of which every
 * combination is meant. */
#ifndef CLNORM_TOOLS_KIND_OPTIONS_H
#define CLNORM_TOOLS_KIND_OPTIONS_H

#include <norm_kind.h>
#include <stddef.h>

#define KIND_ACTIVATIONS 32

/* As they were given; NULL: not. */
typedef struct kind_texts {
  char *op, *axis, *groups, *dtype, *activation, *residual;
} kind_texts;

/* A count of 0: the list was not given. */
typedef struct kind_options {
  clnorm_op ops[5];
  clnorm_dtype dtypes[4];
  struct {
    clnorm_activation activation;
    double alpha;
  } activations[KIND_ACTIVATIONS];
  int residuals[2];
  size_t op_count, dtype_count, activation_count, residual_count;
  uint32_t axis, groups; /* 0: not given */
  int has_axis;
} kind_options;

/* Lists are written into. Returns OPTIONS_GO_ON, or EXIT_USAGE after a line on stderr that begins with the command's name. */
int kind_options_read(const char *command, const kind_texts *texts, kind_options *options);

/* How many combinations there are, and which is at `index`; of a list that was not given, what norm_plain has. */
size_t kind_options_count(const kind_options *options);
norm_kind kind_options_at(const kind_options *options, size_t index);

/* As suite_add_family takes it: 1 if every list that was given has what the kind has. `options` is a kind_options. */
int kind_options_want(void *options, const norm_kind *kind);

#endif
