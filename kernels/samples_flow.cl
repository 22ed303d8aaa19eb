/* y = act(gamma * (x - mean) * inv_std + beta + residual) with each sample's own statistics, RMS without the mean: a sample is
 * written while one after it is read for its statistics, so that reading, summing and writing overlap. Where elements have
 * parameters of their own and all samples the same. gamma, beta, mean and inv_std may each be NULL.
 *
 * Work:    a work-item owns outer_tile neighbouring samples.
 * Traffic: x is read twice, the second time from cache if LATER + 1 samples fit there; y is written once. y may be x or
 *          residual.
 * Macros:  WIDTH, LOCAL (1), STREAM, STORAGE, ACTIVATION, RESIDUAL, SHARED (0); sums in double. */

/* How many samples after the one that is written: the root and the divisions that end its sums are then there in time. */
#define LATER 2

/* Statistics from sums about a shift. */
INLINE_LOCAL void flow_finish(finished_statistics *made, const lane_stats *sums, float shift, ulong run, ulong c, uint op,
                              float epsilon, __global float *mean, __global float *inv_std)
{
  const statistics s = statistics_about(sums, shift, run, op != OP_RMS);
  *made = finish_statistics(s.mean, s.m2, run, c, epsilon, 0.0f, 0.0f, run, 0, 0, mean, inv_std);
}

/* Writes y of a sample, and adds the sums of another about its shift. */
INLINE_LOCAL void flow(lane_stats *sums, const each_forward *f, __global storage *y, const __global storage *later,
                       ulong run, float shift)
{
  const ulong lead = until_aligned(y);
  const int streams = can_stream(y + lead);
  const apply_ahead ahead = {0, FLOW_AHEAD};
  const ragged_ends at = ends_of(run, lead, streams);
  lane_stats own = *sums; /* so that it stays in registers */
  vec ends[2];
  each_ends(ends, f, at);
  ulong j = 0;
  for (ulong i = lead; i + WIDTH <= run; i += WIDTH, j += WIDTH) {
    prefetch_elements(later + j + FLOW_AHEAD, WIDTH);
    prefetch_for_apply(f->x, f->residual, i, ahead);
    store_result(each_value(f, i, WIDTH), y + i, streams);
    stats_add_shifted(&own, tensor_load_unsorted(later + j));
  }
  store_ends(ends, at, y);
  sums_rest(&own, later, j, run, shift);
  *sums = own;
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void samples_flow(
    const __global storage *x, ulong x_offset, const __global storage *residual, ulong residual_offset,
    __global storage *y, ulong y_offset, const __global float *gamma, ulong gamma_offset, const __global float *beta,
    ulong beta_offset, __global float *mean, ulong mean_offset, __global float *inv_std, ulong inv_std_offset, ulong run,
    ulong statistics_count, ulong outer_tile, uint op, float epsilon, float alpha)
{
  const ulong first = get_group_id(0) * outer_tile;
  const ulong end = min(first + outer_tile, statistics_count);
  const ulong run_after = sample_ahead(run, run);
  const apply_ahead ahead = {0, run_after};
  const rows_place at = rows_place_of(LOCAL);
  finished_statistics of[LATER]; /* of samples c to c + LATER - 1 */

  x += x_offset;
  y += y_offset;
  residual += residual_offset;
  mean = mean ? mean + mean_offset : 0;
  inv_std = inv_std ? inv_std + inv_std_offset : 0;
  for (ulong c = first; c < min(first + LATER, end); c++) {
    const __global storage *own = x + c * run;
    const float shift = op == OP_RMS ? 0.0f : shift_at(own);
    lane_stats sums;
    stats_begin(&sums, shift);
    sums_rest(&sums, own, 0, run, shift);
    flow_finish(&of[c - first], &sums, shift, run, c, op, epsilon, mean, inv_std);
  }
  for (ulong c = first; c < end; c++) {
    const ulong i = c * run, k = (c - first) % LATER;
    const each_forward f = {x + i,
                            residual + i,
                            gamma ? gamma + gamma_offset : 0,
                            beta ? beta + beta_offset : 0,
                            of[k].hi,
                            of[k].inv_std,
                            shift_of(of[k].lo, of[k].inv_std),
                            alpha};
    if (c + LATER >= end) {
      each_apply(&f, y + i, run, ahead, at);
      continue;
    }
    const __global storage *later = x + (c + LATER) * run;
    const float shift = op == OP_RMS ? 0.0f : shift_at(later);
    lane_stats sums;
    stats_begin(&sums, shift);
    flow(&sums, &f, y + i, later, run, shift);
    flow_finish(&of[k], &sums, shift, run, c + LATER, op, epsilon, mean, inv_std);
  }
}
