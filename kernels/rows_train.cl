/* y = act(gamma * (x - mean) * inv_std + beta + residual) with the batch's own statistics, in one launch. y may be x or
 * residual, or NULL: then only statistics are stored.
 *
 * Work:    a work-group owns GROUP neighbouring statistics, whole.
 * Traffic: x is read twice, the second time from cache if a statistic's data fits there; y is written once.
 * Macros:  WIDTH, LOCAL, STREAM, STORAGE, ACTIVATION, RESIDUAL, GROUP (more than 1 where runs are short, so that
 *          neighbours share cache lines). */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_train(
    const __global storage *x, ulong x_offset, const __global storage *residual, ulong residual_offset,
    __global storage *y, ulong y_offset, const __global float *gamma, ulong gamma_offset, const __global float *beta,
    ulong beta_offset, __global float *running_mean, ulong running_mean_offset, __global float *running_var,
    ulong running_var_offset, __global float *mean, ulong mean_offset, __global float *inv_std, ulong inv_std_offset,
    ulong segments, ulong run, ulong segment_stride, ulong statistic_stride, ulong statistics_count, ulong divisor,
    uint lanes, float epsilon, float weight, float keep, float alpha)
{
  __local real scratch[LOCAL];
  const rows_place at = rows_place_of(lanes);
  const ulong first = get_group_id(0) * GROUP;
  const uint group = (uint)min(statistics_count - first, (ulong)GROUP);
  const ulong n = segments * run;
  rows_stats_state states[GROUP];
  forward_coefficients coefficients[GROUP];

  x += x_offset + first * statistic_stride;
  for (uint g = 0; g < group; g++) {
    stats_clear(&states[g].body);
    stats_clear(&states[g].tail);
  }
  const rows_counts seen = rows_reduce(states, group, x, segments, run, segment_stride, statistic_stride, at);
  for (uint g = 0; g < group; g++) {
    const ulong c = first + g;
    const statistics s = rows_combine(&states[g], seen, run, n, 1, at, scratch);
    /* Every work-item needs the coefficients, one of them writes what is stored. */
    const int writes = get_local_id(0) == 0;
    const finished_statistics finished =
        finish_statistics(s.mean, s.m2, n, c, epsilon, weight, keep, divisor,
                          writes && running_mean ? running_mean + running_mean_offset : 0,
                          writes && running_var ? running_var + running_var_offset : 0,
                          writes && mean ? mean + mean_offset : 0, writes && inv_std ? inv_std + inv_std_offset : 0);
    coefficients[g] = affine(finished, gamma ? gamma[gamma_offset + c] : 1.0f, beta ? beta[beta_offset + c] : 0.0f);
  }
  if (!y) {
    return;
  }
  residual += residual_offset + first * statistic_stride;
  y += y_offset + first * statistic_stride;
  /* x is in the cache, the residual is not. */
  const apply_ahead ahead = {0, run_ahead(1, run, segment_stride)};
  group_apply(x, residual, y, segments, run, segment_stride, statistic_stride, ahead, coefficients, alpha, group, at);
}
