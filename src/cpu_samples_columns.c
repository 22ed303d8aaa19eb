/* Tasks of samples whose channels are the last axis: each sample is a matrix of positions by channels, and a statistic is some
 * neighbouring columns of it, one of instance normalization's. See geometry.h. */
#include <math.h>
#include <string.h>

#include "cpu_samples.h"

#define COLUMNS CLNORM__MATRIX_COLUMNS

/* Neighbouring statistics of a sample, with all of their columns. */
typedef struct block {
  clnorm__matrix matrix; /* whose run is 1 */
  uint64_t first;        /* statistic */
  uint64_t channel;      /* column and parameter */
  size_t at;             /* of the first element */
  size_t statistics;
  size_t width; /* columns of each */
} block;

/* Samples and statistics of each that a task has. */
typedef struct tile {
  clnorm__range samples, groups;
  uint64_t part; /* index of the partial results */
} tile;

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static tile tile_of(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const uint64_t outer = task / step->inner_tiles, groups = step->inner_tile / g->run_parameters;
  const uint64_t sample = outer * step->outer_tile, group = task % step->inner_tiles * groups;
  return (tile){{sample, least(sample + step->outer_tile, g->statistics / g->parameter_groups)},
                {group, least(group + groups, g->parameter_groups)},
                outer};
}

/* The block of a sample from one of its statistics on, of those up to `end`. */
static block block_of(const clnorm__geometry *g, uint64_t sample, uint64_t group, uint64_t end)
{
  const uint64_t fit = COLUMNS / g->run_parameters, count = least(end - group, fit);
  const uint64_t channel = group * g->run_parameters;
  return (block){
      .matrix = {(size_t)g->repeat, (size_t)(count * g->run_parameters), (size_t)g->parameters, 1},
      .first = sample * g->parameter_groups + group,
      .channel = channel,
      .at = (size_t)(sample * g->repeat * g->parameters + channel),
      .statistics = (size_t)count,
      .width = (size_t)g->run_parameters,
  };
}

/* ---- statistics ------------------------------------------------------------------------------------------------- */

/* Of columns with as many values each the mean, and the squares about it (Chan, Golub and LeVeque 1983). */
static void measure(const clnorm__cpu_call *call, const block *b, double *mean, double *variance)
{
  double means[COLUMNS], m2[COLUMNS];
  const double rows = (double)b->matrix.rows, width = (double)b->width;
  clnorm__matrix_moments(call, &b->matrix, clnorm__cpu_in(call, call->x, b->at), means, m2);
  for (size_t s = 0; s < b->statistics; s++) {
    const double *of = means + s * b->width, *squares = m2 + s * b->width;
    double off = 0.0, sum = 0.0;
    for (size_t i = 0; i < b->width; i++) {
      off += of[i] - of[0];
    }
    mean[s] = of[0] + off / width;
    for (size_t i = 0; i < b->width; i++) {
      const double delta = of[i] - mean[s];
      sum += squares[i] + rows * (delta * delta);
    }
    if (b->width > 1 && !isfinite(mean[s])) {
      /* Infinite as in a plain sum, not Inf - Inf. */
      mean[s] = 0.0;
      for (size_t i = 0; i < b->width; i++) {
        mean[s] += of[i];
      }
    }
    variance[s] = sum / (rows * width);
  }
}

