#include "problem.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUMULATIVE_BATCH 3

float *new_floats(size_t count)
{
  float *array = malloc((count + 1) * sizeof(float));
  cr_assert(array != NULL, "the test needs %zu floats", count);
  for (size_t i = 0; i < count; i++) {
    array[i] = NAN;
  }
  return array;
}

const char *pass_text(clnorm_pass pass)
{
  static const char *const names[] = {"?", "train", "infer", "backward", "backward-frozen"};
  return names[pass];
}

const char *desc_text(const clnorm_desc *desc)
{
  static char text[160];
  size_t length = 0;
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    length += (size_t)snprintf(text + length, sizeof text - length, "%s%zu", axis == 0 ? "" : "x", desc->dims[axis]);
  }
  (void)snprintf(text + length, sizeof text - length, " channels-%s%s",
                 desc->layout == CLNORM_CHANNELS_LAST ? "last" : "first",
                 desc->flags & CLNORM_PER_ACTIVATION ? " per-activation" : "");
  return text;
}

void desc_set(clnorm_desc *desc, clnorm_layout layout, uint32_t flags, uint32_t rank, const size_t *dims)
{
  oracle_case c = {.flags = flags, .rank = rank};
  memcpy(c.dims, dims, rank * sizeof *dims);
  cr_assert(clnorm_desc_init(desc, sizeof *desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  case_apply(&c, layout, desc);
}

/* Running statistics near the data's, so that y and dx of the passes that read them are numbers of ordinary size. */
static void fill_running(problem *p, double mean, double std, uint64_t seed)
{
  const double spread = std == 0.0 ? 1.0 : std;
  generate_normal(p->running_mean, p->counts.statistics, seed, mean, 0.1 * spread);
  generate_uniform(p->running_var, p->counts.statistics, seed + 1, 0.5 * spread * spread, 2.0 * spread * spread);
}

problem *problem_make(const clnorm_desc *desc, generate_kind kind, double mean, double std, uint64_t seed)
{
  problem *p = calloc(1, sizeof *p);
  cr_assert(p != NULL);
  p->desc = *desc;
  cr_assert(clnorm_desc_counts(desc, &p->counts) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  const size_t elements = p->counts.elements;
  const size_t statistics = p->counts.statistics;
  float **tensors[] = {&p->x, &p->dy, &p->y, &p->dx};
  float **arrays[] = {&p->gamma, &p->beta, &p->running_mean, &p->running_var,      &p->dgamma,
                      &p->dbeta, &p->mean, &p->inv_std,      &p->new_running_mean, &p->new_running_var};
  for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
    *tensors[i] = new_floats(elements);
  }
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
    *arrays[i] = new_floats(statistics);
  }
  p->outliers = generate_has_outliers(kind);
  generate_x(p->x, desc, kind, 10 * seed, mean, std);
  /* Not about 0: a shift in x - mean then shows in dgamma, multiplied by the count. */
  generate_normal(p->dy, elements, 10 * seed + 1, 0.5, 1.0);
  generate_uniform(p->gamma, statistics, 10 * seed + 2, -2.0, 2.0);
  generate_normal(p->beta, statistics, 10 * seed + 3, 0.0, 1.0);
  fill_running(p, mean, std, 10 * seed + 4);
  return p;
}

problem *problem_from_case(const oracle_case *c, clnorm_layout layout)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  case_apply(c, layout, &desc);
  return problem_make(&desc, c->kind, c->mean, c->std, 1);
}

void problem_free(problem *p)
{
  float *arrays[] = {p->x,  p->dy,     p->gamma, p->beta, p->running_mean, p->running_var,      p->y,
                     p->dx, p->dgamma, p->dbeta, p->mean, p->inv_std,      p->new_running_mean, p->new_running_var};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
    free(arrays[i]);
  }
  free(p);
}

static void check(problem *p, const oracle *o, oracle_quantity quantity, const float *result, unsigned with,
                  const char *variant)
{
  const oracle_error error = oracle_compare(o, quantity, result);
  cr_assert(error.units <= 1.0,
            "%s %s with 0x%x (%s): %s[%llu] is %.9g, expected %.9g within %.3g: %.3g times the bound",
            desc_text(&p->desc), pass_text(o->pass), with, variant, oracle_quantity_name(quantity),
            (unsigned long long)error.index, error.got, error.expected, error.tolerance, error.units);
  p->worst = fmax(p->worst, error.units);
  if (quantity == ORACLE_Y || quantity == ORACLE_DX) {
    p->absolute = error.absolute;
  }
}

