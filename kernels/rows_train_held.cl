/* rows_train where the work-items of a work-group hold x of a statistic between them.
 *
 * Work:    a work-group owns one statistic.
 * Traffic: x is read once, y written once. y may be x or residual: each vector has one work-item, which reads it first.
 * Macros:  WIDTH (divides run), LOCAL (WIDTH * LOCAL * HELD >= segments * run), HELD, STORAGE, ACTIVATION, RESIDUAL. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_train_held(
    const __global storage *x, ulong x_offset, const __global storage *residual, ulong residual_offset,
    __global storage *y, ulong y_offset, const __global float *gamma, ulong gamma_offset, const __global float *beta,
    ulong beta_offset, __global float *running_mean, ulong running_mean_offset, __global float *running_var,
    ulong running_var_offset, __global float *mean, ulong mean_offset, __global float *inv_std, ulong inv_std_offset,
    ulong segments, ulong run, ulong segment_stride, ulong statistic_stride, ulong divisor, float epsilon, float weight,
    float keep, float alpha)
{
  __local real scratch[LOCAL];
  const ulong c = get_group_id(0), n = segments * run;
  const held_walk walk = held_walk_of(segments, run, segment_stride);
  vec held[HELD_ROOM];
  statistics s;

  held_load(held, x + x_offset + c * statistic_stride, &walk, (vec)(0.0f));
  held_measure(&s, held, &walk, n, 1, rows_place_of(LOCAL), scratch);
  /* Every work-item needs the coefficients, one of them writes what is stored. */
  const int writes = get_local_id(0) == 0;
  const finished_statistics finished =
      finish_statistics(s.mean, s.m2, n, c, epsilon, weight, keep, divisor,
                        writes && running_mean ? running_mean + running_mean_offset : 0,
                        writes && running_var ? running_var + running_var_offset : 0,
                        writes && mean ? mean + mean_offset : 0, writes && inv_std ? inv_std + inv_std_offset : 0);
  const forward_coefficients k =
      affine(finished, gamma ? gamma[gamma_offset + c] : 1.0f, beta ? beta[beta_offset + c] : 0.0f);
  residual += residual_offset + c * statistic_stride;
  y += y_offset + c * statistic_stride;
  held_place place = held_first(&walk);
  UNROLL_HELD for (uint i = 0; i < HELD; i++)
  {
    if (held_exists(&place, &walk)) {
      const ulong offset = held_offset(&place, &walk);
      tensor_store(activated(normalize(held[i], k), addend(residual, offset, 1), alpha), y + offset);
    }
    held_next(&place, &walk);
  }
}
