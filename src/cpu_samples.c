/* Forward tasks of samples: statistics, and y while they are in the cache. */
#include "cpu_samples.h"

#include <math.h>
#include <string.h>

/* Elements whose mean is the shift of a sum: see SHIFT_ROWS in cpu_matrix.c. */
#define SHIFT_ELEMENTS 16

/* Samples whose mean is more standard deviations off 0 than the root of this are measured again about a value that is near
 * it: of the sum of squares 16 of 53 bits would be lost. */
#define FAR_OFF 65536.0

/* Rows that samples_gradients takes together. */
#define ROWS 4

/* Runs whose coefficients are made at a time. */
#define RUNS 256

/* ---- writing ---------------------------------------------------------------------------------------------------- */

void clnorm__writer_open(clnorm__writer *w, const clnorm__cpu_call *call, float *out)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const uint64_t piece = g->repeat == 1 ? g->run : g->repeat;
  const size_t within = (uintptr_t)out / sizeof(float) % CLNORM__LINE;
  w->kernels = call->kernels;
  w->whole_lines = within == 0 && piece % CLNORM__LINE == 0;
  w->joins = out != NULL && call->stream && !w->whole_lines && piece <= CLNORM__JOINED;
  w->stream = call->stream && !w->joins;
  w->begin = w->end = w->joins ? within : 0;
  w->out = w->joins ? out - within : out;
}

/* Writes the whole lines of the buffer, and keeps what has begun; or all of it. */
static void flush(clnorm__writer *w, int all)
{
  static const float unchanged[CLNORM__FORWARD_COEFFICIENTS] = {0.0f, 1.0f, -0.0f};
  const size_t end = all ? w->end : w->end / CLNORM__LINE * CLNORM__LINE;
  if (end <= w->begin) {
    return;
  }
  if (w->begin != 0) {
    const size_t line = end < CLNORM__LINE ? end : CLNORM__LINE;
    memcpy(w->out + w->begin, w->buffer + w->begin, (line - w->begin) * sizeof(float));
    w->begin = line;
  }
  w->kernels->runs_apply(w->buffer + w->begin, w->out + w->begin, 1, end - w->begin, unchanged, 1, 1);
  memmove(w->buffer, w->buffer + end, (w->end - end) * sizeof(float));
  w->out += end;
  w->begin = 0;
  w->end -= end;
}

float *clnorm__writer_place(clnorm__writer *w, size_t n)
{
  float *place = w->out;
  if (!w->joins) {
    w->out += n;
    return place;
  }
  if (w->end + n > sizeof w->buffer / sizeof w->buffer[0]) {
    flush(w, 0);
  }
  place = w->buffer + w->end;
  w->end += n;
  return place;
}

void clnorm__writer_close(clnorm__writer *w)
{
  flush(w, 1);
  w->kernels->drain();
}

/* ---- statistics ------------------------------------------------------------------------------------------------- */

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

static float shift_of(const float *x, size_t n)
{
  double sums[4] = {0.0, 0.0, 0.0, 0.0};
  n = n < SHIFT_ELEMENTS ? n : SHIFT_ELEMENTS;
  for (size_t i = 0; i < n; i++) {
    sums[i % 4] += x[i];
  }
  const float shift = (float)(((sums[0] + sums[1]) + (sums[2] + sums[3])) / (double)n);
  return isfinite(shift) ? shift : 0.0f;
}

static double total(const double lanes[CLNORM__SUM_LANES])
{
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/* Mean and variance of one sample about a shift. */
static void measure_again(const clnorm__cpu_call *call, const float *x, size_t run, double *mean, double *variance)
{
  const float shift = shift_of(x, run);
  double sums[2][CLNORM__SUM_LANES] = {{0.0}};
  call->kernels->run_stats(x, run, 0, shift, sums);
  *mean = total(sums[0]);
  *variance = total(sums[1]);
  clnorm__moments_from((double)run, &shift, 1, mean, variance);
  *variance /= (double)run;
}

void clnorm__samples_measure(const clnorm__cpu_call *call, uint64_t c, size_t count, double *mean, double *variance)
{
  const size_t run = (size_t)call->plan->geometry.run;
  const int centred = call->plan->desc.op != CLNORM_RMS;
  const float *x = clnorm__floats(call->x) + c * run;
  const double each = 1.0 / (double)run;
  call->kernels->samples_sums(x, count, run, clnorm__samples_distances(&call->plan->geometry, count).sums, mean,
                              variance);
  for (size_t i = 0; i < count; i++) {
    mean[i] = centred ? mean[i] * each : 0.0;
    variance[i] = variance[i] * each - mean[i] * mean[i];
    /* A NaN is measured again, too: an infinite mean stays infinite. */
    if (centred && !(mean[i] * mean[i] <= FAR_OFF * variance[i])) {
      measure_again(call, x + i * run, run, &mean[i], &variance[i]);
    }
  }
}

static void keep(const clnorm__cpu_call *call, uint64_t c, double mean, double variance, double inv_std)
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
  if (plan->has_moments) {
    float *moments = (float *)call->moments + c;
    moments[0] = (float)mean;
    moments[plan->geometry.statistics] =
        (float)(variance * ((double)plan->geometry.values / (double)plan->stats_divisor));
    moments[2 * plan->geometry.statistics] = 1.0f;
  }
}

/* ---- y ---------------------------------------------------------------------------------------------------------- */

