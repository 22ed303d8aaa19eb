/* dbeta = sum g, dgamma = inv_std * sum g*(x - mean), dx = gamma*inv_std*(g - dbeta/n - xhat*dgamma/n), dresidual = g,
 * in one launch. g = dy * act'(z), z = gamma*xhat + beta + residual. dx, dresidual, dgamma and dbeta may each be NULL, beta
 * and residual without an activation.
 *
 * Work:    a work-group owns GROUP neighbouring statistics, whole.
 * Traffic: x, dy and residual are read twice, the second time from cache if a statistic's data fits there; dx and
 *          dresidual are written once. With an activation x once more where saved means are far from 0: mean_is_exact.
 * Macros:  WIDTH, LOCAL, GROUP, STREAM, STORAGE, ACTIVATION, RESIDUAL.
 *          With ADDS dgamma or dbeta is added to what is there. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_backward(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, __global storage *dx, ulong dx_offset,
    __global storage *dresidual, ulong dresidual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, __global float *dgamma, ulong dgamma_offset, __global float *dbeta,
    ulong dbeta_offset, const __global float *mean, ulong mean_offset, const __global float *spread, ulong spread_offset,
    ulong segments, ulong run, ulong segment_stride, ulong statistic_stride, ulong statistics_count, uint lanes,
    float alpha)
{
  __local real scratch[LOCAL];
  const rows_place at = rows_place_of(lanes);
  const ulong first = get_group_id(0) * GROUP;
  const uint group = (uint)min(statistics_count - first, (ulong)GROUP);
  const ulong n = segments * run;
  const int writes = get_local_id(0) == 0;
  lane_sums sums[GROUP];
  float lo[GROUP];
  forward_coefficients k[GROUP];
  backward_coefficients coefficients[GROUP];

  x += x_offset + first * statistic_stride;
  dy += dy_offset + first * statistic_stride;
  residual += residual_offset + first * statistic_stride;
  for (uint g = 0; g < group; g++) {
    sums_clear(&sums[g]);
    lo[g] = 0.0f;
  }
  /* What saved means' floats have not. */
  const uint saved = DERIVES ? group : 0;
  for (uint g = 0; g < saved; g++) {
    const ulong c = first + g;
    if (!mean_is_exact(mean[mean_offset + c], spread[spread_offset + c])) {
      rows_reduce_distances(&sums[g], x + g * statistic_stride, mean[mean_offset + c], segments, run, segment_stride, at);
    }
    real distance = lanes_sum(sums_d(&sums[g]), 0, WIDTH);
    distance = work_group_sum(distance, scratch);
    lo[g] = real_hi(real_divide(distance, real_from_count(n)));
    sums_clear(&sums[g]);
  }
  for (uint g = 0; g < group; g++) {
    const ulong c = first + g;
    k[g] = center_only(mean[mean_offset + c]);
    if (DERIVES) {
      const finished_statistics s = {k[g].mean, lo[g], spread[spread_offset + c]};
      k[g] = affine(s, gamma ? gamma[gamma_offset + c] : 1.0f, beta ? beta[beta_offset + c] : 0.0f);
    }
  }
  rows_reduce_gradients(sums, group, x, dy, residual, k, alpha, segments, run, segment_stride, statistic_stride, at);
  for (uint g = 0; g < group; g++) {
    const ulong c = first + g;
    const gradient_sums s = sums_combine(&sums[g], scratch);
    finish_gradients(&coefficients[g], s.g, s.gd, s.d, n, c, 0, mean[mean_offset + c], spread[spread_offset + c],
                     gamma ? gamma[gamma_offset + c] : 1.0f, writes && dgamma ? dgamma + dgamma_offset : 0,
                     writes && dbeta ? dbeta + dbeta_offset : 0);
    coefficients[g].shift = k[g].shift;
  }
  if (!dx && !wants(dresidual)) {
    return;
  }
  dx = RESIDUAL && !dx ? 0 : dx + dx_offset + first * statistic_stride;
  dresidual = wants(dresidual) ? dresidual + dresidual_offset + first * statistic_stride : 0;
  group_dx(x, dy, residual, dx, dresidual, segments, run, segment_stride, statistic_stride, coefficients, alpha, group, at);
}