/* Coefficients of y or z of the block's columns, coefficient k at c[k * COLUMNS]. */
static void set_coefficients(const clnorm__cpu_call *call, const block *b, const double *mean, const double *inv_std,
                             float *c)
{
  for (size_t i = 0; i < b->matrix.columns; i++) {
    const clnorm__spread spread = {mean[i / b->width], inv_std[i / b->width]};
    clnorm__samples_coefficients(call, &spread, b->channel + i, c + i, COLUMNS);
  }
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

static void apply(const clnorm__cpu_call *call, const block *b, const void *in, void *out, const float *c)
{
  if (call->is_fused) {
    clnorm__matrix_fused(call, &b->matrix, b->at, c, COLUMNS);
  } else {
    clnorm__matrix_apply(call, &b->matrix, clnorm__cpu_in(call, in, b->at), clnorm__cpu_out(call, out, b->at), c,
                         COLUMNS);
  }
}

static void forward(const clnorm__cpu_call *call, const block *b, int running)
{
  float c[CLNORM__FORWARD_COEFFICIENTS * COLUMNS];
  double mean[COLUMNS], variance[COLUMNS], inv_std[COLUMNS];
  if (running) {
    clnorm__cpu_frozen_coefficients(call, b->channel, b->matrix.columns, c, COLUMNS);
  } else {
    measure(call, b, mean, variance);
    call->kernels->roots(variance, call->plan->desc.epsilon, b->statistics, inv_std);
    for (size_t s = 0; s < b->statistics; s++) {
      clnorm__samples_keep(call, b->first + s, mean[s], variance[s], inv_std[s]);
    }
    set_coefficients(call, b, mean, inv_std, c);
  }
  apply(call, b, call->x, call->y, c);
}

void clnorm__cpu_columns_samples_forward(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const tile t = tile_of(call, step, task);
  for (uint64_t n = t.samples.begin; n < t.samples.end; n++) {
    block b;
    for (uint64_t group = t.groups.begin; group < t.groups.end; group += b.statistics) {
      b = block_of(&call->plan->geometry, n, group, t.groups.end);
      forward(call, &b, step->from_running);
    }
  }
  call->kernels->drain();
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

/* A block's coefficients as those of matrix_fused with weights; of z only where they are needed. */
typedef struct gradients {
  float mean[COLUMNS], a[COLUMNS], b[COLUMNS], c[COLUMNS], z_scale[COLUMNS], z_shift[COLUMNS], weight[COLUMNS];
} gradients;

/* Mean and inv_std that the gradients are of, as floats; and of z the coefficients. */
static void set_statistics(const clnorm__cpu_call *call, const block *b, double *inv_std, gradients *to)
{
  double mean[COLUMNS], variance[COLUMNS];
  float c[CLNORM__FORWARD_COEFFICIENTS * COLUMNS];
  const int given = call->mean != NULL && call->inv_std != NULL;
  const int measured = !given || (call->bends && clnorm__cpu_means_are_far(call, b->first, b->statistics));
  if (measured) {
    measure(call, b, mean, variance);
    call->kernels->roots(variance, call->plan->desc.epsilon, b->statistics, inv_std);
  }
  for (size_t s = 0; s < b->statistics; s++) {
    inv_std[s] = call->inv_std != NULL ? (double)call->inv_std[b->first + s] : (double)(float)inv_std[s];
    mean[s] = measured ? mean[s] : (double)call->mean[b->first + s];
  }
  set_coefficients(call, b, mean, inv_std, c);
  for (size_t i = 0; i < b->matrix.columns; i++) {
    const double rest = call->mean != NULL ? mean[i / b->width] - (double)call->mean[b->first + i / b->width] : 0.0;
    to->mean[i] = call->mean != NULL ? call->mean[b->first + i / b->width] : c[i];
    to->z_scale[i] = c[COLUMNS + i];
    to->z_shift[i] = c[2 * COLUMNS + i];
    if (rest != 0.0) {
      const double beta = call->beta != NULL ? (double)call->beta[b->channel + i] : 0.0;
      to->z_shift[i] = (float)(beta - rest * (double)to->z_scale[i]);
    }
  }
}

static void set_frozen(const clnorm__cpu_call *call, const block *b, double *inv_std, gradients *to)
{
  for (size_t i = 0; i < b->matrix.columns; i++) {
    const uint64_t p = b->channel + i;
    to->mean[i] = call->running_mean[p];
    inv_std[i] = 1.0 / sqrt((double)call->running_var[p] + call->plan->desc.epsilon);
    clnorm__cpu_z_coefficients(call, p, 0.0, &to->z_scale[i], &to->z_shift[i]);
  }
}

/* What a task leaves of its samples' part of dgamma and dbeta. */
typedef struct parts {
  double *dgamma, *dbeta; /* NULL: nobody asks for them */
} parts;

/* Sums of the columns, and of statistic s what flows back: see cpu_samples_backward.c. */
static void flow(const clnorm__cpu_call *call, const block *b, size_t s, double *const sums[3], double inv_std,
                 int frozen, const parts *to, gradients *out)
{
  const double n = (double)b->matrix.rows * (double)b->width;
  const size_t begin = s * b->width, end = begin + b->width;
  double off = 0.0, h = 0.0, h_xh = 0.0;
  for (size_t i = begin; i < end && !frozen; i++) {
    off += sums[2][i] / n;
  }
  for (size_t i = begin; i < end; i++) {
    const double g_xh = (sums[1][i] - off * sums[0][i]) * inv_std;
    const double gamma = call->gamma != NULL ? (double)call->gamma[b->channel + i] : 1.0;
    h += gamma * sums[0][i] / n;
    h_xh += gamma * g_xh / n;
    if (to->dgamma != NULL) {
      to->dgamma[b->channel + i] += g_xh;
      to->dbeta[b->channel + i] += sums[0][i];
    }
  }
  for (size_t i = begin; i < end; i++) {
    out->a[i] = (float)inv_std;
    out->b[i] = (float)(-h_xh * inv_std);
    out->c[i] = (float)(off * inv_std * h_xh - h);
    out->weight[i] = call->gamma != NULL ? call->gamma[b->channel + i] : 1.0f;
  }
}

static void sum_columns(const clnorm__cpu_call *call, const block *b, const gradients *of, double *const sums[3])
{
  const float *const c[3] = {of->mean, of->z_scale, of->z_shift};
  if (call->bends) {
    clnorm__matrix_slopes(call, &b->matrix, b->at, c, sums);
  } else {
    clnorm__matrix_sums(call, &b->matrix, clnorm__cpu_in(call, call->x, b->at), clnorm__cpu_in(call, call->dy, b->at),
                        of->mean, sums);
  }
}

static void put_frozen(const clnorm__cpu_call *call, const block *b)
{
  float c[CLNORM__FUSED_COEFFICIENTS * COLUMNS];
  clnorm__cpu_frozen_coefficients(call, b->channel, b->matrix.columns, c, COLUMNS);
  apply(call, b, call->dy, call->dx, c);
}

static void backward(const clnorm__cpu_call *call, const block *b, int frozen, const parts *to)
{
  gradients of;
  double inv_std[COLUMNS], g[COLUMNS], gd[COLUMNS], d[COLUMNS];
  double *const sums[3] = {g, gd, d};
  if (frozen) {
    set_frozen(call, b, inv_std, &of);
  } else {
    set_statistics(call, b, inv_std, &of);
  }
  if (!frozen || to->dgamma != NULL) {
    sum_columns(call, b, &of, sums);
    for (size_t s = 0; s < b->statistics; s++) {
      flow(call, b, s, sums, inv_std[s], frozen, to, &of);
    }
  }
  if (!clnorm__cpu_writes_tensors(call)) {
    return;
  }
  if (frozen) {
    put_frozen(call, b);
  } else {
    clnorm__cpu_call weighted = *call;
    weighted.bend.weighted = 1;
    weighted.dresidual = call->is_fused ? call->dresidual : NULL;
    clnorm__matrix_fused(&weighted, &b->matrix, b->at, of.mean, COLUMNS);
  }
}

/* Clears the tile's columns of its partial results. */
static parts open_parts(const clnorm__cpu_call *call, const tile *t)
{
  const clnorm_plan *plan = call->plan;
  const uint64_t parameters = plan->geometry.parameters, each = plan->geometry.run_parameters;
  parts to = {NULL, NULL};
  if (call->dgamma != NULL || call->dbeta != NULL) {
    const size_t size = (size_t)((t->groups.end - t->groups.begin) * each) * sizeof(double);
    to.dgamma = call->partials + t->part * parameters;
    to.dbeta = to.dgamma + plan->partials * parameters;
    memset(to.dgamma + t->groups.begin * each, 0, size);
    memset(to.dbeta + t->groups.begin * each, 0, size);
  }
  return to;
}

void clnorm__cpu_columns_samples_backward(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const tile t = tile_of(call, step, task);
  const parts to = open_parts(call, &t);
  for (uint64_t n = t.samples.begin; n < t.samples.end; n++) {
    block b;
    for (uint64_t group = t.groups.begin; group < t.groups.end; group += b.statistics) {
      b = block_of(&call->plan->geometry, n, group, t.groups.end);
      backward(call, &b, step->from_running, &to);
    }
  }
  call->kernels->drain();
}
