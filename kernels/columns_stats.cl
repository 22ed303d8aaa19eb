/* Partial statistics of one tile of rows: count, sum and squares about the tile's own mean of each column, for merge_stats.
 *
 * With given_mean and given_inv_std only where merge_stats needs more than these; each may be NULL.
 *
 * Work:    a work-group owns one tile of outer_tile rows by inner_tile columns.
 * Traffic: x is read once; six floats a column and tile are written.
 * Macros:  WIDTH, LOCAL, GROUP, STORAGE, SAMPLES (a statistic is `width` columns, of `groups` a sample), FOLDED. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_stats(
    const __global storage *x, ulong x_offset, const __global float *given_mean, ulong given_mean_offset,
    const __global float *given_inv_std, ulong given_inv_std_offset, __global float *partials, ulong partials_offset,
    ulong rows, ulong columns, ulong outer_tile, ulong inner_tile, ulong inner_tiles, ulong sample_rows, ulong width,
    ulong groups, ulong tiles, ulong period, uint lanes)
{
  __local vec_real scratch[LOCAL];
  const columns_place at = columns_place_of(lanes, rows, columns, outer_tile, inner_tile, inner_tiles, sample_rows);
  const vec_real count = vec_real_from_count(at.end - at.first);
  lane_stats states[GROUP];

  int exact = given_mean && given_inv_std;
  for (uint k = 0; exact && k < at.vectors; k++) {
    const ulong column = column_of(at, k);
    if (SAMPLES) {
      exact = samples_are_exact(given_mean + given_mean_offset + at.sample * groups,
                                given_inv_std + given_inv_std_offset + at.sample * groups, column / width,
                                (column + width_of(at, k) - 1) / width);
    } else {
      const uint own = width_of(at, k);
      exact = columns_are_exact(load_columns(given_mean, given_mean_offset, column, own, 0.0f, period),
                                load_columns(given_inv_std, given_inv_std_offset, column, own, 0.0f, period));
    }
  }
  const ulong seen = exact ? 0 : columns_reduce(states, x + x_offset, columns, at);
  for (uint k = 0; k < vectors_of_group(at); k++) {
    column_statistics s;
    columns_combine(&s, states, k, seen, at, scratch);
    if (at.row == 0 && k < at.vectors) {
      const vec values[6] = {vec_real_hi(count), vec_real_lo(count), vec_real_hi(s.sum),
                             vec_real_lo(s.sum), vec_real_hi(s.m2),  vec_real_lo(s.m2)};
      for (uint i = 0; i < 6; i++) {
        store_most(values[i], partials + partials_offset + (i * tiles + at.tile) * columns + column_of(at, k),
                   width_of(at, k));
      }
    }
  }
}
