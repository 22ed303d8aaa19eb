/* The worked example of `clnorm run --explain`: the steps of run_formulas.h, and what the device gave beside them. */
#include <math.h>
#include <stdio.h>

#include "message.h"
#include "run_data.h"
#include "run_formulas.h"
#include "words.h"

/* What fits a page. */
#define MAX_STATISTICS 4
#define MAX_VALUES 8

/* One statistic, and the first elements of it that are no padding. */
typedef struct example {
  const run_data *data;
  const run_formulas *f;
  size_t statistic;
  size_t n;
  size_t count;
  size_t elements[MAX_VALUES];
} example;

static int is_frozen(const example *e) { return e->data->pass == CLNORM_BACKWARD_FROZEN; }

static int is_batch(const run_data *data) { return data->desc.op == CLNORM_BATCH; }

/* Whether all elements of a statistic have the same gamma and beta. */
static int has_one_gamma(const run_data *data) { return is_batch(data) || data->desc.op == CLNORM_INSTANCE; }

static double result(const run_data *data, run_result which, size_t i) { return array_get(&data->results[which], i); }

/* ---- rows of values ----------------------------------------------------------------------------------------- */

static void print_value(double value) { (void)printf(" %10.6g", value); }

static void end_row(const example *e) { (void)printf("%s\n", e->n > e->count ? " ..." : ""); }

static void print_input(const example *e, const char *label, run_input which)
{
  const array *a = &e->data->in[which];
  if (a->data == NULL) {
    return;
  }
  (void)printf("  %-34s", label);
  for (size_t j = 0; j < e->count; j++) {
    print_value(array_get(a, e->elements[j]));
  }
  end_row(e);
}

static void print_result(const example *e, const char *label, run_result which)
{
  (void)printf("  %-34s", label);
  for (size_t j = 0; j < e->count; j++) {
    print_value(result(e->data, which, e->elements[j]));
  }
  end_row(e);
}

static void print_computed(const example *e, const char *label, double (*of)(const run_formulas *f, size_t element))
{
  (void)printf("  %-34s", label);
  for (size_t j = 0; j < e->count; j++) {
    print_value(of(e->f, e->elements[j]));
  }
  end_row(e);
}

/* ---- statistics --------------------------------------------------------------------------------------------- */

static void print_statistics_of_x(const example *e)
{
  const run_formulas *f = e->f;
  const size_t s = e->statistic;
  if (e->data->desc.op == CLNORM_RMS) {
    (void)printf("  %-34s %.9g / %zu = %.9g\n", "ms = sum(x^2)/n", f->squares[s], e->n, f->var[s]);
    return;
  }
  (void)printf("  %-34s %.9g / %zu = %.9g\n", "mean = sum(x)/n", f->sum_x[s], e->n, f->mean[s]);
  (void)printf("  %-34s %.9g / %zu = %.9g\n", "var = sum((x - mean)^2)/n", f->squares[s], e->n, f->var[s]);
}

static void print_statistics(const example *e)
{
  const run_formulas *f = e->f;
  const size_t s = e->statistic;
  const int rms = e->data->desc.op == CLNORM_RMS;
  if (formulas_use_x(e->data)) {
    print_statistics_of_x(e);
  } else if (e->data->pass == CLNORM_BACKWARD) {
    if (!rms) {
      (void)printf("  %-34s %.9g\n", "mean, as given", f->mean[s]);
    }
    (void)printf("  %-34s %.9g\n", "inv_std, as given", f->inv_std[s]);
    return;
  } else {
    (void)printf("  %-34s %.9g\n  %-34s %.9g\n", "mean = running_mean", f->mean[s], "var = running_var", f->var[s]);
  }
  (void)printf("  %-34s 1/sqrt(%.9g + %g) = %.9g\n",
               rms ? "inv_std = 1/sqrt(ms + epsilon)" : "inv_std = 1/sqrt(var + epsilon)", f->var[s],
               e->data->desc.epsilon, f->inv_std[s]);
}

static void print_affine(const example *e)
{
  if (has_one_gamma(e->data)) {
    return; /* it stands in the title */
  }
  if (e->data->in[RUN_GAMMA].data != NULL) {
    print_computed(e, "gamma", formulas_gamma);
  }
  if (e->data->in[RUN_BETA].data != NULL) {
    print_computed(e, "beta", formulas_beta);
  }
}

static void print_xh(const example *e)
{
  print_computed(e, e->data->desc.op == CLNORM_RMS ? "xh = x*inv_std" : "xh = (x - mean)*inv_std", formulas_xh);
}

static void print_z(const example *e, const char *name)
{
  char label[48];
  const int residual = e->data->in[RUN_RESIDUAL].data != NULL;
  (void)snprintf(label, sizeof label, "%s = gamma*xh + beta%s", name, residual ? " + residual" : "");
  print_computed(e, label, formulas_z);
}