static void run(problem *p, backend *b, clnorm_pass pass, const backend_args *args, unsigned with)
{
  const clnorm_status status = backend_run(b, &p->desc, pass, args);
  cr_assert(status == CLNORM_SUCCESS, "%s %s with 0x%x: %s: %s", desc_text(&p->desc), pass_text(pass), with,
            clnorm_status_name(status), clnorm_last_error());
}

static void check_forward(problem *p, backend *b, const oracle *o, unsigned with)
{
  const size_t bytes = p->counts.statistics * sizeof(float);
  const int train = o->pass == CLNORM_TRAIN;
  memcpy(p->new_running_mean, p->running_mean, bytes);
  memcpy(p->new_running_var, p->running_var, bytes);
  const backend_args args = {
      .x = p->x,
      .y = p->y,
      .gamma = with & WITH_GAMMA ? p->gamma : NULL,
      .beta = with & WITH_BETA ? p->beta : NULL,
      .running_mean = !train || (with & WITH_RUNNING_MEAN) ? p->new_running_mean : NULL,
      .running_var = !train || (with & WITH_RUNNING_VAR) ? p->new_running_var : NULL,
      .mean = train && (with & WITH_MEAN) ? p->mean : NULL,
      .inv_std = train && (with & WITH_INV_STD) ? p->inv_std : NULL,
      .batch_number = CUMULATIVE_BATCH,
  };
  run(p, b, o->pass, &args, with);
  const char *variant = backend_variant(b);
  check(p, o, ORACLE_Y, p->y, with, variant);
  if (args.mean != NULL) {
    check(p, o, ORACLE_MEAN, p->mean, with, variant);
  }
  if (args.inv_std != NULL) {
    check(p, o, ORACLE_INV_STD, p->inv_std, with, variant);
  }
  if (train && args.running_mean != NULL) {
    check(p, o, ORACLE_RUNNING_MEAN, p->new_running_mean, with, variant);
  }
  if (train && args.running_var != NULL) {
    check(p, o, ORACLE_RUNNING_VAR, p->new_running_var, with, variant);
  }
}

static void check_backward(problem *p, backend *b, const oracle *o, unsigned with)
{
  const int frozen = o->pass == CLNORM_BACKWARD_FROZEN;
  for (size_t k = 0; k < p->counts.statistics; k++) {
    p->mean[k] = (float)o->mean[k];
    p->inv_std[k] = (float)o->inv_std[k];
  }
  const backend_args args = {
      .x = p->x,
      .dy = p->dy,
      .gamma = with & WITH_GAMMA ? p->gamma : NULL,
      .running_mean = frozen ? p->running_mean : NULL,
      .running_var = frozen ? p->running_var : NULL,
      .mean = !frozen && (with & WITH_MEAN) ? p->mean : NULL,
      .inv_std = !frozen && (with & WITH_INV_STD) ? p->inv_std : NULL,
      .dx = with & WITH_DX ? p->dx : NULL,
      .dgamma = with & WITH_DGAMMA ? p->dgamma : NULL,
      .dbeta = with & WITH_DBETA ? p->dbeta : NULL,
  };
  run(p, b, o->pass, &args, with);
  const char *variant = backend_variant(b);
  if (args.dx != NULL) {
    check(p, o, ORACLE_DX, p->dx, with, variant);
  }
  if (args.dgamma != NULL) {
    check(p, o, ORACLE_DGAMMA, p->dgamma, with, variant);
  }
  if (args.dbeta != NULL) {
    check(p, o, ORACLE_DBETA, p->dbeta, with, variant);
  }
}

void problem_check(problem *p, backend *b, clnorm_pass pass, unsigned with)
{
  const int cumulative = p->desc.averaging == CLNORM_AVERAGE_CUMULATIVE;
  const oracle_inputs in = {
      .x = p->x,
      .dy = p->dy,
      .gamma = with & WITH_GAMMA ? p->gamma : NULL,
      .beta = with & WITH_BETA ? p->beta : NULL,
      .running_mean = p->running_mean,
      .running_var = p->running_var,
      .weight = cumulative ? 1.0 / CUMULATIVE_BATCH : p->desc.average_factor,
      .outliers = p->outliers,
  };
  oracle o;
  cr_assert(oracle_create(&o, &p->desc, pass, &in) == 0, "no memory for the reference");
  p->worst = p->absolute = 0.0;
  if (pass == CLNORM_TRAIN || pass == CLNORM_INFER) {
    check_forward(p, b, &o, with);
  } else {
    check_backward(p, b, &o, with);
  }
  oracle_destroy(&o);
}
