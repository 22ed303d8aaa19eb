/* dbeta = sum g, dgamma = inv_std * sum g*(x - mean), dx = gamma*inv_std*(g - dbeta/n - xhat*dgamma/n), dresidual = g,
 * in one launch, for few rows. g = dy * act'(z), z = gamma*xhat + beta + residual. dx, dresidual, dgamma and dbeta may each
 * be NULL, beta and residual without an activation.
 *
 * Work:    a work-group owns inner_tile columns, whole.
 * Traffic: x, dy and residual are read twice, the second time from cache if the tile fits there; dx and dresidual are
 *          written once. With an activation x once more where saved means are far from 0: mean_is_exact.
 * Macros:  WIDTH, LOCAL, GROUP, STREAM, STORAGE, ACTIVATION, RESIDUAL.
 *          With ADDS dgamma or dbeta is added to what is there. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_backward(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, __global storage *dx, ulong dx_offset,
    __global storage *dresidual, ulong dresidual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, __global float *dgamma, ulong dgamma_offset, __global float *dbeta,
    ulong dbeta_offset, const __global float *mean, ulong mean_offset, const __global float *spread,
    ulong spread_offset, ulong rows, ulong columns, ulong outer_tile, ulong inner_tile, ulong inner_tiles,
    ulong sample_rows, uint lanes, float alpha)
{
  __local vec_real scratch[LOCAL];
  const columns_place at = columns_place_of(lanes, rows, columns, outer_tile, inner_tile, inner_tiles, sample_rows);
  lane_sums sums[GROUP];
  column_forward f;
  column_backward k;

  for (uint i = 0; DERIVES && i < vectors_of_group(at); i++) {
    const int has = i < at.vectors;
    const ulong column = has ? column_of(at, i) : 0;
    const uint width = has ? width_of(at, i) : 0;
    const vec inv_std = load_most(spread + spread_offset + column, width, 1.0f);
    const vec center = load_most(mean + mean_offset + column, width, 0.0f);
    const int need = has && !columns_are_exact(center, inv_std);
    const vec lo = columns_mean_rest(x + x_offset, center, columns, i, need, at, scratch);
    if (has) {
      f.mean[i] = center;
      f.scale[i] = inv_std;
      columns_affine(&f, i, lo, at, gamma, gamma_offset, beta, beta_offset, columns);
    }
  }
  columns_reduce_gradients(sums, x + x_offset, dy + dy_offset, residual + residual_offset, mean + mean_offset, &f,
                           alpha, columns, at);
  for (uint i = 0; i < vectors_of_group(at); i++) {
    const vec_real g = columns_sum(sums_g(&sums[i]), at, scratch);
    const vec_real gd = columns_sum(sums_gd(&sums[i]), at, scratch);
    const vec_real d = columns_sum(sums_d(&sums[i]), at, scratch);
    if (i >= at.vectors) {
      continue;
    }
    const ulong column = column_of(at, i);
    const uint width = width_of(at, i);
    const vec inv_std = load_most(spread + spread_offset + column, width, 1.0f);
    k.mean[i] = load_most(mean + mean_offset + column, width, 0.0f);
    if (DERIVES) {
      k.shift[i] = f.shift[i];
    }
    columns_finish_gradients(&k.a[i], &k.b[i], &k.c[i], g, gd, d, rows, column, i == at.whole ? edge_overlap(at) : 0,
                             width, inv_std, load_optional(gamma, gamma_offset + column, width, 1.0f),
                             at.row == 0 && dgamma ? dgamma + dgamma_offset : 0,
                             at.row == 0 && dbeta ? dbeta + dbeta_offset : 0);
  }
  if (dx || wants(dresidual)) {
    columns_differentiate(x + x_offset, dy + dy_offset, residual + residual_offset,
                          RESIDUAL && !dx ? 0 : dx + dx_offset, wants(dresidual) ? dresidual + dresidual_offset : 0,
                          columns, &k, alpha, at);
  }
}
