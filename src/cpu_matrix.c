/* Matrices whose columns are statistics of their own, or neighbouring columns of one. Narrow ones are folded: several
 * rows beside each other make one wider row, in which a statistic appears several times and its sums are added at the
 * end, so that three columns fill a vector as well as thirty do. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "cpu_call.h"

/* Matrices narrower than this are folded to rows of about FOLDED columns. Folding takes 0.8 of the time at 33
 * columns, 1.05 at 40 and 1.25 at 63, where 16 rows make a thousand columns and their sums fill the first cache. */
#define NARROW 40
#define FOLDED 256

/* Every vector's width divides this. */
#define VECTOR 16

/* Bytes of a cache line, the alignment of the longest vectors. */
#define LINE 64

/* The shift of a sum is the mean of up to so many rows: with n rows and m of them in the shift, (shift - mean)^2 is at
 * most n/m variances, whatever the data, and so many times 2^-53 is lost. */
#define SHIFT_ROWS 16
#define SHIFT_SHARE 64

typedef struct wide {
  clnorm__matrix main; /* folded rows */
  size_t rest;         /* elements of an incomplete last row */
  size_t statistics;
} wide;

static size_t common_divisor(size_t a, size_t b)
{
  while (b != 0) {
    const size_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

static wide fold(const clnorm__matrix *matrix)
{
  wide made = {.main = *matrix, .statistics = matrix->columns / matrix->run};
  if (matrix->stride != matrix->columns || matrix->columns >= NARROW) {
    return made;
  }
  size_t rows = VECTOR / common_divisor(matrix->columns, VECTOR);
  while (rows * 2 * matrix->columns <= FOLDED) {
    rows *= 2;
  }
  if (rows <= matrix->rows) {
    made.main.rows = matrix->rows / rows;
    made.main.columns = made.main.stride = matrix->columns * rows;
    made.rest = matrix->rows % rows * matrix->columns;
  }
  return made;
}

/* 1 if every statistic is one column, so that sums of columns are sums of statistics. */
static int is_plain(const wide *w) { return w->statistics == w->main.columns; }

/* values[j] of column j from one value a statistic. */
static void spread(const wide *w, size_t run, const float *from, float *values)
{
  const size_t once = w->statistics * run;
  if (run == 1) {
    memcpy(values, from, once * sizeof *values);
  } else {
    for (size_t s = 0; s < w->statistics; s++) {
      const float value = from[s];
      for (size_t i = 0; i < run; i++) {
        values[s * run + i] = value;
      }
    }
  }
  /* The copies beside each other are a power of two. */
  for (size_t done = once; done < w->main.columns; done *= 2) {
    memcpy(values + done, values, done * sizeof *values);
  }
}

static double sum_of(const double *values, size_t n)
{
  double a = 0.0, b = 0.0, c = 0.0, d = 0.0;
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    a += values[i], b += values[i + 1], c += values[i + 2], d += values[i + 3];
  }
  for (; i < n; i++) {
    a += values[i];
  }
  return (a + b) + (c + d);
}

/* The sum of each statistic's columns, which are changed. */
static void gather(const wide *w, size_t run, double *columns, double *sums)
{
  size_t n = w->main.columns;
  for (const size_t once = w->statistics * run; n > once;) {
    n /= 2;
    for (size_t j = 0; j < n; j++) {
      columns[j] += columns[n + j];
    }
  }
  if (run == 1) {
    memcpy(sums, columns, w->statistics * sizeof *sums);
    return;
  }
  for (size_t s = 0; s < w->statistics; s++) {
    sums[s] = sum_of(columns + s * run, run);
  }
}

static void choose_shifts(const clnorm__cpu_call *call, const clnorm__matrix *matrix, const wide *w, const void *x,
                          float *shifts)
{
  static const float zeros[CLNORM__MATRIX_COLUMNS];
  double columns[CLNORM__MATRIX_COLUMNS] = {0}, squares[CLNORM__MATRIX_COLUMNS] = {0}, sums[CLNORM__MATRIX_COLUMNS];
  if (call->kernels->moments_about_0) {
    memset(shifts, 0, w->statistics * sizeof *shifts);
    return;
  }
  size_t rows = w->main.rows / SHIFT_SHARE;
  rows = rows < 1 ? 1 : rows > SHIFT_ROWS ? SHIFT_ROWS : rows;
  call->kernels->matrix_stats(x, rows, w->main.columns, w->main.stride, zeros, columns, squares);
  gather(w, matrix->run, columns, sums);
  const double share = (double)w->statistics / ((double)rows * (double)w->main.columns);
  for (size_t s = 0; s < w->statistics; s++) {
    /* A float, so that subtracting it from data of its size is exact. Not Inf or NaN: x - Inf would hide what x is. */
    const float shift = (float)(sums[s] * share);
    shifts[s] = isfinite(shift) ? shift : 0.0f;
  }
}

void clnorm__matrix_moments(const clnorm__cpu_call *call, const clnorm__matrix *matrix, const void *x, double *mean,
                            double *m2)
{
  const wide w = fold(matrix);
  const size_t size = w.main.columns * sizeof(double);
  float shifts[CLNORM__MATRIX_COLUMNS], spread_shifts[CLNORM__MATRIX_COLUMNS];
  double column_sums[CLNORM__MATRIX_COLUMNS], column_squares[CLNORM__MATRIX_COLUMNS];
  double *const sum = is_plain(&w) ? mean : column_sums, *const squares = is_plain(&w) ? m2 : column_squares;
  choose_shifts(call, matrix, &w, x, shifts);
  spread(&w, matrix->run, shifts, spread_shifts);
  memset(sum, 0, size);
  memset(squares, 0, size);
  call->kernels->matrix_stats(x, w.main.rows, w.main.columns, w.main.stride, spread_shifts, sum, squares);
  if (w.rest != 0) {
    call->kernels->matrix_stats(clnorm__cpu_in(call, x, w.main.rows * w.main.stride), 1, w.rest, w.rest, spread_shifts,
                                sum, squares);
  }
  if (!is_plain(&w)) {
    gather(&w, matrix->run, sum, mean);
    gather(&w, matrix->run, squares, m2);
  }
  clnorm__moments_from((double)matrix->rows * (double)matrix->run, shifts, w.statistics, mean, m2);
}

void clnorm__matrix_sums(const clnorm__cpu_call *call, const clnorm__matrix *matrix, const void *x, const void *dy,
                         const float *mean, double *const sums[3])
{
  const wide w = fold(matrix);
  const size_t size = w.main.columns * sizeof(double), done = w.main.rows * w.main.stride;
  float spread_mean[CLNORM__MATRIX_COLUMNS];
  double room[3][CLNORM__MATRIX_COLUMNS], *columns[3];
  spread(&w, matrix->run, mean, spread_mean);
  for (int k = 0; k < 3; k++) {
    columns[k] = is_plain(&w) ? sums[k] : room[k];
    memset(columns[k], 0, size);
  }
  call->kernels->matrix_sums(x, dy, w.main.rows, w.main.columns, w.main.stride, spread_mean, columns[0], columns[1],
                             columns[2]);
  if (w.rest != 0) {
    call->kernels->matrix_sums(clnorm__cpu_in(call, x, done), clnorm__cpu_in(call, dy, done), 1, w.rest, w.rest,
                               spread_mean, columns[0], columns[1], columns[2]);
  }
  for (int k = 0; k < 3 && !is_plain(&w); k++) {
    gather(&w, matrix->run, columns[k], sums[k]);
  }
}

void clnorm__matrix_slopes(const clnorm__cpu_call *call, const clnorm__matrix *matrix, size_t at,
                           const float *const c[3], double *const sums[3])
{
  const wide w = fold(matrix);
  const clnorm__cpu_fused main = clnorm__cpu_fused_at(call, at);
  float spread_c[3][CLNORM__MATRIX_COLUMNS];
  double room[3][CLNORM__MATRIX_COLUMNS], *columns[3];
  const float *spread_of[3];
  for (int k = 0; k < 3; k++) {
    spread(&w, matrix->run, c[k], spread_c[k]);
    spread_of[k] = spread_c[k];
    columns[k] = is_plain(&w) ? sums[k] : room[k];
    memset(columns[k], 0, w.main.columns * sizeof(double));
  }
  call->kernels->matrix_slopes(&call->bend, &main, w.main.rows, w.main.columns, w.main.stride, spread_of, columns);
  if (w.rest != 0) {
    const clnorm__cpu_fused rest = clnorm__cpu_fused_at(call, at + w.main.rows * w.main.stride);
    call->kernels->matrix_slopes(&call->bend, &rest, 1, w.rest, w.rest, spread_of, columns);
  }
  for (int k = 0; k < 3 && !is_plain(&w); k++) {
    gather(&w, matrix->run, columns[k], sums[k]);
  }
}

/* ---- element-wise ------------------------------------------------------------------------------------------- */

#define CYCLE (CLNORM__MATRIX_COLUMNS + CLNORM__CYCLE_REST)

/* The cycle of `count` coefficients a statistic, in `room`, for an output that is aligned to the longest vectors from element
 * `aligned` on. */
static clnorm__cycle cycle_of(const wide *w, size_t run, const float *c, size_t pitch, size_t count, size_t aligned,
                              float *room)
{
  const size_t columns = w->main.columns, lead = aligned % columns;
  float columns_of[CLNORM__MATRIX_COLUMNS];
  for (size_t k = 0; k < count; k++) {
    const float *from = c + k * pitch;
    float *to = room + k * CYCLE;
    if (!is_plain(w)) {
      spread(w, run, from, columns_of);
      from = columns_of;
    }
    memcpy(to, from + lead, (columns - lead) * sizeof *to);
    memcpy(to + columns - lead, from, lead * sizeof *to);
    for (size_t j = 0; j < CLNORM__CYCLE_REST; j++) {
      to[columns + j] = to[j];
    }
  }
  return (clnorm__cycle){room, columns, CYCLE, lead};
}

/* Elements until p is aligned to the longest vectors. */
static size_t lead_of(const clnorm__cpu_call *call, const void *p)
{
  return (size_t)(-((uintptr_t)p / call->element) % VECTOR);
}

/* Contiguous pieces of the matrix, and the elements of each. */
static size_t pieces_of(const wide *w, size_t *length)
{
  const int gaps = w->main.stride != w->main.columns;
  *length = gaps ? w->main.columns : w->main.rows * w->main.columns + w->rest;
  return gaps ? w->main.rows : 1;
}

void clnorm__matrix_apply(const clnorm__cpu_call *call, const clnorm__matrix *matrix, const void *x, void *y,
                          const float *c, size_t pitch)
{
  _Alignas(LINE) float room[CLNORM__FORWARD_COEFFICIENTS * CYCLE];
  const wide w = fold(matrix);
  const size_t lead = lead_of(call, y);
  const clnorm__cycle cycle = cycle_of(&w, matrix->run, c, pitch, CLNORM__FORWARD_COEFFICIENTS, lead, room);
  size_t length;
  const size_t pieces = pieces_of(&w, &length);
  call->kernels->cycle_apply(x, y, pieces, length, w.main.stride, &cycle, call->stream);
}

void clnorm__matrix_dx(const clnorm__cpu_call *call, const clnorm__matrix *matrix, const void *x, const void *dy,
                       void *dx, const float *c, size_t pitch)
{
  _Alignas(LINE) float room[CLNORM__BACKWARD_COEFFICIENTS * CYCLE];
  const wide w = fold(matrix);
  const size_t lead = lead_of(call, dx);
  const clnorm__cycle cycle = cycle_of(&w, matrix->run, c, pitch, CLNORM__BACKWARD_COEFFICIENTS, lead, room);
  size_t length;
  const size_t pieces = pieces_of(&w, &length);
  call->kernels->cycle_dx(x, dy, dx, pieces, length, w.main.stride, &cycle, call->stream);
}

void clnorm__matrix_fused(const clnorm__cpu_call *call, const clnorm__matrix *matrix, size_t at, const float *c,
                          size_t pitch)
{
  _Alignas(LINE) float room[CLNORM__WEIGHTED_COEFFICIENTS * CYCLE];
  const wide w = fold(matrix);
  const clnorm__cpu_fused tensors = clnorm__cpu_fused_at(call, at);
  const size_t count = tensors.dy == NULL    ? CLNORM__FORWARD_COEFFICIENTS
                       : call->bend.weighted ? CLNORM__WEIGHTED_COEFFICIENTS
                                             : CLNORM__FUSED_COEFFICIENTS;
  const size_t lead = lead_of(call, tensors.out != NULL ? tensors.out : tensors.dresidual);
  const clnorm__cycle cycle = cycle_of(&w, matrix->run, c, pitch, count, lead, room);
  size_t length;
  const size_t pieces = pieces_of(&w, &length);
  call->kernels->cycle_fused(&call->bend, &tensors, pieces, length, w.main.stride, &cycle, call->stream);
}

/* ---- frozen: sums and dx, which waits for none of them --------------------------------------------------------- */

/* Elements of a tensor that are summed, then written, where that is not done at once: few enough for the second cache. */
#define FROZEN_CHUNK 65536

static void sums_and_dx(const clnorm__cpu_call *call, const clnorm__matrix *matrix, size_t at, const float *c,
                        size_t pitch, const float *mean, double *const sums[3])
{
  const void *dy = clnorm__cpu_in(call, call->dy, at);
  if (call->bends) {
    const float *const of_z[3] = {mean, c + 4 * pitch, c + 5 * pitch};
    clnorm__matrix_slopes(call, matrix, at, of_z, sums);
  } else {
    clnorm__matrix_sums(call, matrix, clnorm__cpu_in(call, call->x, at), dy, mean, sums);
  }
  if (call->is_fused) {
    clnorm__matrix_fused(call, matrix, at, c, pitch);
  } else {
    clnorm__matrix_apply(call, matrix, dy, clnorm__cpu_out(call, call->dx, at), c, pitch);
  }
}

static void add_sums(double *const sums[3], double some[3][CLNORM__MATRIX_COLUMNS], size_t statistics)
{
  for (int k = 0; k < 3; k++) {
    for (size_t s = 0; s < statistics; s++) {
      sums[k][s] += some[k][s];
    }
  }
}

static void frozen_chunks(const clnorm__cpu_call *call, const clnorm__matrix *matrix, size_t at, const float *c,
                          size_t pitch, const float *mean, double *const sums[3])
{
  const size_t statistics = matrix->columns / matrix->run, most = FROZEN_CHUNK / matrix->columns;
  double some[3][CLNORM__MATRIX_COLUMNS], *const to[3] = {some[0], some[1], some[2]};
  for (int k = 0; k < 3; k++) {
    memset(sums[k], 0, statistics * sizeof *sums[k]);
  }
  for (size_t row = 0; row < matrix->rows; row += most) {
    clnorm__matrix part = *matrix;
    part.rows = matrix->rows - row < most ? matrix->rows - row : most;
    sums_and_dx(call, &part, at + row * matrix->stride, c, pitch, mean, to);
    add_sums(sums, some, statistics);
  }
}

/* Whether its rows are whole vectors, where they are written past the cache aligned ones, which are whole lines: of half types two
 * make one, and other rows' come between them. */
static int is_straight(const clnorm__cpu_call *call, const wide *w, size_t at)
{
  const int is_whole = w->main.columns % VECTOR == 0;
  const int is_aligned = w->main.stride % VECTOR == 0 && lead_of(call, clnorm__cpu_out(call, call->dx, at)) == 0;
  return is_whole && (!call->stream || (is_aligned && VECTOR * call->element == LINE));
}

void clnorm__matrix_frozen(const clnorm__cpu_call *call, const clnorm__matrix *matrix, size_t at, const float *c,
                           size_t pitch, const float *mean, double *const sums[3])
{
  const wide w = fold(matrix);
  float means[CLNORM__MATRIX_COLUMNS], scales[CLNORM__MATRIX_COLUMNS];
  double room[3][CLNORM__MATRIX_COLUMNS], *columns[3];
  if (call->is_fused || !is_straight(call, &w, at)) {
    frozen_chunks(call, matrix, at, c, pitch, mean, sums);
    return;
  }
  spread(&w, matrix->run, mean, means);
  spread(&w, matrix->run, c + pitch, scales);
  for (int k = 0; k < 3; k++) {
    columns[k] = is_plain(&w) ? sums[k] : room[k];
    memset(columns[k], 0, w.main.columns * sizeof(double));
  }
  call->kernels->matrix_apply_sums(clnorm__cpu_in(call, call->x, at), clnorm__cpu_in(call, call->dy, at),
                                   clnorm__cpu_out(call, call->dx, at), w.main.rows, w.main.columns, w.main.stride,
                                   scales, means, columns, call->stream);
  for (int k = 0; k < 3 && !is_plain(&w); k++) {
    gather(&w, matrix->run, columns[k], sums[k]);
  }
  if (w.rest != 0) {
    clnorm__matrix rest = *matrix;
    rest.rows = w.rest / matrix->columns;
    double *const to[3] = {room[0], room[1], room[2]};
    sums_and_dx(call, &rest, at + w.main.rows * w.main.stride, c, pitch, mean, to);
    add_sums(sums, room, w.statistics);
  }
}
