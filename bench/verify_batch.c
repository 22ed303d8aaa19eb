#include "verify_batch.h"

#include <reference.h>
#include <stdlib.h>
#include <string.h>
#include <tolerance.h>

/* Elements that the reference is computed over: about half a second. */
#define CHECKED_ELEMENTS ((size_t)8 << 20)

struct verify_batch {
  oracle reference;
  clnorm_pass pass;
  const workload *w;
  size_t checked;        /* statistics */
  size_t *picked;        /* which; NULL: all */
  float *x, *dy, *small; /* the picked part of the inputs; NULL: all */
  int made;
};

static size_t count_checked(const workload *w)
{
  const size_t most = CHECKED_ELEMENTS / (w->counts.values > 0 ? w->counts.values : 1);
  if (w->counts.elements <= CHECKED_ELEMENTS) {
    return w->counts.statistics;
  }
  return most < 1 ? 1 : most;
}

/* Evenly, first and last included. */
static void pick(verify_batch *v)
{
  const size_t last = v->w->counts.statistics - 1;
  for (size_t i = 0; i < v->checked; i++) {
    v->picked[i] = v->checked == 1 ? last : i * last / (v->checked - 1);
  }
}

/* Copies the picked statistics out of a whole tensor. */
static void gather(const verify_batch *v, float *to, const float *from)
{
  oracle shape;
  oracle_shape(&shape, &v->w->desc);
  const size_t outer = (size_t)(shape.elements / (shape.repeat * shape.statistics));
  const size_t run = (size_t)shape.repeat;
  for (size_t block = 0; block < outer; block++) {
    for (size_t i = 0; i < v->checked; i++) {
      memcpy(to, from + (block * (size_t)shape.statistics + v->picked[i]) * run, run * sizeof(float));
      to += run;
    }
  }
}

static void gather_small(const verify_batch *v, float *to, const float *from)
{
  for (size_t i = 0; i < v->checked; i++) {
    to[i] = from[v->picked[i]];
  }
}

static float *new_tensor(const verify_batch *v) { return malloc(v->checked * v->w->counts.values * sizeof(float)); }

/* The picked part of the inputs as a smaller problem of its own. */
static int take_part(verify_batch *v, clnorm_desc *desc, oracle_inputs *in)
{
  const float *const from[] = {v->w->gamma, v->w->beta, v->w->running_mean, v->w->running_var};
  const float **const to[] = {&in->gamma, &in->beta, &in->running_mean, &in->running_var};
  v->picked = malloc(v->checked * sizeof *v->picked);
  v->x = new_tensor(v);
  v->dy = new_tensor(v);
  v->small = malloc(4 * v->checked * sizeof(float));
  if (v->picked == NULL || v->x == NULL || v->dy == NULL || v->small == NULL) {
    return -1;
  }
  pick(v);
  gather(v, v->x, v->w->x);
  gather(v, v->dy, v->w->dy);
  in->x = v->x;
  in->dy = v->dy;
  for (size_t i = 0; i < 4; i++) {
    gather_small(v, v->small + i * v->checked, from[i]);
    *to[i] = v->small + i * v->checked;
  }
  desc->dims[desc->layout == CLNORM_CHANNELS_LAST ? desc->rank - 1 : 1] = v->checked;
  return 0;
}

static int create(verify_batch *v)
{
  const workload *w = v->w;
  clnorm_desc desc = w->desc;
  oracle_inputs in = {.x = w->x,
                      .dy = w->dy,
                      .gamma = w->gamma,
                      .beta = w->beta,
                      .running_mean = w->running_mean,
                      .running_var = w->running_var,
                      .weight = w->desc.average_factor};
  v->checked = count_checked(w);
  if ((v->checked < w->counts.statistics && take_part(v, &desc, &in) != 0) ||
      oracle_create(&v->reference, &desc, v->pass, &in) != 0) {
    return -1;
  }
  v->made = 1;
  return 0;
}

verify_batch *verify_batch_create(const workload *w, clnorm_pass pass, size_t *checked, size_t *checkable)
{
  verify_batch *v = calloc(1, sizeof *v);
  if (v == NULL) {
    return NULL;
  }
  v->pass = pass;
  v->w = w;
  if (create(v) != 0) {
    verify_batch_destroy(v);
    return NULL;
  }
  *checked = v->checked;
  *checkable = w->counts.statistics;
  return v;
}

