/* Merges the tiles' partial sums into dbeta and dgamma (each may be NULL) and the coefficients of the dx step.
 * With an activation (0: none) also z's shift, from beta (may be NULL) and what merge_stats left of the mean.
 *
 * Work:    a work-item owns one statistic after another of its group's outer_tile.
 * Traffic: six floats a tile and statistic.
 * Macros:  LOCAL (WIDTH is 1); FROM_RUNNING = 1: mean and spread are the running mean and variance, constants. */
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

  for (ulong c = first + get_local_id(0); c < end; c += LOCAL) {
    const __global float *p = partials + partials_offset + c;
    real g = real_of(0.0f, 0.0f), gd = g, d = g;
    partials_sum(&g, p, 0, plane, statistics_count, tiles);
    partials_sum(&gd, p, 2, plane, statistics_count, tiles);
    partials_sum(&d, p, 4, plane, statistics_count, tiles);
    const float given = spread[spread_offset + c];
    backward_coefficients k;
    finish_gradients(&k, g, gd, d, values, c, FROM_RUNNING, mean[mean_offset + c],
                     FROM_RUNNING ? inv_std_of(given, epsilon) : given, gamma ? gamma[gamma_offset + c] : 1.0f,
                     dgamma ? dgamma + dgamma_offset : 0, dbeta ? dbeta + dbeta_offset : 0);
    __global float *stored = coefficients + coefficients_offset + c;
    if (activation != 0) {
      const finished_statistics s = {k.mean, FROM_RUNNING ? 0.0f : stored[statistics_count], k.a};
      stored[4 * statistics_count] = affine(s, 1.0f, beta ? beta[beta_offset + c] : 0.0f).shift;
    }
    stored[0] = k.mean;
    stored[statistics_count] = k.a;
    stored[2 * statistics_count] = k.b;
    stored[3 * statistics_count] = k.c;
  }
}
