/* Merges the tiles' partial sums into dbeta and dgamma (each may be NULL) and the coefficients of the dx step.
 * With an activation (0: none) also z's shift, from beta (may be NULL) and what merge_stats left of the mean.
 *
 * Work:    a work-item owns WIDTH neighbouring statistics after others of its group's outer_tile.
 * Traffic: six floats a tile and statistic.
 * Macros:  WIDTH, LOCAL; FROM_RUNNING = 1: mean and spread are the running mean and variance, constants.
 *          With ADDS dgamma or dbeta is added to what is there. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void merge_gradients(
    const __global float *partials, ulong partials_offset, __global float *coefficients, ulong coefficients_offset,
    const __global float *gamma, ulong gamma_offset, const __global float *beta, ulong beta_offset,
    __global float *dgamma, ulong dgamma_offset, __global float *dbeta, ulong dbeta_offset, const __global float *mean,
    ulong mean_offset, const __global float *spread, ulong spread_offset, ulong values, ulong statistics_count,
    ulong outer_tile, ulong tiles, uint activation, float epsilon)
{
  const ulong first = get_group_id(0) * outer_tile;
  const ulong end = min(first + outer_tile, statistics_count);
  const ulong plane = tiles * statistics_count;

  for (ulong c = first + get_local_id(0) * WIDTH; c < end; c += LOCAL * WIDTH) {
    const uint width = (uint)min(end - c, (ulong)WIDTH);
    const __global float *p = partials + partials_offset + c;
    __global float *stored = coefficients + coefficients_offset + c;
    const vec given = load_most(spread + spread_offset + c, width, 1.0f);
    vec_real g, gd, d;
    vec a, b, k;
    partials_sum(&g, p, 0, plane, statistics_count, tiles, width);
    partials_sum(&gd, p, 2, plane, statistics_count, tiles, width);
    partials_sum(&d, p, 4, plane, statistics_count, tiles, width);
    columns_finish_gradients(&a, &b, &k, g, gd, d, values, c, 0, width,
                             FROM_RUNNING ? vec_inv_std_of(given, epsilon) : given,
                             load_optional(gamma, gamma_offset + c, width, 1.0f), dgamma ? dgamma + dgamma_offset : 0,
                             dbeta ? dbeta + dbeta_offset : 0);
    if (activation != 0) {
      const vec lo = FROM_RUNNING ? (vec)(0.0f) : load_most(stored + statistics_count, width, 0.0f);
      store_most(columns_shift(load_optional(beta, beta_offset + c, width, 0.0f), a, lo), stored + 4 * statistics_count,
                 width);
    }
    store_most(load_most(mean + mean_offset + c, width, 0.0f), stored, width);
    store_most(a, stored + statistics_count, width);
    store_most(b, stored + 2 * statistics_count, width);
    store_most(k, stored + 3 * statistics_count, width);
  }
}
