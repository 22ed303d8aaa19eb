/* Partial statistics of one tile: count, sum and squares about the tile's own mean, for merge_stats.
 *
 * With given_mean and given_inv_std only where merge_stats needs more than these; each may be NULL.
 *
 * Work:    a work-group owns one tile of GROUP statistics: outer_tile segments by inner_tile elements of the run.
 * Traffic: x is read once; six floats a tile are written.
 * Macros:  WIDTH, LOCAL, GROUP, STORAGE. */

/* 1 if the floats of all saved means are enough: the work-group's tile is not needed. */
static inline int are_exact(const __global float *mean, const __global float *inv_std, uint group)
{
  int exact = mean && inv_std;
  for (uint g = 0; exact && g < group; g++) {
    exact = mean_is_exact(mean[g], inv_std[g]);
  }
  return exact;
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_stats(
    const __global storage *x, ulong x_offset, const __global float *given_mean, ulong given_mean_offset,
    const __global float *given_inv_std, ulong given_inv_std_offset, __global float *partials, ulong partials_offset,
    ulong segments, ulong run, ulong segment_stride, ulong statistic_stride, ulong statistics_count, ulong outer_tile,
    ulong outer_tiles, ulong inner_tile, ulong tiles, uint lanes)
{
  __local real scratch[LOCAL];
  const rows_place at = rows_place_of(lanes);
  const rows_tile tile = rows_tile_of(segments, run, segment_stride, statistic_stride, statistics_count, outer_tile,
                                      outer_tiles, inner_tile);
  const ulong n = tile.segments * tile.run;
  rows_stats_state states[GROUP];

  x += x_offset + tile.start;
  for (uint g = 0; g < tile.group; g++) {
    stats_clear(&states[g].body);
    stats_clear(&states[g].tail);
  }
  rows_counts seen = {0, 0};
  if (!are_exact(given_mean ? given_mean + given_mean_offset + tile.statistic : 0,
                 given_inv_std ? given_inv_std + given_inv_std_offset + tile.statistic : 0, tile.group)) {
    seen = rows_reduce(states, tile.group, x, tile.segments, tile.run, segment_stride, statistic_stride, at);
  }
  for (uint g = 0; g < tile.group; g++) {
    const statistics s = rows_combine(&states[g], seen, tile.run, n, 1, at, scratch);
    if (get_local_id(0) == 0) {
      const real count = real_from_count(n);
      const float values[6] = {real_hi(count), real_lo(count), real_hi(s.sum), real_lo(s.sum), real_hi(s.m2), real_lo(s.m2)};
      for (uint k = 0; k < 6; k++) {
        partials[partials_offset + (k * tiles + tile.index) * statistics_count + tile.statistic + g] = values[k];
      }
    }
  }
}
