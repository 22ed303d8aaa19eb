/* Partial sums of one tile: dy, dy*(x - mean), x - mean, for merge_gradients.
 *
 * Work:    a work-group owns one tile of GROUP statistics: outer_tile segments by inner_tile elements of the run.
 * Traffic: x and dy are read once; six floats a tile are written.
 * Macros:  WIDTH, LOCAL, GROUP. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_gradients(
    const __global float *x, ulong x_offset, const __global float *dy, ulong dy_offset, const __global float *mean,
    ulong mean_offset, __global float *partials, ulong partials_offset, ulong segments, ulong run, ulong segment_stride,
    ulong statistic_stride, ulong statistics_count, ulong outer_tile, ulong outer_tiles, ulong inner_tile, ulong tiles,
    uint lanes)
{
  __local real scratch[LOCAL];
  const rows_place at = rows_place_of(lanes);
  const rows_tile tile = rows_tile_of(segments, run, segment_stride, statistic_stride, statistics_count, outer_tile,
                                      outer_tiles, inner_tile);
  lane_sums sums[GROUP];

  x += x_offset + tile.start;
  dy += dy_offset + tile.start;
  mean += mean_offset + tile.statistic;
  for (uint g = 0; g < tile.group; g++) {
    sums_clear(&sums[g]);
  }
  rows_reduce_gradients(sums, tile.group, x, dy, mean, tile.segments, tile.run, segment_stride, statistic_stride, at);
  for (uint g = 0; g < tile.group; g++) {
    const gradient_sums s = sums_combine(&sums[g], scratch);
    if (get_local_id(0) == 0) {
      const float values[6] = {real_hi(s.g),  real_lo(s.g), real_hi(s.gd),
                               real_lo(s.gd), real_hi(s.d), real_lo(s.d)};
      for (uint k = 0; k < 6; k++) {
        partials[partials_offset + (k * tiles + tile.index) * statistics_count + tile.statistic + g] = values[k];
      }
    }
  }
}
