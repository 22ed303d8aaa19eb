/* Merges the tiles' partial statistics of samples that are matrices: a statistic is `width` neighbouring columns of one of them.
 * Stores mean and inv_std where they are asked for, what merge_running takes (moments), and for each of the columns the
 * mean as two floats and inv_std. Each of these may be NULL.
 *
 * Merging is that of merge_stats. Backward mean and inv_std may be given, and are the coefficients then; what a mean's float has
 * not is found out where an activation's derivative needs it.
 *
 * Work:    a work-item owns one statistic after another of its group's outer_tile.
 * Traffic: six floats a column and tile are read, three a column and sample written.
 * Macros:  LOCAL (WIDTH is 1). */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void matrix_stats(
    const __global float *partials, ulong partials_offset, __global float *coefficients, ulong coefficients_offset,
    __global float *mean, ulong mean_offset, __global float *inv_std, ulong inv_std_offset,
    const __global float *given_mean, ulong given_mean_offset, const __global float *given_inv_std,
    ulong given_inv_std_offset, __global float *moments, ulong moments_offset, ulong values, ulong columns, ulong width,
    ulong groups, ulong statistics_count, ulong outer_tile, ulong tiles_each, ulong tiles, ulong divisor,
    uint activation, float epsilon)
{
  const ulong first = get_group_id(0) * outer_tile;
  const ulong end = min(first + outer_tile, statistics_count);
  const ulong planes[2] = {tiles * columns, statistics_count * width};
  /* Without an activation all means are exact enough. */
  const float most = activation != 0 ? EXACT_MEANS : INFINITY;

  for (ulong c = first + get_local_id(0); c < end; c += LOCAL) {
    const ulong sample = c / groups, column = (c - sample * groups) * width;
    finished_statistics s = {given_mean ? given_mean[given_mean_offset + c] : 0.0f, 0.0f,
                             given_inv_std ? given_inv_std[given_inv_std_offset + c] : 0.0f};
    const int exact = !(fabs(s.hi) * s.inv_std > most);
    if (!(given_mean && given_inv_std && exact)) {
      const __global float *p = partials + partials_offset + sample * tiles_each * columns + column;
      vec_real merged, squares;
      partials_merge(&merged, &squares, p, planes[0], columns, width, tiles_each, values, 1);
      const real center = lanes_sum(merged, 0, 1), m2 = lanes_sum(squares, 0, 1);
      const finished_statistics made =
          finish_statistics(center, m2, values, c, epsilon, 0.0f, 0.0f, divisor, 0, 0, mean ? mean + mean_offset : 0,
                            inv_std ? inv_std + inv_std_offset : 0);
      s.lo = given_mean ? real_hi(real_subtract(center, real_of(s.hi, 0.0f))) : made.lo;
      s.hi = given_mean ? s.hi : made.hi;
      s.inv_std = given_inv_std ? s.inv_std : made.inv_std;
      if (moments) {
        __global float *stored = moments + moments_offset + c;
        stored[0] = made.hi;
        stored[statistics_count] = real_hi(real_divide(m2, real_from_count(divisor)));
      }
    }
    __global float *to = coefficients + coefficients_offset + c * width;
    for (ulong i = 0; i < width; i++) {
      to[i] = s.hi;
      to[planes[1] + i] = s.lo;
      to[2 * planes[1] + i] = s.inv_std;
    }
  }
}
