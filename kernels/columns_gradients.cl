/* Partial sums of one tile of rows: dy, dy*(x - mean), x - mean of each column, for merge_gradients.
 *
 * Work:    a work-group owns one tile of outer_tile rows by inner_tile columns.
 * Traffic: x and dy are read once; six floats a column and tile are written.
 * Macros:  WIDTH, LOCAL, GROUP. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_gradients(
    const __global float *x, ulong x_offset, const __global float *dy, ulong dy_offset, const __global float *mean,
    ulong mean_offset, __global float *partials, ulong partials_offset, ulong rows, ulong columns, ulong outer_tile,
    ulong inner_tile, ulong inner_tiles, ulong tiles, uint lanes)
{
  __local vec scratch_hi[LOCAL];
  __local vec scratch_lo[LOCAL];
  const columns_place at = columns_place_of(lanes, get_group_id(0), rows, outer_tile, inner_tile, inner_tiles);
  const ulong tile = get_group_id(0) / inner_tiles;
  lane_sums sums[GROUP];

  x += x_offset;
  dy += dy_offset;
  mean += mean_offset;
  for (uint k = 0; k < GROUP; k++) {
    sums_clear(&sums[k]);
  }
  for (ulong row = at.first + at.row; row < at.end; row += BLOCK * at.rows) {
    const ulong end = min(row + BLOCK * at.rows, at.end);
    for (uint k = 0; k < GROUP; k++) {
      const ulong left = columns_left(at, k, columns);
      if (left == 0) {
        continue;
      }
      /* A copy, so that the sums stay in registers over the block. */
      lane_sums s = sums[k];
      const vec center = load_most(mean + column_of(at, k), left, 0.0f);
      for (ulong r = row; r < end; r += at.rows) {
        const ulong offset = r * columns + column_of(at, k);
        sums_add(&s, load_most(x + offset, left, 0.0f), load_most(dy + offset, left, 0.0f), center);
      }
      sums[k] = s;
    }
  }
  for (uint k = 0; k < GROUP; k++) {
    const lane_sums s = sums[k];
    const vec_pair g = columns_sum(vec_pair_settle(s.g, s.g_lo), at, scratch_hi, scratch_lo);
    const vec_pair gd = columns_sum(vec_pair_settle(s.gd, s.gd_lo), at, scratch_hi, scratch_lo);
    const vec_pair d = columns_sum(vec_pair_settle(s.d, s.d_lo), at, scratch_hi, scratch_lo);
    const ulong left = columns_left(at, k, columns);
    if (at.row == 0 && left != 0) {
      const vec values[6] = {g.hi, g.lo, gd.hi, gd.lo, d.hi, d.lo};
      for (uint i = 0; i < 6; i++) {
        store_most(values[i], partials + partials_offset + (i * tiles + tile) * columns + column_of(at, k), left);
      }
    }
  }
}
