/* Partial statistics of one tile: count, sum and squares about the tile's own mean, for merge_stats.
 *
 * Work:    a work-group owns one tile of one statistic: outer_tile segments by inner_tile elements of the run.
 * Traffic: x is read once; six floats a tile are written.
 * Macros:  WIDTH, LOCAL. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_stats(
    const __global float *x, ulong x_offset, __global float *partials, ulong partials_offset, ulong segments, ulong run,
    ulong segment_stride, ulong statistic_stride, ulong statistics_count, ulong outer_tile, ulong outer_tiles, ulong inner_tile,
    ulong tiles, uint lanes)
{
  __local float2 scratch[LOCAL];
  const rows_place at = rows_place_of(lanes);
  const ulong c = get_group_id(0) % statistics_count;
  const ulong tile = get_group_id(0) / statistics_count;
  const ulong segment = tile % outer_tiles * outer_tile;
  const ulong element = tile / outer_tiles * inner_tile;
  const ulong tile_segments = min(segments - segment, outer_tile);
  const ulong tile_run = min(run - element, inner_tile);
  const ulong n = tile_segments * tile_run;
  rows_stats_state state;

  x += x_offset + c * statistic_stride + segment * segment_stride + element;
  stats_clear(&state.body);
  stats_clear(&state.tail);
  const rows_counts seen = rows_reduce(&state, 1, x, tile_segments, tile_run, segment_stride, statistic_stride, at);
  const statistics s = rows_combine(&state, seen, lane_tail(at, tile_run), n, scratch);
  if (get_local_id(0) == 0) {
    const pair count = pair_from_count(n);
    const float values[6] = {count.hi, count.lo, s.sum.hi, s.sum.lo, s.m2.hi, s.m2.lo};
    for (uint k = 0; k < 6; k++) {
      partials[partials_offset + (k * tiles + tile) * statistics_count + c] = values[k];
    }
  }
}
