/* dresidual = g = dy after the activation's derivative, h = gamma * g, dx = inv_std * (h - mean(h) - xh * mean(h * xh)); RMS leaves
 * mean(h) out, and with FROM_RUNNING dx = inv_std * h. 0 in the padding; dx is added to what is there if the flag says so.
 * gamma, beta, residual, dx, dresidual, lengths and mask may each be NULL.
 *
 * Work:    a work-group owns one statistic.
 * Traffic: x, dy and residual are read twice (FROM_RUNNING: once), dx and dresidual written once. Each may be dy.
 * Macros:  LOCAL, STORAGE, FROM_RUNNING. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void general_dx(
    const __global storage *x, ulong x_offset, strides x_strides, const __global storage *dy, ulong dy_offset,
    strides dy_strides, __global storage *dx, ulong dx_offset, strides dx_strides, const __global storage *residual,
    ulong residual_offset, strides residual_strides, __global storage *dresidual, ulong dresidual_offset,
    strides dresidual_strides, const __global num *gamma, ulong gamma_offset, const __global num *beta, ulong beta_offset,
    const __global num *moments, ulong moments_offset, const __global int *lengths, ulong lengths_offset,
    const __global uint *mask, ulong mask_offset, axes g, ulong statistics_count, uint op, uint flags, uint activation, num alpha)
{
  __local real scratch[LOCAL];
  const ulong statistic = get_group_id(0), places = places_along(&g, IN_STATISTIC);
  spread s;
  place p;
  num mean_h = ZERO, mean_h_xh = ZERO;
  spread_of(&s, moments + moments_offset, statistics_count, statistic);
  start(&p);
  move_to(&p, &g, OF_STATISTIC, statistic);
  lengths = lengths ? lengths + lengths_offset : 0;
  mask = mask ? mask + mask_offset : 0;
  if (!FROM_RUNNING && dx) {
    real sum = {ZERO, ZERO}, sum_xh = sum, count = sum;
    ulong valid = 0;
    for (ulong i = get_local_id(0); i < places; i += LOCAL) {
      move_to(&p, &g, IN_STATISTIC, i);
      if (is_valid(&p, &g, lengths)) {
        const ulong k = parameter_of(&p, &g);
        const num factor = number_at(gamma, gamma_offset, k, ONE);
        const real d = off_mean(LOAD(x + x_offset + offset_of(&p, &g, &x_strides)), s.mean);
        const num added = residual ? LOAD(residual + residual_offset + offset_of(&p, &g, &residual_strides)) : ZERO;
        const num gradient =
            gradient_at(&p, &g, LOAD(dy + dy_offset + offset_of(&p, &g, &dy_strides)), (d.hi + d.lo) * s.inv_std,
                        factor, number_at(beta, beta_offset, k, ZERO), added, mask, activation, alpha);
        const num h = factor * gradient;
        const num rest = product_error(factor, gradient, h);
        add_to(&sum, h, rest);
        add_product(&sum_xh, d, h);
        add_to(&sum_xh, ZERO, d.hi * rest);
        valid++;
      }
    }
    count = work_group_sum(real_from_count(valid), scratch);
    sum = work_group_sum(sum, scratch);
    sum_xh = work_group_sum(sum_xh, scratch);
    mean_h = op == OP_RMS || count.hi == ZERO ? ZERO : real_divide(sum, count).hi;
    mean_h_xh = count.hi == ZERO ? ZERO : real_multiply(real_divide(sum_xh, count), real_of(s.inv_std, ZERO)).hi;
  }
  for (ulong i = get_local_id(0); i < places; i += LOCAL) {
    num gradient = ZERO, value = ZERO;
    move_to(&p, &g, IN_STATISTIC, i);
    if (is_valid(&p, &g, lengths)) {
      const ulong k = parameter_of(&p, &g);
      const num factor = number_at(gamma, gamma_offset, k, ONE);
      const real d = off_mean(LOAD(x + x_offset + offset_of(&p, &g, &x_strides)), s.mean);
      const num xh = (d.hi + d.lo) * s.inv_std;
      const num added = residual ? LOAD(residual + residual_offset + offset_of(&p, &g, &residual_strides)) : ZERO;
      gradient = gradient_at(&p, &g, LOAD(dy + dy_offset + offset_of(&p, &g, &dy_strides)), xh, factor,
                             number_at(beta, beta_offset, k, ZERO), added, mask, activation, alpha);
      value = s.inv_std * ((factor * gradient - mean_h) - xh * mean_h_xh);
    }
    if (dresidual) {
      STORE(gradient, dresidual + dresidual_offset + offset_of(&p, &g, &dresidual_strides));
    }
    if (dx) {
      __global storage *to = dx + dx_offset + offset_of(&p, &g, &dx_strides);
      const num sum = (flags & ACCUMULATE_DX) != 0 ? LOAD(to) + value : value;
      STORE(sum, to);
    }
  }
}
