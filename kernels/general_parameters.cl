/* dbeta = sum of g, dgamma = sum of g * xh, g = dy after the activation's derivative; with the accumulate flags added to what is
 * there. beta, gamma, residual, dgamma, dbeta, lengths and mask may each be NULL.
 *
 * Work:    a work-group owns one parameter.
 * Traffic: x, dy and residual are read once.
 * Macros:  LOCAL, STORAGE. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void general_parameters(
    const __global storage *x, ulong x_offset, strides x_strides, const __global storage *dy, ulong dy_offset,
    strides dy_strides, const __global storage *residual, ulong residual_offset, strides residual_strides,
    const __global num *gamma, ulong gamma_offset, const __global num *beta, ulong beta_offset, __global num *dgamma,
    ulong dgamma_offset, __global num *dbeta, ulong dbeta_offset, const __global num *moments, ulong moments_offset,
    const __global int *lengths, ulong lengths_offset, const __global uint *mask, ulong mask_offset, axes g,
    ulong statistics_count, uint flags, uint activation, num alpha)
{
  __local real scratch[LOCAL];
  const ulong parameter = get_group_id(0), places = places_along(&g, IN_PARAMETER);
  const num factor = number_at(gamma, gamma_offset, parameter, ONE), shift = number_at(beta, beta_offset, parameter, ZERO);
  real sum = {ZERO, ZERO}, sum_xh = sum;
  place p;
  start(&p);
  move_to(&p, &g, OF_PARAMETER, parameter);
  lengths = lengths ? lengths + lengths_offset : 0;
  mask = mask ? mask + mask_offset : 0;
  for (ulong i = get_local_id(0); i < places; i += LOCAL) {
    move_to(&p, &g, IN_PARAMETER, i);
    if (is_valid(&p, &g, lengths)) {
      spread s;
      spread_of(&s, moments + moments_offset, statistics_count, statistic_of(&p, &g));
      const real d = off_mean(LOAD(x + x_offset + offset_of(&p, &g, &x_strides)), s.mean);
      const num added = residual ? LOAD(residual + residual_offset + offset_of(&p, &g, &residual_strides)) : ZERO;
      const num gradient = gradient_at(&p, &g, LOAD(dy + dy_offset + offset_of(&p, &g, &dy_strides)),
                                       (d.hi + d.lo) * s.inv_std, factor, shift, added, mask, activation, alpha);
      const num scaled = gradient * s.inv_std;
      add_to(&sum, gradient, ZERO);
      add_product(&sum_xh, d, scaled);
      add_to(&sum_xh, ZERO, d.hi * product_error(gradient, s.inv_std, scaled));
    }
  }
  sum = work_group_sum(sum, scratch);
  sum_xh = work_group_sum(sum_xh, scratch);
  if (get_local_id(0) != 0) {
    return;
  }
  if (dgamma) {
    dgamma += dgamma_offset + parameter;
    *dgamma = (flags & ACCUMULATE_DGAMMA) != 0 ? *dgamma + sum_xh.hi : sum_xh.hi;
  }
  if (dbeta) {
    dbeta += dbeta_offset + parameter;
    *dbeta = (flags & ACCUMULATE_DBETA) != 0 ? *dbeta + sum.hi : sum.hi;
  }
}
