/* dx = a * (dy - b - ((x - hi) - lo) * c), coefficients from merge_gradients or, with FROM_RUNNING, dx = gamma * inv_std * dy
 * from the running variance.
 *
 * Work:    a work-group owns outer_tile runs, or inner_tile elements of one run.
 * Traffic: x and dy are read once, dx written once. dx may be dy.
 * Macros:  WIDTH, LOCAL, FROM_RUNNING. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_dx(
    const __global float *x, ulong x_offset, const __global float *dy, ulong dy_offset, __global float *dx, ulong dx_offset,
    const __global float *gamma, ulong gamma_offset, const __global float *running_mean, ulong running_mean_offset,
    const __global float *running_var, ulong running_var_offset, const __global float *coefficients,
    ulong coefficients_offset, ulong runs, ulong run, ulong statistics_count, ulong outer_tile, ulong outer_tiles,
    ulong inner_tile, uint lanes, float epsilon)
{
  const rows_place at = rows_place_of(lanes);
  const ulong tile = get_group_id(0);
  const ulong first = tile % outer_tiles * outer_tile;
  const ulong element = tile / outer_tiles * inner_tile;
  const ulong end = min(first + outer_tile, runs);
  const ulong length = min(run - element, inner_tile);

  for (ulong r = first + at.row; r < end; r += at.rows) {
    const ulong c = r % statistics_count;
    const ulong start = r * run + element;
    backward_coefficients k = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
    if (FROM_RUNNING) {
      k.hi = running_mean[running_mean_offset + c];
      k.a = inv_std_of(running_var[running_var_offset + c], epsilon) * (gamma ? gamma[gamma_offset + c] : 1.0f);
    } else {
      const __global float *stored = coefficients + coefficients_offset + c;
      k.hi = stored[0];
      k.lo = stored[statistics_count];
      k.a = stored[2 * statistics_count];
      k.b = stored[3 * statistics_count];
      k.c = stored[4 * statistics_count];
    }
    run_dx(x + x_offset + start, dy + dy_offset + start, dx + dx_offset + start, length, k, at);
  }
}
