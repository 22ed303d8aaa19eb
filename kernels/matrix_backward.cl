/* dresidual = g = dy * act'(z), z = gamma * xh + beta + residual; dx = inv_std * (h - mean(h) - xh * mean(h * xh)) with h = gamma * g,
 * of samples that are matrices; and this task's part of dgamma = sum of g * xh and dbeta = sum of g. gamma, beta, dx, dresidual,
 * given_mean, given_inv_std (either NULL: both are measured), dgamma and dbeta (which only say whether they are wanted) may
 * each be NULL.
 *
 * Work:    a work-item owns outer_tile neighbouring samples, inner_tile columns of each, one after the other.
 * Traffic: x and dy are read twice, the second time from cache if a sample fits there; dx is written once; four floats a
 *          column and task are kept. dx or dresidual may be dy.
 * Macros:  WIDTH, GROUP, STREAM, STORAGE, ACTIVATION, RESIDUAL, FOLDED (LOCAL and SAMPLES are 1). */

/* Given statistics of the sample, and by how much their means are off where z needs that. */
INLINE_LOCAL void matrix_spread(matrix_columns *made, const __global storage *x, ulong columns,
                                const __global float *mean, const __global float *inv_std, float epsilon,
                                const matrix_place *at)
{
  const matrix_results nowhere = {0, 0, 0, 0, 1};
  const int given = mean && inv_std;
  int exact = given;
  if (DERIVES) {
    exact = given && samples_are_exact(mean, inv_std, 0, at->count - 1);
  }
  if (!exact) {
    matrix_measure(made, x, columns, epsilon, nowhere, at);
  }
  if (given) {
    float means[MATRIX_COLUMNS], inverse[MATRIX_COLUMNS];
    VSTORE((vec)(0.0f), means);
    VSTORE((vec)(0.0f), inverse);
    for (ulong j = 0; j < at->count; j++) {
      means[j] = mean[j];
      inverse[j] = inv_std[j];
    }
    spread_floats(means, at);
    spread_floats(inverse, at);
    for (uint k = 0; k < at->columns.vectors; k++) {
      const vec center = VLOAD(means + matrix_lane(at, k));
      made->lo[k] = exact ? (vec)(0.0f) : (made->mean[k] - center) + made->lo[k];
      made->mean[k] = center;
      made->inv_std[k] = VLOAD(inverse + matrix_lane(at, k));
    }
  }
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void matrix_backward(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, __global storage *dx, ulong dx_offset,
    __global storage *dresidual, ulong dresidual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, const __global float *dgamma, ulong dgamma_offset,
    const __global float *dbeta, ulong dbeta_offset, __global float *given_mean, ulong given_mean_offset,
    __global float *given_inv_std, ulong given_inv_std_offset, __global float *partials, ulong partials_offset,
    ulong rows, ulong columns, ulong outer_tile, ulong inner_tile, ulong inner_tiles, ulong sample_rows, ulong width,
    ulong tiles, float epsilon, float alpha)
{
  matrix_place at = matrix_place_of(rows / sample_rows, columns, outer_tile, inner_tile, inner_tiles, width);
  const columns_place tile = at.columns;
  const int wants_parameters = dgamma || dbeta, wants_inputs = dx || wants(dresidual);
  const vec_real values = vec_real_from_count(sample_rows * width);
  matrix_columns own;
  column_forward f;
  column_backward k;
  lane_sums sums[GROUP];
  vec_real sum_g[GROUP], sum_gx[GROUP];
  real rounding[MATRIX_COLUMNS], h[MATRIX_COLUMNS], hx[MATRIX_COLUMNS];

  for (uint i = 0; i < tile.vectors; i++) {
    sum_g[i] = sum_gx[i] = vec_real_of((vec)(0.0f), (vec)(0.0f));
  }
  for (ulong s = at.first; s < at.end; s++) {
    matrix_go_to(&at, s, sample_rows);
    matrix_spread(&own, x + x_offset, columns, matrix_statistics(given_mean, given_mean_offset, &at),
                  matrix_statistics(given_inv_std, given_inv_std_offset, &at), epsilon, &at);
    for (uint i = 0; i < tile.vectors; i++) {
      f.mean[i] = k.mean[i] = own.mean[i];
      f.scale[i] = k.a[i] = own.inv_std[i];
      k.weight[i] = load_optional(gamma, gamma_offset + column_of(tile, i), width_of(tile, i), 1.0f);
      if (DERIVES) {
        columns_affine(&f, i, own.lo[i], tile, gamma, gamma_offset, beta, beta_offset, columns);
        k.shift[i] = f.shift[i];
      }
    }
    columns_reduce_gradients(sums, x + x_offset, dy + dy_offset, residual + residual_offset, 0, &f, alpha, columns,
                             at.columns);
    for (uint i = 0; i < tile.vectors; i++) {
      vec_real_to_lanes(sums_d(&sums[i]), rounding + matrix_lane(&at, i));
    }
    join_columns(rounding, &at);
    for (ulong j = 0; j < at.count; j += WIDTH) {
      vec_real_to_lanes(vec_real_divide(vec_real_from_lanes(rounding + j), values), rounding + j);
    }
    spread_reals(rounding, &at);
    for (uint i = 0; i < tile.vectors; i++) {
      const ulong lane = matrix_lane(&at, i);
      const vec_real g = sums_g(&sums[i]), gamma_of = vec_real_of(k.weight[i], (vec)(0.0f));
      const vec_real off =
          vec_real_subtract(sums_gd(&sums[i]), vec_real_multiply(vec_real_from_lanes(rounding + lane), g));
      sum_g[i] = vec_real_add(sum_g[i], g);
      sum_gx[i] = vec_real_add(sum_gx[i], vec_real_multiply(off, vec_real_of(k.a[i], (vec)(0.0f))));
      vec_real_to_lanes(vec_real_multiply(gamma_of, g), h + lane);
      vec_real_to_lanes(vec_real_multiply(gamma_of, off), hx + lane);
    }
    if (!wants_inputs) {
      continue;
    }
    join_columns(h, &at);
    join_columns(hx, &at);
    spread_reals(h, &at);
    spread_reals(hx, &at);
    for (uint i = 0; i < tile.vectors; i++) {
      const ulong lane = matrix_lane(&at, i);
      const vec_real inv_std = vec_real_of(k.a[i], (vec)(0.0f));
      const vec_real slope = vec_real_multiply(
          vec_real_multiply(vec_real_divide(vec_real_from_lanes(hx + lane), values), inv_std), inv_std);
      const vec_real level = vec_real_divide(vec_real_from_lanes(h + lane), values);
      k.b[i] = -vec_real_hi(slope);
      k.c[i] = vec_real_hi(
          vec_real_subtract(vec_real_multiply(vec_real_from_lanes(rounding + lane), slope), level));
    }
    columns_differentiate(x + x_offset, dy + dy_offset, residual + residual_offset,
                          RESIDUAL && !dx ? 0 : dx + dx_offset, wants(dresidual) ? dresidual + dresidual_offset : 0,
                          columns, &k, alpha, at.columns);
  }
  const ulong plane = tiles * columns;
  for (uint i = 0; wants_parameters && i < tile.vectors; i++) {
    __global float *const kept = partials + partials_offset + tile.tile * columns + column_of(tile, i);
    const vec values_of[4] = {vec_real_hi(sum_gx[i]), vec_real_lo(sum_gx[i]), vec_real_hi(sum_g[i]),
                              vec_real_lo(sum_g[i])};
    for (uint part = 0; part < 4; part++) {
      store_most(values_of[part], kept + part * plane, width_of(tile, i));
    }
  }
}
