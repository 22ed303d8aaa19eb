/* Forward tasks of samples: statistics, and y while they are in the cache. */
#include "cpu_samples.h"

/* Samples whose mean is more standard deviations off 0 than the root of this are measured again about a value that is near
 * it: of the sum of squares 16 of 53 bits would be lost. */
#define FAR_OFF 65536.0

/* Rows that samples_gradients takes together. */
#define ROWS 4

/* Runs whose coefficients are made at a time. */
#define RUNS 256

/* ---- a task's samples ------------------------------------------------------------------------------------------- */

clnorm__range clnorm__samples_of(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const uint64_t begin = task * step->outer_tile, statistics = call->plan->geometry.statistics;
  return (clnorm__range){begin, statistics - begin < step->outer_tile ? statistics : begin + step->outer_tile};
}

size_t clnorm__samples_together(const clnorm__geometry *geometry)
{
  const uint64_t fit = CLNORM__SAMPLES_ELEMENTS / geometry->run;
  if (fit < ROWS) {
    return fit == 0 ? 1 : (size_t)fit;
  }
  return fit < CLNORM__SAMPLES ? (size_t)(fit / ROWS * ROWS) : CLNORM__SAMPLES;
}

clnorm__distances clnorm__samples_distances(const clnorm__geometry *geometry, size_t count)
{
  const size_t block = count * (size_t)geometry->run;
  if (block > CLNORM__BLOCK_AHEAD) {
    return (clnorm__distances){CLNORM__NEAR_AHEAD, 0};
  }
  return geometry->repeat == 1 ? (clnorm__distances){0, block} : (clnorm__distances){block, 0};
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

clnorm__part clnorm__part_of(const clnorm__geometry *g, uint64_t c, uint64_t offset, size_t most)
{
  const uint64_t within = offset % g->repeat;
  const uint64_t runs = within != 0 || g->repeat > most ? 1 : most / g->repeat;
  const uint64_t to = runs == 1 ? least(g->repeat - within, most) : runs * g->repeat;
  return (clnorm__part){c, offset, 1, (size_t)least(to, g->run - offset)};
}

/* ---- statistics ------------------------------------------------------------------------------------------------- */

/* Mean and variance of one sample about a shift. */
static void measure_again(const clnorm__cpu_call *call, uint64_t c, double *mean, double *variance)
{
  const size_t run = (size_t)call->plan->geometry.run;
  const void *x = clnorm__cpu_in(call, call->x, (size_t)c * run);
  const float shift = clnorm__cpu_shift_of(call, x, run);
  double sums[2][CLNORM__SUM_LANES] = {{0.0}};
  call->kernels->run_stats(x, run, 0, shift, sums);
  *mean = clnorm__cpu_total(sums[0]);
  *variance = clnorm__cpu_total(sums[1]);
  clnorm__moments_from((double)run, &shift, 1, mean, variance);
  *variance /= (double)run;
}

/* From sums and squares to mean and variance, in place. */
static void finish_measures(const clnorm__cpu_call *call, uint64_t c, size_t count, double *mean, double *variance)
{
  const int centred = call->plan->desc.op != CLNORM_RMS;
  const double each = 1.0 / (double)call->plan->geometry.run;
  for (size_t i = 0; i < count; i++) {
    mean[i] = centred ? mean[i] * each : 0.0;
    variance[i] = variance[i] * each - mean[i] * mean[i];
    /* A NaN is measured again, too: an infinite mean stays infinite. */
    if (centred && !(mean[i] * mean[i] <= FAR_OFF * variance[i])) {
      measure_again(call, c + i, &mean[i], &variance[i]);
    }
  }
}

void clnorm__samples_measure(const clnorm__cpu_call *call, uint64_t c, size_t count, double *mean, double *variance)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const size_t at = (size_t)(c * g->run);
  const int is_next = call->residual != NULL && count * g->run <= CLNORM__BLOCK_AHEAD;
  call->kernels->samples_sums(clnorm__cpu_in(call, call->x, at),
                              is_next ? clnorm__cpu_in(call, call->residual, at) : NULL, count, (size_t)g->run,
                              clnorm__samples_distances(g, count).sums, mean, variance);
  finish_measures(call, c, count, mean, variance);
}

void clnorm__samples_keep(const clnorm__cpu_call *call, uint64_t c, double mean, double variance, double inv_std)
{
  const clnorm_plan *plan = call->plan;
  if (plan->pass != CLNORM_TRAIN) {
    return;
  }
  if (call->mean != NULL) {
    call->mean[c] = (float)mean;
  }
  if (call->inv_std != NULL) {
    call->inv_std[c] = (float)inv_std;
  }
  if (plan->moments != 0) {
    float *moments = (float *)call->moments + c;
    moments[0] = (float)mean;
    moments[plan->geometry.statistics] =
        (float)(variance * ((double)plan->geometry.values / (double)plan->stats_divisor));
  }
}

/* ---- y ---------------------------------------------------------------------------------------------------------- */

/* What a part is read from and written to. */
typedef struct place {
  const clnorm__cpu_call *call;
  clnorm__cpu_fused at;
  int stream;
} place;

