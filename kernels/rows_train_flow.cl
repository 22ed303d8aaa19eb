/* As rows_train: y of a statistic is written while the next one is read and summed, so that reading, summing and writing overlap.
 *
 * Work:    a work-item owns outer_tile neighbouring statistics, whole.
 * Traffic: x is read twice, the second time from cache if two statistics' data fit there; y is written once.
 * Macros:  WIDTH, LOCAL (1), GROUP (1), STREAM, STORAGE, ACTIVATION, RESIDUAL; sums in double. */

/* Adds a run's elements from i on, a multiple of WIDTH, about its shift, and prefetches what is `ahead` elements from them. */
INLINE_LOCAL void sums_ahead(lane_stats *sums, const __global storage *x, ulong i, ulong run, ulong ahead, float shift)
{
  lane_stats own = *sums; /* so that it stays in registers */
  for (; i + WIDTH <= run; i += WIDTH) {
    prefetch_elements(x + i + ahead, WIDTH);
    stats_add_shifted(&own, tensor_load_unsorted(x + i));
  }
  sums_rest(&own, x, i, run, shift);
  *sums = own;
}

/* Writes y of a run, and adds another about its shift. */
INLINE_LOCAL void flow(lane_stats *sums, const __global storage *x, const __global storage *residual, __global storage *y,
                       const __global storage *later, ulong run, ulong ahead, const forward_coefficients *k, float alpha,
                       float shift)
{
  const ulong lead = until_aligned(y);
  const int streams = can_stream(y + lead);
  const ragged_ends at = ends_of(run, lead, streams);
  const forward_coefficients same = *k;
  lane_stats own = *sums;
  vec ends[2];
  apply_ends(ends, x, residual, at, 1, k, alpha);
  ulong j = 0;
  for (ulong i = lead; i + WIDTH <= run; i += WIDTH, j += WIDTH) {
    prefetch_elements(later + j + ahead, WIDTH);
    prefetch_near(x + i);
    if (RESIDUAL) {
      prefetch_elements(residual + i + ahead, WIDTH);
    }
    store_result(activated(normalize(tensor_load(x + i), same), addend(residual, i, 1), alpha), y + i, streams);
    stats_add_shifted(&own, tensor_load_unsorted(later + j));
  }
  store_ends(ends, at, y);
  sums_rest(&own, later, j, run, shift);
  *sums = own;
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_train_flow(
    const __global storage *x, ulong x_offset, const __global storage *residual, ulong residual_offset,
    __global storage *y, ulong y_offset, const __global float *gamma, ulong gamma_offset, const __global float *beta,
    ulong beta_offset, __global float *running_mean, ulong running_mean_offset, __global float *running_var,
    ulong running_var_offset, __global float *mean, ulong mean_offset, __global float *inv_std, ulong inv_std_offset,
    ulong segments, ulong run, ulong segment_stride, ulong statistic_stride, ulong statistics_count, ulong outer_tile,
    ulong divisor, float epsilon, float weight, float keep, float alpha)
{
  const ulong first = get_group_id(0) * outer_tile;
  const ulong end = min(first + outer_tile, statistics_count);
  const ulong n = segments * run, ahead = flow_ahead(run, segment_stride);
  const apply_ahead residual_ahead = {0, ahead}; /* x is in the cache */
  forward_coefficients k = {0.0f, 0.0f, 0.0f}; /* of statistic c - 1 */

  x += x_offset;
  residual += residual_offset;
  for (ulong c = first; c <= end; c++) {
    const __global storage *later = x + c * statistic_stride;
    const int sums_it = c != end, writes_it = c != first;
    const float shift = sums_it ? shift_at(later) : 0.0f;
    lane_stats sums;
    stats_begin(&sums, shift);
    for (ulong segment = 0; segment < segments; segment++) {
      const ulong i = segment * segment_stride, written = (c - 1) * statistic_stride + i;
      if (sums_it && writes_it) {
        flow(&sums, x + written, residual + written, y + y_offset + written, later + i, run, ahead, &k, alpha, shift);
      } else if (sums_it) {
        sums_ahead(&sums, later + i, 0, run, ahead, shift);
      } else if (writes_it) {
        joined_apply(x + written, residual + written, y + y_offset + written, run, 1, residual_ahead, &k, alpha);
      }
    }
    if (sums_it) {
      const statistics s = statistics_about(&sums, shift, n, 1);
      const finished_statistics finished =
          finish_statistics(s.mean, s.m2, n, c, epsilon, weight, keep, divisor,
                            running_mean ? running_mean + running_mean_offset : 0,
                            running_var ? running_var + running_var_offset : 0, mean ? mean + mean_offset : 0,
                            inv_std ? inv_std + inv_std_offset : 0);
      k = affine(finished, gamma ? gamma[gamma_offset + c] : 1.0f, beta ? beta[beta_offset + c] : 0.0f);
    }
  }
}
