/* The ends of reductions. Everything here is in double and compiled once, so that equal sums give equal results on
 * every instruction set. Formulas: Ioffe and Szegedy 2015, Algorithm 1 and the gradients that follow it. */
#include <math.h>

#include "cpu_call.h"

/* Elements whose mean is the shift of a sum. */
#define SHIFT_ELEMENTS 64

float clnorm__cpu_shift_of(const clnorm__cpu_call *call, const void *x, size_t n)
{
  if (call->kernels->moments_about_0) {
    return 0.0f;
  }
  double sums[2][CLNORM__SUM_LANES] = {{0}};
  n = n < SHIFT_ELEMENTS ? n : SHIFT_ELEMENTS;
  call->kernels->run_stats(x, n, 0, 0.0f, sums);
  const float shift = (float)(clnorm__cpu_total(sums[0]) / (double)n);
  return isfinite(shift) ? shift : 0.0f;
}

/* Of sums that cancel to less than this part of them, products are taken exactly. */
#define CANCELLED 0x1p-16

/* The sum of squares about the mean, of which nothing is lost where both products are nearly the same. */
static double exact_squares(double count, double squares, double sum)
{
  const double a = count * squares, b = sum * sum;
  return ((a - b) + (fma(count, squares, -a) - fma(sum, sum, -b))) / count;
}

void clnorm__moments_from(double count, const float *shift, size_t statistics, double *restrict mean,
                          double *restrict m2)
{
  const double each = 1.0 / count;
  int cancelled = 0;
  for (size_t s = 0; s < statistics; s++) {
    cancelled |= m2[s] - mean[s] * (mean[s] * each) < CANCELLED * m2[s];
  }
  for (size_t s = 0; s < statistics; s++) {
    const double off = mean[s] * each;
    double squares = m2[s] - mean[s] * off;
    if (cancelled && squares < CANCELLED * m2[s]) {
      squares = exact_squares(count, m2[s], mean[s]);
    }
    mean[s] = (double)shift[s] + off;
    /* A NaN stays one. */
    m2[s] = squares < 0.0 ? 0.0 : squares;
  }
}

static float average(float running, double value, double weight)
{
  return (float)((1.0 - weight) * (double)running + weight * value);
}

void clnorm__cpu_finish_statistics(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t c,
                                   clnorm__moments moments, float coefficients[CLNORM__FORWARD_COEFFICIENTS])
{
  const clnorm_plan *plan = call->plan;
  const double inv_std = 1.0 / sqrt(moments.m2 / moments.count + plan->desc.epsilon);
  const float mean = (float)moments.mean;
  float *const saved_mean = step->owns_saved ? call->own_mean : call->mean;
  float *const saved_inv_std = step->owns_saved ? call->own_inv_std : call->inv_std;
  if (saved_mean != NULL) {
    saved_mean[c] = mean;
  }
  if (saved_inv_std != NULL) {
    saved_inv_std[c] = (float)inv_std;
  }
  if (call->running_mean != NULL) {
    call->running_mean[c] = average(call->running_mean[c], moments.mean, call->weight);
  }
  if (call->running_var != NULL) {
    call->running_var[c] = average(call->running_var[c], moments.m2 / (double)plan->stats_divisor, call->weight);
  }
  const double scale = call->gamma != NULL ? (double)call->gamma[c] * inv_std : inv_std;
  const double beta = call->beta != NULL ? (double)call->beta[c] : 0.0;
  coefficients[0] = mean;
  coefficients[1] = (float)scale;
  /* The part of the mean that its float has not. Where there is none beta stays what it is, whatever the scale. */
  const double rest = moments.mean - (double)mean;
  coefficients[2] = (float)(rest == 0.0 ? beta : beta - rest * scale);
}

float clnorm__cpu_gathered(const clnorm__cpu_call *call, uint32_t flag, double value, const float *to)
{
  return (float)((call->plan->desc.flags & flag) != 0 ? (double)*to + value : value);
}

void clnorm__cpu_finish_gradients(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t c, clnorm__sums sums,
                                  float coefficients[CLNORM__BACKWARD_COEFFICIENTS])
{
  const clnorm_plan *plan = call->plan;
  const double n = (double)plan->geometry.values;
  const int frozen = step->from_running;
  const double inv_std =
      frozen ? 1.0 / sqrt((double)call->running_var[c] + plan->desc.epsilon) : (double)call->read_inv_std[c];
  const double gamma = call->gamma != NULL ? (double)call->gamma[c] : 1.0;
  /* How far the float mean is off: frozen statistics are constants and not off at all. */
  const double off = frozen ? 0.0 : sums.d / n;
  const double dgamma = inv_std * (sums.gd - off * sums.g);
  if (call->dgamma != NULL) {
    call->dgamma[c] = clnorm__cpu_gathered(call, CLNORM_ACCUMULATE_DGAMMA, dgamma, &call->dgamma[c]);
  }
  if (call->dbeta != NULL) {
    call->dbeta[c] = clnorm__cpu_gathered(call, CLNORM_ACCUMULATE_DBETA, sums.g, &call->dbeta[c]);
  }
  /* Frozen statistics are constants: nothing flows back through them. */
  const double slope = frozen ? 0.0 : inv_std * dgamma / n;
  coefficients[0] = frozen ? call->running_mean[c] : call->read_mean[c];
  coefficients[1] = (float)(gamma * inv_std);
  coefficients[2] = (float)-slope;
  coefficients[3] = frozen ? 0.0f : (float)(off * slope - sums.g / n);
}

