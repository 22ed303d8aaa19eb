/* Tasks of the variant `general`: any operation, storage, strides, lengths and activation, one element after the other in
 * double. Right before fast; what should be fast has a variant of its own. Formulas: docs/formulas.md. */
#include <math.h>

#include "cpu_activation.h"
#include "cpu_call.h"
#include "cpu_storage.h"
#include "descriptor.h"

/* ---- places: where the walk is ---------------------------------------------------------------------------------- */

/* A set of axes: bit a stands for axis a. */
typedef uint32_t axis_set;

typedef struct place {
  uint64_t index[CLNORM__MAX_AXES];
  uint64_t statistic, parameter;
  int64_t at[CLNORM_TENSORS]; /* elements from the tensors' first */
} place;

/* The axes that have a stride. */
static axis_set axes_of(const uint64_t stride[CLNORM__MAX_AXES])
{
  axis_set set = 0;
  for (uint64_t a = 0; a < CLNORM__MAX_AXES; a++) {
    set |= (axis_set)(stride[a] != 0) << a;
  }
  return set;
}

static axis_set other_axes(axis_set set, const clnorm__axes *axes) { return ~set & (((axis_set)1 << axes->count) - 1); }

static uint64_t places_of(const clnorm__axes *axes, axis_set set)
{
  uint64_t places = 1;
  for (uint64_t a = 0; a < axes->count; a++) {
    places *= set >> a & 1u ? axes->extent[a] : 1;
  }
  return places;
}

static void move(const clnorm__geometry *g, place *p, uint64_t a, uint64_t to)
{
  const int64_t steps = (int64_t)to - (int64_t)p->index[a];
  p->index[a] = to;
  p->statistic += (uint64_t)steps * g->axes.statistic_stride[a];
  p->parameter += (uint64_t)steps * g->axes.parameter_stride[a];
  for (int t = 0; t < CLNORM_TENSORS; t++) {
    p->at[t] += steps * g->strides[t].of[a];
  }
}

/* Moves to place i of the axes of the set, the last the fastest. */
static void move_to(const clnorm__geometry *g, place *p, axis_set set, uint64_t i)
{
  for (uint64_t a = g->axes.count; a-- > 0;) {
    if (set >> a & 1u) {
      move(g, p, a, i % g->axes.extent[a]);
      i /= g->axes.extent[a];
    }
  }
}

static void move_on(const clnorm__geometry *g, place *p, axis_set set)
{
  for (uint64_t a = g->axes.count; a-- > 0;) {
    if (set >> a & 1u) {
      const uint64_t next = p->index[a] + 1;
      move(g, p, a, next == g->axes.extent[a] ? 0 : next);
      if (next != g->axes.extent[a]) {
        return;
      }
    }
  }
}

/* 0 in the padding of a sample. */
static int is_valid(const clnorm__cpu_call *call, const place *p)
{
  const clnorm__axes *axes = &call->plan->geometry.axes;
  if (axes->length == CLNORM__NO_AXIS) {
    return 1;
  }
  const int32_t length = ((const int32_t *)call->args->lengths.data)[p->index[axes->sample]];
  return length > 0 && p->index[axes->length] < (uint64_t)length;
}

/* ---- numbers and elements --------------------------------------------------------------------------------------- */

static clnorm_dtype number_type(const clnorm__cpu_call *call)
{
  return call->plan->desc.dtype == CLNORM_F64 ? CLNORM_F64 : CLNORM_F32;
}

static double number(const clnorm__cpu_call *call, const void *array, uint64_t i, double otherwise)
{
  return array == NULL ? otherwise : clnorm__load(number_type(call), array, (int64_t)i);
}

static void put_number(const clnorm__cpu_call *call, void *array, uint64_t i, double value)
{
  if (array != NULL) {
    clnorm__store(number_type(call), array, (int64_t)i, value);
  }
}

