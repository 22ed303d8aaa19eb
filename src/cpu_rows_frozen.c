/* Rows of a frozen pass: sums and dx, which waits for none of them, in one sweep. */
#include <string.h>

#include "cpu_rows.h"

/* Of half types shorter runs are written together with their neighbours, unless they begin at whole lines: alone 196 elements take
 * four times as long, and of floats 0.8 of the time. */
#define LEAST_HALVES_ALONE 512

static int is_written_at_once(const clnorm__cpu_call *call, const clnorm__rows_block *b)
{
  const size_t line = 64 / call->element;
  return !call->is_fused &&
         (call->element == sizeof(float) || b->length >= LEAST_HALVES_ALONE || b->length % line == 0);
}

static void sum_run(const clnorm__cpu_call *call, size_t at, size_t length, size_t ahead, int writes, const float *c,
                    float mean, double sums[3][CLNORM__SUM_LANES])
{
  const clnorm__cpu_fused tensors = clnorm__cpu_fused_at(call, at);
  if (call->bends) {
    const float of_z[3] = {mean, c[4 * CLNORM__ROWS_GROUP], c[5 * CLNORM__ROWS_GROUP]};
    call->kernels->run_slopes(&call->bend, &tensors, length, ahead, of_z, sums);
  } else if (!writes) {
    call->kernels->run_sums(tensors.x, tensors.dy, length, ahead, mean, sums);
  } else {
    const float own[CLNORM__FORWARD_COEFFICIENTS] = {c[0], c[CLNORM__ROWS_GROUP], c[2 * CLNORM__ROWS_GROUP]};
    call->kernels->run_apply_sums(tensors.x, tensors.dy, tensors.out, length, ahead, own, mean, sums, call->stream);
  }
}

/* Where that is not done at once a segment's runs are written after they are summed, while they are in the second cache. */
static void freeze_runs(const clnorm__cpu_call *call, const clnorm__rows_block *b, const float *mean, const float *c,
                        double out[3][CLNORM__ROWS_GROUP])
{
  const clnorm__rows_sweep s = {call->dy, NULL, call->dx};
  const size_t ahead = clnorm__rows_ahead_of(call, b);
  const int at_once = is_written_at_once(call, b);
  double sums[CLNORM__ROWS_GROUP][3][CLNORM__SUM_LANES];
  memset(sums, 0, b->count * sizeof sums[0]);
  for (size_t segment = 0; segment < b->segments; segment++) {
    clnorm__rows_block one = *b;
    one.at += segment * b->stride;
    one.segments = 1;
    for (size_t i = 0; i < b->count; i++) {
      sum_run(call, one.at + i * b->pitch, b->length, ahead, at_once, c + i, mean[i], sums[i]);
    }
    if (!at_once) {
      clnorm__rows_sweep_block(call, &s, &one, c, CLNORM__ROWS_GROUP);
    }
  }
  for (size_t i = 0; i < b->count; i++) {
    for (int k = 0; k < 3; k++) {
      out[k][i] = clnorm__cpu_total(sums[i][k]);
    }
  }
}

/* Sums of a block whose statistics begin with c, and its dx: what is asked for of both. */
static void freeze(const clnorm__cpu_call *call, const clnorm__rows_block *b, uint64_t c,
                   double sums[3][CLNORM__ROWS_GROUP])
{
  const clnorm__rows_sweep s = {call->dy, NULL, call->dx};
  const float *mean = call->running_mean + c;
  const int sums_wanted = clnorm__cpu_wants_sums(call), writes = clnorm__cpu_writes_tensors(call);
  float coefficients[CLNORM__FUSED_COEFFICIENTS * CLNORM__ROWS_GROUP];
  clnorm__rows_z z;
  clnorm__cpu_frozen_coefficients(call, c, b->count, coefficients, CLNORM__ROWS_GROUP);
  if (call->is_fused) {
    memcpy(z.scale, coefficients + (size_t)CLNORM__BACKWARD_COEFFICIENTS * CLNORM__ROWS_GROUP, sizeof z.scale);
    memcpy(z.shift, coefficients + (size_t)(CLNORM__BACKWARD_COEFFICIENTS + 1) * CLNORM__ROWS_GROUP, sizeof z.shift);
  }
  if (writes && !sums_wanted) {
    clnorm__rows_sweep_block(call, &s, b, coefficients, CLNORM__ROWS_GROUP);
  } else if (!writes && sums_wanted) {
    clnorm__rows_sums(call, b, mean, &z, sums);
  } else if (writes && clnorm__rows_are_matrix(b)) {
    const clnorm__matrix matrix = clnorm__rows_matrix(b);
    double *const to[3] = {sums[0], sums[1], sums[2]};
    clnorm__matrix_frozen(call, &matrix, b->at, coefficients, CLNORM__ROWS_GROUP, mean, to);
  } else if (writes) {
    freeze_runs(call, b, mean, coefficients, sums);
  }
}

void clnorm__cpu_rows_frozen(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t task)
{
  const int sums_wanted = clnorm__cpu_wants_sums(call);
  for (uint64_t done = 0; done < step->group; done += CLNORM__ROWS_GROUP) {
    const clnorm__rows_tile t = clnorm__rows_tile_of(call, step, task, done);
    double sums[3][CLNORM__ROWS_GROUP];
    float unused[CLNORM__BACKWARD_COEFFICIENTS];
    if (t.b.count == 0) {
      break;
    }
    freeze(call, &t.b, t.c, sums);
    for (size_t i = 0; sums_wanted && i < t.b.count; i++) {
      if (call->plan->partials != 0) {
        clnorm__rows_put_partial(call, t.part, t.c + i, sums[0][i], sums[1][i], sums[2][i]);
      } else {
        clnorm__cpu_finish_gradients(call, step, t.c + i, (clnorm__sums){sums[0][i], sums[1][i], sums[2][i]}, unused);
      }
    }
  }
  call->kernels->drain();
}
