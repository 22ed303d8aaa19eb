/* Backward tasks of samples: sums of a few of them, and dx and the task's part of dgamma and dbeta while they are in the
 * cache. */
#include <math.h>
#include <string.h>

#include "cpu_samples.h"

/* Runs whose sums are kept at a time. */
#define RUNS 256

/* Elements that runs are prefetched ahead. */
#define AHEAD 2048

/* A task of this role: where its part of dgamma and dbeta goes (NULL: nobody asks for it), and its dx. */
typedef struct work {
  const clnorm__cpu_call *call;
  double *dgamma, *dbeta;
  clnorm__writer dx;
  int frozen;
} work;

/* Statistics of the samples, given or from x. What the float mean is off is not known yet. */
static void set_samples(const work *w, uint64_t c, size_t count, clnorm__sample *samples)
{
  const clnorm__cpu_call *call = w->call;
  double mean[CLNORM__SAMPLES], variance[CLNORM__SAMPLES], inv_std[CLNORM__SAMPLES];
  const int centred = call->plan->desc.op != CLNORM_RMS;
  if ((centred && call->mean == NULL) || call->inv_std == NULL) {
    clnorm__samples_measure(call, c, count, mean, variance);
    call->kernels->roots(variance, call->plan->desc.epsilon, count, inv_std);
  }
  for (size_t i = 0; i < count; i++) {
    samples[i] = (clnorm__sample){.mean = 0.0f};
    samples[i].inv_std = call->inv_std != NULL ? call->inv_std[c + i] : (float)inv_std[i];
    if (centred) {
      samples[i].mean = call->mean != NULL ? call->mean[c + i] : (float)mean[i];
    }
  }
}

static void set_frozen(const work *w, uint64_t c, size_t count, clnorm__sample *samples)
{
  const clnorm__cpu_call *call = w->call;
  for (size_t i = 0; i < count; i++) {
    const uint64_t p = clnorm__first_parameter(&call->plan->geometry, c + i);
    const double variance = (double)call->running_var[p] + call->plan->desc.epsilon;
    samples[i] = (clnorm__sample){.mean = call->running_mean[p], .inv_std = (float)(1.0 / sqrt(variance))};
  }
}

/* ---- a parameter an element ------------------------------------------------------------------------------------- */

/* The rest of a sample, from its sums. */
static void sum_sample(const work *w, uint64_t c, size_t ahead, clnorm__sample *s)
{
  const clnorm__cpu_call *call = w->call;
  const clnorm__geometry *g = &call->plan->geometry;
  const float *gamma = clnorm__parameters_from(call->gamma, clnorm__first_parameter(g, c));
  const size_t run = (size_t)g->run;
  const double n = (double)run;
  double sums[3];
  call->kernels->sample_sums(clnorm__floats(call->x) + c * run, clnorm__floats(call->dy) + c * run, run, ahead, gamma, s->mean, sums);
  const int centred = call->plan->desc.op != CLNORM_RMS;
  const double off = centred ? sums[2] / n : 0.0;
  s->off = (float)(off * (double)s->inv_std);
  s->h = centred ? (float)(sums[0] / n) : 0.0f;
  s->h_xh = (float)((sums[1] - off * sums[0]) * (double)s->inv_std / n);
}

/* Samples that share their parameters. */
static void put_samples(work *w, uint64_t c, size_t count, const clnorm__sample *samples)
{
  const clnorm__cpu_call *call = w->call;
  const clnorm__geometry *g = &call->plan->geometry;
  const size_t run = (size_t)g->run, at = (size_t)(c * g->run);
  const uint64_t first = clnorm__first_parameter(g, c);
  const float *gamma = clnorm__parameters_from(call->gamma, first);
  const float *x = clnorm__floats(call->x) + at, *dy = clnorm__floats(call->dy) + at;
  float *dx = call->dx == NULL ? NULL : clnorm__writer_place(&w->dx, count * run);
  /* Rows that do not begin at whole lines are not stored past the cache side by side. */
  const int together = w->dgamma != NULL && (!w->dx.stream || w->dx.whole_lines);
  if (w->dgamma != NULL) {
    call->kernels->samples_gradients(x, dy, together ? dx : NULL, count, run, run, gamma, samples, w->dgamma + first,
                                     w->dbeta + first, clnorm__samples_distances(g, count).writes, w->dx.stream);
  }
  for (size_t i = 0; i < count && dx != NULL && !together; i++) {
    call->kernels->sample_dx(x + i * run, dy + i * run, dx + i * run, run, gamma, &samples[i], w->dx.stream);
  }
}

