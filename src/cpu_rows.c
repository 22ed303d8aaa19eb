/* Tasks of the rows pattern: a statistic owns `segments` runs of contiguous elements, and the runs of neighbouring
 * statistics lie side by side. Very short runs are walked as matrices: a run's elements become columns. */
#include <string.h>

#include "cpu_rows.h"

/* With something fused each run is written by itself. Shorter ones go past the cache through a buffer that joins neighbours: lines
 * that two runs share would else be written in halves. */
#define JOINED_RUN 256
#define JOINED_BYTES 16384

/* The runs of a call with something fused: `count` beside each other from element `at` on, written to `out`; coefficient k of
 * the i-th at c[k * pitch + i]. Without dresidual they may be joined. */
static void fused_to(const clnorm__cpu_call *call, size_t at, void *out, size_t count, size_t run, const float *c,
                     size_t pitch, int stream)
{
  clnorm__cpu_fused tensors = clnorm__cpu_fused_at(call, at);
  tensors.out = out;
  call->kernels->runs_fused(&call->bend, &tensors, count, run, c, pitch, stream);
}

/* The same to where the output belongs. */
static void fused_runs(const clnorm__cpu_call *call, const clnorm__rows_sweep *s, size_t at, size_t count, size_t run,
                       const float *c, size_t pitch)
{
  static const float unchanged[CLNORM__FORWARD_COEFFICIENTS] = {0.0f, 1.0f, -0.0f};
  _Alignas(64) unsigned char joined[JOINED_BYTES];
  if (!call->stream || run >= JOINED_RUN || call->dresidual != NULL) {
    void *out = s->out != NULL ? clnorm__cpu_out(call, s->out, at) : NULL;
    fused_to(call, at, out, count, run, c, pitch, call->stream && run >= JOINED_RUN);
    return;
  }
  const size_t most = JOINED_BYTES / call->element / run;
  for (size_t i = 0; i < count;) {
    const size_t some = count - i < most ? count - i : most, begin = at + i * run;
    fused_to(call, begin, joined, some, run, c + i, pitch, 0);
    call->kernels->runs_apply(joined, clnorm__cpu_out(call, s->out, begin), 1, some * run, unchanged, 1, 1);
    i += some;
  }
}

static void sweep_runs(const clnorm__cpu_call *call, const clnorm__rows_sweep *s, size_t at, size_t count, size_t run,
                       const float *c, size_t pitch)
{
  if (call->is_fused) {
    fused_runs(call, s, at, count, run, c, pitch);
    return;
  }
  const void *x = clnorm__cpu_in(call, s->x, at);
  void *out = clnorm__cpu_out(call, s->out, at);
  if (s->dy != NULL) {
    call->kernels->runs_dx(x, clnorm__cpu_in(call, s->dy, at), out, count, run, c, pitch, call->stream);
  } else {
    call->kernels->runs_apply(x, out, count, run, c, pitch, call->stream);
  }
}

static void sweep_matrix(const clnorm__cpu_call *call, const clnorm__rows_sweep *s, const clnorm__matrix *matrix,
                         size_t at, const float *c, size_t pitch)
{
  if (call->is_fused) {
    clnorm__matrix_fused(call, matrix, at, c, pitch);
    return;
  }
  const void *x = clnorm__cpu_in(call, s->x, at);
  void *out = clnorm__cpu_out(call, s->out, at);
  if (s->dy != NULL) {
    clnorm__matrix_dx(call, matrix, x, clnorm__cpu_in(call, s->dy, at), out, c, pitch);
  } else {
    clnorm__matrix_apply(call, matrix, x, out, c, pitch);
  }
}

/* ---- reductions --------------------------------------------------------------------------------------------- */

/* Runs lie far apart, on pages of their own, and the processor's prefetching stops at both: what is asked for is the same
 * place one segment later. With 32 segments of 3136 elements that takes training from 2.4 to 1.4 ms, and gradients from 2.3 to
 * 1.9 copies against asking 1024 elements ahead. Where segments are long the latter is enough. */
#define FAR_AHEAD_BYTES 65536
#define NEAR_AHEAD_BYTES 4096

size_t clnorm__cpu_rows_ahead(const clnorm__cpu_call *call, size_t together, size_t stride)
{
  return together * call->element <= FAR_AHEAD_BYTES ? stride : NEAR_AHEAD_BYTES / call->element;
}

