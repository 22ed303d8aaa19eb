/* Partial statistics of one tile of rows: count, sum and squares about the tile's own mean of each column, for merge_stats.
 *
 * Work:    a work-group owns one tile of outer_tile rows by inner_tile columns.
 * Traffic: x is read once; six floats a column and tile are written.
 * Macros:  WIDTH, LOCAL, GROUP. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_stats(
    const __global float *x, ulong x_offset, __global float *partials, ulong partials_offset, ulong rows, ulong columns,
    ulong outer_tile, ulong inner_tile, ulong inner_tiles, ulong tiles, uint lanes)
{
  __local vec_real scratch[LOCAL];
  const columns_place at = columns_place_of(lanes, rows, columns, outer_tile, inner_tile, inner_tiles);
  lane_stats states[GROUP];
  ulong seen = 0;

  x += x_offset;
  for (uint k = 0; k < at.vectors; k++) {
    stats_clear(&states[k]);
  }
  for (ulong row = at.first + at.row; row < at.end; row += BLOCK * at.rows) {
    const ulong here = min((at.end - row - 1) / at.rows + 1, (ulong)BLOCK);
    for (uint k = 0; k < at.vectors; k++) {
      add_vectors(&states[k], seen, x + row * columns + column_of(at, k), here, at.rows * columns, width_of(at, k));
    }
    seen += here;
  }
  const vec_real count = vec_real_from_count(at.end - at.first);
  const vec_real none = vec_real_of((vec)(0.0f), (vec)(0.0f));
  /* Work-items past the right edge take part in the sums, for the barriers. */
  for (uint k = 0; k < (LOCAL == 1 ? at.vectors : GROUP); k++) {
    const int has = k < at.vectors && seen != 0;
    const vec_real sum = columns_sum(has ? stats_sum(&states[k], seen) : none, at, scratch);
    const vec_real mean = vec_real_divide(sum, count);
    const vec_real m2 = columns_sum(has ? stats_squares(&states[k], seen, mean) : none, at, scratch);
    if (at.row == 0 && k < at.vectors) {
      const vec values[6] = {vec_real_hi(count), vec_real_lo(count), vec_real_hi(sum),
                             vec_real_lo(sum),   vec_real_hi(m2),    vec_real_lo(m2)};
      for (uint i = 0; i < 6; i++) {
        store_most(values[i], partials + partials_offset + (i * tiles + at.tile) * columns + column_of(at, k),
                   width_of(at, k));
      }
    }
  }
}
