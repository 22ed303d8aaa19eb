/* Backward tasks of samples: sums of a few of them, and dx and the task's part of dgamma and dbeta while they are in the
 * cache. */
#include <math.h>
#include <string.h>

#include "cpu_samples.h"

/* Runs whose sums are kept at a time. */
#define RUNS 256

/* Elements that runs are prefetched ahead. */
#define AHEAD 2048

/* Samples that are worked on together; `rest` of them is what z is made with. */
typedef struct samples {
  uint64_t c;
  size_t count;
  clnorm__sample of[CLNORM__SAMPLES];
} samples;

/* A task of this role: where its part of dgamma and dbeta goes (NULL: nobody asks for it), and its dx. With an activation x and g =
 * dy * act'(z) of elements begin to end are floats in the rooms, for the loops that else read x and dy; floats that are x
 * already are read where they lie. */
typedef struct work {
  const clnorm__cpu_call *call;
  const clnorm__cpu_kernels *loops;
  double *dgamma, *dbeta;
  int frozen;
  size_t most; /* elements of a part */
  clnorm__writer dx;
  size_t begin, end;
  _Alignas(CLNORM__LINE) float x[CLNORM__SAMPLES_ELEMENTS];
  _Alignas(CLNORM__LINE) float g[CLNORM__SAMPLES_ELEMENTS];
} work;

/* ---- statistics ------------------------------------------------------------------------------------------------- */

/* Statistics of the samples, given or from x. What the float mean is off is not known yet. */
static void set_samples(const work *w, samples *s)
{
  const clnorm__cpu_call *call = w->call;
  double mean[CLNORM__SAMPLES], variance[CLNORM__SAMPLES], inv_std[CLNORM__SAMPLES];
  const int centred = call->plan->desc.op != CLNORM_RMS;
  const int given = (!centred || call->mean != NULL) && call->inv_std != NULL;
  const int measured = !given || (centred && call->bends && clnorm__cpu_means_are_far(call, s->c, s->count));
  if (measured) {
    clnorm__samples_measure(call, s->c, s->count, mean, variance);
    call->kernels->roots(variance, call->plan->desc.epsilon, s->count, inv_std);
  }
  for (size_t i = 0; i < s->count; i++) {
    clnorm__sample *of = &s->of[i];
    *of = (clnorm__sample){.mean = 0.0f};
    of->inv_std = call->inv_std != NULL ? call->inv_std[s->c + i] : (float)inv_std[i];
    if (centred) {
      of->mean = call->mean != NULL ? call->mean[s->c + i] : (float)mean[i];
      of->rest = measured ? (float)(mean[i] - (double)of->mean) : 0.0f;
    }
  }
}

static void set_frozen(const work *w, samples *s)
{
  const clnorm__cpu_call *call = w->call;
  for (size_t i = 0; i < s->count; i++) {
    const uint64_t p = clnorm__first_parameter(&call->plan->geometry, s->c + i);
    const double variance = (double)call->running_var[p] + call->plan->desc.epsilon;
    s->of[i] = (clnorm__sample){.mean = call->running_mean[p], .inv_std = (float)(1.0 / sqrt(variance))};
  }
}

/* ---- x and g ---------------------------------------------------------------------------------------------------- */

/* As the task's loops read them. */
typedef struct pair {
  const void *x, *g;
} pair;

static clnorm__part part_of(const work *w, const samples *s, size_t i, uint64_t offset)
{
  return clnorm__part_of(&w->call->plan->geometry, s->c + i, offset, w->most);
}

static pair pair_at(const work *w, size_t at)
{
  const clnorm__cpu_call *call = w->call;
  if (!call->bends) {
    return (pair){clnorm__cpu_in(call, call->x, at), clnorm__cpu_in(call, call->dy, at)};
  }
  const int direct = call->element == sizeof(float);
  return (pair){direct ? clnorm__cpu_in(call, call->x, at) : w->x + (at - w->begin), w->g + (at - w->begin)};
}

/* Puts a part of one sample into the rooms, after what is there if it is what comes next; adds the sums of it where they are
 * asked for: of a run, which the part then is of, or of elements. */
