/* Partial sums of one tile of rows: g, g*(x - mean), x - mean of each column, g = dy * act'(z), for merge_gradients.
 *
 * With an activation z takes what merge_stats left of the mean in the coefficients, spread (inv_std, or with
 * FROM_RUNNING the variance), gamma, beta (each may be NULL) and the residual; without, all of these are NULL or not
 * read. With SAMPLES mean and inv_std come from the coefficients too.
 *
 * Work:    a work-group owns one tile of outer_tile rows by inner_tile columns.
 * Traffic: x, dy and residual are read once; six floats a column and tile are written.
 * Macros:  WIDTH, LOCAL, GROUP, STORAGE, ACTIVATION, RESIDUAL, FROM_RUNNING, SAMPLES, FOLDED. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_gradients(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, const __global float *mean, ulong mean_offset,
    const __global float *spread, ulong spread_offset, const __global float *coefficients, ulong coefficients_offset,
    __global float *partials, ulong partials_offset, ulong rows, ulong columns, ulong outer_tile, ulong inner_tile,
    ulong inner_tiles, ulong sample_rows, ulong tiles, ulong period, uint lanes, float epsilon, float alpha)
{
  __local vec_real scratch[LOCAL];
  const columns_place at = columns_place_of(lanes, rows, columns, outer_tile, inner_tile, inner_tiles, sample_rows);
  lane_sums sums[GROUP];
  column_forward f;
  const ulong plane = coefficients_plane(rows, FOLDED ? period : columns, sample_rows);
  const __global float *stored = coefficients + coefficients_offset + at.sample * columns;
  const __global float *center = SAMPLES ? stored : mean + mean_offset;
  const __global float *spreads = SAMPLES ? stored + 2 * plane : spread + spread_offset;

  for (uint k = 0; (DERIVES || FOLDED) && k < at.vectors; k++) {
    const ulong column = column_of(at, k);
    const uint width = width_of(at, k);
    f.mean[k] = load_columns(center, 0, column, width, 0.0f, period);
    if (!DERIVES) {
      continue;
    }
    const vec given = load_columns(spreads, 0, column, width, 1.0f, period);
    vec lo = (vec)(0.0f);
    if (!FROM_RUNNING) {
      lo = load_columns(stored + plane, 0, column, width, 0.0f, period);
    }
    f.scale[k] = FROM_RUNNING ? vec_inv_std_of(given, epsilon) : given;
    columns_affine(&f, k, lo, at, gamma, gamma_offset, beta, beta_offset, period);
  }
  columns_reduce_gradients(sums, x + x_offset, dy + dy_offset, residual + residual_offset, FOLDED ? 0 : center, &f,
                           alpha, columns, at);
  for (uint k = 0; k < vectors_of_group(at); k++) {
    const vec_real g = columns_sum(sums_g(&sums[k]), at, scratch);
    const vec_real gd = columns_sum(sums_gd(&sums[k]), at, scratch);
    const vec_real d = columns_sum(sums_d(&sums[k]), at, scratch);
    if (at.row == 0 && k < at.vectors) {
      const vec values[6] = {vec_real_hi(g),  vec_real_lo(g), vec_real_hi(gd),
                             vec_real_lo(gd), vec_real_hi(d), vec_real_lo(d)};
      for (uint i = 0; i < 6; i++) {
        store_most(values[i], partials + partials_offset + (i * tiles + at.tile) * columns + column_of(at, k),
                   width_of(at, k));
      }
    }
  }
}
