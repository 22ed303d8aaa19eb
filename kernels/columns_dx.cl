/* dx = a * (g + ((x - mean) * b + c)), dresidual = g, g = dy * act'(z), z = (x - mean) * a + shift + residual:
 * coefficients from merge_gradients or, with FROM_RUNNING, dx = a * g from the running statistics. beta and residual
 * may be NULL without an activation; with RESIDUAL dx and dresidual may each be NULL, without dresidual is.
 *
 * Work:    a work-group owns one tile of outer_tile rows by inner_tile columns.
 * Traffic: x, dy and residual are read once (x not at all with FROM_RUNNING and no activation), dx and dresidual
 *          written once. Either may be dy.
 * Macros:  WIDTH, LOCAL, GROUP, FROM_RUNNING, STREAM, STORAGE, ACTIVATION, RESIDUAL, SAMPLES, FOLDED. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_dx(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, __global storage *dx, ulong dx_offset,
    __global storage *dresidual, ulong dresidual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, const __global float *running_mean, ulong running_mean_offset,
    const __global float *running_var, ulong running_var_offset, const __global float *coefficients,
    ulong coefficients_offset, ulong rows, ulong columns, ulong outer_tile, ulong inner_tile, ulong inner_tiles,
    ulong sample_rows, uint lanes, float epsilon, float alpha)
{
  const columns_place at = columns_place_of(lanes, rows, columns, outer_tile, inner_tile, inner_tiles, sample_rows);
  const ulong plane = coefficients_plane(rows, columns, sample_rows);
  column_backward k;

  for (uint i = 0; i < at.vectors; i++) {
    const ulong column = column_of(at, i);
    const uint width = width_of(at, i);
    if (FROM_RUNNING) {
      k.a[i] = vec_inv_std_of(load_most(running_var + running_var_offset + column, width, 1.0f), epsilon) *
               load_optional(gamma, gamma_offset + column, width, 1.0f);
      if (DERIVES) {
        k.mean[i] = load_most(running_mean + running_mean_offset + column, width, 0.0f);
        k.shift[i] = load_optional(beta, beta_offset + column, width, 0.0f);
      }
    } else {
      const __global float *stored = coefficients + coefficients_offset + at.sample * columns + column;
      if (SAMPLES) {
        k.weight[i] = load_optional(gamma, gamma_offset + column, width, 1.0f);
      }
      k.mean[i] = load_most(stored, width, 0.0f);
      k.a[i] = load_most(stored + plane, width, 0.0f);
      k.b[i] = load_most(stored + 2 * plane, width, 0.0f);
      k.c[i] = load_most(stored + 3 * plane, width, 0.0f);
      if (DERIVES) {
        k.shift[i] = load_most(stored + 4 * plane, width, 0.0f);
      }
    }
  }
  columns_differentiate(x + x_offset, dy + dy_offset, residual + residual_offset, RESIDUAL && !dx ? 0 : dx + dx_offset,
                        wants(dresidual) ? dresidual + dresidual_offset : 0, columns, &k, alpha, at);
}
