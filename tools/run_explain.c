/* The worked example of `clnorm run --explain`. The arithmetic is done here in double, straight from the formulas, so
 * that what the device gave can be seen beside it. */
#include <math.h>
#include <stdio.h>

#include "run_data.h"

/* What fits a page. */
#define MAX_STATISTICS 4
#define MAX_VALUES 8

/* The numbers of one statistic. */
typedef struct example {
  const run_data *data;
  size_t statistic;
  size_t n;
  double gamma, beta;
  double mean, var, inv_std;
  double sum_dy, sum_dy_xh;
} example;

static size_t repeat_of(const clnorm_desc *desc)
{
  size_t repeat = 1;
  if ((desc->flags & CLNORM_PER_ACTIVATION) == 0 && desc->layout == CLNORM_CHANNELS_FIRST) {
    for (uint32_t axis = 2; axis < desc->rank; axis++) {
      repeat *= desc->dims[axis];
    }
  }
  return repeat;
}

/* Where value j of the statistic lies in x. */
static size_t place(const example *e, size_t j)
{
  const size_t repeat = repeat_of(&e->data->desc);
  return j / repeat * repeat * e->data->counts.statistics + e->statistic * repeat + j % repeat;
}

static double value(const example *e, const array *a, size_t j) { return (double)a->data[place(e, j)]; }

static double parameter(const array *a, size_t k, double absent)
{
  return a->data != NULL ? (double)a->data[k] : absent;
}

static double xh(const example *e, size_t j) { return (value(e, &e->data->in[RUN_X], j) - e->mean) * e->inv_std; }

static double y(const example *e, size_t j) { return e->gamma * xh(e, j) + e->beta; }

static double dx(const example *e, size_t j)
{
  const double dy = value(e, &e->data->in[RUN_DY], j);
  if (e->data->pass == CLNORM_BACKWARD_FROZEN) {
    return e->gamma * e->inv_std * dy;
  }
  const double n = (double)e->n;
  return e->gamma * e->inv_std * (dy - e->sum_dy / n - xh(e, j) * e->sum_dy_xh / n);
}

static double x_value(const example *e, size_t j) { return value(e, &e->data->in[RUN_X], j); }
static double dy_value(const example *e, size_t j) { return value(e, &e->data->in[RUN_DY], j); }
static double y_given(const example *e, size_t j) { return value(e, &e->data->results[RUN_OUT_Y], j); }
static double dx_given(const example *e, size_t j) { return value(e, &e->data->results[RUN_OUT_DX], j); }

static void print_values(const example *e, const char *label, double (*of)(const example *e, size_t j))
{
  (void)printf("  %-34s", label);
  for (size_t j = 0; j < e->n && j < MAX_VALUES; j++) {
    (void)printf(" %10.6g", of(e, j));
  }
  (void)printf("%s\n", e->n > MAX_VALUES ? " ..." : "");
}

/* ---- statistics --------------------------------------------------------------------------------------------- */

static void take_batch_statistics(example *e)
{
  double sum = 0;
  double squares = 0;
  for (size_t j = 0; j < e->n; j++) {
    sum += x_value(e, j);
  }
  e->mean = sum / (double)e->n;
  for (size_t j = 0; j < e->n; j++) {
    squares += (x_value(e, j) - e->mean) * (x_value(e, j) - e->mean);
  }
  e->var = squares / (double)e->n;
  e->inv_std = 1 / sqrt(e->var + e->data->desc.epsilon);
  (void)printf("  %-34s %.9g / %zu = %.9g\n", "mean = sum(x)/n", sum, e->n, e->mean);
  (void)printf("  %-34s %.9g / %zu = %.9g\n", "var = sum((x - mean)^2)/n", squares, e->n, e->var);
}

static void take_statistics(example *e)
{
  const run_data *data = e->data;
  const array *mean = &data->in[RUN_MEAN];
  const array *inv_std = &data->in[RUN_INV_STD];
  if (data->pass == CLNORM_INFER || data->pass == CLNORM_BACKWARD_FROZEN) {
    e->mean = (double)data->in[RUN_RUNNING_MEAN].data[e->statistic];
    e->var = (double)data->in[RUN_RUNNING_VAR].data[e->statistic];
    e->inv_std = 1 / sqrt(e->var + data->desc.epsilon);
    (void)printf("  %-34s %.9g\n  %-34s %.9g\n", "mean = running_mean", e->mean, "var = running_var", e->var);
  } else if (mean->data != NULL && inv_std->data != NULL) {
    e->mean = (double)mean->data[e->statistic];
    e->inv_std = (double)inv_std->data[e->statistic];
    (void)printf("  %-34s %.9g\n  %-34s %.9g\n", "mean, as given", e->mean, "inv_std, as given", e->inv_std);
    return;
  } else {
    take_batch_statistics(e);
  }
  (void)printf("  %-34s 1/sqrt(%.9g + %g) = %.9g\n", "inv_std = 1/sqrt(var + epsilon)", e->var, data->desc.epsilon,
               e->inv_std);
}

