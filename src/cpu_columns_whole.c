/* Tasks of the columns pattern that own their columns whole: few rows, which stay in the cache between the reduction
 * and the element-wise step. */
#include "cpu_call.h"

typedef struct columns {
  clnorm__matrix matrix;
  uint64_t first; /* column and statistic */
} columns;

/* The task's columns from the `done`-th on, as many as a matrix takes; none past the last. */
static columns columns_of(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task, uint64_t done)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const uint64_t first = task * step->inner_tile + done;
  const uint64_t left_of_tile = done < step->inner_tile ? step->inner_tile - done : 0;
  uint64_t count = first < g->columns ? g->columns - first : 0;
  count = count < left_of_tile ? count : left_of_tile;
  count = count < CLNORM__MATRIX_COLUMNS ? count : CLNORM__MATRIX_COLUMNS;
  return (columns){{(size_t)g->rows, (size_t)count, (size_t)g->columns, 1}, first};
}

static void put(float *coefficients, size_t i, const float *one, int count)
{
  for (int k = 0; k < count; k++) {
    coefficients[(size_t)k * CLNORM__MATRIX_COLUMNS + i] = one[k];
  }
}

void clnorm__cpu_columns_train(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  for (uint64_t done = 0;; done += CLNORM__MATRIX_COLUMNS) {
    const columns c = columns_of(call, step, task, done);
    double mean[CLNORM__MATRIX_COLUMNS], m2[CLNORM__MATRIX_COLUMNS];
    float coefficients[CLNORM__FORWARD_COEFFICIENTS * CLNORM__MATRIX_COLUMNS], one[CLNORM__FORWARD_COEFFICIENTS];
    if (c.matrix.columns == 0) {
      break;
    }
    clnorm__matrix_moments(call, &c.matrix, clnorm__cpu_in(call, call->x, c.first), mean, m2);
    for (size_t i = 0; i < c.matrix.columns; i++) {
      const clnorm__moments moments = {(double)c.matrix.rows, mean[i], m2[i]};
      clnorm__cpu_finish_statistics(call, step, c.first + i, moments, one);
      put(coefficients, i, one, CLNORM__FORWARD_COEFFICIENTS);
    }
    if (call->y != NULL && call->is_fused) {
      clnorm__matrix_fused(call, &c.matrix, c.first, coefficients, CLNORM__MATRIX_COLUMNS);
    } else if (call->y != NULL) {
      clnorm__matrix_apply(call, &c.matrix, clnorm__cpu_in(call, call->x, c.first),
                           clnorm__cpu_out(call, call->y, c.first), coefficients, CLNORM__MATRIX_COLUMNS);
    }
  }
  call->kernels->drain();
}

/* Scale and shift of z. */
static void measure_z(const clnorm__cpu_call *call, const columns *c, float *scale, float *shift)
{
  double mean[CLNORM__MATRIX_COLUMNS], m2[CLNORM__MATRIX_COLUMNS];
  const size_t count = c->matrix.columns;
  const int far = clnorm__cpu_means_are_far(call, c->first, count);
  if (far) {
    clnorm__matrix_moments(call, &c->matrix, clnorm__cpu_in(call, call->x, c->first), mean, m2);
  }
  for (size_t i = 0; i < count; i++) {
    const double rest = far ? mean[i] - (double)call->read_mean[c->first + i] : 0.0;
    clnorm__cpu_z_coefficients(call, c->first + i, rest, &scale[i], &shift[i]);
  }
}

static void backward(const clnorm__cpu_call *call, const clnorm__step *step, const columns *c)
{
  const float *mean = call->read_mean;
  const void *x = clnorm__cpu_in(call, call->x, c->first), *dy = clnorm__cpu_in(call, call->dy, c->first);
  double g[CLNORM__MATRIX_COLUMNS], gd[CLNORM__MATRIX_COLUMNS], d[CLNORM__MATRIX_COLUMNS];
  double *const sums[3] = {g, gd, d};
  float coefficients[CLNORM__FUSED_COEFFICIENTS * CLNORM__MATRIX_COLUMNS], one[CLNORM__BACKWARD_COEFFICIENTS];
  float *scale = coefficients + CLNORM__BACKWARD_COEFFICIENTS * CLNORM__MATRIX_COLUMNS;
  float *shift = scale + CLNORM__MATRIX_COLUMNS;
  if (call->is_fused) {
    measure_z(call, c, scale, shift);
  }
  if (call->bends) {
    const float *const z[3] = {mean + c->first, scale, shift};
    clnorm__matrix_slopes(call, &c->matrix, c->first, z, sums);
  } else {
    clnorm__matrix_sums(call, &c->matrix, x, dy, mean + c->first, sums);
  }
  for (size_t i = 0; i < c->matrix.columns; i++) {
    clnorm__cpu_finish_gradients(call, step, c->first + i, (clnorm__sums){g[i], gd[i], d[i]}, one);
    put(coefficients, i, one, CLNORM__BACKWARD_COEFFICIENTS);
  }
  if (call->is_fused && clnorm__cpu_writes_tensors(call)) {
    clnorm__matrix_fused(call, &c->matrix, c->first, coefficients, CLNORM__MATRIX_COLUMNS);
  } else if (call->dx != NULL) {
    clnorm__matrix_dx(call, &c->matrix, x, dy, clnorm__cpu_out(call, call->dx, c->first), coefficients,
                      CLNORM__MATRIX_COLUMNS);
  }
}

void clnorm__cpu_columns_backward(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  for (uint64_t done = 0;; done += CLNORM__MATRIX_COLUMNS) {
    const columns c = columns_of(call, step, task, done);
    if (c.matrix.columns == 0) {
      break;
    }
    backward(call, step, &c);
  }
  call->kernels->drain();
}
