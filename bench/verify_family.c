#include "verify_family.h"

#include <family.h>
#include <stdlib.h>
#include <storage_type.h>
#include <string.h>

/* Elements that the reference is computed over: about half a second. */
#define CHECKED_ELEMENTS ((size_t)1 << 20)

/* What an element of them takes in the reference and here. */
#define ELEMENT_BYTES 170.0

/* An array as [outer][extent][inner], of which some are taken along the extent; extent 0: all of it is taken. */
typedef struct view {
  size_t outer, extent, inner;
} view;

/* A part of the problem. */
typedef struct part {
  clnorm_desc desc;
  view tensor, parameter, statistic;
  size_t *picked; /* of the tensor's extent */
  size_t count;
  double *inputs[8]; /* that `reference` reads */
  family reference;
  int made;
} part;

struct verify_family {
  clnorm_pass pass;
  const workload *w;
  part whole; /* whole statistics; parameters, too, unless there are columns */
  part columns;
  int has_columns;
};

static int has_rows(const clnorm_desc *desc) { return desc->op == CLNORM_LAYER || desc->op == CLNORM_RMS; }

static size_t product(const clnorm_desc *desc, uint32_t first, uint32_t end)
{
  size_t count = 1;
  for (uint32_t axis = first; axis < end; axis++) {
    count *= desc->dims[axis];
  }
  return count;
}

static uint32_t channel_axis(const clnorm_desc *desc)
{
  return desc->layout == CLNORM_CHANNELS_LAST ? desc->rank - 1 : 1;
}

/* ---- which part --------------------------------------------------------------------------------------------- */

/* How many things can be picked: channels, groups, rows. */
static size_t extent_of(const clnorm_desc *desc, const clnorm_counts *counts)
{
  return has_rows(desc) ? counts->statistics : desc->op == CLNORM_GROUP ? desc->groups : counts->parameters;
}

static size_t count_of(const clnorm_desc *desc, const clnorm_counts *counts)
{
  const size_t extent = extent_of(desc, counts);
  const size_t each = counts->elements / (extent > 0 ? extent : 1);
  const size_t most = CHECKED_ELEMENTS / (each > 0 ? each : 1);
  return counts->elements <= CHECKED_ELEMENTS || most >= extent ? extent : most < 1 ? 1 : most;
}

/* Evenly, first and last included. */
static int pick(part *p, size_t count, size_t extent)
{
  p->count = count;
  p->picked = malloc((count + 1) * sizeof *p->picked);
  for (size_t i = 0; i < count && p->picked != NULL; i++) {
    p->picked[i] = count == 1 ? extent - 1 : i * (extent - 1) / (count - 1);
  }
  return p->picked != NULL ? 0 : -1;
}

static void describe_channels(part *p, const workload *w)
{
  const clnorm_desc *desc = &w->desc;
  const uint32_t axis = channel_axis(desc);
  const size_t extent = extent_of(desc, &w->counts);
  const size_t together = desc->dims[axis] / extent; /* channels of a group */
  const size_t samples = desc->op == CLNORM_BATCH ? 1 : desc->dims[0];
  p->tensor = (view){product(desc, 0, axis), extent, together * product(desc, axis + 1, desc->rank)};
  p->parameter = (view){1, extent, together};
  p->statistic = (view){samples, extent, 1};
  p->desc = *desc;
  p->desc.dims[axis] = p->count * together;
  p->desc.groups = desc->op == CLNORM_GROUP ? (uint32_t)p->count : desc->groups;
}

/* (rows, values...): what stands before the axis is one dimension. */
static void describe_rows(part *p, const workload *w)
{
  const clnorm_desc *desc = &w->desc;
  p->tensor = (view){1, w->counts.statistics, w->counts.values};
  p->parameter = (view){w->counts.parameters, 0, 1};
  p->statistic = (view){1, w->counts.statistics, 1};
  p->desc = *desc;
  p->desc.axis = 1;
  p->desc.rank = 2;
  p->desc.dims[0] = p->count;
  p->desc.dims[1] = w->counts.values;
}

static void describe_columns(part *p, const workload *w)
{
  p->tensor = (view){w->counts.statistics, w->counts.parameters, 1};
  p->parameter = (view){1, w->counts.parameters, 1};
  p->statistic = (view){w->counts.statistics, 0, 1};
  p->desc = w->desc;
  p->desc.axis = 1;
  p->desc.rank = 2;
  p->desc.dims[0] = w->counts.statistics;
  p->desc.dims[1] = p->count;
}

/* ---- what is in it ------------------------------------------------------------------------------------------ */

static double load(clnorm_dtype dtype, const void *array, size_t i)
{
  return dtype == CLNORM_F32   ? (double)((const float *)array)[i]
         : dtype == CLNORM_F64 ? ((const double *)array)[i]
                               : storage_load(dtype, array, (int64_t)i);
}