static void print_running(const example *e)
{
  const run_data *data = e->data;
  const double factor = data->desc.average_factor;
  const double mean = parameter(&data->in[RUN_RUNNING_MEAN], e->statistic, 0);
  const double var = parameter(&data->in[RUN_RUNNING_VAR], e->statistic, 1);
  const int unbiased = data->desc.running_variance == CLNORM_VARIANCE_UNBIASED;
  const double n = (double)e->n;
  const double taken = unbiased ? e->var * n / (n - 1) : e->var;
  (void)printf("  %-34s %g*%.6g + %g*%.6g = %.9g   device: %.9g\n", "running_mean = (1-F)*old + F*mean", 1 - factor,
               mean, factor, e->mean, (1 - factor) * mean + factor * e->mean,
               (double)data->results[RUN_OUT_RUNNING_MEAN].data[e->statistic]);
  (void)printf("  %-34s %g*%.6g + %g*%.6g = %.9g   device: %.9g\n",
               unbiased ? "running_var, with var*n/(n-1)" : "running_var, with var", 1 - factor, var, factor, taken,
               (1 - factor) * var + factor * taken, (double)data->results[RUN_OUT_RUNNING_VAR].data[e->statistic]);
}

/* ---- passes ------------------------------------------------------------------------------------------------- */

static void print_forward(example *e)
{
  take_statistics(e);
  print_values(e, "xh = (x - mean)*inv_std", xh);
  print_values(e, "y = gamma*xh + beta", y);
  print_values(e, "y by the device", y_given);
  if (e->data->pass == CLNORM_TRAIN) {
    print_running(e);
  }
}

static void print_backward(example *e)
{
  const int frozen = e->data->pass == CLNORM_BACKWARD_FROZEN;
  print_values(e, "dy", dy_value);
  take_statistics(e);
  print_values(e, "xh = (x - mean)*inv_std", xh);
  for (size_t j = 0; j < e->n; j++) {
    e->sum_dy += dy_value(e, j);
    e->sum_dy_xh += dy_value(e, j) * xh(e, j);
  }
  (void)printf("  %-34s %.9g   device: %.9g\n", "dbeta = sum(dy)", e->sum_dy,
               (double)e->data->results[RUN_OUT_DBETA].data[e->statistic]);
  (void)printf("  %-34s %.9g   device: %.9g\n", "dgamma = sum(dy*xh)", e->sum_dy_xh,
               (double)e->data->results[RUN_OUT_DGAMMA].data[e->statistic]);
  if (!frozen) {
    (void)printf("  dx = gamma*inv_std*(dy - dbeta/n - xh*dgamma/n)\n");
  }
  print_values(e, frozen ? "dx = gamma*inv_std*dy" : "dx", dx);
  print_values(e, "dx by the device", dx_given);
}

void run_explain(const run_data *data)
{
  const size_t statistics = data->counts.statistics;
  const size_t n = data->counts.values;
  (void)printf("batch %s, step by step: %zu statistic%s of n = %zu values, epsilon %g", run_pass_name(data->pass),
               statistics, statistics == 1 ? "" : "s", n, data->desc.epsilon);
  if (data->pass == CLNORM_TRAIN) {
    (void)printf(", average factor F = %g", data->desc.average_factor);
  }
  (void)printf("\n");
  if (statistics > MAX_STATISTICS || n > MAX_VALUES) {
    (void)printf("(too much for a page: the first %d statistics and the first %d values; sums are over all values)\n",
                 MAX_STATISTICS, MAX_VALUES);
  }
  for (size_t k = 0; k < statistics && k < MAX_STATISTICS; k++) {
    example e = {.data = data, .statistic = k, .n = n};
    e.gamma = parameter(&data->in[RUN_GAMMA], k, 1);
    e.beta = parameter(&data->in[RUN_BETA], k, 0);
    (void)printf("\nstatistic %zu: gamma %g, beta %g\n", k, e.gamma, e.beta);
    print_values(&e, "x", x_value);
    if (data->pass == CLNORM_TRAIN || data->pass == CLNORM_INFER) {
      print_forward(&e);
    } else {
      print_backward(&e);
    }
  }
  (void)printf("\n");
}