size_t clnorm__rows_ahead_of(const clnorm__cpu_call *call, const clnorm__rows_block *b)
{
  return clnorm__cpu_rows_ahead(call, b->pitch == b->length ? b->count * b->length : b->length, b->stride);
}

static void block_moments(const clnorm__cpu_call *call, const clnorm__rows_block *b, double mean[CLNORM__ROWS_GROUP],
                          double m2[CLNORM__ROWS_GROUP])
{
  double sums[CLNORM__ROWS_GROUP][2][CLNORM__SUM_LANES];
  float shifts[CLNORM__ROWS_GROUP];
  if (clnorm__rows_are_matrix(b)) {
    const clnorm__matrix matrix = clnorm__rows_matrix(b);
    clnorm__matrix_moments(call, &matrix, clnorm__cpu_in(call, call->x, b->at), mean, m2);
    return;
  }
  memset(sums, 0, b->count * sizeof sums[0]);
  for (size_t i = 0; i < b->count; i++) {
    shifts[i] = clnorm__cpu_shift_of(call, clnorm__cpu_in(call, call->x, b->at + i * b->pitch), b->length);
  }
  const size_t ahead = clnorm__rows_ahead_of(call, b);
  for (size_t segment = 0; segment < b->segments; segment++) {
    for (size_t i = 0; i < b->count; i++) {
      const void *x = clnorm__cpu_in(call, call->x, b->at + segment * b->stride + i * b->pitch);
      call->kernels->run_stats(x, b->length, ahead, shifts[i], sums[i]);
    }
  }
  for (size_t i = 0; i < b->count; i++) {
    mean[i] = clnorm__cpu_total(sums[i][0]);
    m2[i] = clnorm__cpu_total(sums[i][1]);
  }
  clnorm__moments_from((double)b->segments * (double)b->length, shifts, b->count, mean, m2);
}

static void slopes_of_runs(const clnorm__cpu_call *call, const clnorm__rows_block *b, const float *mean,
                           const clnorm__rows_z *z, double sums[CLNORM__ROWS_GROUP][3][CLNORM__SUM_LANES])
{
  const size_t ahead = clnorm__rows_ahead_of(call, b);
  for (size_t segment = 0; segment < b->segments; segment++) {
    for (size_t i = 0; i < b->count; i++) {
      const clnorm__cpu_fused at = clnorm__cpu_fused_at(call, b->at + segment * b->stride + i * b->pitch);
      const float c[3] = {mean[i], z->scale[i], z->shift[i]};
      call->kernels->run_slopes(&call->bend, &at, b->length, ahead, c, sums[i]);
    }
  }
}

static void sums_of_runs(const clnorm__cpu_call *call, const clnorm__rows_block *b, const float *mean,
                         double sums[CLNORM__ROWS_GROUP][3][CLNORM__SUM_LANES])
{
  const size_t ahead = clnorm__rows_ahead_of(call, b);
  for (size_t segment = 0; segment < b->segments; segment++) {
    for (size_t i = 0; i < b->count; i++) {
      const size_t at = b->at + segment * b->stride + i * b->pitch;
      const void *x = clnorm__cpu_in(call, call->x, at), *dy = clnorm__cpu_in(call, call->dy, at);
      call->kernels->run_sums(x, dy, b->length, ahead, mean[i], sums[i]);
    }
  }
}

/* z: where the sums go through an activation's derivative, else not read. */
void clnorm__rows_sums(const clnorm__cpu_call *call, const clnorm__rows_block *b, const float *mean,
                       const clnorm__rows_z *z, double out[3][CLNORM__ROWS_GROUP])
{
  double sums[CLNORM__ROWS_GROUP][3][CLNORM__SUM_LANES];
  const clnorm__matrix matrix = clnorm__rows_matrix(b);
  double *const rows[3] = {out[0], out[1], out[2]};
  if (clnorm__rows_are_matrix(b) && call->bends) {
    const float *const c[3] = {mean, z->scale, z->shift};
    clnorm__matrix_slopes(call, &matrix, b->at, c, rows);
    return;
  }
  if (clnorm__rows_are_matrix(b)) {
    const void *x = clnorm__cpu_in(call, call->x, b->at), *dy = clnorm__cpu_in(call, call->dy, b->at);
    clnorm__matrix_sums(call, &matrix, x, dy, mean, rows);
    return;
  }
  memset(sums, 0, b->count * sizeof sums[0]);
  if (call->bends) {
    slopes_of_runs(call, b, mean, z, sums);
  } else {
    sums_of_runs(call, b, mean, sums);
  }
  for (size_t i = 0; i < b->count; i++) {
    for (int k = 0; k < 3; k++) {
      out[k][i] = clnorm__cpu_total(sums[i][k]);
    }
  }
}

