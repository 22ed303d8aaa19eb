#include "family.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "family_activation.h"
#include "storage_type.h"

/* A sum with what its roundings lost, by Neumaier's rule: right to the last bit of long double for as many terms as a
 * test has. */
typedef struct sum {
  long double value, lost;
} sum;

static void add(sum *s, long double term)
{
  const long double next = s->value + term;
  s->lost += fabsl(s->value) >= fabsl(term) ? (s->value - next) + term : (term - next) + s->value;
  s->value = next;
}

static long double total(const sum *s) { return isfinite(s->value) ? s->value + s->lost : s->value; }

static sum *new_sums(uint64_t count) { return calloc(count + 1, sizeof(sum)); }

static long double *new_numbers(uint64_t count) { return calloc(count + 1, sizeof(long double)); }

const char *family_quantity_name(family_quantity quantity)
{
  static const char *const names[FAMILY_QUANTITIES] = {
      [FAMILY_Y] = "y",
      [FAMILY_MASK] = "mask",
      [FAMILY_MEAN] = "mean",
      [FAMILY_INV_STD] = "inv_std",
      [FAMILY_RUNNING_MEAN] = "running_mean",
      [FAMILY_RUNNING_VAR] = "running_var",
      [FAMILY_DX] = "dx",
      [FAMILY_DRESIDUAL] = "dresidual",
      [FAMILY_DGAMMA] = "dgamma",
      [FAMILY_DBETA] = "dbeta",
  };
  return names[quantity];
}

uint64_t family_quantity_count(const family_shape *shape, family_quantity quantity)
{
  switch (quantity) {
    case FAMILY_MEAN:
    case FAMILY_INV_STD:
      return shape->statistics;
    case FAMILY_RUNNING_MEAN:
    case FAMILY_RUNNING_VAR:
    case FAMILY_DGAMMA:
    case FAMILY_DBETA:
      return shape->parameters;
    default:
      return shape->elements;
  }
}

static int has_running(const clnorm_desc *desc) { return desc->op == CLNORM_BATCH || desc->op == CLNORM_INSTANCE; }

static int is_forward(clnorm_pass pass) { return pass == CLNORM_TRAIN || pass == CLNORM_INFER; }

int family_uses_data(const clnorm_desc *desc, clnorm_pass pass)
{
  return !has_running(desc) || pass == CLNORM_TRAIN || pass == CLNORM_BACKWARD;
}

int family_derives(const clnorm_desc *desc)
{
  return desc->activation != CLNORM_ACTIVATION_NONE && (desc->flags & CLNORM_RELU_MASK) == 0;
}

double family_weight(const family *f)
{
  return f->desc.averaging == CLNORM_AVERAGE_CUMULATIVE ? 1.0 / (double)f->in.batch_number : f->desc.average_factor;
}

long double family_gamma(const family *f, uint64_t parameter)
{
  return f->in.gamma == NULL ? 1.0L : (long double)f->in.gamma[parameter];
}

long double family_beta(const family *f, uint64_t parameter)
{
  return f->in.beta == NULL ? 0.0L : (long double)f->in.beta[parameter];
}

/* ---- Statistics ----------------------------------------------------------------------------------------------- */

static long double deviation(const family *f, uint64_t i)
{
  const uint64_t k = f->shape.statistic[i];
  return ((long double)f->in.x[i] - f->mean[k]) - f->mean_rest[k];
}

/* Divides sums by the counts of their statistics and empties them. */
static void take_means(const family *f, sum *sums, long double *means)
{
  for (uint64_t k = 0; k < f->shape.statistics; k++) {
    means[k] = f->shape.values[k] == 0 ? 0.0L : total(&sums[k]) / (long double)f->shape.values[k];
    sums[k] = (sum){0};
  }
}

