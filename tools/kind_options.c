#include "kind_options.h"

#include <string.h>

#include "message.h"
#include "numbers.h"
#include "options.h"
#include "shape_options.h"
#include "words.h"

#define MOST_AXIS (CLNORM_MAX_RANK - 1)
#define MOST_ALPHA 1e6

static int twice(const char *command, const char *option, const char *item)
{
  return complain(EXIT_USAGE, "%s: --%s names '%s' twice", command, option, item);
}

static int has_op(const kind_options *o, clnorm_op op)
{
  for (size_t i = 0; i < o->op_count; i++) {
    if (o->ops[i] == op) {
      return 1;
    }
  }
  return 0;
}

static int read_ops(const char *command, char *list, kind_options *o)
{
  for (char *item = list_next(&list, ','); item != NULL; item = list_next(&list, ',')) {
    clnorm_op op = CLNORM_BATCH;
    if (op_find(item, &op) != 0) {
      return complain(EXIT_USAGE, "%s: --op '%s' is unknown; expected " WORDS_OPS, command, item);
    }
    if (has_op(o, op)) {
      return twice(command, "op", item);
    }
    o->ops[o->op_count++] = op;
  }
  return OPTIONS_GO_ON;
}

static int has_dtype(const kind_options *o, clnorm_dtype dtype)
{
  for (size_t i = 0; i < o->dtype_count; i++) {
    if (o->dtypes[i] == dtype) {
      return 1;
    }
  }
  return 0;
}

static int read_dtypes(const char *command, char *list, kind_options *o)
{
  for (char *item = list_next(&list, ','); item != NULL; item = list_next(&list, ',')) {
    clnorm_dtype dtype = CLNORM_F32;
    if (type_find(item, &dtype) != 0) {
      return complain(EXIT_USAGE, "%s: --dtype '%s' is unknown; expected " WORDS_TYPES, command, item);
    }
    if (has_dtype(o, dtype)) {
      return twice(command, "dtype", item);
    }
    o->dtypes[o->dtype_count++] = dtype;
  }
  return OPTIONS_GO_ON;
}

static int has_activation(const kind_options *o, clnorm_activation activation, double alpha)
{
  for (size_t i = 0; i < o->activation_count; i++) {
    if (o->activations[i].activation == activation && o->activations[i].alpha == alpha) {
      return 1;
    }
  }
  return 0;
}

/* NAME or NAME:ALPHA. */
static int read_activation(const char *command, char *item, kind_options *o)
{
  clnorm_activation activation = CLNORM_ACTIVATION_NONE;
  double alpha = 0.0;
  const char *name = list_next(&item, ':');
  if (activation_find(name, &activation) != 0) {
    return complain(EXIT_USAGE, "%s: --activation '%s' is unknown; expected " WORDS_ACTIVATIONS, command, name);
  }
  const int takes_one = activation_alpha(activation, &alpha);
  if (item != NULL) {
    const char *why =
        takes_one ? parse_decimal(item, -MOST_ALPHA, MOST_ALPHA, &alpha) : "is one too many: it takes none";
    if (why != NULL) {
      return complain(EXIT_USAGE, "%s: --activation %s: the parameter '%s' %s", command, name, item, why);
    }
  }
  if (has_activation(o, activation, alpha)) {
    return twice(command, "activation", name);
  }
  if (o->activation_count == KIND_ACTIVATIONS) {
    return complain(EXIT_USAGE, "%s: --activation lists more than %d", command, KIND_ACTIVATIONS);
  }
  o->activations[o->activation_count].activation = activation;
  o->activations[o->activation_count++].alpha = alpha;
  return OPTIONS_GO_ON;
}

static int read_activations(const char *command, char *list, kind_options *o)
{
  int code = OPTIONS_GO_ON;
  for (char *item = list_next(&list, ','); item != NULL && code == OPTIONS_GO_ON; item = list_next(&list, ',')) {
    code = read_activation(command, item, o);
  }
  return code;
}

