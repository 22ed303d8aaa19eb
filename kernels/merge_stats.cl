/* Merges the tiles' partial statistics into mean and variance, stores what is asked for, and the coefficients of the apply
 * step: the mean as two floats and inv_std.
 *
 * Backward the mean may be given: then what its float has not is left for the gradients, or nothing where it is exact enough
 * and inv_std is given too.
 *
 * Work:    a work-item owns WIDTH neighbouring statistics after others of its group's outer_tile.
 * Traffic: six floats a tile and statistic.
 * Macros:  WIDTH, LOCAL. */
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

  for (ulong c = first + get_local_id(0) * WIDTH; c < end; c += LOCAL * WIDTH) {
    const uint width = (uint)min(end - c, (ulong)WIDTH);
    const vec saved = load_optional(given_mean, given_mean_offset + c, width, 0.0f);
    const vec saved_inv_std = load_optional(given_inv_std, given_inv_std_offset + c, width, 0.0f);
    const int given = given_mean && given_inv_std;
    __global float *stored = coefficients + coefficients_offset + c;
    if (given && columns_are_exact(saved, saved_inv_std)) {
      store_most((vec)(0.0f), stored + statistics_count, width);
      continue;
    }
    vec_real center, m2;
    vec spread;
    partials_merge(&center, &m2, partials + partials_offset + c, plane, statistics_count, 1, tiles, values, width);
    columns_finish(&spread, center, m2, values, c, 0, width, epsilon, weight, keep, divisor,
                   running_mean ? running_mean + running_mean_offset : 0,
                   running_var ? running_var + running_var_offset : 0, mean ? mean + mean_offset : 0,
                   inv_std ? inv_std + inv_std_offset : 0);
    vec lo = vec_real_lo(center);
    if (given_mean) {
      lo = vec_real_hi(vec_real_subtract(center, vec_real_of(saved, (vec)(0.0f))));
    }
    if (given) {
      lo = select((vec)(0.0f), lo, fabs(saved) * saved_inv_std > EXACT_MEANS);
    }
    store_most(vec_real_hi(center), stored, width);
    store_most(lo, stored + statistics_count, width);
    store_most(spread, stored + 2 * statistics_count, width);
  }
}
