/* dx = a * (dy + ((x - mean) * b + c)), coefficients from merge_gradients or, with FROM_RUNNING, dx = gamma * inv_std * dy
 * from the running variance.
 *
 * Work:    a work-group owns one tile of outer_tile rows by inner_tile columns.
 * Traffic: x and dy are read once (x not at all with FROM_RUNNING), dx written once. dx may be dy.
 * Macros:  WIDTH, LOCAL, GROUP, FROM_RUNNING, STREAM. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_dx(
    const __global float *x, ulong x_offset, const __global float *dy, ulong dy_offset, __global float *dx, ulong dx_offset,
    const __global float *gamma, ulong gamma_offset, const __global float *running_mean, ulong running_mean_offset,
    const __global float *running_var, ulong running_var_offset, const __global float *coefficients,
    ulong coefficients_offset, ulong rows, ulong columns, ulong outer_tile, ulong inner_tile, ulong inner_tiles, uint lanes,
    float epsilon)
{
  const columns_place at = columns_place_of(lanes, rows, columns, outer_tile, inner_tile, inner_tiles);
  column_backward k;

  for (uint i = 0; i < at.vectors; i++) {
    const ulong column = column_of(at, i);
    const uint width = width_of(at, i);
    if (FROM_RUNNING) {
      k.a[i] = vec_inv_std_of(load_most(running_var + running_var_offset + column, width, 1.0f), epsilon) *
               load_optional(gamma, gamma_offset + column, width, 1.0f);
    } else {
      const __global float *stored = coefficients + coefficients_offset + column;
      k.mean[i] = load_most(stored, width, 0.0f);
      k.a[i] = load_most(stored + columns, width, 0.0f);
      k.b[i] = load_most(stored + 2 * columns, width, 0.0f);
      k.c[i] = load_most(stored + 3 * columns, width, 0.0f);
    }
  }
  columns_differentiate(x + x_offset, dy + dy_offset, dx + dx_offset, columns, &k, at);
}