/* Of a mean that is less than so many standard deviations the rounding to float, 2^-25 of it, is less than 2^-22 of one: a quarter
 * of what z may be off anyway. */
#define FAR_MEAN 8.0f

int clnorm__cpu_means_are_far(const clnorm__cpu_call *call, uint64_t first, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (fabsf(call->read_mean[first + i] * call->read_inv_std[first + i]) > FAR_MEAN) {
      return 1;
    }
  }
  return 0;
}

void clnorm__cpu_z_coefficients(const clnorm__cpu_call *call, uint64_t c, double rest, float *scale, float *shift)
{
  const int frozen = call->plan->pass == CLNORM_BACKWARD_FROZEN;
  const double inv_std =
      frozen ? 1.0 / sqrt((double)call->running_var[c] + call->plan->desc.epsilon) : (double)call->read_inv_std[c];
  const double exact = call->gamma != NULL ? (double)call->gamma[c] * inv_std : inv_std;
  const double beta = call->beta != NULL ? (double)call->beta[c] : 0.0;
  *scale = (float)exact;
  *shift = (float)(rest == 0.0 ? beta : beta - rest * exact);
}

/* Those of a frozen pass with something fused, where the scales of dx are there already. */
static void add_fused(const clnorm__cpu_call *call, uint64_t first, size_t count, float *out, size_t pitch)
{
  for (size_t i = 0; i < count; i++) {
    out[i] = call->running_mean[first + i];
    out[2 * pitch + i] = out[3 * pitch + i] = 0.0f;
    out[4 * pitch + i] = out[pitch + i];
    out[5 * pitch + i] = call->beta != NULL ? call->beta[first + i] : 0.0f;
  }
}

void clnorm__cpu_frozen_coefficients(const clnorm__cpu_call *call, uint64_t first, size_t count, float *out,
                                     size_t pitch)
{
  const int forward = call->plan->pass == CLNORM_INFER;
  const float *gamma = call->gamma != NULL ? call->gamma + first : NULL;
  for (size_t i = 0; i < count; i++) {
    out[i] = forward ? call->running_mean[first + i] : 0.0f;
    /* -0: adding it changes no number, not even the sign of a zero. */
    out[2 * pitch + i] = !forward ? -0.0f : call->beta != NULL ? call->beta[first + i] : 0.0f;
  }
  if (gamma == NULL) {
    /* The place where the scales go holds the ones until then. */
    for (size_t i = 0; i < count; i++) {
      out[pitch + i] = 1.0f;
    }
    gamma = out + pitch;
  }
  call->kernels->scales(gamma, call->running_var + first, call->plan->desc.epsilon, count, out + pitch);
  if (!forward && call->is_fused) {
    add_fused(call, first, count, out, pitch);
  }
}

/* ---- merge steps ------------------------------------------------------------------------------------------------ */

static uint64_t tile_end(const clnorm__step *step, uint64_t begin, uint64_t end)
{
  return begin + step->outer_tile < end ? begin + step->outer_tile : end;
}

static void store_coefficients(const clnorm__cpu_call *call, uint64_t c, const float *coefficients, int count)
{
  for (int k = 0; k < count; k++) {
    call->coefficients[(uint64_t)k * call->plan->geometry.statistics + c] = coefficients[k];
  }
}

/* The coefficients of z, which follow those of dx. */
static void store_z(const clnorm__cpu_call *call, uint64_t c, double rest)
{
  const uint64_t statistics = call->plan->geometry.statistics;
  float *to = call->coefficients + CLNORM__BACKWARD_COEFFICIENTS * statistics + c;
  clnorm__cpu_z_coefficients(call, c, rest, to, to + statistics);
}

/* Statistics whose partial results are added side by side, so that the loops over them become vectors. */
#define TOGETHER 16

/* sums[i] += of statistic c + i over all partials what `component` of them holds. */
static void add_component(const clnorm__cpu_call *call, int component, uint64_t c, size_t count, double sums[TOGETHER])
{
  const uint64_t statistics = call->plan->geometry.statistics, partials = call->plan->partials;
  const double *part = call->partials + (uint64_t)component * partials * statistics + c;
  for (uint64_t p = 0; p < partials; p++, part += statistics) {
    for (size_t i = 0; i < count; i++) {
      sums[i] += part[i];
    }
  }
}

