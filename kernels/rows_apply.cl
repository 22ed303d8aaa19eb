/* y = act((x - mean) * scale + shift + residual), coefficients from merge_stats or, with FROM_RUNNING, from the running
 * statistics.
 *
 * Work:    a work-group owns one tile of GROUP statistics: outer_tile segments by inner_tile elements of the run.
 * Traffic: x and residual are read once, y written once. y may be x or residual.
 * Macros:  WIDTH, LOCAL, GROUP, FROM_RUNNING, STREAM, STORAGE, ACTIVATION, RESIDUAL. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_apply(
    const __global storage *x, ulong x_offset, const __global storage *residual, ulong residual_offset,
    __global storage *y, ulong y_offset, const __global float *gamma, ulong gamma_offset, const __global float *beta,
    ulong beta_offset, const __global float *running_mean, ulong running_mean_offset, const __global float *running_var,
    ulong running_var_offset, const __global float *coefficients, ulong coefficients_offset, ulong segments, ulong run,
    ulong segment_stride, ulong statistic_stride, ulong statistics_count, ulong outer_tile, ulong outer_tiles,
    ulong inner_tile, uint lanes, float epsilon, float alpha)
{
  const rows_place at = rows_place_of(lanes);
  const rows_tile tile = rows_tile_of(segments, run, segment_stride, statistic_stride, statistics_count, outer_tile,
                                      outer_tiles, inner_tile);
  forward_coefficients k[GROUP];

  for (uint g = 0; g < tile.group; g++) {
    const ulong c = tile.statistic + g;
    finished_statistics s;
    if (FROM_RUNNING) {
      s.hi = running_mean[running_mean_offset + c];
      s.lo = 0.0f;
      s.inv_std = inv_std_of(running_var[running_var_offset + c], epsilon);
    } else {
      const __global float *stored = coefficients + coefficients_offset + c;
      s.hi = stored[0];
      s.lo = stored[statistics_count];
      s.inv_std = stored[2 * statistics_count];
    }
    k[g] = affine(s, gamma ? gamma[gamma_offset + c] : 1.0f, beta ? beta[beta_offset + c] : 0.0f);
  }
  x += x_offset + tile.start;
  residual += residual_offset + tile.start;
  y += y_offset + tile.start;
  const ulong after = apply_ahead_of(tile.run);
  const apply_ahead ahead = {after, after};
  group_apply(x, residual, y, tile.segments, tile.run, segment_stride, statistic_stride, ahead, k, alpha, tile.group,
              at);
}