static clnorm__cpu_fused moved(const clnorm__cpu_call *call, const clnorm__cpu_fused *at, size_t by)
{
  clnorm__cpu_fused to = *at;
  to.x = clnorm__cpu_in(call, to.x, by);
  to.residual = to.residual == NULL ? NULL : clnorm__cpu_in(call, to.residual, by);
  to.out = clnorm__cpu_out(call, to.out, by);
  return to;
}

/* Coefficient k of the i-th run at c[k * RUNS + i]. */
static void apply_runs(const place *to, size_t first, size_t count, size_t run, const float *c)
{
  const clnorm__cpu_call *call = to->call;
  const clnorm__cpu_fused at = moved(call, &to->at, first * run);
  if (call->is_fused) {
    call->kernels->runs_fused(&call->bend, &at, count, run, c, RUNS, to->stream);
  } else {
    call->kernels->runs_apply(at.x, at.out, count, run, c, RUNS, to->stream);
  }
}

void clnorm__samples_coefficients(const clnorm__cpu_call *call, const clnorm__spread *s, uint64_t parameter, float *out,
                                  size_t pitch)
{
  const float mean = (float)s->mean;
  const double rest = s->mean - (double)mean;
  const double scale = call->gamma != NULL ? (double)call->gamma[parameter] * s->inv_std : s->inv_std;
  const double beta = call->beta != NULL ? (double)call->beta[parameter] : 0.0;
  out[0] = mean;
  out[pitch] = (float)scale;
  out[2 * pitch] = (float)(rest == 0.0 ? beta : beta - rest * scale);
}

/* Samples whose parameters are the same for a run of elements each. */
static void normalize_runs(const place *to, const clnorm__part *p, const clnorm__spread *spreads)
{
  const clnorm__cpu_call *call = to->call;
  const clnorm__geometry *g = &call->plan->geometry;
  const size_t run = clnorm__part_run(g, p), runs = p->length / run;
  float coefficients[CLNORM__FORWARD_COEFFICIENTS * RUNS];
  size_t filled = 0, done = 0;
  for (size_t i = 0; i < p->count; i++) {
    const uint64_t first = clnorm__first_parameter(g, p->c + i) + p->offset / g->repeat;
    for (size_t j = 0; j < runs; j++) {
      clnorm__samples_coefficients(call, &spreads[i], first + j, coefficients + filled, RUNS);
      if (++filled == RUNS) {
        apply_runs(to, done, RUNS, run, coefficients);
        done += RUNS;
        filled = 0;
      }
    }
  }
  apply_runs(to, done, filled, run, coefficients);
}

static clnorm__sample sample_of(const clnorm__spread *s)
{
  const float mean = (float)s->mean;
  return (clnorm__sample){mean, (float)(s->mean - (double)mean), (float)s->inv_std};
}

/* Samples with a parameter an element: at a time all that have the same ones. */
static void normalize_elements(const place *to, const clnorm__part *p, const clnorm__spread *spreads, size_t ahead)
{
  const clnorm__cpu_call *call = to->call;
  const clnorm__geometry *g = &call->plan->geometry;
  const size_t together = g->parameter_groups == 1 ? p->count : 1;
  clnorm__sample samples[CLNORM__SAMPLES];
  for (size_t i = 0; i < p->count; i++) {
    samples[i] = sample_of(&spreads[i]);
  }
  for (size_t i = 0; i < p->count; i += together) {
    const uint64_t first = clnorm__first_parameter(g, p->c + i);
    const clnorm__cpu_fused at = moved(call, &to->at, i * p->length);
    call->kernels->samples_apply(call->is_fused ? &call->bend : NULL, &at, together, p->length,
                                 clnorm__parameters_from(call->gamma, first),
                                 clnorm__parameters_from(call->beta, first), samples + i, ahead, to->stream);
  }
}

/* Instance: a statistic is a run of one parameter. */
static void apply_running(const place *to, const clnorm__part *p)
{
  const clnorm__geometry *g = &to->call->plan->geometry;
  float coefficients[CLNORM__FORWARD_COEFFICIENTS * RUNS];
  for (size_t done = 0, some; done < p->count; done += some) {
    const uint64_t first = clnorm__first_parameter(g, p->c + done);
    some = (size_t)least(least(g->parameters - first, p->count - done), RUNS);
    clnorm__cpu_frozen_coefficients(to->call, first, some, coefficients, RUNS);
    apply_runs(to, done, some, p->length, coefficients);
  }
}

/* ---- the role --------------------------------------------------------------------------------------------------- */

/* Statistics of samples, written down where they are asked for. */
static void keep_measures(const clnorm__cpu_call *call, uint64_t c, size_t count, const double *mean,
                          const double *variance, clnorm__spread *spreads)
{
  double inv_std[CLNORM__SAMPLES];
  call->kernels->roots(variance, call->plan->desc.epsilon, count, inv_std);
  for (size_t i = 0; i < count; i++) {
    spreads[i] = (clnorm__spread){mean[i], inv_std[i]};
    clnorm__samples_keep(call, c + i, mean[i], variance[i], inv_std[i]);
  }
}

