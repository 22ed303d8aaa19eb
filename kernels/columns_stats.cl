/* Partial statistics of one tile of rows: count, sum and squares about the tile's own mean of each column, for merge_stats.
 *
 * Work:    a work-group owns one tile of outer_tile rows by inner_tile columns.
 * Traffic: x is read once; six floats a column and tile are written.
 * Macros:  WIDTH, LOCAL, GROUP. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_stats(
    const __global float *x, ulong x_offset, __global float *partials, ulong partials_offset, ulong rows, ulong columns,
    ulong outer_tile, ulong inner_tile, ulong inner_tiles, ulong tiles, uint lanes)
{
  __local vec scratch_hi[LOCAL];
  __local vec scratch_lo[LOCAL];
  const columns_place at = columns_place_of(lanes, get_group_id(0), rows, outer_tile, inner_tile, inner_tiles);
  const ulong tile = get_group_id(0) / inner_tiles;
  lane_stats states[GROUP];
  ulong seen = 0;

  x += x_offset;
  for (uint k = 0; k < GROUP; k++) {
    stats_clear(&states[k]);
  }
  for (ulong row = at.first + at.row; row < at.end; row += BLOCK * at.rows) {
    const ulong here = min((at.end - row - 1) / at.rows + 1, (ulong)BLOCK);
    for (uint k = 0; k < GROUP; k++) {
      const ulong left = columns_left(at, k, columns);
      if (left != 0) {
        add_vectors(&states[k], seen, x + row * columns + column_of(at, k), here, at.rows * columns,
                    (uint)min(left, (ulong)WIDTH));
      }
    }
    seen += here;
  }
  const ulong n = at.end - at.first;
  const vec_pair count = vec_pair_from_count(n);
  for (uint k = 0; k < GROUP; k++) {
    const lane_stats s = states[k];
    const vec_pair sum = columns_sum(vec_pair_settle(s.sum, s.sum_lo), at, scratch_hi, scratch_lo);
    const vec_pair mean = vec_pair_divide(sum, count);
    const vec delta = (s.mean - mean.hi) + (s.mean_lo - mean.lo);
    const vec_pair own = vec_pair_add(vec_pair_settle(s.m2, s.m2_lo),
                                      vec_pair_of((vec)((float)seen) * delta * delta, (vec)(0.0f)));
    const vec_pair none = {(vec)(0.0f), (vec)(0.0f)};
    const vec_pair m2 = columns_sum(seen != 0 ? own : none, at, scratch_hi, scratch_lo);
    const ulong left = columns_left(at, k, columns);
    if (at.row == 0 && left != 0) {
      const vec values[6] = {count.hi, count.lo, sum.hi, sum.lo, m2.hi, m2.lo};
      for (uint i = 0; i < 6; i++) {
        store_most(values[i], partials + partials_offset + (i * tiles + tile) * columns + column_of(at, k), left);
      }
    }
  }
}