/* "leaky-relu(z)", "leaky-relu'(z)" and a text before it. */
static const char *activation_text(const example *e, const char *before, const char *after, char text[48])
{
  (void)snprintf(text, 48, "%s%s%s", before, activation_name(e->data->desc.activation), after);
  return text;
}

/* ---- running statistics --------------------------------------------------------------------------------------- */

static void print_running(const run_data *data, size_t which, double mean, double var)
{
  const double factor = data->desc.average_factor;
  const array *old_mean = &data->in[RUN_RUNNING_MEAN];
  const array *old_var = &data->in[RUN_RUNNING_VAR];
  const double before = old_mean->data != NULL ? array_get(old_mean, which) : 0;
  const double var_before = old_var->data != NULL ? array_get(old_var, which) : 1;
  const int unbiased = data->desc.running_variance == CLNORM_VARIANCE_UNBIASED;
  (void)printf("  %-34s %g*%.6g + %g*%.6g = %.9g   device: %.9g\n", "running_mean = (1-F)*old + F*mean", 1 - factor,
               before, factor, mean, (1 - factor) * before + factor * mean, result(data, RUN_OUT_RUNNING_MEAN, which));
  (void)printf("  %-34s %g*%.6g + %g*%.6g = %.9g   device: %.9g\n",
               unbiased ? "running_var, with var*n/(n-1)" : "running_var, with var", 1 - factor, var_before, factor,
               var, (1 - factor) * var_before + factor * var, result(data, RUN_OUT_RUNNING_VAR, which));
}

/* The variance that goes into the running one. */
static double taken_var(const run_formulas *f, size_t statistic)
{
  const double n = (double)f->shape.values[statistic];
  if (f->data->desc.running_variance != CLNORM_VARIANCE_UNBIASED) {
    return f->var[statistic];
  }
  return n > 1 ? f->var[statistic] * n / (n - 1) : 0;
}

/* INSTANCE: a running statistic follows the mean over the samples. */
static void print_running_of_channel(const run_formulas *f, size_t channel)
{
  double mean = 0;
  double var = 0;
  size_t samples = 0;
  for (size_t s = 0; s < f->shape.statistics; s++) {
    if (family_running_of(&f->shape, s) == channel && f->shape.values[s] != 0) {
      mean += f->mean[s];
      var += taken_var(f, s);
      samples++;
    }
  }
  (void)printf("\nchannel %zu: mean and var are the means over %zu sample%s\n", channel, samples,
               samples == 1 ? "" : "s");
  if (samples != 0) {
    print_running(f->data, channel, mean / (double)samples, var / (double)samples);
  }
}

/* ---- passes ------------------------------------------------------------------------------------------------- */

static void print_forward(const example *e)
{
  char label[48];
  print_statistics(e);
  print_xh(e);
  print_affine(e);
  print_input(e, "residual", RUN_RESIDUAL);
  if (e->data->desc.activation == CLNORM_ACTIVATION_NONE) {
    print_z(e, "y");
  } else {
    print_z(e, "z");
    print_computed(e, activation_text(e, "y = ", "(z)", label), formulas_y);
  }
  print_result(e, "y by the device", RUN_OUT_Y);
  if (e->data->pass == CLNORM_TRAIN && is_batch(e->data)) {
    print_running(e->data, e->statistic, e->f->mean[e->statistic], taken_var(e->f, e->statistic));
  }
}

/* g is dy where there is no activation. */
static void print_parameter(const run_formulas *f, size_t parameter)
{
  const int plain = f->data->desc.activation == CLNORM_ACTIVATION_NONE;
  (void)printf("  %-34s %.9g   device: %.9g\n", plain ? "dbeta = sum(dy)" : "dbeta = sum(g)", f->dbeta[parameter],
               result(f->data, RUN_OUT_DBETA, parameter));
  (void)printf("  %-34s %.9g   device: %.9g\n", plain ? "dgamma = sum(dy*xh)" : "dgamma = sum(g*xh)",
               f->dgamma[parameter], result(f->data, RUN_OUT_DGAMMA, parameter));
}

/* Batch normalization's own sums are dbeta and dgamma. */
static void print_dx_of_batch(const example *e)
{
  const int plain = e->data->desc.activation == CLNORM_ACTIVATION_NONE;
  print_parameter(e->f, e->statistic);
  if (!is_frozen(e)) {
    (void)printf("  dx = gamma*inv_std*(%s - dbeta/n - xh*dgamma/n)\n", plain ? "dy" : "g");
  }
  print_computed(e, !is_frozen(e) ? "dx" : plain ? "dx = gamma*inv_std*dy" : "dx = gamma*inv_std*g", formulas_dx);
}

