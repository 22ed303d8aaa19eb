/* Merges the tiles' partial statistics into mean and variance, stores what is asked for, and the coefficients of the apply
 * step: the mean as two floats and inv_std.
 *
 * Backward the mean may be given: then what its float has not is left for the gradients, or nothing where it is exact enough
 * and inv_std is given too.
 *
 * Work:    a work-item owns one statistic after another of its group's outer_tile.
 * Traffic: six floats a tile and statistic.
 * Macros:  LOCAL (WIDTH is 1). */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void merge_stats(
    const __global float *partials, ulong partials_offset, __global float *coefficients, ulong coefficients_offset,
    __global float *running_mean, ulong running_mean_offset, __global float *running_var, ulong running_var_offset,
    __global float *mean, ulong mean_offset, __global float *inv_std, ulong inv_std_offset,
    const __global float *given_mean, ulong given_mean_offset, const __global float *given_inv_std,
    ulong given_inv_std_offset, ulong values, ulong statistics_count, ulong outer_tile, ulong tiles, ulong divisor,
    float epsilon, float weight, float keep)
{
  const ulong first = get_group_id(0) * outer_tile;
  const ulong end = min(first + outer_tile, statistics_count);
  const ulong plane = tiles * statistics_count;

  for (ulong c = first + get_local_id(0); c < end; c += LOCAL) {
    const __global float *p = partials + partials_offset + c;
    __global float *stored = coefficients + coefficients_offset + c;
    const float saved = given_mean ? given_mean[given_mean_offset + c] : 0.0f;
    const float saved_inv_std = given_inv_std ? given_inv_std[given_inv_std_offset + c] : 0.0f;
    if (given_mean && given_inv_std && mean_is_exact(saved, saved_inv_std)) {
      stored[statistics_count] = 0.0f;
      continue;
    }
    real center, m2;
    partials_merge(&center, &m2, p, plane, statistics_count, 1, tiles, values);
    const finished_statistics k = finish_statistics(
        center, m2, values, c, epsilon, weight, keep, divisor, running_mean ? running_mean + running_mean_offset : 0,
        running_var ? running_var + running_var_offset : 0, mean ? mean + mean_offset : 0,
        inv_std ? inv_std + inv_std_offset : 0);
    stored[0] = k.hi;
    stored[statistics_count] = given_mean ? real_hi(real_subtract(center, real_of(saved, 0.0f))) : k.lo;
    stored[2 * statistics_count] = k.inv_std;
  }
}