static void measure(const clnorm__cpu_call *call, uint64_t c, size_t count, clnorm__spread *spreads)
{
  double mean[CLNORM__SAMPLES], variance[CLNORM__SAMPLES];
  clnorm__samples_measure(call, c, count, mean, variance);
  keep_measures(call, c, count, mean, variance, spreads);
}

/* spreads: NULL for the running statistics */
static void write_part(const clnorm__cpu_call *call, clnorm__writer *w, const clnorm__part *p,
                       const clnorm__spread *spreads)
{
  const clnorm__geometry *g = &call->plan->geometry;
  place to = {call, clnorm__cpu_fused_at(call, clnorm__part_at(g, p)), w->stream};
  to.at.out = clnorm__writer_place(w, p->count * p->length);
  if (spreads == NULL) {
    apply_running(&to, p);
  } else if (g->repeat == 1) {
    normalize_elements(&to, p, spreads, clnorm__samples_distances(g, p->count).writes);
  } else {
    normalize_runs(&to, p, spreads);
  }
}

static void write_samples(const clnorm__cpu_call *call, clnorm__writer *w, uint64_t c, size_t count,
                          const clnorm__spread *spreads)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const size_t most = clnorm__writer_most(w);
  clnorm__part p = {c, 0, count, (size_t)g->run};
  if (count * g->run <= most) {
    write_part(call, w, &p, spreads);
    return;
  }
  for (uint64_t offset = 0; offset < g->run; offset += p.length) {
    p = clnorm__part_of(g, c, offset, most);
    write_part(call, w, &p, spreads);
  }
}

/* ---- samples one after the other, each measured while one before it is written ------------------------------------------ */

/* How many after the one that is written: its ends, a root and divisions one after the other, are then computed in time. */
#define LATER 2

/* Elements that are read ahead of their sums. */
#define FLOW_AHEAD 512

/* Shorter samples have nothing to read while a cache line of them is written. */
#define FLOW_RUN 256

static int flows(const clnorm__cpu_call *call, const clnorm__step *step, const clnorm__writer *w)
{
  const clnorm__geometry *g = &call->plan->geometry;
  return g->repeat == 1 && !call->is_fused && !step->from_running && g->run >= FLOW_RUN &&
         g->run <= clnorm__writer_most(w);
}

/* y of sample c; and statistics of the sample `later`, if there is one before `end`. */
static void flow(const clnorm__cpu_call *call, clnorm__writer *w, uint64_t c, uint64_t later, uint64_t end,
                 clnorm__spread *spreads)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const clnorm__part p = {c, 0, 1, (size_t)g->run};
  const clnorm__spread *own = &spreads[c % LATER];
  double mean, square;
  if (later >= end) {
    write_part(call, w, &p, own);
    return;
  }
  const clnorm__sample sample = sample_of(own);
  const uint64_t first = clnorm__first_parameter(g, c);
  clnorm__cpu_fused at = clnorm__cpu_fused_at(call, clnorm__part_at(g, &p));
  at.out = clnorm__writer_place(w, p.length);
  call->kernels->sample_flow(&at, clnorm__cpu_in(call, call->x, (size_t)(later * g->run)), p.length,
                             clnorm__parameters_from(call->gamma, first), clnorm__parameters_from(call->beta, first),
                             &sample, FLOW_AHEAD, &mean, &square, w->stream);
  finish_measures(call, later, 1, &mean, &square);
  keep_measures(call, later, 1, &mean, &square, &spreads[later % LATER]);
}

static void flow_through(const clnorm__cpu_call *call, clnorm__writer *w, clnorm__range r)
{
  clnorm__spread spreads[LATER];
  for (uint64_t c = r.begin; c < r.end && c < r.begin + LATER; c++) {
    measure(call, c, 1, &spreads[c % LATER]);
  }
  for (uint64_t c = r.begin; c < r.end; c++) {
    flow(call, w, c, c + LATER, r.end, spreads);
  }
}

void clnorm__cpu_samples_forward(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm__geometry *g = &call->plan->geometry;
  if (g->pattern == CLNORM__COLUMNS) {
    clnorm__cpu_columns_samples_forward(call, step, task);
    return;
  }
  const clnorm__range r = clnorm__samples_of(call, step, task);
  const size_t together = clnorm__samples_together(g);
  clnorm__spread spreads[CLNORM__SAMPLES];
  clnorm__writer w;
  clnorm__writer_open(&w, call, call->y, r.begin * g->run, 0);
  if (flows(call, step, &w)) {
    flow_through(call, &w, r);
    clnorm__writer_close(&w);
    return;
  }
  for (uint64_t c = r.begin; c < r.end; c += together) {
    const size_t count = r.end - c < together ? (size_t)(r.end - c) : together;
    if (!step->from_running) {
      measure(call, c, count, spreads);
    }
    write_samples(call, &w, c, count, step->from_running ? NULL : spreads);
  }
  clnorm__writer_close(&w);
}
