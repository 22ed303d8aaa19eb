/* y = act(gamma * (x - mean) * inv_std + beta + residual), from x's own statistics or, with FROM_RUNNING, from the running ones;
 * 0 in the padding. gamma, beta, residual, running_*, mean, inv_std, moments and lengths may each be NULL.
 *
 * Work:    a work-group owns one statistic.
 * Traffic: x is read three times (FROM_RUNNING: once), y written once. y may be x or residual.
 * Macros:  LOCAL, STORAGE, FROM_RUNNING. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void general_forward(
    const __global storage *x, ulong x_offset, strides x_strides, __global storage *y, ulong y_offset, strides y_strides,
    const __global storage *residual, ulong residual_offset, strides residual_strides, const __global num *gamma,
    ulong gamma_offset, const __global num *beta, ulong beta_offset, __global num *running_mean, ulong running_mean_offset,
    __global num *running_var, ulong running_var_offset, __global num *mean, ulong mean_offset, __global num *inv_std,
    ulong inv_std_offset, __global num *moments, ulong moments_offset, const __global int *lengths, ulong lengths_offset,
    axes g, ulong statistics_count, uint op, uint running_variance, num epsilon, num weight, num keep, uint activation, num alpha)
{
  __local real scratch[LOCAL];
  const ulong statistic = get_group_id(0);
  place p;
  measured m;
  start(&p);
  move_to(&p, &g, OF_STATISTIC, statistic);
  x += x_offset;
  y += y_offset;
  residual = residual ? residual + residual_offset : 0;
  lengths = lengths ? lengths + lengths_offset : 0;
  if (FROM_RUNNING) {
    const ulong i = parameter_of(&p, &g);
    m.mean = real_of(running_mean[running_mean_offset + i], ZERO);
    m.variance = real_of(running_var[running_var_offset + i], ZERO);
  } else {
    measure(&m, p, &g, x, &x_strides, lengths, op, scratch);
  }
  const num r = general_inv_std(m.variance, epsilon);
  if (!FROM_RUNNING && get_local_id(0) == 0) {
    const bool has = m.count.hi != ZERO;
    real stored = m.variance;
    if (running_variance == VARIANCE_UNBIASED && m.count.hi > ONE) {
      stored = real_divide(real_multiply(m.variance, m.count), real_subtract(m.count, real_of(ONE, ZERO)));
    }
    if (mean) {
      mean[mean_offset + statistic] = m.mean.hi;
    }
    if (inv_std) {
      inv_std[inv_std_offset + statistic] = r;
    }
    if (moments) {
      moments[moments_offset + statistic] = m.mean.hi;
      moments[moments_offset + statistics_count + statistic] = stored.hi;
      moments[moments_offset + 2 * statistics_count + statistic] = has ? ONE : ZERO;
    } else if (has && running_mean) {
      running_mean[running_mean_offset + statistic] =
          MULTIPLY_ADD(weight, m.mean.hi, keep * running_mean[running_mean_offset + statistic]);
    }
    if (!moments && has && running_var) {
      running_var[running_var_offset + statistic] =
          MULTIPLY_ADD(weight, stored.hi, keep * running_var[running_var_offset + statistic]);
    }
  }
  const ulong places = places_along(&g, IN_STATISTIC);
  for (ulong i = get_local_id(0); i < places; i += LOCAL) {
    num value = ZERO;
    move_to(&p, &g, IN_STATISTIC, i);
    if (is_valid(&p, &g, lengths)) {
      const ulong k = parameter_of(&p, &g);
      const real d = off_mean(LOAD(x + offset_of(&p, &g, &x_strides)), m.mean);
      const num xh = (d.hi + d.lo) * r;
      const num z = MULTIPLY_ADD(number_at(gamma, gamma_offset, k, ONE), xh, number_at(beta, beta_offset, k, ZERO));
      value = activate(activation, residual ? z + LOAD(residual + offset_of(&p, &g, &residual_strides)) : z, alpha);
    }
    STORE(value, y + offset_of(&p, &g, &y_strides));
  }
}