static void make_slopes(work *w, const samples *s, const clnorm__part *p, size_t ahead, double *sums)
{
  const clnorm__cpu_call *call = w->call;
  const clnorm__geometry *g = &call->plan->geometry;
  const size_t at = clnorm__part_at(g, p), run = g->repeat == 1 ? p->length : clnorm__part_run(g, p);
  const uint64_t first = clnorm__first_parameter(g, p->c) + p->offset / g->repeat;
  if (at != w->end || at + p->length - w->begin > CLNORM__SAMPLES_ELEMENTS) {
    w->begin = at;
  }
  w->end = at + p->length;
  for (size_t done = 0; done < p->length; done += run) {
    const clnorm__cpu_fused tensors = clnorm__cpu_fused_at(call, at + done);
    const uint64_t parameter = first + (g->repeat == 1 ? 0 : done / run);
    const clnorm__slopes slopes = {
        clnorm__parameters_from(call->gamma, parameter),
        clnorm__parameters_from(call->beta, parameter),
        g->repeat != 1 || w->frozen,
        call->element == sizeof(float) ? NULL : w->x + (at + done - w->begin),
        w->g + (at + done - w->begin),
    };
    call->kernels->sample_slopes(&call->bend, &tensors, run, ahead, &slopes, &s->of[p->c - s->c], sums);
  }
}

/* A part of samples, in the rooms if that is where it is read from. */
static pair read_part(work *w, const samples *s, const clnorm__part *p)
{
  const size_t at = clnorm__part_at(&w->call->plan->geometry, p);
  if (w->call->bends && (at < w->begin || at + p->count * p->length > w->end)) {
    for (size_t i = 0; i < p->count; i++) {
      make_slopes(w, s, &(clnorm__part){p->c + i, p->offset, 1, p->length}, 0, NULL);
    }
  }
  return pair_at(w, at);
}

/* Before dx, which may take the place of dy. */
static void put_dresidual(const work *w, const clnorm__part *p, const void *g)
{
  static const float unchanged[CLNORM__FORWARD_COEFFICIENTS] = {0.0f, 1.0f, -0.0f};
  const clnorm__cpu_call *call = w->call;
  const size_t n = p->count * p->length;
  if (!call->is_fused || call->dresidual == NULL) {
    return;
  }
  void *to = clnorm__cpu_out(call, call->dresidual, clnorm__part_at(&call->plan->geometry, p));
  if (call->bends) {
    call->kernels->floats_to(g, to, n, call->stream);
  } else {
    call->kernels->runs_apply(g, to, 1, n, unchanged, 1, call->stream);
  }
}

/* ---- a parameter an element ------------------------------------------------------------------------------------- */

/* The rest of sample i, from its sums. */
static void sum_sample(work *w, samples *s, size_t i, size_t ahead)
{
  const clnorm__cpu_call *call = w->call;
  const clnorm__geometry *g = &call->plan->geometry;
  const float *gamma = clnorm__parameters_from(call->gamma, clnorm__first_parameter(g, s->c + i));
  clnorm__sample *of = &s->of[i];
  const double n = (double)g->run;
  double sums[3] = {0.0, 0.0, 0.0};
  clnorm__part p;
  for (uint64_t offset = 0; call->bends && offset < g->run; offset += p.length) {
    p = part_of(w, s, i, offset);
    make_slopes(w, s, &p, ahead, sums);
  }
  if (!call->bends) {
    const pair read = pair_at(w, (size_t)((s->c + i) * g->run));
    call->kernels->sample_sums(read.x, read.g, (size_t)g->run, ahead, gamma, of->mean, sums);
  }
  const int centred = call->plan->desc.op != CLNORM_RMS;
  const double off = centred ? sums[2] / n : 0.0;
  of->off = (float)(off * (double)of->inv_std);
  of->h = centred ? (float)(sums[0] / n) : 0.0f;
  of->h_xh = (float)((sums[1] - off * sums[0]) * (double)of->inv_std / n);
}

