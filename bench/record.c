#include "record.h"

#include <stdio.h>
#include <storage_type.h>
#include <string.h>
#include <words.h>

const char *record_pass_name(clnorm_pass pass)
{
  switch (pass) {
    case CLNORM_TRAIN:
      return "train";
    case CLNORM_INFER:
      return "infer";
    case CLNORM_BACKWARD:
      return "backward";
    case CLNORM_BACKWARD_FROZEN:
      return "backward-frozen";
  }
  return "?";
}

const char *record_layout_name(clnorm_layout layout)
{
  return layout == CLNORM_CHANNELS_LAST ? "channels-last" : "channels-first";
}

const char *record_shape_text(const bench_record *record, char *text, size_t capacity)
{
  size_t used = 0;
  text[0] = '\0';
  for (uint32_t axis = 0; axis < record->rank && used < capacity; axis++) {
    used += (size_t)snprintf(text + used, capacity - used, "%s%zu", axis == 0 ? "" : "x", record->dims[axis]);
  }
  return text;
}

const char *record_case_text(const bench_record *record, int whole, char *text, size_t capacity)
{
  char before[64];
  char shape[80];
  char behind[80];
  const int matters = record->rank > 2 && norm_has_channels(record->kind.op);
  const char *layout = record->layout == CLNORM_CHANNELS_LAST ? (whole ? " channels-last" : " last")
                       : whole                                ? " channels-first"
                                                              : " first";
  (void)snprintf(text, capacity, "%s%s%s%s", norm_kind_before(&record->kind, before, sizeof before),
                 record_shape_text(record, shape, sizeof shape), matters ? layout : "",
                 norm_kind_behind(&record->kind, behind, sizeof behind));
  return text;
}

int record_same_case(const bench_record *a, const bench_record *b)
{
  return norm_kind_same(&a->kind, &b->kind) && a->rank == b->rank && a->layout == b->layout &&
         memcmp(a->dims, b->dims, sizeof a->dims) == 0;
}

/* The names of those that are there: "a", "a, b", "a, b and c" if `last` is " and ". */
static void list(char *text, size_t capacity, const int *is, const char *const *names, size_t count, const char *last)
{
  size_t used = 0;
  size_t left = 0;
  int begun = 0;
  text[0] = '\0';
  for (size_t i = 0; i < count; i++) {
    left += is[i] != 0;
  }
  for (size_t i = 0; i < count && used < capacity; i++) {
    if (is[i]) {
      used += (size_t)snprintf(text + used, capacity - used, "%s%s", !begun ? "" : left == 1 ? last : ", ", names[i]);
      begun = 1;
      left--;
    }
  }
}

const char *record_kinds_text(const bench_record *records, size_t count, char *text, size_t capacity)
{
  enum { OPS = CLNORM_RMS + 1, TYPES = CLNORM_F64 + 1 };
  const char *ops[OPS] = {""};
  const char *types[TYPES] = {""};
  int has_op[OPS] = {0};
  int has_type[TYPES] = {0};
  int plain = 1;
  char of_ops[64];
  char of_types[64];
  for (size_t i = 0; i < count; i++) {
    const norm_kind *kind = &records[i].kind;
    plain = plain && kind->op == CLNORM_BATCH && kind->dtype == CLNORM_F32;
    ops[kind->op] = op_name(kind->op);
    types[kind->dtype] = storage_name(kind->dtype);
    has_op[kind->op] = has_type[kind->dtype] = 1;
  }
  if (plain) {
    (void)snprintf(text, capacity, "batch normalization, float32");
    return text;
  }
  list(of_ops, sizeof of_ops, has_op, ops, OPS, " and ");
  list(of_types, sizeof of_types, has_type, types, TYPES, ", ");
  (void)snprintf(text, capacity, "%s normalization; %s", of_ops, of_types);
  return text;
}

const char *record_kinds_note(const bench_record *records, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (!norm_kind_same(&records[i].kind, &norm_plain)) {
      return "A residual moves T more in each pass, and with an activation, whose derivative reads it, 2T more in a "
             "backward one.\ngroup(8): 8 groups; layer(2): over the axes from 2; a row without a word for it is batch, "
             "f32, no activation, no residual.\n";
    }
  }
  return "";
}

const char *record_checked_word(const bench_record *record)
{
  return !norm_has_channels(record->kind.op) ? "rows" : record->kind.op == CLNORM_GROUP ? "groups" : "channels";
}

double record_tensor_bytes(const bench_record *record)
{
  return record->bytes_least / norm_tensors_moved(&record->kind, record->pass);
}

bench_summary record_own_work(const bench_record *record)
{
  const bench_summary *all = &record->calls.enqueue;
  const bench_summary *bare = &record->calls.bare;
  if (all->n == 0 || bare->n == 0) {
    return (bench_summary){0};
  }
  return (bench_summary){.n = all->n < bare->n ? all->n : bare->n,
                         .median = all->median - bare->median,
                         .low = all->low - bare->high,
                         .high = all->high - bare->low};
}
