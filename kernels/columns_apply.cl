/* y = ((x - hi) - lo) * scale + shift, coefficients from merge_stats or, with FROM_RUNNING, from the running statistics.
 *
 * Work:    a work-group owns one tile of outer_tile rows by inner_tile columns.
 * Traffic: x is read once, y written once; the coefficients of the tile's columns are loaded once. y may be x.
 * Macros:  WIDTH, LOCAL, GROUP, FROM_RUNNING. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_apply(
    const __global float *x, ulong x_offset, __global float *y, ulong y_offset, const __global float *gamma,
    ulong gamma_offset, const __global float *beta, ulong beta_offset, const __global float *running_mean,
    ulong running_mean_offset, const __global float *running_var, ulong running_var_offset,
    const __global float *coefficients, ulong coefficients_offset, ulong rows, ulong columns, ulong outer_tile,
    ulong inner_tile, ulong inner_tiles, uint lanes, float epsilon)
{
  const columns_place at = columns_place_of(lanes, get_group_id(0), rows, outer_tile, inner_tile, inner_tiles);
  vec hi[GROUP], lo[GROUP], scale[GROUP], shift[GROUP];

  for (uint k = 0; k < GROUP; k++) {
    const ulong left = columns_left(at, k, columns);
    const ulong column = column_of(at, k);
    hi[k] = lo[k] = scale[k] = shift[k] = (vec)(0.0f);
    if (left == 0) {
      continue;
    }
    if (FROM_RUNNING) {
      hi[k] = load_most(running_mean + running_mean_offset + column, left, 0.0f);
      scale[k] = vec_inv_std_of(load_most(running_var + running_var_offset + column, left, 1.0f), epsilon);
    } else {
      const __global float *stored = coefficients + coefficients_offset + column;
      hi[k] = load_most(stored, left, 0.0f);
      lo[k] = load_most(stored + columns, left, 0.0f);
      scale[k] = load_most(stored + 2 * columns, left, 0.0f);
    }
    scale[k] *= load_optional(gamma, gamma_offset + column, left, 1.0f);
    shift[k] = load_optional(beta, beta_offset + column, left, 0.0f);
  }
  for (ulong row = at.first + at.row; row < at.end; row += at.rows) {
    for (uint k = 0; k < GROUP; k++) {
      const ulong left = columns_left(at, k, columns);
      if (left != 0) {
        const ulong offset = row * columns + column_of(at, k);
        const vec d = (load_most(x + x_offset + offset, left, 0.0f) - hi[k]) - lo[k];
        store_most(MULTIPLY_ADD(d, scale[k], shift[k]), y + y_offset + offset, left);
      }
    }
  }
}