/* ---- whole: sums and element-wise step while the data is in the cache ----------------------------------------- */

static clnorm__rows_block whole_block(const clnorm__geometry *g, uint64_t c, uint64_t end)
{
  const uint64_t count = end - c < CLNORM__ROWS_GROUP ? end - c : CLNORM__ROWS_GROUP;
  return (clnorm__rows_block){.at = (size_t)(c * g->statistic_stride),
                              .segments = (size_t)g->segments,
                              .stride = (size_t)g->segment_stride,
                              .length = (size_t)g->run,
                              .pitch = (size_t)g->statistic_stride,
                              .count = (size_t)count};
}

/* Last segments first: they are what the sums left in the cache. */
void clnorm__rows_sweep_block(const clnorm__cpu_call *call, const clnorm__rows_sweep *s, const clnorm__rows_block *b,
                              const float *c, size_t pitch)
{
  if (clnorm__rows_are_matrix(b)) {
    const clnorm__matrix matrix = clnorm__rows_matrix(b);
    sweep_matrix(call, s, &matrix, b->at, c, pitch);
    return;
  }
  /* Pieces of runs do not lie beside each other. */
  const size_t together = b->pitch == b->length ? b->count : 1;
  for (size_t segment = b->segments; segment-- > 0;) {
    for (size_t i = 0; i < b->count; i += together) {
      sweep_runs(call, s, b->at + segment * b->stride + i * b->pitch, together, b->length, c + i, pitch);
    }
  }
}

static uint64_t group_end(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const uint64_t end = (task + 1) * step->group, statistics = call->plan->geometry.statistics;
  return end < statistics ? end : statistics;
}

void clnorm__cpu_rows_train(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm__rows_sweep s = {call->x, NULL, call->y};
  const uint64_t end = group_end(call, step, task);
  for (uint64_t c = task * step->group; c < end; c += CLNORM__ROWS_GROUP) {
    const clnorm__rows_block b = whole_block(&call->plan->geometry, c, end);
    const double n = (double)call->plan->geometry.values;
    double mean[CLNORM__ROWS_GROUP], m2[CLNORM__ROWS_GROUP];
    float coefficients[CLNORM__FORWARD_COEFFICIENTS * CLNORM__ROWS_GROUP], one[CLNORM__FORWARD_COEFFICIENTS];
    block_moments(call, &b, mean, m2);
    for (size_t i = 0; i < b.count; i++) {
      clnorm__cpu_finish_statistics(call, step, c + i, (clnorm__moments){n, mean[i], m2[i]}, one);
      for (int k = 0; k < CLNORM__FORWARD_COEFFICIENTS; k++) {
        coefficients[(size_t)k * CLNORM__ROWS_GROUP + i] = one[k];
      }
    }
    if (call->y != NULL) {
      clnorm__rows_sweep_block(call, &s, &b, coefficients, CLNORM__ROWS_GROUP);
    }
  }
  call->kernels->drain();
}

/* Of statistics from c on that the block has whole. */
static void measure_z(const clnorm__cpu_call *call, const clnorm__rows_block *b, uint64_t c, clnorm__rows_z *z)
{
  double mean[CLNORM__ROWS_GROUP], m2[CLNORM__ROWS_GROUP];
  const int far = clnorm__cpu_means_are_far(call, c, b->count);
  if (far) {
    block_moments(call, b, mean, m2);
  }
  for (size_t i = 0; i < b->count; i++) {
    const double rest = far ? mean[i] - (double)call->read_mean[c + i] : 0.0;
    clnorm__cpu_z_coefficients(call, c + i, rest, &z->scale[i], &z->shift[i]);
  }
}

