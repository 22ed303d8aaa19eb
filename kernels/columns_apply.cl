/* y = act((x - mean) * scale + shift + residual), coefficients from merge_stats or, with FROM_RUNNING, from the running
 * statistics.
 *
 * Work:    a work-group owns one tile of outer_tile rows by inner_tile columns.
 * Traffic: x and residual are read once, y written once; the coefficients of the tile's columns are loaded once. y may
 *          be x or residual.
 * Macros:  WIDTH, LOCAL, GROUP, FROM_RUNNING, STREAM, STORAGE, ACTIVATION, RESIDUAL, SAMPLES, FOLDED. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_apply(
    const __global storage *x, ulong x_offset, const __global storage *residual, ulong residual_offset,
    __global storage *y, ulong y_offset, const __global float *gamma, ulong gamma_offset, const __global float *beta,
    ulong beta_offset, const __global float *running_mean, ulong running_mean_offset, const __global float *running_var,
    ulong running_var_offset, const __global float *coefficients, ulong coefficients_offset, ulong rows, ulong columns,
    ulong outer_tile, ulong inner_tile, ulong inner_tiles, ulong sample_rows, uint lanes, float epsilon, float alpha)
{
  const columns_place at = columns_place_of(lanes, rows, columns, outer_tile, inner_tile, inner_tiles, sample_rows);
  const ulong plane = coefficients_plane(rows, columns, sample_rows);
  column_forward k;

  for (uint i = 0; i < at.vectors; i++) {
    const ulong column = column_of(at, i);
    const uint width = width_of(at, i);
    vec lo = (vec)(0.0f);
    if (FROM_RUNNING) {
      k.mean[i] = load_most(running_mean + running_mean_offset + column, width, 0.0f);
      k.scale[i] = vec_inv_std_of(load_most(running_var + running_var_offset + column, width, 1.0f), epsilon);
    } else {
      const __global float *stored = coefficients + coefficients_offset + at.sample * columns + column;
      k.mean[i] = load_most(stored, width, 0.0f);
      lo = load_most(stored + plane, width, 0.0f);
      k.scale[i] = load_most(stored + 2 * plane, width, 0.0f);
    }
    columns_affine(&k, i, lo, at, gamma, gamma_offset, beta, beta_offset, columns);
  }
  columns_normalize(x + x_offset, residual + residual_offset, y + y_offset, columns, &k, alpha, at);
}
