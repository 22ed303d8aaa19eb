#include "check_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate.h"
#include "tolerance.h"

/* Optional arguments of the passes, as bits. */
enum {
  GAMMA = 1,
  BETA = 2,
  RUNNING_MEAN = 4,
  RUNNING_VAR = 8,
  MEAN = 16,
  INV_STD = 32,
  DX = 64,
  DGAMMA = 128,
  DBETA = 256,
  IN_PLACE = 512 /* y = x, dx = dy */
};

#define GRADIENTS (DX | DGAMMA | DBETA)

/* One array, cut into the parts that a run needs; all of float. */
typedef struct work {
  const check_input *input;
  clnorm_pass pass;
  clnorm_counts counts;
  float *memory;
  float *dy, *gamma, *beta, *running_mean, *running_var; /* inputs */
  float *saved_mean, *saved_inv_std;                     /* backward: what train would have saved */
  float *tensor;                                         /* y or dx */
  float *outputs[ORACLE_QUANTITIES];                     /* NULL: not a result of this run */
  float *small[ORACLE_QUANTITIES];
  oracle reference;
  unsigned reference_of; /* the GAMMA and BETA that the reference was made for */
  int has_reference;
} work;

static int is_backward(clnorm_pass pass) { return pass == CLNORM_BACKWARD || pass == CLNORM_BACKWARD_FROZEN; }

static unsigned optional_arguments(clnorm_pass pass)
{
  switch (pass) {
    case CLNORM_TRAIN:
      return GAMMA | BETA | RUNNING_MEAN | RUNNING_VAR | MEAN | INV_STD;
    case CLNORM_INFER:
      return GAMMA | BETA;
    case CLNORM_BACKWARD:
      return GAMMA | MEAN | INV_STD | GRADIENTS;
    case CLNORM_BACKWARD_FROZEN:
      return GAMMA | GRADIENTS;
  }
  return 0;
}

/* ---- data --------------------------------------------------------------------------------------------------- */

static float *take(float **free_memory, size_t count)
{
  float *taken = *free_memory;
  *free_memory += count;
  return taken;
}

static int prepare(work *w)
{
  const size_t elements = w->counts.elements;
  const size_t statistics = w->counts.statistics;
  const int backward = is_backward(w->pass);
  w->memory = malloc((elements * (backward ? 2 : 1) + statistics * (6 + ORACLE_QUANTITIES)) * sizeof(float));
  if (w->memory == NULL) {
    return -1;
  }
  float *at = w->memory;
  w->tensor = take(&at, elements);
  w->dy = backward ? take(&at, elements) : NULL;
  w->gamma = take(&at, statistics);
  w->beta = take(&at, statistics);
  w->running_mean = take(&at, statistics);
  w->running_var = take(&at, statistics);
  w->saved_mean = take(&at, statistics);
  w->saved_inv_std = take(&at, statistics);
  for (int q = 0; q < ORACLE_QUANTITIES; q++) {
    w->small[q] = take(&at, statistics);
  }
  const double var = w->input->std * w->input->std;
  generate_uniform(w->gamma, statistics, 101, -2, 2);
  generate_uniform(w->beta, statistics, 102, -1, 1);
  generate_normal(w->running_mean, statistics, 103, w->input->mean, w->input->std);
  generate_uniform(w->running_var, statistics, 104, 0.5 * var + 0.01, 2 * var + 0.02);
  if (backward) {
    generate_normal(w->dy, elements, 105, 0.1, 1);
  }
  return 0;
}

static int make_reference(work *w, unsigned mask)
{
  const unsigned parameters = mask & (GAMMA | BETA);
  if (w->has_reference && w->reference_of == parameters) {
    return 0;
  }
  const oracle_inputs in = {.x = w->input->x,
                            .dy = w->dy,
                            .gamma = mask & GAMMA ? w->gamma : NULL,
                            .beta = mask & BETA ? w->beta : NULL,
                            .running_mean = w->pass == CLNORM_BACKWARD ? NULL : w->running_mean,
                            .running_var = w->pass == CLNORM_BACKWARD ? NULL : w->running_var,
                            .weight = w->input->desc.average_factor,
                            .outliers = w->input->outliers};
  if (w->has_reference) {
    oracle_destroy(&w->reference);
    w->has_reference = 0;
  }
  if (oracle_create(&w->reference, &w->input->desc, w->pass, &in) != 0) {
    return -1;
  }
  w->has_reference = 1;
  w->reference_of = parameters;
  for (size_t k = 0; w->pass == CLNORM_BACKWARD && k < w->counts.statistics; k++) {
    w->saved_mean[k] = (float)w->reference.mean[k];
    w->saved_inv_std[k] = (float)w->reference.inv_std[k];
  }
  return 0;
}

