/* dx = inv_std * (h - mean(h) - xh * mean(h * xh)) with h = gamma * dy, RMS without mean(h), with FROM_RUNNING dx = inv_std *
 * h; and this task's part of dgamma = sum of dy * xh and dbeta = sum of dy. gamma, mean, inv_std, dx, dgamma and dbeta (which only
 * say whether they are wanted) may each be NULL.
 *
 * Work:    a work-group owns outer_tile neighbouring statistics; those with the same parameters go through them TOGETHER.
 * Traffic: x and dy are read twice (x three times where parameters are shared), all but once from cache if runs fit there; dx is
 *          written once; four floats a parameter are kept. dx may be dy.
 * Macros:  WIDTH, LOCAL, STREAM, FROM_RUNNING. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void samples_backward(
    const __global float *x, ulong x_offset, const __global float *dy, ulong dy_offset, __global float *dx, ulong dx_offset,
    const __global float *gamma, ulong gamma_offset, const __global float *dgamma, ulong dgamma_offset,
    const __global float *dbeta, ulong dbeta_offset, const __global float *running_mean, ulong running_mean_offset,
    const __global float *running_var, ulong running_var_offset, const __global float *mean, ulong mean_offset,
    const __global float *inv_std, ulong inv_std_offset, __global float *partials, ulong partials_offset, ulong run,
    ulong repeat, ulong run_parameters, ulong parameter_groups, ulong statistics_count, ulong parameters_count,
    ulong outer_tile, ulong tiles, uint op, float epsilon)
{
  __local real scratch[LOCAL];
  __local sample_terms terms[TOGETHER];
  const rows_place at = rows_place_of(LOCAL);
  const ulong first = get_group_id(0) * outer_tile;
  const ulong count = min(outer_tile, statistics_count - first);
  const int writes = get_local_id(0) == 0, wants_parameters = dgamma || dbeta;
  const ulong plane = tiles * parameters_count;
  __global float *const kept = partials + partials_offset + get_group_id(0) * parameters_count;

  x += x_offset;
  dy += dy_offset;
  dx = dx ? dx + dx_offset : 0;
  gamma = gamma ? gamma + gamma_offset : 0;
  mean = mean ? mean + mean_offset : 0;
  inv_std = inv_std ? inv_std + inv_std_offset : 0;
  running_mean = running_mean ? running_mean + running_mean_offset : 0;
  running_var = running_var ? running_var + running_var_offset : 0;
  for (ulong group = 0; repeat == 1 && group < min(parameter_groups, count); group++) {
    const ulong p = (first + group) % parameter_groups * run_parameters;
    const ulong samples = (count - group - 1) / parameter_groups + 1;
    for (ulong done = 0; done < samples; done += TOGETHER) {
      const ulong c = first + group + done * parameter_groups;
      const uint here = (uint)min(samples - done, (ulong)TOGETHER);
      for (uint r = 0; r < here; r++) {
        const ulong mine = c + r * parameter_groups, i = mine * run;
        finished_statistics s;
        sample_spread(&s, x + i, run, mine, p, running_mean, running_var, mean, inv_std, op, epsilon, at, scratch);
        sample_terms t = {s.hi, 0.0f, s.inv_std, 0.0f, 0.0f};
        if (!FROM_RUNNING) {
          each_terms(&t, x + i, dy + i, gamma ? gamma + p : 0, run, sample_ahead(run, parameter_groups * run), op, s, at,
                     scratch);
        }
        if (writes) {
          terms[r] = t;
        }
      }
      barrier(CLK_LOCAL_MEM_FENCE);
      each_block b = {x + c * run,
                      dy + c * run,
                      dx ? dx + c * run : 0,
                      gamma ? gamma + p : 0,
                      wants_parameters ? kept + p : 0,
                      plane,
                      parameter_groups * run,
                      run,
                      done != 0};
      if (here == TOGETHER) {
        each_apply_gradients(&b, terms, TOGETHER, at);
      } else {
        for (uint r = 0; r < here; r++) {
          each_apply_gradients(&b, terms + r, 1, at);
          b.x += b.stride;
          b.dy += b.stride;
          b.dx = b.dx ? b.dx + b.stride : 0;
          b.adds = 1;
        }
      }
      barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (wants_parameters) {
      each_close(kept + p, plane, run, at);
    }
  }
  for (ulong c = first; repeat != 1 && c < first + count; c++) {
    const ulong p = c % parameter_groups * run_parameters, start = c * run;
    finished_statistics s;
    sample_spread(&s, x + start, run, c, p, running_mean, running_var, mean, inv_std, op, epsilon, at, scratch);
    real rounding = real_of(0.0f, 0.0f), h = rounding, hx = rounding;
    /* Where the run is one parameter's its own sums tell. */
    if (!FROM_RUNNING && run_parameters != 1 && op != OP_RMS) {
      sample_rounding(&rounding, x + start, run, s, at, scratch);
    }
    for (ulong k = 0; (!FROM_RUNNING || wants_parameters) && k < run_parameters; k++) {
      const ulong i = start + k * repeat;
      const real factor = real_of(parameter_at(gamma, p + k, 1.0f), 0.0f);
      lane_sums sums;
      sums_clear(&sums);
      run_gradients(&sums, x + i, dy + i, repeat, lane_tail(at, repeat), s.hi, sample_ahead(run, run), at);
      gradient_sums all;
      all.g = work_group_sum(lanes_sum(sums_g(&sums), 0, WIDTH), scratch);
      all.gd = work_group_sum(lanes_sum(sums_gd(&sums), 0, WIDTH), scratch);
      all.d = work_group_sum(lanes_sum(sums_d(&sums), 0, WIDTH), scratch);
      if (!FROM_RUNNING && run_parameters == 1 && op != OP_RMS) {
        rounding = real_divide(all.d, real_from_count(run));
      }
      const real g = all.g;
      const real off = real_subtract(all.gd, real_multiply(rounding, g));
      if (writes && wants_parameters) {
        keep_sums(kept + p + k, plane, real_multiply(off, real_of(s.inv_std, 0.0f)), g, c - first >= parameter_groups);
      }
      h = real_add(h, real_multiply(factor, g));
      hx = real_add(hx, real_multiply(factor, off));
    }
    const sample_terms t = finish_sample(h, hx, rounding, run, op, s);
    for (ulong k = 0; dx && k < run_parameters; k++) {
      const ulong i = start + k * repeat;
      shared_dx(x + i, dy + i, dx + i, repeat, parameter_at(gamma, p + k, 1.0f), t, at);
    }
  }
}
