#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void oracle_shape(oracle *o, const clnorm_desc *desc)
{
  memset(o, 0, sizeof *o);
  const int last = desc->layout == CLNORM_CHANNELS_LAST;
  const uint64_t batch = desc->dims[0];
  const uint64_t channels = last ? desc->dims[desc->rank - 1] : desc->dims[1];
  uint64_t positions = 1;
  for (uint32_t axis = last ? 1 : 2; axis < desc->rank - (last ? 1u : 0u); axis++) {
    positions *= desc->dims[axis];
  }
  const int per_activation = (desc->flags & CLNORM_PER_ACTIVATION) != 0;
  o->elements = batch * channels * positions;
  o->statistics = per_activation ? channels * positions : channels;
  o->values = per_activation ? batch : batch * positions;
  /* Along the memory a channel stays the same for all positions (channels first) or changes with every element. */
  o->repeat = last || per_activation || positions == 0 ? 1 : positions;
}

oracle_walk oracle_begin(const oracle *o) { return (oracle_walk){0, 0, o->repeat}; }

uint64_t oracle_statistic_of(const oracle *o, uint64_t i) { return i / o->repeat % o->statistics; }

long double oracle_gamma(const oracle *o, uint64_t statistic)
{
  return o->in.gamma == NULL ? 1.0L : (long double)o->in.gamma[statistic];
}

long double oracle_beta(const oracle *o, uint64_t statistic)
{
  return o->in.beta == NULL ? 0.0L : (long double)o->in.beta[statistic];
}

long double oracle_xh_in(const oracle *o, uint64_t statistic, uint64_t i)
{
  return ((long double)o->in.x[i] - o->mean[statistic]) * o->inv_std[statistic];
}

long double oracle_y_in(const oracle *o, uint64_t statistic, uint64_t i)
{
  return oracle_gamma(o, statistic) * oracle_xh_in(o, statistic, i) + oracle_beta(o, statistic);
}

long double oracle_dx_in(const oracle *o, uint64_t statistic, uint64_t i)
{
  const long double factor = oracle_gamma(o, statistic) * o->inv_std[statistic];
  if (o->pass == CLNORM_BACKWARD_FROZEN) {
    return factor * (long double)o->in.dy[i];
  }
  const long double n = (long double)o->values;
  return factor * ((long double)o->in.dy[i] - o->dbeta[statistic] / n -
                   oracle_xh_in(o, statistic, i) * o->dgamma[statistic] / n);
}

long double oracle_xh(const oracle *o, uint64_t i) { return oracle_xh_in(o, oracle_statistic_of(o, i), i); }
long double oracle_y(const oracle *o, uint64_t i) { return oracle_y_in(o, oracle_statistic_of(o, i), i); }
long double oracle_dx(const oracle *o, uint64_t i) { return oracle_dx_in(o, oracle_statistic_of(o, i), i); }

static long double *new_array(const oracle *o)
{
  return calloc(o->statistics == 0 ? 1 : (size_t)o->statistics, sizeof(long double));
}

/* Two sweeps, and what the rounding of the first mean left over is taken out after the second. */
static int batch_statistics(oracle *o)
{
  const long double n = (long double)o->values;
  long double *rest = new_array(o);
  o->mean_abs = new_array(o);
  if (rest == NULL || o->mean_abs == NULL) {
    free(rest);
    return -1;
  }
  for (oracle_walk w = oracle_begin(o); w.element < o->elements; oracle_next(o, &w)) {
    const long double x = o->in.x[w.element];
    o->mean[w.statistic] += x;
    o->mean_abs[w.statistic] += fabsl(x);
  }
  for (uint64_t k = 0; k < o->statistics; k++) {
    o->mean[k] /= n;
    o->mean_abs[k] /= n;
  }
  for (oracle_walk w = oracle_begin(o); w.element < o->elements; oracle_next(o, &w)) {
    const long double d = (long double)o->in.x[w.element] - o->mean[w.statistic];
    rest[w.statistic] += d;
    o->var[w.statistic] += d * d;
  }
  for (uint64_t k = 0; k < o->statistics; k++) {
    o->mean[k] += rest[k] / n;
    o->var[k] = (o->var[k] - rest[k] * rest[k] / n) / n;
  }
  free(rest);
  return 0;
}

