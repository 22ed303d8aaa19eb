/* dbeta = sum dy, dgamma = inv_std * sum dy*(x - mean), dx = gamma*inv_std*(dy - dbeta/n - xhat*dgamma/n), in one launch; with
 * frozen statistics dx = gamma*inv_std*dy. dx, dgamma and dbeta may each be NULL.
 *
 * Work:    a work-group owns GROUP neighbouring statistics, whole.
 * Traffic: x and dy are read twice, the second time from cache if a statistic's data fits there; dx is written once.
 * Macros:  WIDTH, LOCAL, GROUP, STREAM; FROM_RUNNING = 1: mean and spread are the running mean and variance, constants. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_backward(
    const __global float *x, ulong x_offset, const __global float *dy, ulong dy_offset, __global float *dx, ulong dx_offset,
    const __global float *gamma, ulong gamma_offset, __global float *dgamma, ulong dgamma_offset, __global float *dbeta,
    ulong dbeta_offset, const __global float *mean, ulong mean_offset, const __global float *spread, ulong spread_offset,
    ulong segments, ulong run, ulong segment_stride, ulong statistic_stride, ulong statistics_count, uint lanes, float epsilon)
{
  __local real scratch[LOCAL];
  const rows_place at = rows_place_of(lanes);
  const ulong first = get_group_id(0) * GROUP;
  const uint group = (uint)min(statistics_count - first, (ulong)GROUP);
  const ulong n = segments * run;
  const int writes = get_local_id(0) == 0;
  lane_sums sums[GROUP];
  backward_coefficients coefficients[GROUP];

  x += x_offset + first * statistic_stride;
  dy += dy_offset + first * statistic_stride;
  for (uint g = 0; g < group; g++) {
    sums_clear(&sums[g]);
  }
  if (!FROM_RUNNING || dgamma || dbeta) {
    rows_reduce_gradients(sums, group, x, dy, mean + mean_offset + first, segments, run, segment_stride, statistic_stride, at);
  }
  for (uint g = 0; g < group; g++) {
    const ulong c = first + g;
    const gradient_sums s = sums_combine(&sums[g], scratch);
    const float given = spread[spread_offset + c];
    coefficients[g] = finish_gradients(s.g, s.gd, s.d, n, c, FROM_RUNNING, mean[mean_offset + c],
                                       FROM_RUNNING ? inv_std_of(given, epsilon) : given,
                                       gamma ? gamma[gamma_offset + c] : 1.0f, writes && dgamma ? dgamma + dgamma_offset : 0,
                                       writes && dbeta ? dbeta + dbeta_offset : 0);
  }
  if (!dx) {
    return;
  }
  dx += dx_offset + first * statistic_stride;
  group_dx(x, dy, dx, segments, run, segment_stride, statistic_stride, coefficients, group, at);
}
