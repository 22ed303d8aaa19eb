#include "run_formulas.h"

#include <family_activation.h>
#include <math.h>
#include <stdlib.h>

#define FORMULAS_STATISTICS 7
#define FORMULAS_PARAMETERS 2

static int is_backward(const run_data *data)
{
  return data->pass == CLNORM_BACKWARD || data->pass == CLNORM_BACKWARD_FROZEN;
}

static int uses_running(const run_data *data)
{
  return run_has_running(data->desc.op) && (data->pass == CLNORM_INFER || data->pass == CLNORM_BACKWARD_FROZEN);
}

static int uses_saved(const run_data *data)
{
  return data->in[RUN_INV_STD].data != NULL && (data->desc.op == CLNORM_RMS || data->in[RUN_MEAN].data != NULL);
}

int formulas_use_x(const run_data *data) { return !uses_running(data) && !uses_saved(data); }

/* ---- of one element ----------------------------------------------------------------------------------------- */

static double input(const run_formulas *f, run_input which, size_t i, double absent)
{
  const array *a = &f->data->in[which];
  return a->data != NULL ? array_get(a, i) : absent;
}

double formulas_gamma(const run_formulas *f, size_t element)
{
  return input(f, RUN_GAMMA, f->shape.parameter[element], 1);
}

double formulas_beta(const run_formulas *f, size_t element)
{
  return input(f, RUN_BETA, f->shape.parameter[element], 0);
}

double formulas_xh(const run_formulas *f, size_t element)
{
  const size_t s = f->shape.statistic[element];
  return (input(f, RUN_X, element, 0) - f->mean[s]) * f->inv_std[s];
}

double formulas_z(const run_formulas *f, size_t element)
{
  return formulas_gamma(f, element) * formulas_xh(f, element) + formulas_beta(f, element) +
         input(f, RUN_RESIDUAL, element, 0);
}

double formulas_y(const run_formulas *f, size_t element)
{
  const clnorm_desc *desc = &f->data->desc;
  return (double)family_activate(desc->activation, desc->alpha, (long double)formulas_z(f, element));
}

double formulas_g(const run_formulas *f, size_t element)
{
  const clnorm_desc *desc = &f->data->desc;
  const long double slope = family_derive(desc->activation, desc->alpha, (long double)formulas_z(f, element));
  return input(f, RUN_DY, element, 0) * (double)slope;
}

double formulas_h(const run_formulas *f, size_t element) { return formulas_gamma(f, element) * formulas_g(f, element); }

double formulas_dx(const run_formulas *f, size_t element)
{
  const size_t s = f->shape.statistic[element];
  const double n = (double)f->shape.values[s];
  const double h = formulas_h(f, element);
  if (f->data->pass == CLNORM_BACKWARD_FROZEN) {
    return f->inv_std[s] * h;
  }
  const double mean_h = f->data->desc.op == CLNORM_RMS ? 0 : f->sum_h[s] / n;
  return f->inv_std[s] * (h - mean_h - formulas_xh(f, element) * f->sum_h_xh[s] / n);
}

/* ---- statistics --------------------------------------------------------------------------------------------- */

static double divided(double sum, uint64_t n) { return n != 0 ? sum / (double)n : 0; }

static void take_statistics_of_x(run_formulas *f)
{
  const family_shape *shape = &f->shape;
  const int centred = f->data->desc.op != CLNORM_RMS;
  for (size_t i = 0; i < shape->elements; i++) {
    f->sum_x[shape->statistic[i]] += shape->valid[i] ? input(f, RUN_X, i, 0) : 0;
  }
  for (size_t s = 0; s < shape->statistics; s++) {
    f->mean[s] = centred ? divided(f->sum_x[s], shape->values[s]) : 0;
  }
  for (size_t i = 0; i < shape->elements; i++) {
    const double from_mean = input(f, RUN_X, i, 0) - f->mean[shape->statistic[i]];
    f->squares[shape->statistic[i]] += shape->valid[i] ? from_mean * from_mean : 0;
  }
  for (size_t s = 0; s < shape->statistics; s++) {
    f->var[s] = divided(f->squares[s], shape->values[s]);
  }
}

static void take_statistics(run_formulas *f)
{
  const run_data *data = f->data;
  if (formulas_use_x(data)) {
    take_statistics_of_x(f);
  }
  for (size_t s = 0; s < f->shape.statistics; s++) {
    if (uses_running(data)) {
      const size_t running = family_running_of(&f->shape, s);
      f->mean[s] = input(f, RUN_RUNNING_MEAN, running, 0);
      f->var[s] = input(f, RUN_RUNNING_VAR, running, 1);
    }
    if (uses_saved(data)) {
      f->mean[s] = input(f, RUN_MEAN, s, 0);
      f->inv_std[s] = input(f, RUN_INV_STD, s, 0);
    } else {
      f->inv_std[s] = 1 / sqrt(f->var[s] + data->desc.epsilon);
    }
  }
}

static void take_gradient_sums(run_formulas *f)
{
  const family_shape *shape = &f->shape;
  for (size_t i = 0; i < shape->elements; i++) {
    if (shape->valid[i]) {
      const double xh = formulas_xh(f, i);
      f->sum_h[shape->statistic[i]] += formulas_h(f, i);
      f->sum_h_xh[shape->statistic[i]] += formulas_h(f, i) * xh;
      f->dgamma[shape->parameter[i]] += formulas_g(f, i) * xh;
      f->dbeta[shape->parameter[i]] += formulas_g(f, i);
    }
  }
}

/* ---- the whole ---------------------------------------------------------------------------------------------- */

int formulas_make(const run_data *data, run_formulas *f)
{
  *f = (run_formulas){.data = data};
  if (family_shape_create(&f->shape, &data->desc, data->lengths) != 0) {
    return -1;
  }
  const size_t statistics = f->shape.statistics;
  const size_t parameters = f->shape.parameters;
  f->memory = calloc(FORMULAS_STATISTICS * statistics + FORMULAS_PARAMETERS * parameters + 1, sizeof *f->memory);
  if (f->memory == NULL) {
    family_shape_destroy(&f->shape);
    return -1;
  }
  double **const arrays[] = {&f->sum_x, &f->mean, &f->squares, &f->var, &f->inv_std, &f->sum_h, &f->sum_h_xh};
  for (size_t i = 0; i < FORMULAS_STATISTICS; i++) {
    *arrays[i] = f->memory + i * statistics;
  }
  f->dgamma = f->memory + FORMULAS_STATISTICS * statistics;
  f->dbeta = f->dgamma + parameters;
  take_statistics(f);
  if (is_backward(data)) {
    take_gradient_sums(f);
  }
  return 0;
}

void formulas_destroy(run_formulas *f)
{
  free(f->memory);
  family_shape_destroy(&f->shape);
}