/* Runs beside each other, coefficient k of the i-th at c[k * RUNS + i]. */
static void write_runs(const clnorm__cpu_call *call, clnorm__writer *w, const float *x, size_t count, const float *c)
{
  const size_t run = (size_t)call->plan->geometry.repeat;
  const size_t most = w->joins ? CLNORM__JOINED / run : count;
  for (size_t i = 0; i < count;) {
    const size_t some = count - i < most ? count - i : most;
    call->kernels->runs_apply(x + i * run, clnorm__writer_place(w, some * run), some, run, c + i, RUNS, w->stream);
    i += some;
  }
}

/* A statistic as coefficients need it. */
typedef struct spread {
  double mean, inv_std;
} spread;

static void set_coefficients(const clnorm__cpu_call *call, const spread *s, uint64_t parameter, float *out)
{
  const float mean = (float)s->mean;
  const double rest = s->mean - (double)mean;
  const double scale = call->gamma != NULL ? (double)call->gamma[parameter] * s->inv_std : s->inv_std;
  const double beta = call->beta != NULL ? (double)call->beta[parameter] : 0.0;
  out[0] = mean;
  out[RUNS] = (float)scale;
  out[2 * RUNS] = (float)(rest == 0.0 ? beta : beta - rest * scale);
}

/* Samples whose parameters are the same for a run of elements each. */
static void write_in_runs(const clnorm__cpu_call *call, clnorm__writer *w, uint64_t c, size_t count, const spread *s)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const float *x = clnorm__floats(call->x) + c * g->run;
  float coefficients[CLNORM__FORWARD_COEFFICIENTS * RUNS];
  size_t filled = 0;
  for (size_t i = 0; i < count; i++) {
    const uint64_t first = clnorm__first_parameter(g, c + i);
    for (uint64_t j = 0; j < g->run_parameters; j++) {
      set_coefficients(call, &s[i], first + j, coefficients + filled);
      if (++filled == RUNS) {
        write_runs(call, w, x, RUNS, coefficients);
        x += RUNS * g->repeat;
        filled = 0;
      }
    }
  }
  write_runs(call, w, x, filled, coefficients);
}

/* Samples with a parameter an element: at a time all that have the same ones, and a place together. */
static void write_samples(const clnorm__cpu_call *call, clnorm__writer *w, uint64_t c, size_t count, const spread *s)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const size_t run = (size_t)g->run, most = g->parameter_groups != 1 ? 1 : w->joins ? CLNORM__JOINED / run : count;
  const size_t ahead = clnorm__samples_distances(g, count).writes;
  clnorm__sample samples[CLNORM__SAMPLES];
  for (size_t i = 0; i < count; i++) {
    const float mean = (float)s[i].mean;
    samples[i] = (clnorm__sample){mean, (float)(s[i].mean - (double)mean), (float)s[i].inv_std};
  }
  for (size_t i = 0; i < count;) {
    const uint64_t first = clnorm__first_parameter(g, c + i);
    const size_t some = count - i < most ? count - i : most;
    call->kernels->samples_apply(clnorm__floats(call->x) + (c + i) * run, clnorm__writer_place(w, some * run), some, run,
                                 clnorm__parameters_from(call->gamma, first),
                                 clnorm__parameters_from(call->beta, first), samples + i, ahead, w->stream);
    i += some;
  }
}

static void normalize(const clnorm__cpu_call *call, clnorm__writer *w, uint64_t c, size_t count)
{
  double mean[CLNORM__SAMPLES], variance[CLNORM__SAMPLES], inv_std[CLNORM__SAMPLES];
  spread spreads[CLNORM__SAMPLES];
  clnorm__samples_measure(call, c, count, mean, variance);
  call->kernels->roots(variance, call->plan->desc.epsilon, count, inv_std);
  for (size_t i = 0; i < count; i++) {
    spreads[i] = (spread){mean[i], inv_std[i]};
    keep(call, c + i, mean[i], variance[i], inv_std[i]);
  }
  if (call->plan->geometry.repeat == 1) {
    write_samples(call, w, c, count, spreads);
  } else {
    write_in_runs(call, w, c, count, spreads);
  }
}

/* Instance: a statistic is a run of one parameter. */
void clnorm__samples_apply_running(const clnorm__cpu_call *call, clnorm__writer *w, const float *in, uint64_t c,
                                   size_t count)
{
  const clnorm__geometry *g = &call->plan->geometry;
  float coefficients[CLNORM__FORWARD_COEFFICIENTS * RUNS];
  while (count != 0) {
    const uint64_t first = clnorm__first_parameter(g, c), left = g->parameters - first;
    const size_t here = left < count ? (size_t)left : count, some = here < RUNS ? here : RUNS;
    clnorm__cpu_frozen_coefficients(call, first, some, coefficients, RUNS);
    write_runs(call, w, in + c * g->run, some, coefficients);
    c += some;
    count -= some;
  }
}

void clnorm__cpu_samples_forward(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const clnorm__range r = clnorm__samples_of(call, step, task);
  const size_t together = clnorm__samples_together(g);
  clnorm__writer w;
  clnorm__writer_open(&w, call, clnorm__floats_out(call->y) + r.begin * g->run);
  if (step->from_running) {
    clnorm__samples_apply_running(call, &w, call->x, r.begin, (size_t)(r.end - r.begin));
  } else {
    for (uint64_t c = r.begin; c < r.end; c += together) {
      normalize(call, &w, c, r.end - c < together ? (size_t)(r.end - c) : together);
    }
  }
  clnorm__writer_close(&w);
}
