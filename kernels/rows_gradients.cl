/* Partial sums of one tile: dy, dy*(x - mean), x - mean, for merge_gradients.
 *
 * Work:    a work-group owns one tile of one statistic: outer_tile segments by inner_tile elements of the run.
 * Traffic: x and dy are read once; six floats a tile are written.
 * Macros:  WIDTH, LOCAL. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_gradients(
    const __global float *x, ulong x_offset, const __global float *dy, ulong dy_offset, const __global float *mean,
    ulong mean_offset, __global float *partials, ulong partials_offset, ulong segments, ulong run, ulong segment_stride,
    ulong statistic_stride, ulong statistics_count, ulong outer_tile, ulong outer_tiles, ulong inner_tile, ulong tiles,
    uint lanes)
{
  __local float2 scratch[LOCAL];
  const rows_place at = rows_place_of(lanes);
  const ulong c = get_group_id(0) % statistics_count;
  const ulong tile = get_group_id(0) / statistics_count;
  const ulong first = tile % outer_tiles * outer_tile;
  const ulong element = tile / outer_tiles * inner_tile;
  const ulong tile_segments = min(segments - first, outer_tile);
  const ulong tile_run = min(run - element, inner_tile);
  const ulong start = c * statistic_stride + first * segment_stride + element;
  lane_sums sums;

  sums_clear(&sums);
  for (ulong segment = at.row; segment < tile_segments; segment += at.rows) {
    const ulong offset = start + segment * segment_stride;
    run_gradients(&sums, x + x_offset + offset, dy + dy_offset + offset, tile_run, mean[mean_offset + c], at);
  }
  const gradient_sums s = sums_combine(&sums, scratch);
  if (get_local_id(0) == 0) {
    const float values[6] = {s.g.hi, s.g.lo, s.gd.hi, s.gd.lo, s.d.hi, s.d.lo};
    for (uint k = 0; k < 6; k++) {
      partials[partials_offset + (k * tiles + tile) * statistics_count + c] = values[k];
    }
  }
}