/* Sweeps: the mean, what its rounding left over, and the squares about both. */
static int data_statistics(family *f)
{
  const family_shape *shape = &f->shape;
  sum *sums = new_sums(shape->statistics);
  if (sums == NULL) {
    return -1;
  }
  if (f->desc.op != CLNORM_RMS) {
    for (uint64_t i = 0; i < shape->elements; i++) {
      if (shape->valid[i]) {
        add(&sums[shape->statistic[i]], f->in.x[i]);
      }
    }
    take_means(f, sums, f->mean);
    for (uint64_t i = 0; i < shape->elements; i++) {
      if (shape->valid[i]) {
        add(&sums[shape->statistic[i]], deviation(f, i));
      }
    }
    take_means(f, sums, f->mean_rest);
  }
  for (uint64_t i = 0; i < shape->elements; i++) {
    if (shape->valid[i]) {
      const long double d = deviation(f, i);
      add(&sums[shape->statistic[i]], d * d);
    }
  }
  take_means(f, sums, f->var);
  for (uint64_t i = 0; i < shape->elements; i++) {
    if (shape->valid[i]) {
      add(&sums[shape->statistic[i]], fabsl((long double)f->in.x[i]));
    }
  }
  take_means(f, sums, f->mean_abs);
  free(sums);
  return 0;
}

static void take_given(family *f)
{
  const size_t bytes = f->shape.statistics * sizeof(long double);
  memcpy(f->mean, f->in.given->mean, bytes);
  memcpy(f->mean_rest, f->in.given->mean_rest, bytes);
  memcpy(f->var, f->in.given->var, bytes);
  memcpy(f->mean_abs, f->in.given->mean_abs, bytes);
}

static int set_statistics(family *f)
{
  const uint64_t statistics = f->shape.statistics;
  f->mean = new_numbers(statistics);
  f->mean_rest = new_numbers(statistics);
  f->var = new_numbers(statistics);
  f->inv_std = new_numbers(statistics);
  f->mean_abs = new_numbers(statistics);
  if (f->mean == NULL || f->mean_rest == NULL || f->var == NULL || f->inv_std == NULL || f->mean_abs == NULL) {
    return -1;
  }
  if (family_uses_data(&f->desc, f->pass)) {
    if (f->in.given != NULL) {
      take_given(f);
    } else if (data_statistics(f) != 0) {
      return -1;
    }
  } else {
    for (uint64_t k = 0; k < statistics; k++) {
      f->mean[k] = f->in.running_mean[family_running_of(&f->shape, k)];
      f->var[k] = f->in.running_var[family_running_of(&f->shape, k)];
    }
  }
  for (uint64_t k = 0; k < statistics; k++) {
    f->inv_std[k] = 1.0L / sqrtl(f->var[k] + (long double)f->desc.epsilon);
  }
  return 0;
}

/* n/(n-1) where that convention holds; one value has the variance 0 in any. */
static long double unbiasing(const family *f, uint64_t k)
{
  const long double n = (long double)f->shape.values[k];
  return f->desc.running_variance == CLNORM_VARIANCE_UNBIASED && n > 1.0L ? n / (n - 1.0L) : 1.0L;
}

/* A parameter's new values are the means over its statistics that have any values: one (BATCH), or one a sample. */
static void update_running(family *f)
{
  const long double weight = family_weight(f);
  for (uint64_t p = 0; p < f->shape.parameters; p++) {
    const long double old_mean = f->in.running_mean == NULL ? 0.0L : (long double)f->in.running_mean[p];
    const long double old_var = f->in.running_var == NULL ? 0.0L : (long double)f->in.running_var[p];
    sum mean = {0};
    sum var = {0};
    long double samples = 0.0L;
    for (uint64_t k = p; k < f->shape.statistics; k += f->shape.parameters) {
      if (f->shape.values[k] != 0) {
        add(&mean, f->mean[k]);
        add(&mean, f->mean_rest[k]);
        add(&var, unbiasing(f, k) * f->var[k]);
        samples += 1.0L;
      }
    }
    const int updated = samples > 0.0L;
    f->result[FAMILY_RUNNING_MEAN][p] =
        updated ? (1.0L - weight) * old_mean + weight * total(&mean) / samples : old_mean;
    f->result[FAMILY_RUNNING_VAR][p] = updated ? (1.0L - weight) * old_var + weight * total(&var) / samples : old_var;
  }
}

