/* dx = a * (g + ((x - mean) * b + c)), dresidual = g, g = dy * act'(z), z = (x - mean) * a + shift + residual:
 * coefficients from merge_gradients or, with FROM_RUNNING, dx = a * g from the running statistics. beta and residual
 * may be NULL without an activation; with RESIDUAL dx and dresidual may each be NULL, without dresidual is.
 *
 * Work:    a work-group owns one tile of GROUP statistics: outer_tile segments by inner_tile elements of the run.
 * Traffic: x, dy and residual are read once, dx and dresidual written once. Either may be dy.
 * Macros:  WIDTH, LOCAL, GROUP, FROM_RUNNING, STREAM, STORAGE, ACTIVATION, RESIDUAL. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_dx(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, __global storage *dx, ulong dx_offset,
    __global storage *dresidual, ulong dresidual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, const __global float *running_mean, ulong running_mean_offset,
    const __global float *running_var, ulong running_var_offset, const __global float *coefficients,
    ulong coefficients_offset, ulong segments, ulong run, ulong segment_stride, ulong statistic_stride,
    ulong statistics_count, ulong outer_tile, ulong outer_tiles, ulong inner_tile, uint lanes, float epsilon, float alpha)
{
  const rows_place at = rows_place_of(lanes);
  const rows_tile tile = rows_tile_of(segments, run, segment_stride, statistic_stride, statistics_count, outer_tile,
                                      outer_tiles, inner_tile);
  backward_coefficients k[GROUP];

  for (uint g = 0; g < tile.group; g++) {
    const ulong c = tile.statistic + g;
    if (FROM_RUNNING) {
      k[g].a = inv_std_of(running_var[running_var_offset + c], epsilon) * (gamma ? gamma[gamma_offset + c] : 1.0f);
      if (DERIVES) {
        k[g].mean = running_mean[running_mean_offset + c];
        k[g].shift = beta ? beta[beta_offset + c] : 0.0f;
      }
    } else {
      const __global float *stored = coefficients + coefficients_offset + c;
      k[g].mean = stored[0];
      k[g].a = stored[statistics_count];
      k[g].b = stored[2 * statistics_count];
      k[g].c = stored[3 * statistics_count];
      if (DERIVES) {
        k[g].shift = stored[4 * statistics_count];
      }
    }
  }
  x += x_offset + tile.start;
  dy += dy_offset + tile.start;
  residual += residual_offset + tile.start;
  dx = RESIDUAL && !dx ? 0 : dx + dx_offset + tile.start;
  dresidual = wants(dresidual) ? dresidual + dresidual_offset + tile.start : 0;
  group_dx(x, dy, residual, dx, dresidual, tile.segments, tile.run, segment_stride, statistic_stride, k, alpha, tile.group,
           at);
}
