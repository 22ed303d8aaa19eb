/* Running statistics follow the mean over all samples of each sample's own, which general_forward left in the workspace.
 * Samples without a valid value do not count.
 *
 * Work:    a work-group owns one running statistic; its first work-item does all of it.
 * Traffic: three numbers a statistic.
 * Macros:  LOCAL, STORAGE. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void general_running(
    const __global num *moments, ulong moments_offset, __global num *running_mean, ulong running_mean_offset,
    __global num *running_var, ulong running_var_offset, axes g, ulong statistics_count, num weight, num keep)
{
  const ulong i = get_group_id(0);
  real mean = {ZERO, ZERO}, variance = {ZERO, ZERO};
  ulong count = 0;
  place p;
  if (get_local_id(0) != 0) {
    return;
  }
  start(&p);
  move_to(&p, &g, OF_PARAMETER, i);
  moments += moments_offset;
  const ulong places = places_along(&g, BESIDE_PARAMETER);
  for (ulong k = 0; k < places; k++) {
    move_to(&p, &g, BESIDE_PARAMETER, k);
    const ulong statistic = statistic_of(&p, &g);
    if (moments[2 * statistics_count + statistic] != ZERO) {
      add_to(&mean, moments[statistic], ZERO);
      add_to(&variance, moments[statistics_count + statistic], ZERO);
      count++;
    }
  }
  if (count == 0) {
    return;
  }
  if (running_mean) {
    const num value = real_divide(mean, real_from_count(count)).hi;
    running_mean[running_mean_offset + i] = MULTIPLY_ADD(weight, value, keep * running_mean[running_mean_offset + i]);
  }
  if (running_var) {
    const num value = real_divide(variance, real_from_count(count)).hi;
    running_var[running_var_offset + i] = MULTIPLY_ADD(weight, value, keep * running_var[running_var_offset + i]);
  }
}