/* All partials at once: the mean about the first partial's, then squares about the mean (Chan, Golub and LeVeque
 * 1983, with more than two sets). Against a chain of merges of two there is no division a partial. */
static void merge_moments(const clnorm__cpu_call *call, uint64_t c, size_t count, clnorm__moments moments[TOGETHER])
{
  const uint64_t statistics = call->plan->geometry.statistics, partials = call->plan->partials;
  const uint64_t plane = partials * statistics;
  const double *const counts = call->partials + c, *const means = counts + plane;
  const double n = (double)call->plan->geometry.values;
  double sums[TOGETHER] = {0}, mean[TOGETHER], m2[TOGETHER] = {0};
  for (uint64_t p = 1; p < partials; p++) {
    for (size_t i = 0; i < count; i++) {
      sums[i] += counts[p * statistics + i] * (means[p * statistics + i] - means[i]);
    }
  }
  for (size_t i = 0; i < count; i++) {
    mean[i] = means[i] + sums[i] / n;
  }
  add_component(call, 2, c, count, m2);
  for (uint64_t p = 0; p < partials; p++) {
    for (size_t i = 0; i < count; i++) {
      const double delta = means[p * statistics + i] - mean[i];
      m2[i] += counts[p * statistics + i] * (delta * delta);
    }
  }
  for (size_t i = 0; i < count; i++) {
    moments[i] = (clnorm__moments){n, mean[i], m2[i]};
    if (!isfinite(mean[i])) {
      /* An infinite mean stays infinite as in a plain sum, instead of becoming Inf - Inf. */
      moments[i].mean = 0.0;
      for (uint64_t p = 0; p < partials; p++) {
        moments[i].mean += means[p * statistics + i];
      }
    }
  }
}

void clnorm__cpu_merge_stats(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const uint64_t begin = task * step->outer_tile, end = tile_end(step, begin, call->plan->geometry.statistics);
  for (uint64_t c = begin; c < end; c += TOGETHER) {
    const size_t count = end - c < TOGETHER ? (size_t)(end - c) : TOGETHER;
    clnorm__moments moments[TOGETHER];
    merge_moments(call, c, count, moments);
    for (size_t i = 0; i < count; i++) {
      float coefficients[CLNORM__FORWARD_COEFFICIENTS];
      clnorm__cpu_finish_statistics(call, step, c + i, moments[i], coefficients);
      store_coefficients(call, c + i, coefficients, CLNORM__FORWARD_COEFFICIENTS);
      if (call->has_z) {
        store_z(call, c + i, moments[i].mean - (double)call->read_mean[c + i]);
      }
    }
  }
}

void clnorm__cpu_merge_gradients(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const uint64_t begin = task * step->outer_tile, end = tile_end(step, begin, call->plan->geometry.statistics);
  for (uint64_t c = begin; c < end; c += TOGETHER) {
    const size_t count = end - c < TOGETHER ? (size_t)(end - c) : TOGETHER;
    double sums[3][TOGETHER] = {{0}};
    for (int k = 0; k < 3; k++) {
      add_component(call, k, c, count, sums[k]);
    }
    for (size_t i = 0; i < count; i++) {
      float coefficients[CLNORM__BACKWARD_COEFFICIENTS];
      clnorm__cpu_finish_gradients(call, step, c + i, (clnorm__sums){sums[0][i], sums[1][i], sums[2][i]}, coefficients);
      store_coefficients(call, c + i, coefficients, CLNORM__BACKWARD_COEFFICIENTS);
      if (call->is_fused && !call->has_z) {
        store_z(call, c + i, 0.0);
      }
    }
  }
}

/* What follows the mean of the samples' numbers from `part` on. */
static void follow_samples(const clnorm__cpu_call *call, float *running, const float *part, size_t count)
{
  const uint64_t parameters = call->plan->geometry.parameters, samples = call->plan->geometry.statistics / parameters;
  double sums[TOGETHER] = {0};
  for (uint64_t s = 0; s < samples; s++) {
    for (size_t i = 0; i < count; i++) {
      sums[i] += (double)part[s * parameters + i];
    }
  }
  for (size_t i = 0; i < count; i++) {
    running[i] = average(running[i], sums[i] / (double)samples, call->weight);
  }
}

void clnorm__cpu_merge_running(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const float *const moments = call->moments;
  const uint64_t begin = task * step->outer_tile, end = tile_end(step, begin, call->plan->geometry.parameters);
  for (uint64_t p = begin; p < end; p += TOGETHER) {
    const size_t count = end - p < TOGETHER ? (size_t)(end - p) : TOGETHER;
    if (call->running_mean != NULL) {
      follow_samples(call, call->running_mean + p, moments + p, count);
    }
    if (call->running_var != NULL) {
      follow_samples(call, call->running_var + p, moments + call->plan->geometry.statistics + p, count);
    }
  }
}
