/* y = ((x - hi) - lo) * scale + shift, coefficients from merge_stats or, with FROM_RUNNING, from the running statistics.
 *
 * Work:    a work-group owns outer_tile runs, or inner_tile elements of one run.
 * Traffic: x is read once, y written once. y may be x.
 * Macros:  WIDTH, LOCAL, FROM_RUNNING. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_apply(
    const __global float *x, ulong x_offset, __global float *y, ulong y_offset, const __global float *gamma,
    ulong gamma_offset, const __global float *beta, ulong beta_offset, const __global float *running_mean,
    ulong running_mean_offset, const __global float *running_var, ulong running_var_offset,
    const __global float *coefficients, ulong coefficients_offset, ulong runs, ulong run, ulong statistics_count,
    ulong outer_tile, ulong outer_tiles, ulong inner_tile, uint lanes, float epsilon)
{
  const rows_place at = rows_place_of(lanes);
  const ulong tile = get_group_id(0);
  const ulong first = tile % outer_tiles * outer_tile;
  const ulong element = tile / outer_tiles * inner_tile;
  const ulong end = min(first + outer_tile, runs);
  const ulong length = min(run - element, inner_tile);

  for (ulong r = first + at.row; r < end; r += at.rows) {
    const ulong c = r % statistics_count;
    forward_coefficients k;
    if (FROM_RUNNING) {
      k.hi = running_mean[running_mean_offset + c];
      k.lo = 0.0f;
      k.scale = inv_std_of(running_var[running_var_offset + c], epsilon);
    } else {
      const __global float *stored = coefficients + coefficients_offset + c;
      k.hi = stored[0];
      k.lo = stored[statistics_count];
      k.scale = stored[2 * statistics_count];
    }
    k.scale *= gamma ? gamma[gamma_offset + c] : 1.0f;
    k.shift = beta ? beta[beta_offset + c] : 0.0f;
    run_apply(x + x_offset + r * run + element, y + y_offset + r * run + element, length, k, at);
  }
}
