/* Running statistics follow the mean over all samples of each sample's own, which the steps before left in the workspace as
 * moments. running_mean and running_var may each be NULL.
 *
 * Work:    a work-item owns WIDTH neighbouring parameters after others of its group's outer_tile.
 * Traffic: two floats a statistic.
 * Macros:  WIDTH, LOCAL. */

/* Of `width` parameters; `moment` is the first sample's. */
INLINE_LOCAL void follow_samples(__global float *running, const __global float *moment, ulong samples, ulong parameters,
                                 uint width, float weight, float keep)
{
  vec_real sum = vec_real_of((vec)(0.0f), (vec)(0.0f));
  for (ulong s = 0; s < samples; s++) {
    sum = vec_real_plus(sum, load_most(moment + s * parameters, width, 0.0f));
  }
  const vec value = vec_real_hi(vec_real_divide(sum, vec_real_from_count(samples)));
  store_most(MULTIPLY_ADD((vec)(weight), value, keep * load_most(running, width, 0.0f)), running, width);
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void merge_running(
    const __global float *moments, ulong moments_offset, __global float *running_mean, ulong running_mean_offset,
    __global float *running_var, ulong running_var_offset, ulong statistics_count, ulong parameters_count,
    ulong outer_tile, float weight, float keep)
{
  const ulong first = get_group_id(0) * outer_tile;
  const ulong end = min(first + outer_tile, parameters_count);
  const ulong samples = statistics_count / parameters_count;

  moments += moments_offset;
  for (ulong p = first + get_local_id(0) * WIDTH; p < end; p += LOCAL * WIDTH) {
    const uint width = (uint)min(end - p, (ulong)WIDTH);
    if (running_mean) {
      follow_samples(running_mean + running_mean_offset + p, moments + p, samples, parameters_count, width, weight,
                     keep);
    }
    if (running_var) {
      follow_samples(running_var + running_var_offset + p, moments + statistics_count + p, samples, parameters_count,
                     width, weight, keep);
    }
  }
}