/* A part of samples that share their parameters. */
static void put_elements(work *w, const samples *s, const clnorm__part *p, size_t ahead)
{
  const clnorm__cpu_call *call = w->call;
  const clnorm__sample *of = s->of + (p->c - s->c);
  const size_t n = p->length, pitch = n * w->dx.placed;
  const uint64_t first = clnorm__first_parameter(&call->plan->geometry, p->c) + p->offset;
  const float *gamma = clnorm__parameters_from(call->gamma, first);
  const pair read = read_part(w, s, p);
  put_dresidual(w, p, read.g);
  char *dx = call->dx == NULL ? NULL : clnorm__writer_place(&w->dx, p->count * n);
  /* Rows that do not begin at whole lines are not stored past the cache side by side. */
  const int together = w->dgamma != NULL && (!w->dx.stream || w->dx.whole_lines);
  if (w->dgamma != NULL) {
    w->loops->samples_gradients(read.x, read.g, together ? dx : NULL, p->count, n, n, gamma, of, w->dgamma + first,
                                w->dbeta + first, ahead, w->dx.stream);
  }
  for (size_t i = 0; i < p->count && dx != NULL && !together; i++) {
    w->loops->sample_dx((const char *)read.x + i * pitch, (const char *)read.g + i * pitch, dx + i * pitch, n, gamma,
                        of + i, w->dx.stream);
  }
}

static void by_element(work *w, samples *s)
{
  const clnorm__geometry *g = &w->call->plan->geometry;
  const size_t run = (size_t)g->run, together = g->parameter_groups == 1 ? s->count : 1;
  const size_t ahead = s->count * run <= CLNORM__BLOCK_AHEAD ? s->count * run : CLNORM__NEAR_AHEAD;
  const size_t later = w->call->bends ? 0 : clnorm__samples_distances(g, s->count).writes;
  clnorm__part p;
  for (size_t i = 0; i < s->count; i++) {
    sum_sample(w, s, i, ahead);
  }
  for (size_t i = 0; i < s->count; i += together) {
    for (uint64_t offset = 0; offset < run; offset += p.length) {
      p = run <= w->most ? (clnorm__part){s->c + i, 0, together, run} : part_of(w, s, i, offset);
      put_elements(w, s, &p, later);
    }
  }
}

/* ---- a parameter a run ------------------------------------------------------------------------------------------ */

/* Sums of g, g * (x - mean) and x - mean of run j of sample i. */
static clnorm__sums sum_run(work *w, const samples *s, size_t i, uint64_t j)
{
  const uint64_t repeat = w->call->plan->geometry.repeat, begin = j * repeat;
  if (w->call->bends) {
    double sums[3] = {0.0, 0.0, 0.0};
    clnorm__part p;
    for (uint64_t done = 0; done < repeat; done += p.length) {
      p = part_of(w, s, i, begin + done);
      p.length = clnorm__part_run(&w->call->plan->geometry, &p);
      make_slopes(w, s, &p, AHEAD, sums);
    }
    return (clnorm__sums){sums[0], sums[1], sums[2]};
  }
  double sums[3][CLNORM__SUM_LANES] = {{0.0}};
  const pair read = pair_at(w, (size_t)((s->c + i) * w->call->plan->geometry.run + begin));
  w->loops->run_sums(read.x, read.g, (size_t)repeat, AHEAD, s->of[i].mean, sums);
  return (clnorm__sums){clnorm__cpu_total(sums[0]), clnorm__cpu_total(sums[1]), clnorm__cpu_total(sums[2])};
}

