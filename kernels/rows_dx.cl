/* dx = a * (dy + ((x - mean) * b + c)), coefficients from merge_gradients or, with FROM_RUNNING, dx = gamma * inv_std * dy
 * from the running variance.
 *
 * Work:    a work-group owns one tile of GROUP statistics: outer_tile segments by inner_tile elements of the run.
 * Traffic: x and dy are read once, dx written once. dx may be dy.
 * Macros:  WIDTH, LOCAL, GROUP, FROM_RUNNING, STREAM. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_dx(
    const __global float *x, ulong x_offset, const __global float *dy, ulong dy_offset, __global float *dx, ulong dx_offset,
    const __global float *gamma, ulong gamma_offset, const __global float *running_mean, ulong running_mean_offset,
    const __global float *running_var, ulong running_var_offset, const __global float *coefficients,
    ulong coefficients_offset, ulong segments, ulong run, ulong segment_stride, ulong statistic_stride,
    ulong statistics_count, ulong outer_tile, ulong outer_tiles, ulong inner_tile, uint lanes, float epsilon)
{
  const rows_place at = rows_place_of(lanes);
  const rows_tile tile = rows_tile_of(segments, run, segment_stride, statistic_stride, statistics_count, outer_tile,
                                      outer_tiles, inner_tile);
  backward_coefficients k[GROUP];

  for (uint g = 0; g < tile.group; g++) {
    const ulong c = tile.statistic + g;
    if (FROM_RUNNING) {
      k[g].a = inv_std_of(running_var[running_var_offset + c], epsilon) * (gamma ? gamma[gamma_offset + c] : 1.0f);
    } else {
      const __global float *stored = coefficients + coefficients_offset + c;
      k[g].mean = stored[0];
      k[g].a = stored[statistics_count];
      k[g].b = stored[2 * statistics_count];
      k[g].c = stored[3 * statistics_count];
    }
  }
  x += x_offset + tile.start;
  dy += dy_offset + tile.start;
  dx += dx_offset + tile.start;
  group_dx(x, dy, dx, tile.segments, tile.run, segment_stride, statistic_stride, k, tile.group, at);
}
