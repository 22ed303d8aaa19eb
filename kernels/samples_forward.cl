/* y = act(gamma * (x - mean) * inv_std + beta + residual) with each sample's own statistics or, with FROM_RUNNING, the running ones; RMS
 * without the mean. gamma, beta, mean, inv_std and moments (what merge_running takes) may each be NULL.
 *
 * Work:    a work-group owns outer_tile neighbouring statistics, which it measures one after the other, short ones WIDTH at a
 *          time.
 * Traffic: x is read twice, the second time from cache if a run fits there (FROM_RUNNING: once); y is written once. y may
 *          be x or residual.
 * Macros:  WIDTH, LOCAL, STREAM, FROM_RUNNING, STORAGE, ACTIVATION, RESIDUAL, SHARED. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void samples_forward(
    const __global storage *x, ulong x_offset, const __global storage *residual, ulong residual_offset,
    __global storage *y, ulong y_offset, const __global float *gamma, ulong gamma_offset, const __global float *beta,
    ulong beta_offset, const __global float *running_mean, ulong running_mean_offset, const __global float *running_var,
    ulong running_var_offset, __global float *mean, ulong mean_offset, __global float *inv_std, ulong inv_std_offset,
    __global float *moments, ulong moments_offset, ulong run, ulong repeat, ulong run_parameters,
    ulong parameter_groups, ulong statistics_count, ulong outer_tile, ulong divisor, uint op, float epsilon,
    float alpha)
{
  __local real scratch[LOCAL];
  const rows_place at = rows_place_of(LOCAL);
  const ulong first = get_group_id(0) * outer_tile;
  const ulong end = min(first + outer_tile, statistics_count);
  const int writes = get_local_id(0) == 0;
  const uint most = neighbours_of(repeat, at);
  /* What is written lags behind what is measured by so many runs. */
  const ulong run_after = sample_ahead(run, max(run, most * repeat));
  const apply_ahead ahead = {run_after, run_after};

  x += x_offset;
  y += y_offset;
  residual += residual_offset;
  gamma = gamma ? gamma + gamma_offset : 0;
  beta = beta ? beta + beta_offset : 0;
  forward_coefficients waiting[NEIGHBOURS]; /* of the runs from `next` on */
  ulong next = first * run;
  uint count = 0;
  samples_together together;
  for (ulong c = first; c < end; c++) {
    const ulong p = c % parameter_groups * run_parameters;
    finished_statistics s;
    if (FROM_RUNNING) {
      s = sample_running(running_mean + running_mean_offset, running_var + running_var_offset, p, epsilon);
    } else if (MEASURES_TOGETHER && SHARED && run <= TOGETHER_RUN) {
      const uint lane = (uint)((c - first) % WIDTH);
#if MEASURES_TOGETHER
      if (lane == 0) {
        samples_measure(&together, x + c * run, run, (uint)min(end - c, (ulong)WIDTH), epsilon,
                        mean ? mean + mean_offset + c : 0, inv_std ? inv_std + inv_std_offset + c : 0,
                        moments ? moments + moments_offset + c : 0, statistics_count, divisor);
      }
#endif
      s.hi = together.hi[lane];
      s.lo = together.lo[lane];
      s.inv_std = together.inv_std[lane];
    } else {
      statistics own;
      sample_measure(&own, x + c * run, run, op, at, scratch);
      s = finish_statistics(own.mean, own.m2, run, c, epsilon, 0.0f, 0.0f, divisor, 0, 0,
                            writes && mean ? mean + mean_offset : 0, writes && inv_std ? inv_std + inv_std_offset : 0);
      if (writes && moments) {
        keep_moments(moments + moments_offset + c, statistics_count, s, own.m2, divisor);
      }
    }
    if (!SHARED) {
      const each_forward f = {x + c * run, residual + c * run, gamma ? gamma + p : 0, beta ? beta + p : 0, s.hi,
                              s.inv_std, shift_of(s.lo, s.inv_std), alpha};
      each_apply(&f, y + c * run, run, ahead, at);
    } else {
      /* y may be x, and what a work-item writes here others have read. */
      if ((FROM_RUNNING == 0) & (LOCAL > 1)) {
        barrier(CLK_GLOBAL_MEM_FENCE);
      }
      for (ulong k = 0; k < run_parameters; k++) {
        waiting[count++] = affine(s, parameter_at(gamma, p + k, 1.0f), parameter_at(beta, p + k, 0.0f));
        if (count == most || next + count * repeat == end * run) {
          run_apply(x + next, residual + next, y + next, repeat, count, ahead, waiting, alpha, at);
          next += count * repeat;
          count = 0;
        }
      }
    }
  }
}