static void by_element(work *w, uint64_t c, size_t count)
{
  const clnorm__geometry *g = &w->call->plan->geometry;
  const size_t together = g->parameter_groups == 1 ? count : 1;
  const size_t ahead = count * (size_t)g->run <= CLNORM__BLOCK_AHEAD ? count * (size_t)g->run : CLNORM__NEAR_AHEAD;
  clnorm__sample samples[CLNORM__SAMPLES];
  set_samples(w, c, count, samples);
  for (size_t i = 0; i < count; i++) {
    sum_sample(w, c + i, ahead, &samples[i]);
  }
  for (size_t i = 0; i < count; i += together) {
    put_samples(w, c + i, together, samples + i);
  }
}

/* ---- a parameter a run ------------------------------------------------------------------------------------------ */

/* Sums of dy, dy * (x - mean) and x - mean of a run. */
static clnorm__sums sum_run(const clnorm__cpu_call *call, size_t at, float mean)
{
  double sums[3][CLNORM__SUM_LANES] = {{0.0}}, totals[3];
  call->kernels->run_sums(clnorm__floats(call->x) + at, clnorm__floats(call->dy) + at, (size_t)call->plan->geometry.repeat, AHEAD, mean, sums);
  for (int k = 0; k < 3; k++) {
    const double *s = sums[k];
    totals[k] = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
  }
  return (clnorm__sums){totals[0], totals[1], totals[2]};
}

/* What the float mean is off, where the sums of all runs are not kept. */
static double measure_off(const clnorm__cpu_call *call, size_t at, float mean)
{
  const size_t run = (size_t)call->plan->geometry.run;
  double sums[2][CLNORM__SUM_LANES] = {{0.0}}, off = 0.0;
  call->kernels->run_stats(clnorm__floats(call->x) + at, run, AHEAD, mean, sums);
  for (int i = 0; i < CLNORM__SUM_LANES; i++) {
    off += sums[0][i];
  }
  return off / (double)run;
}

/* Sums over a sample of h and h * xh. */
typedef struct flows {
  double h, h_xh;
} flows;

/* Parameters `first` to first + count, whose runs' sums these are. */
static void add_runs(work *w, uint64_t first, size_t count, const clnorm__sums *sums, double off, float inv_std,
                     flows *f)
{
  for (size_t i = 0; i < count; i++) {
    const double g_xh = (sums[i].gd - off * sums[i].g) * (double)inv_std;
    const double gamma = w->call->gamma != NULL ? (double)w->call->gamma[first + i] : 1.0;
    f->h += gamma * sums[i].g;
    f->h_xh += gamma * g_xh;
    if (w->dgamma != NULL) {
      w->dgamma[first + i] += g_xh;
      w->dbeta[first + i] += sums[i].g;
    }
  }
}

static void sum_runs(work *w, uint64_t c, clnorm__sample *s)
{
  const clnorm__geometry *g = &w->call->plan->geometry;
  const uint64_t first = clnorm__first_parameter(g, c);
  const double n = (double)g->run;
  const int all = g->run_parameters <= RUNS;
  clnorm__sums sums[RUNS];
  flows f = {0.0, 0.0};
  double off = all || w->frozen ? 0.0 : measure_off(w->call, (size_t)(c * g->run), s->mean);
  for (uint64_t done = 0; done < g->run_parameters; done += RUNS) {
    const size_t count = g->run_parameters - done < RUNS ? (size_t)(g->run_parameters - done) : RUNS;
    for (size_t i = 0; i < count; i++) {
      sums[i] = sum_run(w->call, (size_t)(c * g->run + (done + i) * g->repeat), s->mean);
      off += all && !w->frozen ? sums[i].d / n : 0.0;
    }
    add_runs(w, first + done, count, sums, off, s->inv_std, &f);
  }
  if (!w->frozen) {
    s->off = (float)(off * (double)s->inv_std);
    s->h = (float)(f.h / n);
    s->h_xh = (float)(f.h_xh / n);
  }
}

