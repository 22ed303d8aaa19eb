/* y = act(gamma * (x - mean) * inv_std + beta + residual) with the statistics of each sample, a matrix, in one launch. gamma, beta,
 * mean, inv_std and moments (what merge_running takes) may each be NULL.
 *
 * Work:    a work-item owns outer_tile neighbouring samples, inner_tile columns of each, one after the other.
 * Traffic: x is read twice, the second time from cache if a sample fits there; y is written once. y may be x or residual.
 * Macros:  WIDTH, GROUP, STREAM, STORAGE, ACTIVATION, RESIDUAL, FOLDED (LOCAL and SAMPLES are 1). */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void matrix_forward(
    const __global storage *x, ulong x_offset, const __global storage *residual, ulong residual_offset,
    __global storage *y, ulong y_offset, const __global float *gamma, ulong gamma_offset, const __global float *beta,
    ulong beta_offset, __global float *mean, ulong mean_offset, __global float *inv_std, ulong inv_std_offset,
    __global float *moments, ulong moments_offset, ulong rows, ulong columns, ulong outer_tile, ulong inner_tile,
    ulong inner_tiles, ulong sample_rows, ulong width, ulong statistics_count, ulong divisor, float epsilon,
    float alpha)
{
  matrix_place at = matrix_place_of(rows / sample_rows, columns, outer_tile, inner_tile, inner_tiles, width);
  matrix_columns own;
  column_forward k;

  for (ulong s = at.first; s < at.end; s++) {
    matrix_go_to(&at, s, sample_rows);
    const matrix_results to = {matrix_statistics(mean, mean_offset, &at),
                               matrix_statistics(inv_std, inv_std_offset, &at),
                               matrix_statistics(moments, moments_offset, &at), statistics_count, divisor};
    matrix_measure(&own, x + x_offset, columns, epsilon, to, &at);
    for (uint i = 0; i < at.columns.vectors; i++) {
      k.mean[i] = own.mean[i];
      k.scale[i] = own.inv_std[i];
      columns_affine(&k, i, own.lo[i], at.columns, gamma, gamma_offset, beta, beta_offset, columns);
    }
    columns_normalize(x + x_offset, residual + residual_offset, y + y_offset, columns, &k, alpha, at.columns);
  }
}