void verify_batch_destroy(verify_batch *v)
{
  if (v == NULL) {
    return;
  }
  if (v->made) {
    oracle_destroy(&v->reference);
  }
  free(v->picked);
  free(v->x);
  free(v->dy);
  free(v->small);
  free(v);
}

/* The results of a pass, ended by a NULL. */
static void list_results(const verify_batch *v, oracle_quantity *quantities, const float **results)
{
  const workload *w = v->w;
  size_t n = 0;
  const int forward = v->pass == CLNORM_TRAIN || v->pass == CLNORM_INFER;
  quantities[n] = forward ? ORACLE_Y : ORACLE_DX;
  results[n++] = w->out.tensor;
  if (v->pass == CLNORM_TRAIN) {
    static const oracle_quantity train[] = {ORACLE_MEAN, ORACLE_INV_STD, ORACLE_RUNNING_MEAN, ORACLE_RUNNING_VAR};
    const float *const from[] = {w->out.mean, w->out.inv_std, w->out.running_mean, w->out.running_var};
    for (size_t i = 0; i < 4; i++) {
      quantities[n] = train[i];
      results[n++] = from[i];
    }
  } else if (!forward) {
    quantities[n] = ORACLE_DGAMMA;
    results[n++] = w->out.dgamma;
    quantities[n] = ORACLE_DBETA;
    results[n++] = w->out.dbeta;
  }
  results[n] = NULL;
}

/* The picked part of a result; frees nothing of the whole one. NULL: no memory. */
static float *part_of(const verify_batch *v, oracle_quantity quantity, const float *result)
{
  const int tensor = quantity == ORACLE_Y || quantity == ORACLE_DX;
  float *part = tensor ? new_tensor(v) : malloc(v->checked * sizeof(float));
  if (part != NULL && tensor) {
    gather(v, part, result);
  } else if (part != NULL) {
    gather_small(v, part, result);
  }
  return part;
}

static int compare(const verify_batch *v, oracle_quantity quantity, const float *result, oracle_error *error)
{
  if (v->picked == NULL) {
    *error = oracle_compare(&v->reference, quantity, result);
    return 0;
  }
  float *part = part_of(v, quantity, result);
  if (part == NULL) {
    return -1;
  }
  *error = oracle_compare(&v->reference, quantity, part);
  free(part);
  return 0;
}

void verify_batch_check(const verify_batch *v, verdict *result)
{
  oracle_quantity quantities[8];
  const float *results[8];
  list_results(v, quantities, results);
  for (size_t i = 0; results[i] != NULL; i++) {
    oracle_error error;
    if (compare(v, quantities[i], results[i], &error) != 0) {
      verdict_fail(result, "not enough memory to check");
      return;
    }
    verdict_take(result, &(verdict_number){.name = oracle_quantity_name(quantities[i]),
                                           .index = error.index,
                                           .units = error.units,
                                           .got = error.got,
                                           .expected = error.expected,
                                           .tolerance = error.tolerance});
  }
}

int verify_batch_resembles(const verify_batch *v)
{
  const int forward = v->pass == CLNORM_TRAIN || v->pass == CLNORM_INFER;
  const oracle *o = &v->reference;
  float *part = v->picked == NULL ? NULL : part_of(v, forward ? ORACLE_Y : ORACLE_DX, v->w->out.tensor);
  const float *got = v->picked == NULL ? v->w->out.tensor : part;
  double error = 0.0;
  double size = 0.0;
  if (got == NULL) {
    return 0;
  }
  for (oracle_walk walk = oracle_begin(o); walk.element < o->elements; oracle_next(o, &walk)) {
    const double expected = (double)(forward ? oracle_y_in(o, walk.statistic, walk.element)
                                             : oracle_dx_in(o, walk.statistic, walk.element));
    const double distance = (double)got[walk.element] - expected;
    error += distance * distance;
    size += expected * expected;
  }
  free(part);
  return error <= 1e-4 * size;
}
