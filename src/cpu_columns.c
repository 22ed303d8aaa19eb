/* Tasks of the columns pattern: a tile of rows by columns, every column a statistic. */
#include "cpu_call.h"

typedef struct tile {
  clnorm__matrix matrix;
  uint64_t column; /* the first */
  size_t at;       /* of the first element */
  uint64_t part;   /* index of the partial result */
} tile;

static tile tile_of(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const uint64_t part = task / step->inner_tiles, row = part * step->outer_tile;
  const uint64_t column = task % step->inner_tiles * step->inner_tile;
  const uint64_t rows = g->rows - row < step->outer_tile ? g->rows - row : step->outer_tile;
  const uint64_t columns = g->columns - column < step->inner_tile ? g->columns - column : step->inner_tile;
  return (tile){
      {(size_t)rows, (size_t)columns, (size_t)g->columns, 1}, column, (size_t)(row * g->columns + column), part};
}

/* A tile may be wider than the matrix functions take at once: this walks it from left to right. */
static tile piece_of(const tile *whole, size_t done)
{
  tile piece = *whole;
  const size_t left = whole->matrix.columns - done;
  piece.matrix.columns = left < CLNORM__MATRIX_COLUMNS ? left : CLNORM__MATRIX_COLUMNS;
  piece.column += done;
  piece.at += done;
  return piece;
}

/* Component k of the partial results of the tile's columns. */
static double *partial(const clnorm__cpu_call *call, const tile *t, int k)
{
  const uint64_t statistics = call->plan->geometry.statistics;
  return call->partials + ((uint64_t)k * call->plan->partials + t->part) * statistics + t->column;
}

void clnorm__cpu_columns_stats(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const tile whole = tile_of(call, step, task);
  for (size_t done = 0; done < whole.matrix.columns; done += CLNORM__MATRIX_COLUMNS) {
    const tile t = piece_of(&whole, done);
    double *const count = partial(call, &t, 0);
    clnorm__matrix_moments(call, &t.matrix, clnorm__cpu_in(call, call->x, t.at), partial(call, &t, 1),
                           partial(call, &t, 2));
    for (size_t j = 0; j < t.matrix.columns; j++) {
      count[j] = (double)t.matrix.rows;
    }
  }
}

/* The sums where dy goes through an activation's derivative: z has coefficients of its own, in the workspace or from here. */
static void slopes(const clnorm__cpu_call *call, const tile *t, const float *mean, double *const sums[3])
{
  float scale[CLNORM__MATRIX_COLUMNS], shift[CLNORM__MATRIX_COLUMNS];
  const uint64_t statistics = call->plan->geometry.statistics;
  const float *stored = call->coefficients + CLNORM__BACKWARD_COEFFICIENTS * statistics + t->column;
  for (size_t j = 0; j < t->matrix.columns && !call->has_z; j++) {
    clnorm__cpu_z_coefficients(call, t->column + j, 0.0, &scale[j], &shift[j]);
  }
  const float *const c[3] = {mean, call->has_z ? stored : scale, call->has_z ? stored + statistics : shift};
  clnorm__matrix_slopes(call, &t->matrix, t->at, c, sums);
}

void clnorm__cpu_columns_gradients(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const tile whole = tile_of(call, step, task);
  const float *mean = call->read_mean;
  for (size_t done = 0; done < whole.matrix.columns; done += CLNORM__MATRIX_COLUMNS) {
    const tile t = piece_of(&whole, done);
    double *const sums[3] = {partial(call, &t, 0), partial(call, &t, 1), partial(call, &t, 2)};
    if (call->bends) {
      slopes(call, &t, mean + t.column, sums);
      continue;
    }
    clnorm__matrix_sums(call, &t.matrix, clnorm__cpu_in(call, call->x, t.at), clnorm__cpu_in(call, call->dy, t.at),
                        mean + t.column, sums);
  }
}