/* What is left of a number after it was rounded as numbers are stored. */
static double rounded(const clnorm__cpu_call *call, double value)
{
  return number_type(call) == CLNORM_F64 ? value : (double)(float)value;
}

static double element(const clnorm__cpu_call *call, const void *tensor, clnorm_tensor which, const place *p)
{
  return clnorm__load(call->plan->desc.dtype, tensor, p->at[which]);
}

static void put_element(const clnorm__cpu_call *call, void *tensor, clnorm_tensor which, const place *p, double value)
{
  clnorm__store(call->plan->desc.dtype, tensor, p->at[which], value);
}

/* A sum of doubles that loses nothing: Knuth's sum of two, the rests kept. */
typedef struct exact {
  double sum, rest;
} exact;

static void add(exact *to, double value)
{
  const double sum = to->sum + value, part = sum - to->sum;
  to->rest += (to->sum - (sum - part)) + (value - part);
  to->sum = sum;
}

/* a * (b + rest) added, but for what is beyond twice the bits. */
static void add_product(exact *to, double a, double b, double rest)
{
  const double product = a * b;
  add(to, product);
  to->rest += fma(a, b, -product) + a * rest;
}

/* Beyond the finite numbers the rest is none. */
static double total(exact of) { return isfinite(of.sum) ? of.sum + of.rest : of.sum; }

/* What a quotient of the sum is off by. */
static double rest_of_mean(exact of, double mean, double count)
{
  return isfinite(of.sum) ? (fma(-mean, count, of.sum) + of.rest) / count : 0.0;
}

/* ---- statistics ------------------------------------------------------------------------------------------------- */

typedef struct moments {
  uint64_t count;    /* valid values */
  double mean, rest; /* the mean is their sum */
  double variance;
} moments;

static moments measure(const clnorm__cpu_call *call, uint64_t statistic)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const axis_set kept = axes_of(g->axes.statistic_stride), walked = other_axes(kept, &g->axes);
  const uint64_t places = places_of(&g->axes, walked);
  const int centred = call->plan->desc.op != CLNORM_RMS;
  exact sum = {0, 0}, squares = {0, 0};
  moments m = {0, 0, 0, 0};
  place p = {{0}, 0, 0, {0}};
  move_to(g, &p, kept, statistic);
  for (uint64_t i = 0; i < places; i++, move_on(g, &p, walked)) {
    if (is_valid(call, &p)) {
      add(&sum, element(call, call->args->x.data, CLNORM_TENSOR_X, &p));
      m.count++;
    }
  }
  if (m.count == 0) {
    return m;
  }
  const double count = (double)m.count;
  m.mean = centred ? total(sum) / count : 0.0;
  m.rest = centred ? rest_of_mean(sum, m.mean, count) : 0.0;
  for (uint64_t i = 0; i < places; i++, move_on(g, &p, walked)) {
    if (is_valid(call, &p)) {
      const double d = (element(call, call->args->x.data, CLNORM_TENSOR_X, &p) - m.mean) - m.rest;
      add(&squares, d * d);
    }
  }
  m.variance = total(squares) / count;
  return m;
}

static double inv_std_of(const clnorm__cpu_call *call, double variance)
{
  return 1.0 / sqrt(variance + call->plan->desc.epsilon);
}

/* The variance that running statistics follow. */
static double stored_variance(const clnorm__cpu_call *call, const moments *m)
{
  const int unbiased = call->plan->desc.running_variance == CLNORM_VARIANCE_UNBIASED && m->count > 1;
  return unbiased ? m->variance * ((double)m->count / (double)(m->count - 1)) : m->variance;
}

static void follow(const clnorm__cpu_call *call, void *running, uint64_t i, double value)
{
  const double old = number(call, running, i, 0.0);
  put_number(call, running, i, (1.0 - call->weight) * old + call->weight * value);
}

/* Number k of a statistic's moments in the workspace. */
static void put_moment(const clnorm__cpu_call *call, uint64_t k, uint64_t statistic, double value)
{
  put_number(call, call->moments, k * call->plan->geometry.statistics + statistic, value);
}

