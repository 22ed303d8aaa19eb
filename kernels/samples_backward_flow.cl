/* As samples_backward, where each element has parameters of its own and all samples have the same: while dx of TOGETHER samples is
 * written, those after them are summed, one after the other, so that reading, summing and writing overlap.
 *
 * Work:    a work-item owns outer_tile neighbouring samples.
 * Traffic: x and dy are read twice, the second time from cache if two blocks of TOGETHER samples fit there; dx is written
 *          once; four floats a parameter are kept. dx or dresidual may be dy.
 * Macros:  WIDTH, LOCAL (1), STREAM, STORAGE, ACTIVATION, RESIDUAL, SHARED (0); sums in double. */

/* The arguments that all samples have in common. */
typedef struct flow_given {
  const __global float *mean, *inv_std;
  uint op;
  float epsilon;
} flow_given;

/* dx of a block's TOGETHER samples (t is NULL: not so), and terms of the first `count` of those after it, of which `later` and c
 * are the first. */
INLINE_LOCAL void flow(sample_terms *made, const each_block *b, const each_kept *kept, const sample_terms *t,
                       const each_block *later, ulong c, uint count, const flow_given *given, rows_place at,
                       __local real *scratch)
{
  const ulong run = b->run, vectors = run / WIDTH, quarter = vectors / TOGETHER;
  const uint tail = lane_tail(at, run);
  const int streams = each_streams(b, TOGETHER);
  const vec_real zero = vec_real_of((vec)(0.0f), (vec)(0.0f));
  each_block one = *later;
  each_tail last;
  ulong v = 0;
  if (t) {
    each_load_tail(&last, b, t, TOGETHER, at);
  }
  for (uint r = 0; r < count; r++) {
    each_sums sums = {zero, zero, zero};
    finished_statistics s;
    sample_spread(&s, one.x, run, c + r, 0, 0, 0, given->mean, given->inv_std, given->op, given->epsilon, at, scratch);
    for (ulong j = 0; j < quarter; j++, v++) {
      if (t) {
        each_apply_vector(b, kept, t, v * WIDTH, TOGETHER, streams);
      }
      each_sums_add(&sums, &one, j * TOGETHER * WIDTH, WIDTH, FLOW_AHEAD, TOGETHER, s);
    }
    for (ulong i = quarter * TOGETHER * WIDTH; i + WIDTH <= run; i += WIDTH) {
      each_sums_add(&sums, &one, i, WIDTH, FLOW_AHEAD, 1, s);
    }
    if (tail != 0) {
      each_sums_add_tail(&sums, &one, tail, s, at);
    }
    each_finish(&made[r], &sums, run, given->op, s, scratch);
    next_sample(&one);
  }
  for (; t && v < vectors; v++) {
    each_apply_vector(b, kept, t, v * WIDTH, TOGETHER, streams);
  }
  if (t && last.count != 0) {
    each_store_tail(b, kept, &last, t, TOGETHER);
  }
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void samples_backward_flow(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, __global storage *dx, ulong dx_offset,
    __global storage *dresidual, ulong dresidual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, const __global float *dgamma, ulong dgamma_offset,
    const __global float *dbeta, ulong dbeta_offset, const __global float *mean, ulong mean_offset,
    const __global float *inv_std, ulong inv_std_offset, __global float *partials, ulong partials_offset, ulong run,
    ulong statistics_count, ulong outer_tile, ulong tiles, uint op, float epsilon, float alpha)
{
  __local real scratch[LOCAL];
  const rows_place at = rows_place_of(LOCAL);
  const ulong first = get_group_id(0) * outer_tile;
  const ulong end = min(first + outer_tile, statistics_count);
  const flow_given given = {mean ? mean + mean_offset : 0, inv_std ? inv_std + inv_std_offset : 0, op, epsilon};
  __global float *const sums = partials + partials_offset + get_group_id(0) * run;
  each_kept kept = {dgamma || dbeta ? sums : 0, tiles * run, 0};
  each_block b = {x + x_offset + first * run,
                  dy + dy_offset + first * run,
                  residual + residual_offset + first * run,
                  dx ? dx + dx_offset + first * run : 0,
                  wants(dresidual) ? dresidual + dresidual_offset + first * run : 0,
                  gamma ? gamma + gamma_offset : 0,
                  beta ? beta + beta_offset : 0,
                  run,
                  run,
                  alpha};
  sample_terms now[TOGETHER], next[TOGETHER];
  each_block later = b;
  ulong measured = first, c = first; /* samples before them have terms, and dx */
  /* The first block's sums are taken by the same call as the others': it is long to compile. */
  do {
    const int applies = measured != first;
    flow(next, &b, &kept, applies ? now : 0, &later, measured, (uint)min(end - measured, (ulong)TOGETHER), &given, at,
         scratch);
    if (applies) {
      kept.adds = 1;
      c += TOGETHER;
    }
    b = later;
    for (uint r = 0; r < TOGETHER; r++) {
      now[r] = next[r];
      next_sample(&later);
    }
    measured += min(end - measured, (ulong)TOGETHER);
  } while (c + TOGETHER <= end);
  for (uint r = 0; c < end; c++, r++) {
    each_apply_run(&b, &kept, &now[r], 1, at);
    next_sample(&b);
    kept.adds = 1;
  }
  if (kept.sums) {
    each_close(kept.sums, kept.plane, run, at);
  }
}
