/* Partial sums of one tile: g, g*(x - mean), x - mean, g = dy * act'(z), for merge_gradients.
 *
 * With an activation z takes what merge_stats left of the mean in the coefficients, spread (inv_std), gamma, beta (each may
 * be NULL) and the residual; without, all of these are NULL or not read.
 *
 * Work:    a work-group owns one tile of GROUP statistics: outer_tile segments by inner_tile elements of the run.
 * Traffic: x, dy and residual are read once; six floats a tile are written.
 * Macros:  WIDTH, LOCAL, GROUP, STORAGE, ACTIVATION, RESIDUAL. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_gradients(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, const __global float *mean, ulong mean_offset,
    const __global float *spread, ulong spread_offset, const __global float *coefficients, ulong coefficients_offset,
    __global float *partials, ulong partials_offset, ulong segments, ulong run, ulong segment_stride,
    ulong statistic_stride, ulong statistics_count, ulong outer_tile, ulong outer_tiles, ulong inner_tile, ulong tiles,
    uint lanes, float alpha)
{
  __local real scratch[LOCAL];
  const rows_place at = rows_place_of(lanes);
  const rows_tile tile = rows_tile_of(segments, run, segment_stride, statistic_stride, statistics_count, outer_tile,
                                      outer_tiles, inner_tile);
  lane_sums sums[GROUP];
  forward_coefficients k[GROUP];

  x += x_offset + tile.start;
  dy += dy_offset + tile.start;
  residual += residual_offset + tile.start;
  for (uint g = 0; g < tile.group; g++) {
    const ulong c = tile.statistic + g;
    sums_clear(&sums[g]);
    k[g] = center_only(mean[mean_offset + c]);
    if (DERIVES) {
      const finished_statistics s = {k[g].mean, coefficients[coefficients_offset + statistics_count + c],
                                     spread[spread_offset + c]};
      k[g] = affine(s, gamma ? gamma[gamma_offset + c] : 1.0f, beta ? beta[beta_offset + c] : 0.0f);
    }
  }
  rows_reduce_gradients(sums, tile.group, x, dy, residual, k, alpha, tile.segments, tile.run, segment_stride,
                        statistic_stride, at);
  for (uint g = 0; g < tile.group; g++) {
    const gradient_sums s = sums_combine(&sums[g], scratch);
    if (get_local_id(0) == 0) {
      const float values[6] = {real_hi(s.g),  real_lo(s.g), real_hi(s.gd),
                               real_lo(s.gd), real_hi(s.d), real_lo(s.d)};
      for (uint i = 0; i < 6; i++) {
        partials[partials_offset + (i * tiles + tile.index) * statistics_count + tile.statistic + g] = values[i];
      }
    }
  }
}
