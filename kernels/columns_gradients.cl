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

  columns_reduce_gradients(sums, x + x_offset, dy + dy_offset, mean + mean_offset, columns, at);
  for (uint k = 0; k < vectors_of_group(at); k++) {
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
