/* Mean as two numbers and inv_std of each statistic, for general_parameters and general_dx: computed from x, taken from what
 * the caller saved (whose rounding x gives back) or, with FROM_RUNNING, from the running statistics.
 *
 * Work:    a work-group owns one statistic.
 * Traffic: x is read twice (FROM_RUNNING: not at all); three numbers a statistic are written.
 * Macros:  LOCAL, STORAGE, FROM_RUNNING. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void general_moments(
    const __global storage *x, ulong x_offset, strides x_strides, const __global num *running_mean,
    ulong running_mean_offset, const __global num *running_var, ulong running_var_offset, const __global num *mean,
    ulong mean_offset, const __global num *inv_std, ulong inv_std_offset, __global num *moments, ulong moments_offset,
    const __global int *lengths, ulong lengths_offset, axes g, ulong statistics_count, uint op, num epsilon)
{
  __local real scratch[LOCAL];
  const ulong statistic = get_group_id(0);
  place p;
  measured m;
  num r;
  start(&p);
  move_to(&p, &g, OF_STATISTIC, statistic);
  if (FROM_RUNNING) {
    const ulong i = parameter_of(&p, &g);
    m.mean = real_of(running_mean[running_mean_offset + i], ZERO);
    r = general_inv_std(real_of(running_var[running_var_offset + i], ZERO), epsilon);
  } else {
    measure(&m, p, &g, x + x_offset, &x_strides, lengths ? lengths + lengths_offset : 0, op, scratch);
    if (mean && m.count.hi != ZERO) {
      /* The saved mean in the higher place, what it lost in the lower, so that equal means give equal bits. */
      const num saved = mean[mean_offset + statistic];
      m.mean.lo = real_subtract(m.mean, real_of(saved, ZERO)).hi;
      m.mean.hi = saved;
    }
    r = inv_std ? inv_std[inv_std_offset + statistic] : general_inv_std(m.variance, epsilon);
  }
  if (get_local_id(0) == 0) {
    moments += moments_offset;
    moments[statistic] = m.mean.hi;
    moments[statistics_count + statistic] = m.mean.lo;
    moments[2 * statistics_count + statistic] = r;
  }
}
