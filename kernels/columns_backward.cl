/* dbeta = sum dy, dgamma = inv_std * sum dy*(x - mean), dx = gamma*inv_std*(dy - dbeta/n - xhat*dgamma/n), in one launch, for few
 * rows; with frozen statistics dx = gamma*inv_std*dy. dx, dgamma and dbeta may each be NULL.
 *
 * Work:    a work-group owns inner_tile columns, whole.
 * Traffic: x and dy are read twice, the second time from cache if the tile fits there; dx is written once.
 * Macros:  WIDTH, LOCAL, GROUP, STREAM; FROM_RUNNING = 1: mean and spread are the running mean and variance, constants. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_backward(
    const __global float *x, ulong x_offset, const __global float *dy, ulong dy_offset, __global float *dx, ulong dx_offset,
    const __global float *gamma, ulong gamma_offset, __global float *dgamma, ulong dgamma_offset, __global float *dbeta,
    ulong dbeta_offset, const __global float *mean, ulong mean_offset, const __global float *spread, ulong spread_offset,
    ulong rows, ulong columns, ulong outer_tile, ulong inner_tile, ulong inner_tiles, uint lanes, float epsilon)
{
  __local vec_real scratch[LOCAL];
  const columns_place at = columns_place_of(lanes, rows, columns, outer_tile, inner_tile, inner_tiles);
  const vec_real n = vec_real_from_count(rows);
  lane_sums sums[GROUP];
  column_backward k;

  columns_reduce_gradients(sums, x + x_offset, dy + dy_offset, mean + mean_offset, columns, at);
  for (uint i = 0; i < vectors_of_group(at); i++) {
    const vec_real g = columns_sum(sums_g(&sums[i]), at, scratch);
    vec_real gd = columns_sum(sums_gd(&sums[i]), at, scratch);
    const vec_real d = columns_sum(sums_d(&sums[i]), at, scratch);
    if (i >= at.vectors) {
      continue;
    }
    const ulong column = column_of(at, i);
    const uint width = width_of(at, i);
    const vec given = load_most(spread + spread_offset + column, width, 1.0f);
    const vec inv_std = FROM_RUNNING ? vec_inv_std_of(given, epsilon) : given;
    const vec_real wide_inv_std = vec_real_of(inv_std, (vec)(0.0f));
    const vec factor = load_optional(gamma, gamma_offset + column, width, 1.0f);
    /* By how much the saved mean was rounded; see finish_gradients. */
    const vec_real rounding = vec_real_divide(d, n);
    if (!FROM_RUNNING) {
      gd = vec_real_subtract(gd, vec_real_multiply(rounding, g));
    }
    const vec_real scaled = vec_real_multiply(gd, wide_inv_std);
    k.mean[i] = load_most(mean + mean_offset + column, width, 0.0f);
    k.a[i] = inv_std * factor;
    k.b[i] = k.c[i] = (vec)(0.0f);
    if (!FROM_RUNNING) {
      const vec_real slope = vec_real_multiply(vec_real_divide(scaled, n), wide_inv_std);
      k.b[i] = -vec_real_hi(slope);
      k.c[i] = vec_real_hi(vec_real_subtract(vec_real_multiply(rounding, slope), vec_real_divide(g, n)));
    }
    if (at.row == 0 && dgamma) {
      store_most(vec_real_hi(scaled), dgamma + dgamma_offset + column, width);
    }
    if (at.row == 0 && dbeta) {
      store_most(vec_real_hi(g), dbeta + dbeta_offset + column, width);
    }
  }
  if (dx) {
    columns_differentiate(x + x_offset, dy + dy_offset, dx + dx_offset, columns, &k, at);
  }
}