static void set_saved(family *f)
{
  for (uint64_t k = 0; k < f->shape.statistics; k++) {
    f->result[FAMILY_INV_STD][k] = f->inv_std[k];
    if (f->result[FAMILY_MEAN] != NULL) {
      f->result[FAMILY_MEAN][k] = f->mean[k] + f->mean_rest[k];
    }
  }
}

/* ---- Elements ------------------------------------------------------------------------------------------------- */

static void normalize(family *f)
{
  for (uint64_t i = 0; i < f->shape.elements; i++) {
    f->xh[i] = f->shape.valid[i] ? deviation(f, i) * f->inv_std[f->shape.statistic[i]] : 0.0L;
  }
}

static void set_z(family *f)
{
  for (uint64_t i = 0; i < f->shape.elements; i++) {
    if (f->shape.valid[i]) {
      const uint64_t p = f->shape.parameter[i];
      f->z[i] = family_gamma(f, p) * f->xh[i] + family_beta(f, p);
      f->z[i] += f->desc.flags & CLNORM_RESIDUAL ? (long double)f->in.residual[i] : 0.0L;
    }
  }
}

static void set_y(family *f)
{
  for (uint64_t i = 0; i < f->shape.elements; i++) {
    const long double y = f->shape.valid[i] ? family_activate(f->desc.activation, f->desc.alpha, f->z[i]) : 0.0L;
    f->result[FAMILY_Y][i] = y;
    if (f->result[FAMILY_MASK] != NULL) {
      f->result[FAMILY_MASK][i] = storage_round(f->desc.dtype, (double)y) > 0.0 ? 1.0L : 0.0L;
    }
  }
}

static void set_g(family *f)
{
  for (uint64_t i = 0; i < f->shape.elements; i++) {
    if (!f->shape.valid[i]) {
      continue;
    }
    long double slope = 1.0L;
    if (f->desc.flags & CLNORM_RELU_MASK) {
      slope = family_bit(f->in.mask, i) ? 1.0L : 0.0L;
    } else if (family_derives(&f->desc)) {
      slope = family_derive(f->desc.activation, f->desc.alpha, f->z[i]);
    }
    f->g[i] = (long double)f->in.dy[i] * slope;
    f->result[FAMILY_DRESIDUAL][i] = f->g[i];
  }
}

static int set_parameter_gradients(family *f)
{
  const family_shape *shape = &f->shape;
  sum *dgamma = new_sums(shape->parameters);
  sum *dbeta = new_sums(shape->parameters);
  const int failed = dgamma == NULL || dbeta == NULL;
  for (uint64_t i = 0; i < shape->elements && !failed; i++) {
    add(&dgamma[shape->parameter[i]], f->g[i] * f->xh[i]);
    add(&dbeta[shape->parameter[i]], f->g[i]);
  }
  for (uint64_t p = 0; p < shape->parameters && !failed; p++) {
    const int adds_dgamma = (f->desc.flags & CLNORM_ACCUMULATE_DGAMMA) != 0;
    const int adds_dbeta = (f->desc.flags & CLNORM_ACCUMULATE_DBETA) != 0;
    f->result[FAMILY_DGAMMA][p] = total(&dgamma[p]) + (adds_dgamma ? (long double)f->in.dgamma[p] : 0.0L);
    f->result[FAMILY_DBETA][p] = total(&dbeta[p]) + (adds_dbeta ? (long double)f->in.dbeta[p] : 0.0L);
  }
  free(dgamma);
  free(dbeta);
  return failed ? -1 : 0;
}

static int set_means_of_h(family *f)
{
  const family_shape *shape = &f->shape;
  sum *h = new_sums(shape->statistics);
  sum *hxh = new_sums(shape->statistics);
  const int failed = h == NULL || hxh == NULL;
  for (uint64_t i = 0; i < shape->elements && !failed; i++) {
    const long double term = family_gamma(f, shape->parameter[i]) * f->g[i];
    add(&h[shape->statistic[i]], term);
    add(&hxh[shape->statistic[i]], term * f->xh[i]);
  }
  if (!failed) {
    take_means(f, h, f->mean_h);
    take_means(f, hxh, f->mean_hxh);
  }
  free(h);
  free(hxh);
  return failed ? -1 : 0;
}