/* What the float mean of sample c is off, where the sums of all runs are not kept. */
static double measure_off(const clnorm__cpu_call *call, uint64_t c, float mean)
{
  const size_t run = (size_t)call->plan->geometry.run;
  const float shift = call->kernels->moments_about_0 ? 0.0f : mean;
  double sums[2][CLNORM__SUM_LANES] = {{0.0}};
  call->kernels->run_stats(clnorm__cpu_in(call, call->x, (size_t)c * run), run, AHEAD, shift, sums);
  return clnorm__cpu_total(sums[0]) / (double)run + ((double)shift - (double)mean);
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

static void sum_runs(work *w, samples *s, size_t i)
{
  const clnorm__geometry *g = &w->call->plan->geometry;
  clnorm__sample *of = &s->of[i];
  const uint64_t first = clnorm__first_parameter(g, s->c + i);
  const double n = (double)g->run;
  const int all = g->run_parameters <= RUNS;
  clnorm__sums sums[RUNS];
  flows f = {0.0, 0.0};
  double off = all || w->frozen ? 0.0 : measure_off(w->call, s->c + i, of->mean);
  for (uint64_t done = 0; done < g->run_parameters; done += RUNS) {
    const size_t count = g->run_parameters - done < RUNS ? (size_t)(g->run_parameters - done) : RUNS;
    for (size_t j = 0; j < count; j++) {
      sums[j] = sum_run(w, s, i, done + j);
      off += all && !w->frozen ? sums[j].d / n : 0.0;
    }
    add_runs(w, first + done, count, sums, off, of->inv_std, &f);
  }
  if (!w->frozen) {
    of->off = (float)(off * (double)of->inv_std);
    of->h = (float)(f.h / n);
    of->h_xh = (float)(f.h_xh / n);
  }
}

/* dx = gamma * inv_std * g of a part of a sample: nothing flows back through running statistics. */
static void put_frozen(work *w, const clnorm__part *p, const void *g)
{
  const uint64_t first = clnorm__first_parameter(&w->call->plan->geometry, p->c);
  float c[CLNORM__FUSED_COEFFICIENTS];
  clnorm__cpu_frozen_coefficients(w->call, first, 1, c, 1);
  /* Whatever else is fused. */
  c[0] = 0.0f, c[2] = -0.0f;
  w->loops->runs_apply(g, clnorm__writer_place(&w->dx, p->length), 1, p->length, c, 1, w->dx.stream);
}

/* A part of sample i: whole runs, or some of one. */
static void put_part(work *w, const samples *s, size_t i, const clnorm__part *p)
{
  const clnorm__cpu_call *call = w->call;
  const clnorm__geometry *g = &call->plan->geometry;
  const size_t run = clnorm__part_run(g, p);
  const uint64_t first = clnorm__first_parameter(g, p->c) + p->offset / g->repeat;
  const pair read = read_part(w, s, p);
  put_dresidual(w, p, read.g);
  if (call->dx != NULL && w->frozen) {
    put_frozen(w, p, read.g);
  } else if (call->dx != NULL) {
    w->loops->sample_runs_dx(read.x, read.g, clnorm__writer_place(&w->dx, p->length), p->length / run, run,
                             clnorm__parameters_from(call->gamma, first), &s->of[i], w->dx.stream);
  }
}

static void by_run(work *w, samples *s)
{
  const clnorm__geometry *g = &w->call->plan->geometry;
  clnorm__part p;
  for (size_t i = 0; i < s->count && (!w->frozen || w->dgamma != NULL); i++) {
    sum_runs(w, s, i);
  }
  for (size_t i = 0; i < s->count && clnorm__cpu_writes_tensors(w->call); i++) {
    for (uint64_t offset = 0; offset < g->run; offset += p.length) {
      p = part_of(w, s, i, offset);
      put_part(w, s, i, &p);
    }
  }
}

/* ---- a parameter a sample --------------------------------------------------------------------------------------- */

/* Coefficients of runs_dx, frozen of runs_apply, k of sample i at [k][i]. */
typedef float channel_coefficients[CLNORM__BACKWARD_COEFFICIENTS][CLNORM__SAMPLES];

/* Sums over sample i, which is parameter p's, and what they make of it. */
static void finish_channel(work *w, const samples *s, size_t i, uint64_t p, channel_coefficients c)
{
  const clnorm__cpu_call *call = w->call;
  const clnorm__sample *of = &s->of[i];
  const int needed = !w->frozen || w->dgamma != NULL;
  const clnorm__sums sums = needed ? sum_run(w, s, i, 0) : (clnorm__sums){0.0, 0.0, 0.0};
  const double n = (double)call->plan->geometry.run, inv_std = (double)of->inv_std;
  const double off = w->frozen ? 0.0 : sums.d / n, g_xh = (sums.gd - off * sums.g) * inv_std;
  const double slope = inv_std * g_xh / n;
  if (w->dgamma != NULL) {
    w->dgamma[p] += g_xh;
    w->dbeta[p] += sums.g;
  }
  c[0][i] = of->mean;
  c[1][i] = (float)(call->gamma != NULL ? (double)call->gamma[p] * inv_std : inv_std);
  c[2][i] = (float)-slope;
  c[3][i] = (float)(off * slope - sums.g / n);
  if (w->frozen) {
    c[0][i] = 0.0f, c[2][i] = -0.0f;
  }
}

/* Of a part of whole samples. */
static void put_channels(work *w, const samples *s, const clnorm__part *p, channel_coefficients c)
{
  const size_t i = (size_t)(p->c - s->c), n = p->length;
  const pair read = read_part(w, s, p);
  put_dresidual(w, p, read.g);
  if (w->call->dx == NULL) {
    return;
  }
  void *const dx = clnorm__writer_place(&w->dx, p->count * n);
  if (w->frozen) {
    w->loops->runs_apply(read.g, dx, p->count, n, c[0] + i, CLNORM__SAMPLES, w->dx.stream);
  } else {
    w->loops->runs_dx(read.x, read.g, dx, p->count, n, c[0] + i, CLNORM__SAMPLES, w->dx.stream);
  }
}

static void by_channel(work *w, samples *s)
{
  const clnorm__geometry *g = &w->call->plan->geometry;
  const size_t together = (size_t)(w->most / g->run);
  channel_coefficients c;
  uint64_t p = clnorm__first_parameter(g, s->c);
  for (size_t i = 0; i < s->count; i++, p = p + 1 < g->parameter_groups ? p + 1 : 0) {
    finish_channel(w, s, i, p, c);
  }
  for (size_t i = 0; i < s->count && clnorm__cpu_writes_tensors(w->call); i += together) {
    const size_t count = s->count - i < together ? s->count - i : together;
    put_channels(w, s, &(clnorm__part){s->c + i, 0, count, (size_t)g->run}, c);
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
  if (g->pattern == CLNORM__COLUMNS) {
    clnorm__cpu_columns_samples_backward(call, step, task);
    return;
  }
  const clnorm__range r = clnorm__samples_of(call, step, task);
  const size_t together = clnorm__samples_together(g);
  work w;
  samples s;
  w.call = call;
  w.dgamma = w.dbeta = NULL;
  w.frozen = step->from_running;
  w.loops = call->bends ? call->floats : call->kernels;
  clnorm__writer_open(&w.dx, call, call->dx, r.begin * g->run, call->bends);
  w.most = call->bends ? CLNORM__SAMPLES_ELEMENTS : clnorm__writer_most(&w.dx);
  if (call->dgamma != NULL || call->dbeta != NULL) {
    open_partials(&w, task);
  }
  for (s.c = r.begin; s.c < r.end; s.c += together) {
    s.count = r.end - s.c < together ? (size_t)(r.end - s.c) : together;
    w.begin = w.end = SIZE_MAX;
    if (w.frozen) {
      set_frozen(&w, &s);
    } else {
      set_samples(&w, &s);
    }
    if (g->repeat == 1 && !w.frozen) {
      by_element(&w, &s);
    } else if (g->run_parameters == 1 && g->run <= w.most) {
      by_channel(&w, &s);
    } else {
      by_run(&w, &s);
    }
  }
  clnorm__writer_close(&w.dx);
}

/* Parameters that are added side by side. */
#define TOGETHER 16

/* The sums over all tasks of one component's parameters begin to begin + count. */
static void merge(const clnorm__cpu_call *call, const double *component, uint64_t begin, size_t count, uint32_t flag,
                  float *out)
{
  const clnorm_plan *plan = call->plan;
  double sums[TOGETHER] = {0.0};
  const double *part = component + begin;
  for (uint64_t t = 0; t < plan->partials; t++, part += plan->geometry.parameters) {
    for (size_t i = 0; i < count; i++) {
      sums[i] += part[i];
    }
  }
  for (size_t i = 0; i < count && out != NULL; i++) {
    out[begin + i] = clnorm__cpu_gathered(call, flag, sums[i], &out[begin + i]);
  }
}

void clnorm__cpu_samples_merge(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm_plan *plan = call->plan;
  const uint64_t parameters = plan->geometry.parameters, begin = task * step->outer_tile;
  const uint64_t end = parameters - begin < step->outer_tile ? parameters : begin + step->outer_tile;
  for (uint64_t p = begin; p < end; p += TOGETHER) {
    const size_t count = end - p < TOGETHER ? (size_t)(end - p) : TOGETHER;
    merge(call, call->partials, p, count, CLNORM_ACCUMULATE_DGAMMA, call->dgamma);
    merge(call, call->partials + plan->partials * parameters, p, count, CLNORM_ACCUMULATE_DBETA, call->dbeta);
  }
}