/* out = in * coefficients, from the merge or from the running statistics; with something fused whatever the pass writes. */
static void apply(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task, const void *in, void *out)
{
  const tile whole = tile_of(call, step, task);
  for (size_t done = 0; done < whole.matrix.columns; done += CLNORM__MATRIX_COLUMNS) {
    const tile t = piece_of(&whole, done);
    float room[CLNORM__FUSED_COEFFICIENTS * CLNORM__MATRIX_COLUMNS];
    const float *c = room;
    size_t pitch = CLNORM__MATRIX_COLUMNS;
    if (step->from_running) {
      clnorm__cpu_frozen_coefficients(call, t.column, t.matrix.columns, room, pitch);
    } else {
      c = call->coefficients + t.column;
      pitch = (size_t)call->plan->geometry.statistics;
    }
    if (call->is_fused) {
      clnorm__matrix_fused(call, &t.matrix, t.at, c, pitch);
    } else {
      clnorm__matrix_apply(call, &t.matrix, clnorm__cpu_in(call, in, t.at), clnorm__cpu_out(call, out, t.at), c, pitch);
    }
  }
  call->kernels->drain();
}

void clnorm__cpu_columns_apply(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  apply(call, step, task, call->x, call->y);
}

void clnorm__cpu_columns_dx(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  /* A dresidual that is dy already, alone. */
  if (!clnorm__cpu_writes_tensors(call)) {
    return;
  }
  if (step->from_running || call->is_fused) {
    apply(call, step, task, call->dy, call->dx);
    return;
  }
  const tile whole = tile_of(call, step, task);
  const size_t pitch = (size_t)call->plan->geometry.statistics;
  for (size_t done = 0; done < whole.matrix.columns; done += CLNORM__MATRIX_COLUMNS) {
    const tile t = piece_of(&whole, done);
    clnorm__matrix_dx(call, &t.matrix, clnorm__cpu_in(call, call->x, t.at), clnorm__cpu_in(call, call->dy, t.at),
                      clnorm__cpu_out(call, call->dx, t.at), call->coefficients + t.column, pitch);
  }
  call->kernels->drain();
}

/* Sums and dx of a tile, what is asked for of both, in one sweep. */
static void freeze(const clnorm__cpu_call *call, const tile *t, double *const sums[3])
{
  const float *mean = call->running_mean + t->column;
  const int sums_wanted = clnorm__cpu_wants_sums(call);
  const void *dy = clnorm__cpu_in(call, call->dy, t->at);
  float c[CLNORM__FUSED_COEFFICIENTS * CLNORM__MATRIX_COLUMNS];
  clnorm__cpu_frozen_coefficients(call, t->column, t->matrix.columns, c, CLNORM__MATRIX_COLUMNS);
  const int writes = clnorm__cpu_writes_tensors(call);
  if (sums_wanted && writes) {
    clnorm__matrix_frozen(call, &t->matrix, t->at, c, CLNORM__MATRIX_COLUMNS, mean, sums);
  } else if (sums_wanted && call->bends) {
    slopes(call, t, mean, sums);
  } else if (sums_wanted) {
    clnorm__matrix_sums(call, &t->matrix, clnorm__cpu_in(call, call->x, t->at), dy, mean, sums);
  } else if (writes && call->is_fused) {
    clnorm__matrix_fused(call, &t->matrix, t->at, c, CLNORM__MATRIX_COLUMNS);
  } else if (writes) {
    clnorm__matrix_apply(call, &t->matrix, dy, clnorm__cpu_out(call, call->dx, t->at), c, CLNORM__MATRIX_COLUMNS);
  }
}

/* Of one tile that has its columns whole; else they are partial results. */
static void freeze_whole(const clnorm__cpu_call *call, const clnorm__step *step, const tile *t)
{
  double g[CLNORM__MATRIX_COLUMNS], gd[CLNORM__MATRIX_COLUMNS], d[CLNORM__MATRIX_COLUMNS];
  double *const sums[3] = {g, gd, d};
  float unused[CLNORM__BACKWARD_COEFFICIENTS];
  freeze(call, t, sums);
  for (size_t j = 0; clnorm__cpu_wants_sums(call) && j < t->matrix.columns; j++) {
    clnorm__cpu_finish_gradients(call, step, t->column + j, (clnorm__sums){g[j], gd[j], d[j]}, unused);
  }
}

void clnorm__cpu_columns_frozen(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const tile whole = tile_of(call, step, task);
  for (size_t done = 0; done < whole.matrix.columns; done += CLNORM__MATRIX_COLUMNS) {
    const tile t = piece_of(&whole, done);
    if (call->plan->partials == 0) {
      freeze_whole(call, step, &t);
      continue;
    }
    double *const sums[3] = {partial(call, &t, 0), partial(call, &t, 1), partial(call, &t, 2)};
    freeze(call, &t, sums);
  }
  call->kernels->drain();
}
