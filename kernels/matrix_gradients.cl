/* Merges the tiles' partial sums of samples that are matrices into the coefficients of the dx step, those of matrix_stats being
 * overwritten, and into each sample's part of dgamma and dbeta, which overwrite the partial sums of its first tile. With an
 * activation (0: none) also z's shift. gamma and beta may each be NULL.
 *
 * Work:    a work-item owns one statistic after another of its group's outer_tile.
 * Traffic: six floats a column and tile are read, eight or nine a column and sample written.
 * Macros:  LOCAL (WIDTH is 1). */
INLINE_LOCAL void column_sum(real *made, const __global float *p, ulong k, ulong plane, ulong columns, ulong tiles)
{
  vec_real sum;
  partials_sum(&sum, p, k, plane, columns, tiles, 1);
  *made = lanes_sum(sum, 0, 1);
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void matrix_gradients(
    __global float *partials, ulong partials_offset, __global float *coefficients, ulong coefficients_offset,
    const __global float *gamma, ulong gamma_offset, const __global float *beta, ulong beta_offset, ulong values,
    ulong columns, ulong width, ulong groups, ulong statistics_count, ulong outer_tile, ulong tiles_each, ulong tiles,
    uint activation)
{
  const ulong first = get_group_id(0) * outer_tile;
  const ulong end = min(first + outer_tile, statistics_count);
  const ulong plane = tiles * columns, coefficient = statistics_count * width;

  for (ulong c = first + get_local_id(0); c < end; c += LOCAL) {
    const ulong sample = c / groups, column = (c - sample * groups) * width;
    __global float *const p = partials + partials_offset + sample * tiles_each * columns + column;
    __global float *const to = coefficients + coefficients_offset + c * width;
    const finished_statistics s = {to[0], to[coefficient], to[2 * coefficient]};
    real rounding = real_of(0.0f, 0.0f), h = rounding, hx = rounding, g = rounding, gd = rounding, d = rounding;
    for (ulong i = 0; i < width; i++) {
      column_sum(&d, p + i, 4, plane, columns, tiles_each);
      rounding = real_add(rounding, d);
    }
    rounding = real_divide(rounding, real_from_count(values));
    for (ulong i = 0; i < width; i++) {
      const real factor = real_of(parameter_at(gamma, gamma_offset + column + i, 1.0f), 0.0f);
      column_sum(&g, p + i, 0, plane, columns, tiles_each);
      column_sum(&gd, p + i, 2, plane, columns, tiles_each);
      const real off = real_subtract(gd, real_multiply(rounding, g));
      keep_sums(p + i, plane, real_multiply(off, real_of(s.inv_std, 0.0f)), g, 0);
      h = real_add(h, real_multiply(factor, g));
      hx = real_add(hx, real_multiply(factor, off));
    }
    const sample_terms t = finish_sample(h, hx, rounding, values, 0, s);
    for (ulong i = 0; i < width; i++) {
      to[i] = t.mean;
      to[coefficient + i] = t.inv_std;
      to[2 * coefficient + i] = t.b;
      to[3 * coefficient + i] = t.c;
      if (activation != 0) {
        const ulong parameter = column + i;
        to[4 * coefficient + i] = affine(s, parameter_at(gamma, gamma_offset + parameter, 1.0f),
                                         parameter_at(beta, beta_offset + parameter, 0.0f))
                                      .shift;
      }
    }
  }
}
