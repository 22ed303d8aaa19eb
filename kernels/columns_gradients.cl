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
  __local vec_real scratch[LOCAL];
  const columns_place at = columns_place_of(lanes, rows, columns, outer_tile, inner_tile, inner_tiles);
  lane_sums sums[GROUP];

  x += x_offset;
  dy += dy_offset;
  mean += mean_offset;
  for (uint k = 0; k < GROUP; k++) {
    sums_clear(&sums[k]);
  }
  for (ulong row = at.first + at.row; row < at.end; row += BLOCK * at.rows) {
    const ulong end = min(row + BLOCK * at.rows, at.end);
    for (uint k = 0; k < at.whole; k++) {
      /* A copy, so that the sums stay in registers over the block. */
      lane_sums s = sums[k];
      const vec center = VLOAD(mean + column_of(at, k));
      for (ulong r = row; r < end; r += at.rows) {
        const ulong offset = r * columns + column_of(at, k);
        sums_add(&s, VLOAD(x + offset), VLOAD(dy + offset), center);
      }
      sums[k] = s;
    }
    if (at.vectors > at.whole) {
      lane_sums s = sums[at.whole];
      const vec center = load_most(mean + at.edge, at.edge_width, 0.0f);
      for (ulong r = row; r < end; r += at.rows) {
        const ulong offset = r * columns + at.edge;
        sums_add(&s, load_most(x + offset, at.edge_width, 0.0f), load_most(dy + offset, at.edge_width, 0.0f), center);
      }
      sums[at.whole] = s;
    }
  }
  for (uint k = 0; k < (LOCAL == 1 ? at.vectors : GROUP); k++) {
    const vec_real g = columns_sum(sums_g(&sums[k]), at, scratch);
    const vec_real gd = columns_sum(sums_gd(&sums[k]), at, scratch);
    const vec_real d = columns_sum(sums_d(&sums[k]), at, scratch);
    if (at.row == 0 && k < at.vectors) {
      const vec values[6] = {vec_real_hi(g),  vec_real_lo(g), vec_real_hi(gd),
                             vec_real_lo(gd), vec_real_hi(d), vec_real_lo(d)};
      for (uint i = 0; i < 6; i++) {
        store_most(values[i], partials + partials_offset + (i * tiles + at.tile) * columns + column_of(at, k),
                   width_of(at, k));
      }
    }
  }
}