/* ---- a run -------------------------------------------------------------------------------------------------- */

static void fill_nan(float *data, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    data[i] = NAN;
  }
}

static float *small_output(work *w, oracle_quantity quantity, const float *before)
{
  float *data = w->small[quantity];
  if (before != NULL) {
    memcpy(data, before, w->counts.statistics * sizeof *data);
  } else {
    fill_nan(data, w->counts.statistics);
  }
  w->outputs[quantity] = data;
  return data;
}

/* The tensor that is written: alone, or lying over the one that is read. */
static void set_tensor(work *w, oracle_quantity quantity, int in_place, clnorm_input *source, clnorm_output *target)
{
  const size_t elements = w->counts.elements;
  if (in_place) {
    memcpy(w->tensor, source->data, elements * sizeof(float));
    source->data = w->tensor;
  } else {
    fill_nan(w->tensor, elements);
  }
  w->outputs[quantity] = w->tensor;
  *target = (clnorm_output){w->tensor, elements};
}

static void set_backward(work *w, unsigned mask, clnorm_args *args)
{
  const size_t n = w->counts.statistics;
  args->dy = (clnorm_input){w->dy, w->counts.elements};
  if (mask & DX) {
    set_tensor(w, ORACLE_DX, (mask & IN_PLACE) != 0, &args->dy, &args->dx);
  }
  if (mask & DGAMMA) {
    args->dgamma = (clnorm_output){small_output(w, ORACLE_DGAMMA, NULL), n};
  }
  if (mask & DBETA) {
    args->dbeta = (clnorm_output){small_output(w, ORACLE_DBETA, NULL), n};
  }
  if (mask & MEAN) {
    args->mean = (clnorm_output){w->saved_mean, n};
  }
  if (mask & INV_STD) {
    args->inv_std = (clnorm_output){w->saved_inv_std, n};
  }
}

static void set_train(work *w, unsigned mask, clnorm_args *args)
{
  const size_t n = w->counts.statistics;
  if (mask & RUNNING_MEAN) {
    args->running_mean = (clnorm_output){small_output(w, ORACLE_RUNNING_MEAN, w->running_mean), n};
  }
  if (mask & RUNNING_VAR) {
    args->running_var = (clnorm_output){small_output(w, ORACLE_RUNNING_VAR, w->running_var), n};
  }
  if (mask & MEAN) {
    args->mean = (clnorm_output){small_output(w, ORACLE_MEAN, NULL), n};
  }
  if (mask & INV_STD) {
    args->inv_std = (clnorm_output){small_output(w, ORACLE_INV_STD, NULL), n};
  }
}

static clnorm_args make_args(work *w, unsigned mask)
{
  const size_t n = w->counts.statistics;
  clnorm_args args = {.size = sizeof args, .batch_number = 1};
  memset(w->outputs, 0, sizeof w->outputs);
  args.x = (clnorm_input){w->input->x, w->counts.elements};
  args.gamma = mask & GAMMA ? (clnorm_input){w->gamma, n} : (clnorm_input){NULL, 0};
  args.beta = mask & BETA ? (clnorm_input){w->beta, n} : (clnorm_input){NULL, 0};
  if (is_backward(w->pass)) {
    set_backward(w, mask, &args);
  } else {
    set_tensor(w, ORACLE_Y, (mask & IN_PLACE) != 0, &args.x, &args.y);
  }
  if (w->pass == CLNORM_TRAIN) {
    set_train(w, mask, &args);
  }
  if (w->pass == CLNORM_INFER || w->pass == CLNORM_BACKWARD_FROZEN) {
    args.running_mean = (clnorm_output){w->running_mean, n};
    args.running_var = (clnorm_output){w->running_var, n};
  }
  return args;
}

/* ---- comparison --------------------------------------------------------------------------------------------- */