/* The picked part of an array; NULL: no memory. */
static double *gather(const part *p, const view *v, clnorm_dtype dtype, const void *from)
{
  const size_t count = v->extent == 0 ? 1 : p->count;
  double *made = malloc((v->outer * count * v->inner + 1) * sizeof *made);
  size_t used = 0;
  for (size_t block = 0; block < v->outer && made != NULL; block++) {
    for (size_t i = 0; i < count; i++) {
      const size_t first = (v->extent == 0 ? block : block * v->extent + p->picked[i]) * v->inner;
      for (size_t j = 0; j < v->inner; j++) {
        made[used++] = load(dtype, from, first + j);
      }
    }
  }
  return made;
}

static int create_reference(part *p, const workload *w, clnorm_pass pass, const family_statistics *given)
{
  const workload_arguments has = workload_arguments_of(&w->desc, pass);
  const clnorm_dtype number = storage_number(w->desc.dtype);
  family_inputs in = {.given = given};
  const struct {
    int is_there;
    const double **to;
    const view *v;
    clnorm_dtype dtype;
    const void *from;
  } all[] = {
      {1, &in.x, &p->tensor, w->desc.dtype, w->x},
      {!has.forward, &in.dy, &p->tensor, w->desc.dtype, w->dy},
      {has.residual, &in.residual, &p->tensor, w->desc.dtype, w->residual},
      {1, &in.gamma, &p->parameter, number, w->gamma},
      {1, &in.beta, &p->parameter, number, w->beta},
      {has.running, &in.running_mean, &p->parameter, number, w->running_mean},
      {has.running, &in.running_var, &p->parameter, number, w->running_var},
  };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    if (all[i].is_there) {
      p->inputs[i] = gather(p, all[i].v, all[i].dtype, all[i].from);
      *all[i].to = p->inputs[i];
      if (p->inputs[i] == NULL) {
        return -1;
      }
    }
  }
  if (family_create(&p->reference, &p->desc, pass, &in) != 0) {
    return -1;
  }
  p->made = 1;
  return 0;
}

static void destroy_part(part *p)
{
  if (p->made) {
    family_destroy(&p->reference);
  }
  for (size_t i = 0; i < sizeof p->inputs / sizeof p->inputs[0]; i++) {
    free(p->inputs[i]);
  }
  free(p->picked);
}

/* ---- the statistics of all rows ------------------------------------------------------------------------------ */

typedef struct row_statistics {
  long double *mean, *mean_rest, *var, *mean_abs;
} row_statistics;

static long double mean_of(const double *row, size_t n, long double about)
{
  long double sum = 0.0L;
  for (size_t i = 0; i < n; i++) {
    sum += (long double)row[i] - about;
  }
  return sum / (long double)n;
}

static void take_row(const row_statistics *s, size_t k, const double *row, size_t n, int centred)
{
  long double squares = 0.0L;
  long double sizes = 0.0L;
  s->mean[k] = centred ? mean_of(row, n, 0.0L) : 0.0L;
  s->mean_rest[k] = centred ? mean_of(row, n, s->mean[k]) : 0.0L;
  for (size_t i = 0; i < n; i++) {
    const long double d = ((long double)row[i] - s->mean[k]) - s->mean_rest[k];
    squares += d * d;
    sizes += row[i] < 0.0 ? -(long double)row[i] : (long double)row[i];
  }
  s->var[k] = squares / (long double)n;
  s->mean_abs[k] = sizes / (long double)n;
}

static int create_columns(part *p, const workload *w, clnorm_pass pass)
{
  const size_t rows = w->counts.statistics;
  const size_t n = w->counts.values;
  long double *numbers = malloc((4 * rows + 1) * sizeof *numbers);
  double *row = malloc((n + 1) * sizeof *row);
  int failed = numbers == NULL || row == NULL;
  if (!failed) {
    const row_statistics s = {numbers, numbers + rows, numbers + 2 * rows, numbers + 3 * rows};
    const family_statistics given = {s.mean, s.mean_rest, s.var, s.mean_abs};
    for (size_t k = 0; k < rows; k++) {
      for (size_t i = 0; i < n; i++) {
        row[i] = load(w->desc.dtype, w->x, k * n + i);
      }
      take_row(&s, k, row, n, w->desc.op != CLNORM_RMS);
    }
    failed = create_reference(p, w, pass, &given);
    p->reference.in.given = NULL; /* what it pointed to ends here */
  }
  free(numbers);
  free(row);
  return failed ? -1 : 0;
}

/* ---- all of it ---------------------------------------------------------------------------------------------- */

static size_t count_columns(const clnorm_counts *counts)
{
  const size_t most = CHECKED_ELEMENTS / (counts->statistics > 0 ? counts->statistics : 1);
  return most < 1 ? 1 : most < counts->parameters ? most : counts->parameters;
}