/* The sums of a block, and what follows from them. */
static void whole_gradients(const clnorm__cpu_call *call, const clnorm__step *step, const clnorm__rows_block *b,
                            uint64_t c, float coefficients[CLNORM__FUSED_COEFFICIENTS * CLNORM__ROWS_GROUP])
{
  double sums[3][CLNORM__ROWS_GROUP];
  float one[CLNORM__BACKWARD_COEFFICIENTS];
  clnorm__rows_z z;
  if (call->is_fused) {
    measure_z(call, b, c, &z);
    memcpy(coefficients + (size_t)CLNORM__BACKWARD_COEFFICIENTS * CLNORM__ROWS_GROUP, z.scale, sizeof z.scale);
    memcpy(coefficients + (size_t)(CLNORM__BACKWARD_COEFFICIENTS + 1) * CLNORM__ROWS_GROUP, z.shift, sizeof z.shift);
  }
  clnorm__rows_sums(call, b, call->read_mean + c, &z, sums);
  for (size_t i = 0; i < b->count; i++) {
    clnorm__cpu_finish_gradients(call, step, c + i, (clnorm__sums){sums[0][i], sums[1][i], sums[2][i]}, one);
    for (int k = 0; k < CLNORM__BACKWARD_COEFFICIENTS; k++) {
      coefficients[(size_t)k * CLNORM__ROWS_GROUP + i] = one[k];
    }
  }
}

void clnorm__cpu_rows_backward(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm__rows_sweep s = {call->x, call->dy, call->dx};
  const uint64_t end = group_end(call, step, task);
  for (uint64_t c = task * step->group; c < end; c += CLNORM__ROWS_GROUP) {
    const clnorm__rows_block b = whole_block(&call->plan->geometry, c, end);
    float coefficients[CLNORM__FUSED_COEFFICIENTS * CLNORM__ROWS_GROUP];
    whole_gradients(call, step, &b, c, coefficients);
    if (clnorm__cpu_writes_tensors(call)) {
      clnorm__rows_sweep_block(call, &s, &b, coefficients, CLNORM__ROWS_GROUP);
    }
  }
  call->kernels->drain();
}

/* ---- split: partial results of tiles ------------------------------------------------------------------------ */

/* The tile's part of up to CLNORM__ROWS_GROUP statistics from the `done`-th of the task's group on; count 0 past the last. */
clnorm__rows_tile clnorm__rows_tile_of(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task,
                                       uint64_t done)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const uint64_t groups = (g->statistics + step->group - 1) / step->group;
  const uint64_t part = task / groups, end = group_end(call, step, task % groups);
  const uint64_t c = task % groups * step->group + done;
  const uint64_t segment = part % step->outer_tiles * step->outer_tile;
  const uint64_t inner = part / step->outer_tiles * step->inner_tile;
  const uint64_t segments = g->segments - segment < step->outer_tile ? g->segments - segment : step->outer_tile;
  const uint64_t length = g->run - inner < step->inner_tile ? g->run - inner : step->inner_tile;
  clnorm__rows_tile t = {.c = c, .part = part};
  if (c < end) {
    t.b = whole_block(g, c, end);
    t.b.at += (size_t)(segment * g->segment_stride + inner);
    t.b.segments = (size_t)segments;
    t.b.length = (size_t)length;
  }
  return t;
}

void clnorm__rows_put_partial(const clnorm__cpu_call *call, uint64_t part, uint64_t c, double a, double b, double d)
{
  const uint64_t statistics = call->plan->geometry.statistics, plane = call->plan->partials * statistics;
  double *out = call->partials + part * statistics + c;
  out[0] = a;
  out[plane] = b;
  out[2 * plane] = d;
}

void clnorm__cpu_rows_stats(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  for (uint64_t done = 0; done < step->group; done += CLNORM__ROWS_GROUP) {
    const clnorm__rows_tile t = clnorm__rows_tile_of(call, step, task, done);
    double mean[CLNORM__ROWS_GROUP], m2[CLNORM__ROWS_GROUP];
    if (t.b.count == 0) {
      return;
    }
    block_moments(call, &t.b, mean, m2);
    const double count = (double)t.b.segments * (double)t.b.length;
    for (size_t i = 0; i < t.b.count; i++) {
      clnorm__rows_put_partial(call, t.part, t.c + i, count, mean[i], m2[i]);
    }
  }
}

/* What merge_stats left in the workspace, or what follows from the statistics. */
static void z_from(const clnorm__cpu_call *call, uint64_t c, size_t count, clnorm__rows_z *z)
{
  const uint64_t statistics = call->plan->geometry.statistics;
  const float *stored = call->coefficients + CLNORM__BACKWARD_COEFFICIENTS * statistics + c;
  if (call->has_z) {
    memcpy(z->scale, stored, count * sizeof *stored);
    memcpy(z->shift, stored + statistics, count * sizeof *stored);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    clnorm__cpu_z_coefficients(call, c + i, 0.0, &z->scale[i], &z->shift[i]);
  }
}

