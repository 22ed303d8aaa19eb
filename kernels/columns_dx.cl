/* dx = a * (dy - b - ((x - hi) - lo) * c), coefficients from merge_gradients or, with FROM_RUNNING, dx = gamma * inv_std * dy
 * from the running variance.
 *
 * Work:    a work-group owns one tile of outer_tile rows by inner_tile columns.
 * Traffic: x and dy are read once (x not at all with FROM_RUNNING), dx written once. dx may be dy.
 * Macros:  WIDTH, LOCAL, GROUP, FROM_RUNNING. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_dx(
    const __global float *x, ulong x_offset, const __global float *dy, ulong dy_offset, __global float *dx, ulong dx_offset,
    const __global float *gamma, ulong gamma_offset, const __global float *running_mean, ulong running_mean_offset,
    const __global float *running_var, ulong running_var_offset, const __global float *coefficients,
    ulong coefficients_offset, ulong rows, ulong columns, ulong outer_tile, ulong inner_tile, ulong inner_tiles, uint lanes,
    float epsilon)
{
  const columns_place at = columns_place_of(lanes, get_group_id(0), rows, outer_tile, inner_tile, inner_tiles);
  vec hi[GROUP], lo[GROUP], a[GROUP], b[GROUP], c[GROUP];

  for (uint k = 0; k < GROUP; k++) {
    const ulong left = columns_left(at, k, columns);
    const ulong column = column_of(at, k);
    hi[k] = lo[k] = a[k] = b[k] = c[k] = (vec)(0.0f);
    if (left == 0) {
      continue;
    }
    if (FROM_RUNNING) {
      a[k] = vec_inv_std_of(load_most(running_var + running_var_offset + column, left, 1.0f), epsilon) *
             load_optional(gamma, gamma_offset + column, left, 1.0f);
    } else {
      const __global float *stored = coefficients + coefficients_offset + column;
      hi[k] = load_most(stored, left, 0.0f);
      lo[k] = load_most(stored + columns, left, 0.0f);
      a[k] = load_most(stored + 2 * columns, left, 0.0f);
      b[k] = load_most(stored + 3 * columns, left, 0.0f);
      c[k] = load_most(stored + 4 * columns, left, 0.0f);
    }
  }
  for (ulong row = at.first + at.row; row < at.end; row += at.rows) {
    for (uint k = 0; k < GROUP; k++) {
      const ulong left = columns_left(at, k, columns);
      if (left != 0) {
        const ulong offset = row * columns + column_of(at, k);
        vec value = load_most(dy + dy_offset + offset, left, 0.0f);
        if (!FROM_RUNNING) {
          const vec d = (load_most(x + x_offset + offset, left, 0.0f) - hi[k]) - lo[k];
          value = value - b[k] - d * c[k];
        }
        store_most(a[k] * value, dx + dx_offset + offset, left);
      }
    }
  }
}