static int create_parts(verify_family *v)
{
  const workload *w = v->w;
  const size_t extent = extent_of(&w->desc, &w->counts);
  const int backward = v->pass == CLNORM_BACKWARD || v->pass == CLNORM_BACKWARD_FROZEN;
  if (pick(&v->whole, count_of(&w->desc, &w->counts), extent) != 0) {
    return -1;
  }
  if (!has_rows(&w->desc)) {
    describe_channels(&v->whole, w);
  } else {
    describe_rows(&v->whole, w);
    v->has_columns = backward && v->whole.count < extent;
  }
  if (create_reference(&v->whole, w, v->pass, NULL) != 0) {
    return -1;
  }
  if (!v->has_columns) {
    return 0;
  }
  if (pick(&v->columns, count_columns(&w->counts), w->counts.parameters) != 0) {
    return -1;
  }
  describe_columns(&v->columns, w);
  return create_columns(&v->columns, w, v->pass);
}

verify_family *verify_family_create(const workload *w, clnorm_pass pass, size_t *checked, size_t *checkable)
{
  verify_family *v = calloc(1, sizeof *v);
  if (v == NULL) {
    return NULL;
  }
  v->pass = pass;
  v->w = w;
  if (create_parts(v) != 0) {
    verify_family_destroy(v);
    return NULL;
  }
  *checked = v->whole.count;
  *checkable = extent_of(&w->desc, &w->counts);
  return v;
}

void verify_family_destroy(verify_family *v)
{
  if (v != NULL) {
    destroy_part(&v->whole);
    destroy_part(&v->columns);
    free(v);
  }
}

double verify_family_bytes(const clnorm_desc *desc, const clnorm_counts *counts)
{
  const size_t extent = extent_of(desc, counts);
  const double each = (double)counts->elements / (double)(extent > 0 ? extent : 1);
  const double columns = has_rows(desc) ? (double)count_columns(counts) * (double)counts->statistics : 0.0;
  return ELEMENT_BYTES * (each * (double)count_of(desc, counts) + columns);
}

/* 0, or -1 if there is not the memory. */
static int compare(const part *p, family_quantity quantity, const view *v, clnorm_dtype dtype, const void *got,
                   verdict *result)
{
  double *numbers = gather(p, v, dtype, got);
  if (numbers == NULL) {
    return -1;
  }
  const family_error worst = family_compare(&p->reference, quantity, numbers);
  free(numbers);
  verdict_take(result, &(verdict_number){.name = family_quantity_name(quantity),
                                         .index = worst.index,
                                         .units = worst.units,
                                         .got = worst.got,
                                         .expected = worst.expected,
                                         .tolerance = worst.bound});
  return 0;
}

void verify_family_check(const verify_family *v, verdict *result)
{
  const workload *w = v->w;
  const workload_arguments has = workload_arguments_of(&w->desc, v->pass);
  const int train = v->pass == CLNORM_TRAIN;
  const clnorm_dtype number = storage_number(w->desc.dtype);
  const part *all = &v->whole;
  const part *sums = v->has_columns ? &v->columns : all;
  const struct {
    int is_there;
    const part *in;
    family_quantity quantity;
    const view *view;
    clnorm_dtype dtype;
    const void *got;
  } results[] = {
      {has.forward, all, FAMILY_Y, &all->tensor, w->desc.dtype, w->out.tensor},
      {train && has.mean, all, FAMILY_MEAN, &all->statistic, number, w->out.mean},
      {train, all, FAMILY_INV_STD, &all->statistic, number, w->out.inv_std},
      {train && has.running, all, FAMILY_RUNNING_MEAN, &all->parameter, number, w->out.running_mean},
      {train && has.running, all, FAMILY_RUNNING_VAR, &all->parameter, number, w->out.running_var},
      {!has.forward, all, FAMILY_DX, &all->tensor, w->desc.dtype, w->out.tensor},
      {has.dresidual, all, FAMILY_DRESIDUAL, &all->tensor, w->desc.dtype, w->out.dresidual},
      {!has.forward, sums, FAMILY_DGAMMA, &sums->parameter, number, w->out.dgamma},
      {!has.forward, sums, FAMILY_DBETA, &sums->parameter, number, w->out.dbeta},
  };
  for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
    if (results[i].is_there &&
        compare(results[i].in, results[i].quantity, results[i].view, results[i].dtype, results[i].got, result) != 0) {
      verdict_fail(result, "not enough memory to check");
      return;
    }
  }
}

int verify_family_resembles(const verify_family *v)
{
  const workload *w = v->w;
  const part *p = &v->whole;
  const int forward = v->pass == CLNORM_TRAIN || v->pass == CLNORM_INFER;
  const long double *expected = p->reference.result[forward ? FAMILY_Y : FAMILY_DX];
  double *got = gather(p, &p->tensor, w->desc.dtype, w->out.tensor);
  double error = 0.0;
  double size = 0.0;
  if (got == NULL) {
    return 0;
  }
  for (uint64_t i = 0; i < p->reference.shape.elements; i++) {
    const double distance = got[i] - (double)expected[i];
    error += distance * distance;
    size += (double)(expected[i] * expected[i]);
  }
  free(got);
  return error <= 1e-4 * size;
}