static int update_running(oracle *o, const clnorm_desc *desc)
{
  const long double n = (long double)o->values;
  const long double weight = o->in.weight;
  const long double unbiased = desc->running_variance == CLNORM_VARIANCE_UNBIASED ? n / (n - 1.0L) : 1.0L;
  o->running_mean = new_array(o);
  o->running_var = new_array(o);
  if (o->running_mean == NULL || o->running_var == NULL) {
    return -1;
  }
  for (uint64_t k = 0; k < o->statistics; k++) {
    const long double old_mean = o->in.running_mean == NULL ? 0.0L : (long double)o->in.running_mean[k];
    const long double old_var = o->in.running_var == NULL ? 0.0L : (long double)o->in.running_var[k];
    o->running_mean[k] = (1.0L - weight) * old_mean + weight * o->mean[k];
    o->running_var[k] = (1.0L - weight) * old_var + weight * unbiased * o->var[k];
  }
  return 0;
}

static int gradient_sums(oracle *o)
{
  o->dgamma = new_array(o);
  o->dbeta = new_array(o);
  o->dgamma_largest = new_array(o);
  o->dbeta_largest = new_array(o);
  if (o->dgamma == NULL || o->dbeta == NULL || o->dgamma_largest == NULL || o->dbeta_largest == NULL) {
    return -1;
  }
  for (oracle_walk w = oracle_begin(o); w.element < o->elements; oracle_next(o, &w)) {
    const uint64_t k = w.statistic;
    const long double dy = o->in.dy[w.element];
    const long double term = dy * oracle_xh_in(o, k, w.element);
    o->dbeta[k] += dy;
    o->dgamma[k] += term;
    o->dbeta_largest[k] = fmaxl(o->dbeta_largest[k], fabsl(dy));
    o->dgamma_largest[k] = fmaxl(o->dgamma_largest[k], fabsl(term));
  }
  return 0;
}

int oracle_create(oracle *o, const clnorm_desc *desc, clnorm_pass pass, const oracle_inputs *in)
{
  int failed = -1;
  oracle_shape(o, desc);
  o->pass = pass;
  o->in = *in;
  o->epsilon = desc->epsilon;
  o->mean = new_array(o);
  o->var = new_array(o);
  o->inv_std = new_array(o);
  if (o->mean == NULL || o->var == NULL || o->inv_std == NULL) {
    goto done;
  }
  if (pass == CLNORM_TRAIN || pass == CLNORM_BACKWARD) {
    if (batch_statistics(o) != 0) {
      goto done;
    }
  } else {
    for (uint64_t k = 0; k < o->statistics; k++) {
      o->mean[k] = in->running_mean[k];
      o->var[k] = in->running_var[k];
    }
  }
  for (uint64_t k = 0; k < o->statistics; k++) {
    o->inv_std[k] = 1.0L / sqrtl(o->var[k] + o->epsilon);
  }
  if (pass == CLNORM_TRAIN && update_running(o, desc) != 0) {
    goto done;
  }
  if ((pass == CLNORM_BACKWARD || pass == CLNORM_BACKWARD_FROZEN) && gradient_sums(o) != 0) {
    goto done;
  }
  failed = 0;
done:
  if (failed != 0) {
    oracle_destroy(o);
  }
  return failed;
}

void oracle_destroy(oracle *o)
{
  long double *arrays[] = {o->mean,        o->var,    o->inv_std, o->mean_abs,       o->running_mean,
                           o->running_var, o->dgamma, o->dbeta,   o->dgamma_largest, o->dbeta_largest};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
    free(arrays[i]);
  }
  memset(o, 0, sizeof *o);
}