static int read_residuals(const char *command, char *list, kind_options *o)
{
  for (char *item = list_next(&list, ','); item != NULL; item = list_next(&list, ',')) {
    const int yes = strcmp(item, "yes") == 0;
    if (!yes && strcmp(item, "no") != 0) {
      return complain(EXIT_USAGE, "%s: --residual '%s' is unknown; expected no or yes", command, item);
    }
    if (o->residual_count == 2 || (o->residual_count == 1 && o->residuals[0] == yes)) {
      return twice(command, "residual", item);
    }
    o->residuals[o->residual_count++] = yes;
  }
  return OPTIONS_GO_ON;
}

static int read_number(const char *command, const char *option, const char *text, uint64_t least, uint64_t most,
                       uint32_t *number)
{
  uint64_t value = 0;
  const char *why = text == NULL ? NULL : parse_whole(text, least, most, &value);
  if (why != NULL) {
    return complain(EXIT_USAGE, "%s: --%s '%s' %s; expected a whole number from %d", command, option, text, why,
                    (int)least);
  }
  *number = (uint32_t)value;
  return OPTIONS_GO_ON;
}

static int check_numbers(const char *command, const kind_options *o)
{
  if (o->has_axis && !has_op(o, CLNORM_LAYER) && !has_op(o, CLNORM_RMS)) {
    return complain(EXIT_USAGE, "%s: --axis is for --op layer and rms", command);
  }
  if (o->groups != 0 && !has_op(o, CLNORM_GROUP)) {
    return complain(EXIT_USAGE, "%s: --groups is for --op group", command);
  }
  return OPTIONS_GO_ON;
}

int kind_options_read(const char *command, const kind_texts *texts, kind_options *options)
{
  *options = (kind_options){.has_axis = texts->axis != NULL};
  int code = read_ops(command, texts->op, options);
  code = code == OPTIONS_GO_ON ? read_dtypes(command, texts->dtype, options) : code;
  code = code == OPTIONS_GO_ON ? read_activations(command, texts->activation, options) : code;
  code = code == OPTIONS_GO_ON ? read_residuals(command, texts->residual, options) : code;
  code = code == OPTIONS_GO_ON ? read_number(command, "axis", texts->axis, 0, MOST_AXIS, &options->axis) : code;
  code = code == OPTIONS_GO_ON ? read_number(command, "groups", texts->groups, 1, UINT32_MAX, &options->groups) : code;
  return code == OPTIONS_GO_ON ? check_numbers(command, options) : code;
}

static size_t one_at_least(size_t count) { return count > 0 ? count : 1; }

size_t kind_options_count(const kind_options *o)
{
  return one_at_least(o->op_count) * one_at_least(o->dtype_count) * one_at_least(o->activation_count) *
         one_at_least(o->residual_count);
}

/* The place in a list; what remains of the index is for the next list. */
static size_t take(size_t *index, size_t count)
{
  const size_t at = *index % one_at_least(count);
  *index /= one_at_least(count);
  return at;
}

/* Residuals change first, operations last. */
norm_kind kind_options_at(const kind_options *o, size_t index)
{
  norm_kind kind = norm_plain;
  const size_t residual = take(&index, o->residual_count);
  const size_t activation = take(&index, o->activation_count);
  const size_t dtype = take(&index, o->dtype_count);
  kind.residual = o->residual_count > 0 ? o->residuals[residual] : kind.residual;
  kind.dtype = o->dtype_count > 0 ? o->dtypes[dtype] : kind.dtype;
  kind.op = o->op_count > 0 ? o->ops[index] : kind.op;
  if (o->activation_count > 0) {
    kind.activation = o->activations[activation].activation;
    kind.alpha = o->activations[activation].alpha;
  }
  kind.axis = o->has_axis && !norm_has_channels(kind.op) ? o->axis : kind.axis;
  kind.groups = kind.op == CLNORM_GROUP ? o->groups : 0;
  return kind;
}

int kind_options_want(void *options, const norm_kind *kind)
{
  const kind_options *o = options;
  const int residual = o->residual_count == 0 || o->residual_count == 2 || o->residuals[0] == kind->residual;
  return (o->op_count == 0 || has_op(o, kind->op)) && (o->dtype_count == 0 || has_dtype(o, kind->dtype)) &&
         (o->activation_count == 0 || has_activation(o, kind->activation, kind->alpha)) && residual;
}