static void set_dx(family *f)
{
  const int uses_data = family_uses_data(&f->desc, f->pass);
  for (uint64_t i = 0; i < f->shape.elements; i++) {
    const uint64_t k = f->shape.statistic[i];
    long double dx = 0.0L;
    if (f->shape.valid[i]) {
      dx = family_gamma(f, f->shape.parameter[i]) * f->g[i];
      if (uses_data) {
        dx -= f->xh[i] * f->mean_hxh[k] + (f->desc.op == CLNORM_RMS ? 0.0L : f->mean_h[k]);
      }
      dx *= f->inv_std[k];
    }
    f->result[FAMILY_DX][i] = dx + (f->desc.flags & CLNORM_ACCUMULATE_DX ? (long double)f->in.dx[i] : 0.0L);
  }
}

/* ---- All of it ------------------------------------------------------------------------------------------------- */

static int has_result(const clnorm_desc *desc, clnorm_pass pass, family_quantity quantity)
{
  switch (quantity) {
    case FAMILY_Y:
      return is_forward(pass);
    case FAMILY_MASK:
      return is_forward(pass) && (desc->flags & CLNORM_RELU_MASK) != 0;
    case FAMILY_MEAN:
      return pass == CLNORM_TRAIN && desc->op != CLNORM_RMS;
    case FAMILY_INV_STD:
      return pass == CLNORM_TRAIN;
    case FAMILY_RUNNING_MEAN:
    case FAMILY_RUNNING_VAR:
      return pass == CLNORM_TRAIN && has_running(desc);
    default:
      return !is_forward(pass);
  }
}

static int open_arrays(family *f)
{
  f->xh = new_numbers(f->shape.elements);
  f->z = new_numbers(f->shape.elements);
  f->g = new_numbers(f->shape.elements);
  f->mean_h = new_numbers(f->shape.statistics);
  f->mean_hxh = new_numbers(f->shape.statistics);
  int failed = f->xh == NULL || f->z == NULL || f->g == NULL || f->mean_h == NULL || f->mean_hxh == NULL;
  for (int q = 0; q < FAMILY_QUANTITIES; q++) {
    if (has_result(&f->desc, f->pass, (family_quantity)q)) {
      f->result[q] = new_numbers(family_quantity_count(&f->shape, (family_quantity)q));
      failed |= f->result[q] == NULL;
    }
  }
  return failed ? -1 : 0;
}

static int compute(family *f)
{
  if (open_arrays(f) != 0 || set_statistics(f) != 0) {
    return -1;
  }
  normalize(f);
  if (is_forward(f->pass) || family_derives(&f->desc)) {
    set_z(f);
  }
  if (is_forward(f->pass)) {
    set_y(f);
  } else {
    set_g(f);
    if (set_parameter_gradients(f) != 0 || set_means_of_h(f) != 0) {
      return -1;
    }
    set_dx(f);
  }
  if (f->result[FAMILY_RUNNING_MEAN] != NULL) {
    update_running(f);
  }
  if (f->result[FAMILY_INV_STD] != NULL) {
    set_saved(f);
  }
  return family_set_bounds(f);
}

int family_create(family *f, const clnorm_desc *desc, clnorm_pass pass, const family_inputs *in)
{
  memset(f, 0, sizeof *f);
  f->desc = *desc;
  f->pass = pass;
  f->in = *in;
  if (family_shape_create(&f->shape, desc, in->lengths) != 0 || compute(f) != 0) {
    family_destroy(f);
    return -1;
  }
  return 0;
}

void family_destroy(family *f)
{
  long double *arrays[] = {f->mean, f->mean_rest, f->var, f->inv_std, f->mean_abs,
                           f->xh,   f->z,         f->g,   f->mean_h,  f->mean_hxh};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
    free(arrays[i]);
  }
  for (int q = 0; q < FAMILY_QUANTITIES; q++) {
    free(f->result[q]);
    free(f->bound[q]);
  }
  family_shape_destroy(&f->shape);
  memset(f, 0, sizeof *f);
}