static double moment(const clnorm__cpu_call *call, uint64_t k, uint64_t statistic)
{
  return number(call, call->moments, k * call->plan->geometry.statistics + statistic, 0.0);
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

static void keep_statistics(const clnorm__cpu_call *call, uint64_t statistic, const moments *m, double inv_std)
{
  const clnorm_plan *plan = call->plan;
  if (plan->pass != CLNORM_TRAIN) {
    return;
  }
  put_number(call, call->args->mean.data, statistic, m->mean + m->rest);
  put_number(call, call->args->inv_std.data, statistic, inv_std);
  if (plan->moments != 0) {
    put_moment(call, 0, statistic, m->mean + m->rest);
    put_moment(call, 1, statistic, stored_variance(call, m));
    put_moment(call, 2, statistic, m->count != 0 ? 1.0 : 0.0);
  } else if (m->count != 0) {
    follow(call, call->args->running_mean.data, statistic, m->mean + m->rest);
    follow(call, call->args->running_var.data, statistic, stored_variance(call, m));
  }
}

void clnorm__cpu_general_forward(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm_args *args = call->args;
  const clnorm_desc *desc = &call->plan->desc;
  const clnorm__geometry *g = &call->plan->geometry;
  const axis_set kept = axes_of(g->axes.statistic_stride), walked = other_axes(kept, &g->axes);
  const uint64_t places = places_of(&g->axes, walked);
  moments m = {0, 0, 0, 0};
  place p = {{0}, 0, 0, {0}};
  move_to(g, &p, kept, task);
  if (step->from_running) {
    m.mean = number(call, args->running_mean.data, p.parameter, 0.0);
    m.variance = number(call, args->running_var.data, p.parameter, 1.0);
  } else {
    m = measure(call, task);
  }
  const double inv_std = inv_std_of(call, m.variance);
  keep_statistics(call, task, &m, inv_std);
  for (uint64_t i = 0; i < places; i++, move_on(g, &p, walked)) {
    double y = 0.0;
    if (is_valid(call, &p)) {
      const double xh = ((element(call, args->x.data, CLNORM_TENSOR_X, &p) - m.mean) - m.rest) * inv_std;
      double z = number(call, args->gamma.data, p.parameter, 1.0) * xh;
      z += number(call, args->beta.data, p.parameter, 0.0);
      z += args->residual.data != NULL ? element(call, args->residual.data, CLNORM_TENSOR_RESIDUAL, &p) : 0.0;
      y = clnorm__activate(desc->activation, z, desc->alpha);
    }
    put_element(call, args->y.data, CLNORM_TENSOR_Y, &p, y);
  }
}

/* A running statistic follows the mean of all samples' statistics. */
void clnorm__cpu_general_running(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const axis_set own = axes_of(g->axes.parameter_stride);
  const axis_set walked = axes_of(g->axes.statistic_stride) & ~own;
  exact mean = {0, 0}, variance = {0, 0};
  double count = 0.0;
  place p = {{0}, 0, 0, {0}};
  (void)step;
  move_to(g, &p, own, task);
  for (uint64_t i = places_of(&g->axes, walked); i > 0; i--, move_on(g, &p, walked)) {
    if (moment(call, 2, p.statistic) != 0.0) {
      add(&mean, moment(call, 0, p.statistic));
      add(&variance, moment(call, 1, p.statistic));
      count += 1.0;
    }
  }
  if (count != 0.0) {
    follow(call, call->args->running_mean.data, task, total(mean) / count);
    follow(call, call->args->running_var.data, task, total(variance) / count);
  }
}

void clnorm__cpu_general_mask(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const axis_set all = other_axes(0, &g->axes);
  const uint64_t words = (g->elements + 31) / 32, begin = task * step->outer_tile;
  const uint64_t end = begin + step->outer_tile < words ? begin + step->outer_tile : words;
  place p = {{0}, 0, 0, {0}};
  move_to(g, &p, all, begin * 32);
  for (uint64_t w = begin; w < end; w++) {
    uint32_t word = 0;
    for (uint32_t bit = 0; bit < 32 && w * 32 + bit < g->elements; bit++, move_on(g, &p, all)) {
      word |= (uint32_t)(element(call, call->args->y.data, CLNORM_TENSOR_Y, &p) > 0.0) << bit;
    }
    ((uint32_t *)call->args->mask.data)[w] = word;
  }
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

typedef struct spread {
  double mean, rest, inv_std;
} spread;

static spread spread_of(const clnorm__cpu_call *call, uint64_t statistic)
{
  return (spread){moment(call, 0, statistic), moment(call, 1, statistic), moment(call, 2, statistic)};
}

void clnorm__cpu_general_moments(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm_args *args = call->args;
  const clnorm__geometry *g = &call->plan->geometry;
  double mean, rest, inv_std;
  if (step->from_running) {
    place p = {{0}, 0, 0, {0}};
    move_to(g, &p, axes_of(g->axes.statistic_stride), task);
    mean = number(call, args->running_mean.data, p.parameter, 0.0);
    rest = 0.0;
    inv_std = inv_std_of(call, number(call, args->running_var.data, p.parameter, 1.0));
  } else {
    const moments m = measure(call, task);
    /* A saved mean was rounded. What it lost is taken from x again. */
    mean = rounded(call, number(call, args->mean.data, task, m.mean + m.rest));
    rest = m.count == 0 ? 0.0 : (m.mean - mean) + m.rest;
    inv_std = number(call, args->inv_std.data, task, inv_std_of(call, m.variance));
  }
  put_moment(call, 0, task, mean);
  put_moment(call, 1, task, rest);
  put_moment(call, 2, task, inv_std);
}

/* x - mean as two numbers. */
typedef struct distance {
  double d, rest;
} distance;

static distance distance_at(const clnorm__cpu_call *call, const spread *s, const place *p)
{
  const double x = element(call, call->args->x.data, CLNORM_TENSOR_X, p), d = x - s->mean, part = d - x;
  return (distance){d, (x - (d - part)) + (-s->mean - part) - s->rest};
}

static double xh_of(const spread *s, distance off) { return (off.d + off.rest) * s->inv_std; }

/* dy after the activation's own derivative. */
static double gradient_at(const clnorm__cpu_call *call, double xh, const place *p)
{
  const clnorm_args *args = call->args;
  const clnorm_desc *desc = &call->plan->desc;
  const clnorm__axes *axes = &call->plan->geometry.axes;
  const double dy = element(call, args->dy.data, CLNORM_TENSOR_DY, p);
  if (args->mask.data != NULL) {
    uint64_t i = 0;
    for (uint64_t a = 0; a < axes->count; a++) {
      i = i * axes->extent[a] + p->index[a];
    }
    return ((const uint32_t *)args->mask.data)[i / 32] >> i % 32 & 1u ? dy : 0.0;
  }
  if (desc->activation == CLNORM_ACTIVATION_NONE) {
    return dy;
  }
  double z = number(call, args->gamma.data, p->parameter, 1.0) * xh + number(call, args->beta.data, p->parameter, 0.0);
  z += args->residual.data != NULL ? element(call, args->residual.data, CLNORM_TENSOR_RESIDUAL, p) : 0.0;
  return dy * clnorm__activation_slope(desc->activation, z, desc->alpha);
}

static void put_sum(const clnorm__cpu_call *call, void *array, uint64_t i, double value, uint32_t accumulate)
{
  const int adds = (call->plan->desc.flags & accumulate) != 0;
  put_number(call, array, i, (adds ? number(call, array, i, 0.0) : 0.0) + value);
}

void clnorm__cpu_general_parameters(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const axis_set own = axes_of(g->axes.parameter_stride), walked = other_axes(own, &g->axes);
  exact dgamma = {0, 0}, dbeta = {0, 0};
  place p = {{0}, 0, 0, {0}};
  (void)step;
  move_to(g, &p, own, task);
  for (uint64_t i = places_of(&g->axes, walked); i > 0; i--, move_on(g, &p, walked)) {
    if (is_valid(call, &p)) {
      const spread s = spread_of(call, p.statistic);
      const distance off = distance_at(call, &s, &p);
      const double gradient = gradient_at(call, xh_of(&s, off), &p), scaled = gradient * s.inv_std;
      add(&dbeta, gradient);
      add_product(&dgamma, scaled, off.d, off.rest);
      dgamma.rest += fma(gradient, s.inv_std, -scaled) * off.d;
    }
  }
  put_sum(call, call->args->dgamma.data, task, total(dgamma), CLNORM_ACCUMULATE_DGAMMA);
  put_sum(call, call->args->dbeta.data, task, total(dbeta), CLNORM_ACCUMULATE_DBETA);
}

/* Means over a statistic of h = gamma * gradient and of h * xh; 0 where nothing flows back through the statistics. */
typedef struct flows {
  double h, h_xh;
} flows;

static flows flows_of(const clnorm__cpu_call *call, const spread *s, axis_set walked, place p)
{
  const clnorm__geometry *g = &call->plan->geometry;
  exact h = {0, 0}, h_xh = {0, 0};
  double count = 0.0;
  for (uint64_t i = places_of(&g->axes, walked); i > 0; i--, move_on(g, &p, walked)) {
    if (is_valid(call, &p)) {
      const distance off = distance_at(call, s, &p);
      const double gamma = number(call, call->args->gamma.data, p.parameter, 1.0);
      const double gradient = gradient_at(call, xh_of(s, off), &p), value = gamma * gradient;
      const double rest = fma(gamma, gradient, -value);
      add(&h, value);
      h.rest += rest;
      add_product(&h_xh, value, off.d, off.rest);
      h_xh.rest += rest * off.d;
      count += 1.0;
    }
  }
  return (flows){call->plan->desc.op == CLNORM_RMS ? 0.0 : total(h) / count, total(h_xh) / count * s->inv_std};
}

static void put_inputs(const clnorm__cpu_call *call, const spread *s, const flows *f, const place *p)
{
  const clnorm_args *args = call->args;
  const int valid = is_valid(call, p);
  const double xh = valid ? xh_of(s, distance_at(call, s, p)) : 0.0;
  const double gradient = valid ? gradient_at(call, xh, p) : 0.0;
  if (args->dresidual.data != NULL) {
    put_element(call, args->dresidual.data, CLNORM_TENSOR_DRESIDUAL, p, gradient);
  }
  if (args->dx.data != NULL) {
    const double h = number(call, args->gamma.data, p->parameter, 1.0) * gradient;
    const double dx = valid ? s->inv_std * ((h - f->h) - xh * f->h_xh) : 0.0;
    const int adds = (call->plan->desc.flags & CLNORM_ACCUMULATE_DX) != 0;
    put_element(call, args->dx.data, CLNORM_TENSOR_DX, p,
                adds ? element(call, args->dx.data, CLNORM_TENSOR_DX, p) + dx : dx);
  }
}

void clnorm__cpu_general_dx(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const axis_set kept = axes_of(g->axes.statistic_stride), walked = other_axes(kept, &g->axes);
  const spread s = spread_of(call, task);
  place p = {{0}, 0, 0, {0}};
  move_to(g, &p, kept, task);
  const flows f = step->from_running || call->args->dx.data == NULL ? (flows){0, 0} : flows_of(call, &s, walked, p);
  for (uint64_t i = places_of(&g->axes, walked); i > 0; i--, move_on(g, &p, walked)) {
    put_inputs(call, &s, &f, &p);
  }
}