void clnorm__cpu_rows_gradients(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  for (uint64_t done = 0; done < step->group; done += CLNORM__ROWS_GROUP) {
    const clnorm__rows_tile t = clnorm__rows_tile_of(call, step, task, done);
    double sums[3][CLNORM__ROWS_GROUP];
    clnorm__rows_z z;
    if (t.b.count == 0) {
      return;
    }
    if (call->bends) {
      z_from(call, t.c, t.b.count, &z);
    }
    clnorm__rows_sums(call, &t.b, call->read_mean + t.c, &z, sums);
    for (size_t i = 0; i < t.b.count; i++) {
      clnorm__rows_put_partial(call, t.part, t.c + i, sums[0][i], sums[1][i], sums[2][i]);
    }
  }
}

/* ---- split: element-wise over tiles of runs ------------------------------------------------------------------- */

/* Coefficients of `count` <= CLNORM__MATRIX_COLUMNS statistics from c on: in the workspace, or made in `room`. */
static const float *coefficients_of(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t c, size_t count,
                                    float *room, size_t *pitch)
{
  if (!step->from_running) {
    *pitch = (size_t)call->plan->geometry.statistics;
    return call->coefficients + c;
  }
  *pitch = CLNORM__MATRIX_COLUMNS;
  clnorm__cpu_frozen_coefficients(call, c, count, room, CLNORM__MATRIX_COLUMNS);
  return room;
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Of each of the runs [begin, end) the part from `inner` on. */
static void sweep_range(const clnorm__cpu_call *call, const clnorm__step *step, const clnorm__rows_sweep *s,
                        uint64_t begin, uint64_t end, uint64_t inner, uint64_t length)
{
  const clnorm__geometry *g = &call->plan->geometry;
  float room[CLNORM__FUSED_COEFFICIENTS * CLNORM__MATRIX_COLUMNS];
  while (begin < end) {
    const uint64_t c = begin % g->statistics;
    const size_t count = (size_t)least(least(end - begin, g->statistics - c), CLNORM__MATRIX_COLUMNS);
    size_t pitch;
    const float *coefficients = coefficients_of(call, step, c, count, room, &pitch);
    if (length == g->run) {
      sweep_runs(call, s, (size_t)(begin * g->run), count, (size_t)length, coefficients, pitch);
    } else {
      for (size_t i = 0; i < count; i++) {
        sweep_runs(call, s, (size_t)((begin + i) * g->run + inner), 1, (size_t)length, coefficients + i, pitch);
      }
    }
    begin += count;
  }
}

/* A tile of one statistic group: see clnorm__rows_tile. */
static void sweep_group(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task,
                        const clnorm__rows_sweep *s)
{
  float room[CLNORM__FUSED_COEFFICIENTS * CLNORM__MATRIX_COLUMNS];
  for (uint64_t done = 0; done < step->group; done += CLNORM__ROWS_GROUP) {
    const clnorm__rows_tile t = clnorm__rows_tile_of(call, step, task, done);
    size_t pitch;
    if (t.b.count == 0) {
      return;
    }
    const float *coefficients = coefficients_of(call, step, t.c, t.b.count, room, &pitch);
    clnorm__rows_sweep_block(call, s, &t.b, coefficients, pitch);
  }
}

static void sweep_tile(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task,
                       const clnorm__rows_sweep *s)
{
  const clnorm__geometry *g = &call->plan->geometry;
  if (g->run <= CLNORM__MATRIX_RUN) {
    sweep_group(call, step, task, s);
  } else {
    const uint64_t begin = task % step->outer_tiles * step->outer_tile;
    const uint64_t inner = task / step->outer_tiles * step->inner_tile;
    const uint64_t end = least(g->segments * g->statistics, begin + step->outer_tile);
    sweep_range(call, step, s, begin, end, inner, least(g->run - inner, step->inner_tile));
  }
  call->kernels->drain();
}

void clnorm__cpu_rows_apply(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm__rows_sweep s = {call->x, NULL, call->y};
  sweep_tile(call, step, task, &s);
}

void clnorm__cpu_rows_dx(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm__rows_sweep batch = {call->x, call->dy, call->dx}, frozen = {call->dy, NULL, call->dx};
  /* A dresidual that is dy already, alone. */
  if (!clnorm__cpu_writes_tensors(call)) {
    return;
  }
  sweep_tile(call, step, task, step->from_running ? &frozen : &batch);
}