static void put_runs(work *w, uint64_t c, const clnorm__sample *s)
{
  const clnorm__cpu_call *call = w->call;
  const clnorm__geometry *g = &call->plan->geometry;
  const size_t run = (size_t)g->repeat, runs = (size_t)g->run_parameters;
  const size_t most = w->dx.joins ? CLNORM__JOINED / run : runs;
  const float *gamma = clnorm__parameters_from(call->gamma, clnorm__first_parameter(g, c));
  for (size_t i = 0; i < runs;) {
    const size_t some = runs - i < most ? runs - i : most, at = (size_t)(c * g->run) + i * run;
    call->kernels->sample_runs_dx(clnorm__floats(call->x) + at, clnorm__floats(call->dy) + at, clnorm__writer_place(&w->dx, some * run), some, run,
                                  clnorm__parameters_from(gamma, i), s, w->dx.stream);
    i += some;
  }
}

static void by_run(work *w, uint64_t c, size_t count)
{
  clnorm__sample samples[CLNORM__SAMPLES];
  if (w->frozen) {
    set_frozen(w, c, count, samples);
  } else {
    set_samples(w, c, count, samples);
  }
  for (size_t i = 0; i < count && (!w->frozen || w->dgamma != NULL); i++) {
    sum_runs(w, c + i, &samples[i]);
  }
  if (w->call->dx == NULL) {
    return;
  }
  if (w->frozen) {
    clnorm__samples_apply_running(w->call, &w->dx, w->call->dy, c, count);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    put_runs(w, c + i, &samples[i]);
  }
}

/* ---- roles ------------------------------------------------------------------------------------------------------ */

/* Clears the task's partial results: it has samples of some parameters only. */
static void open_partials(work *w, uint64_t task)
{
  const clnorm_plan *plan = w->call->plan;
  const uint64_t parameters = plan->geometry.parameters;
  w->dgamma = w->call->partials + task * parameters;
  w->dbeta = w->dgamma + plan->partials * parameters;
  memset(w->dgamma, 0, (size_t)parameters * sizeof(double));
  memset(w->dbeta, 0, (size_t)parameters * sizeof(double));
}

void clnorm__cpu_samples_backward(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const clnorm__range r = clnorm__samples_of(call, step, task);
  const size_t together = clnorm__samples_together(g);
  work w;
  w.call = call;
  w.dgamma = w.dbeta = NULL;
  w.frozen = step->from_running;
  clnorm__writer_open(&w.dx, call, call->dx == NULL ? NULL : clnorm__floats_out(call->dx) + r.begin * g->run);
  if (call->dgamma != NULL || call->dbeta != NULL) {
    open_partials(&w, task);
  }
  for (uint64_t c = r.begin; c < r.end; c += together) {
    const size_t count = r.end - c < together ? (size_t)(r.end - c) : together;
    if (g->repeat == 1 && !w.frozen) {
      by_element(&w, c, count);
    } else {
      by_run(&w, c, count);
    }
  }
  clnorm__writer_close(&w.dx);
}

/* Parameters that are added side by side. */
#define TOGETHER 16

/* The sums over all tasks of one component's parameters begin to begin + count. */
static void merge(const clnorm_plan *plan, const double *component, uint64_t begin, size_t count, float *out)
{
  double sums[TOGETHER] = {0.0};
  const double *part = component + begin;
  for (uint64_t t = 0; t < plan->partials; t++, part += plan->geometry.parameters) {
    for (size_t i = 0; i < count; i++) {
      sums[i] += part[i];
    }
  }
  for (size_t i = 0; i < count && out != NULL; i++) {
    out[begin + i] = (float)sums[i];
  }
}

void clnorm__cpu_samples_merge(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm_plan *plan = call->plan;
  const uint64_t parameters = plan->geometry.parameters, begin = task * step->outer_tile;
  const uint64_t end = parameters - begin < step->outer_tile ? parameters : begin + step->outer_tile;
  for (uint64_t p = begin; p < end; p += TOGETHER) {
    const size_t count = end - p < TOGETHER ? (size_t)(end - p) : TOGETHER;
    merge(plan, call->partials, p, count, call->dgamma);
    merge(plan, call->partials + plan->partials * parameters, p, count, call->dbeta);
  }
}