/* Where all values of a statistic are the same, xh is exactly 0 and y exactly beta. */
static int constant_is_beta(const work *w, oracle_error *error)
{
  const oracle *o = &w->reference;
  for (oracle_walk walk = oracle_begin(o); walk.element < o->elements; oracle_next(o, &walk)) {
    const float y = w->tensor[walk.element];
    const float beta = (float)oracle_beta(o, walk.statistic);
    if (o->var[walk.statistic] == 0 && !(y == beta)) {
      *error = (oracle_error){.units = INFINITY,
                              .absolute = fabs((double)y - (double)beta),
                              .index = walk.element,
                              .expected = (double)beta,
                              .got = (double)y};
      return 0;
    }
  }
  return 1;
}

static void note(check_result *result, oracle_quantity quantity, const oracle_error *error, unsigned mask)
{
  static const char *const names[] = {"gamma",   "beta", "running_mean", "running_var", "mean",
                                      "inv_std", "dx",   "dgamma",       "dbeta",       "in place"};
  if (!(error->units <= result->units)) {
    result->units = error->units;
    result->error = fabs(error->got - error->expected);
    result->tolerance = error->tolerance;
    result->quantity = oracle_quantity_name(quantity);
  }
  if (error->units <= 1 || result->failure[0] != '\0') {
    return;
  }
  size_t length = (size_t)snprintf(
      result->failure, sizeof result->failure,
      "%s[%llu] is %.9g, expected %.9g within %.3g (%.3g times the bound); arguments:", oracle_quantity_name(quantity),
      (unsigned long long)error->index, error->got, error->expected, error->tolerance, error->units);
  for (size_t i = 0; i < sizeof names / sizeof names[0] && length < sizeof result->failure; i++) {
    if (mask >> i & 1) {
      length += (size_t)snprintf(result->failure + length, sizeof result->failure - length, " %s", names[i]);
    }
  }
}

static void compare(const work *w, unsigned mask, check_result *result)
{
  int failed = 0;
  for (int q = 0; q < ORACLE_QUANTITIES; q++) {
    if (w->outputs[q] == NULL) {
      continue;
    }
    oracle_error error = oracle_compare(&w->reference, (oracle_quantity)q, w->outputs[q]);
    if (q == ORACLE_Y && w->pass == CLNORM_TRAIN && error.units <= 1) {
      (void)constant_is_beta(w, &error);
    }
    note(result, (oracle_quantity)q, &error, mask);
    failed |= !(error.units <= 1);
  }
  result->failures += failed;
  result->runs++;
}

static int run(engine *e, work *w, unsigned mask, check_result *result)
{
  engine_report report;
  if (make_reference(w, mask) != 0) {
    return -1;
  }
  const clnorm_args args = make_args(w, mask);
  const clnorm_status status = engine_run(e, &w->input->desc, w->pass, &args, &report);
  if (status != CLNORM_SUCCESS) {
    result->status = status;
    (void)snprintf(result->reason, sizeof result->reason, "%.*s", (int)sizeof result->reason - 1, engine_error(e));
    return 0;
  }
  (void)snprintf(result->variant, sizeof result->variant, "%s", report.variant);
  compare(w, mask, result);
  return 0;
}

static int run_all(engine *e, work *w, check_breadth breadth, check_result *result)
{
  const unsigned all = optional_arguments(w->pass);
  const unsigned none = is_backward(w->pass) ? DX : 0;
  int code = run(e, w, all, result);
  if (code == 0 && result->status == CLNORM_SUCCESS) {
    code = run(e, w, all | IN_PLACE, result);
  }
  if (breadth == CHECK_FEW) {
    return code == 0 && result->status == CLNORM_SUCCESS ? run(e, w, none, result) : code;
  }
  for (unsigned mask = all; mask != 0 && code == 0 && result->status == CLNORM_SUCCESS;) {
    mask = (mask - 1) & all;
    if (!is_backward(w->pass) || (mask & GRADIENTS) != 0) {
      code = run(e, w, mask, result);
    }
  }
  return code;
}

int check_case(engine *e, const check_input *input, clnorm_pass pass, check_breadth breadth, check_result *result)
{
  work w = {.input = input, .pass = pass};
  *result = (check_result){.pass = pass, .units = -1}; /* less than any error */
  result->status = clnorm_desc_counts(&input->desc, &w.counts);
  if (result->status != CLNORM_SUCCESS) {
    (void)snprintf(result->reason, sizeof result->reason, "%.*s", (int)sizeof result->reason - 1, clnorm_last_error());
    return 0;
  }
  const int code = prepare(&w) == 0 ? run_all(e, &w, breadth, result) : -1;
  if (w.has_reference) {
    oracle_destroy(&w.reference);
  }
  free(w.memory);
  return code;
}