static void print_dx(const example *e)
{
  const run_formulas *f = e->f;
  const size_t s = e->statistic;
  const double n = (double)e->n;
  const int rms = e->data->desc.op == CLNORM_RMS;
  print_computed(e, e->data->desc.activation == CLNORM_ACTIVATION_NONE ? "h = gamma*dy" : "h = gamma*g", formulas_h);
  if (is_frozen(e)) {
    print_computed(e, "dx = inv_std*h", formulas_dx);
    return;
  }
  if (!rms) {
    (void)printf("  %-34s %.9g / %zu = %.9g\n", "mean(h) = sum(h)/n", f->sum_h[s], e->n, f->sum_h[s] / n);
  }
  (void)printf("  %-34s %.9g / %zu = %.9g\n", "mean(h*xh) = sum(h*xh)/n", f->sum_h_xh[s], e->n, f->sum_h_xh[s] / n);
  (void)printf("  dx = inv_std*(h - %sxh*mean(h*xh))\n", rms ? "" : "mean(h) - ");
  print_computed(e, "dx", formulas_dx);
}

static void print_backward(const example *e)
{
  char label[48];
  print_input(e, "dy", RUN_DY);
  print_statistics(e);
  print_xh(e);
  print_affine(e);
  if (e->data->desc.activation != CLNORM_ACTIVATION_NONE) {
    print_input(e, "residual", RUN_RESIDUAL);
    print_z(e, "z");
    print_computed(e, activation_text(e, "g = dy*", "'(z)", label), formulas_g);
  }
  if (is_batch(e->data)) {
    print_dx_of_batch(e);
  } else {
    print_dx(e);
  }
  print_result(e, "dx by the device", RUN_OUT_DX);
  if (e->data->results[RUN_OUT_DRESIDUAL].data != NULL) {
    print_result(e, "dresidual by the device", RUN_OUT_DRESIDUAL);
  }
}

/* ---- the page ----------------------------------------------------------------------------------------------- */

static int is_forward(clnorm_pass pass) { return pass == CLNORM_TRAIN || pass == CLNORM_INFER; }

static void print_title(const run_formulas *f)
{
  const run_data *data = f->data;
  const size_t statistics = data->counts.statistics;
  const size_t n = data->counts.values;
  (void)printf("%s %s, step by step: %zu statistic%s of n = %zu values%s, epsilon %g", op_name(data->desc.op),
               run_pass_name(data->pass), statistics, statistics == 1 ? "" : "s", n,
               data->lengths != NULL ? " less padding" : "", data->desc.epsilon);
  if (data->results[RUN_OUT_RUNNING_MEAN].data != NULL) {
    (void)printf(", average factor F = %g", data->desc.average_factor);
  }
  (void)printf("\n");
  if (statistics > MAX_STATISTICS || n > MAX_VALUES) {
    (void)printf("(too much for a page: the first %d statistics and the first %d values; sums are over all values)\n",
                 MAX_STATISTICS, MAX_VALUES);
  }
}

static void print_statistic(const run_formulas *f, size_t statistic)
{
  const family_shape *shape = &f->shape;
  example e = {.data = f->data, .f = f, .statistic = statistic, .n = shape->values[statistic]};
  for (size_t i = 0; i < shape->elements && e.count < MAX_VALUES; i++) {
    if (shape->statistic[i] == statistic && shape->valid[i]) {
      e.elements[e.count++] = i;
    }
  }
  (void)printf("\nstatistic %zu", statistic);
  if (f->data->lengths != NULL) {
    (void)printf(" of n = %zu values", e.n);
  }
  if (e.count == 0) {
    (void)printf(": nothing to normalize\n");
    return;
  }
  if (has_one_gamma(f->data)) {
    (void)printf(": gamma %g, beta %g", formulas_gamma(f, e.elements[0]), formulas_beta(f, e.elements[0]));
  }
  (void)printf("\n");
  print_input(&e, "x", RUN_X);
  if (is_forward(f->data->pass)) {
    print_forward(&e);
  } else {
    print_backward(&e);
  }
}

/* What belongs to a parameter and to no single statistic. */
static void print_parameters(const run_formulas *f)
{
  const run_data *data = f->data;
  for (size_t p = 0; p < f->shape.parameters && p < MAX_STATISTICS && !is_batch(data); p++) {
    if (!is_forward(data->pass)) {
      (void)printf("\nparameter %zu\n", p);
      print_parameter(f, p);
    } else if (data->results[RUN_OUT_RUNNING_MEAN].data != NULL) {
      print_running_of_channel(f, p);
    }
  }
}

int run_explain(const run_data *data)
{
  run_formulas f;
  if (formulas_make(data, &f) != 0) {
    return complain(EXIT_DEVICE, "run: not enough memory to explain it");
  }
  print_title(&f);
  for (size_t s = 0; s < f.shape.statistics && s < MAX_STATISTICS; s++) {
    print_statistic(&f, s);
  }
  print_parameters(&f);
  (void)printf("\n");
  formulas_destroy(&f);
  return EXIT_OK;
}
