/* dresidual = g = dy * act'(z), z = gamma * xh + beta + residual; dx = inv_std * (h - mean(h) - xh * mean(h * xh)) with h = gamma *
 * g, RMS without mean(h), with FROM_RUNNING dx = inv_std * h; and this task's part of dgamma = sum of g * xh and dbeta = sum of
 * g. gamma, beta, mean, inv_std, dx, dresidual, dgamma and dbeta (which only say whether they are wanted) may each be NULL.
 *
 * Work:    a work-group owns outer_tile neighbouring statistics; those with the same parameters go through them TOGETHER.
 * Traffic: x and dy are read twice (x three times with SHARED 1), all but once from cache if runs fit there; dx is
 *          written once; four floats a parameter are kept, with SHARED 2 for a while six an element of one run. dx or
 *          dresidual may be dy.
 * Macros:  WIDTH, LOCAL, STREAM, FROM_RUNNING, STORAGE, ACTIVATION, RESIDUAL, SHARED. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void samples_backward(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, __global storage *dx, ulong dx_offset,
    __global storage *dresidual, ulong dresidual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, const __global float *dgamma, ulong dgamma_offset,
    const __global float *dbeta, ulong dbeta_offset, const __global float *running_mean, ulong running_mean_offset,
    const __global float *running_var, ulong running_var_offset, const __global float *mean, ulong mean_offset,
    const __global float *inv_std, ulong inv_std_offset, __global float *partials, ulong partials_offset, ulong run,
    ulong repeat, ulong run_parameters, ulong parameter_groups, ulong statistics_count, ulong parameters_count,
    ulong outer_tile, ulong tiles, uint op, float epsilon, float alpha)
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
  residual += residual_offset;
  dx = dx ? dx + dx_offset : 0;
  dresidual = wants(dresidual) ? dresidual + dresidual_offset : 0;
  gamma = gamma ? gamma + gamma_offset : 0;
  beta = beta ? beta + beta_offset : 0;
  mean = mean ? mean + mean_offset : 0;
  inv_std = inv_std ? inv_std + inv_std_offset : 0;
  running_mean = running_mean ? running_mean + running_mean_offset : 0;
  running_var = running_var ? running_var + running_var_offset : 0;
  for (ulong group = 0; SHARED != 1 && group < min(parameter_groups, count); group++) {
    const ulong p = (first + group) % parameter_groups * run_parameters;
    __global float *const room = COPIES ? room_of_copies(partials + partials_offset, plane, run) : 0;
    __global float *const sums = COPIES ? room + 2 * run : kept + p;
    const ulong sums_plane = COPIES ? run : plane;
    const __global float *own_gamma = gamma ? gamma + p : 0, *own_beta = beta ? beta + p : 0;
    if (COPIES) {
      own_gamma = copy_parameters(room, own_gamma, run, repeat);
      own_beta = DERIVES ? copy_parameters(room + run, own_beta, run, repeat) : 0;
    }
    const ulong samples = (count - group - 1) / parameter_groups + 1;
    for (ulong done = 0; done < samples; done += TOGETHER) {
      const ulong c = first + group + done * parameter_groups;
      const uint here = (uint)min(samples - done, (ulong)TOGETHER);
      each_block b = {x + c * run,
                      dy + c * run,
                      residual + c * run,
                      dx ? dx + c * run : 0,
                      dresidual ? dresidual + c * run : 0,
                      own_gamma,
                      own_beta,
                      parameter_groups * run,
                      run,
                      alpha};
      each_kept to = {wants_parameters ? sums : 0, sums_plane, done != 0};
      each_block one = b;
      for (uint r = 0; r < here; r++) {
        finished_statistics s;
        sample_spread(&s, one.x, run, c + r * parameter_groups, p, running_mean, running_var, mean, inv_std, op,
                      epsilon, at, scratch);
        sample_terms t = {s.hi, 0.0f, s.inv_std, 0.0f, 0.0f};
        if (!FROM_RUNNING) {
          each_terms(&t, &one, sample_ahead(run, b.stride), op, s, at, scratch);
        }
        if (writes) {
          terms[r] = t;
        }
        next_sample(&one);
      }
      barrier(CLK_LOCAL_MEM_FENCE);
      if (here == TOGETHER) {
        each_apply_gradients(&b, &to, terms, TOGETHER, at);
      } else {
        for (uint r = 0; r < here; r++) {
          each_apply_gradients(&b, &to, terms + r, 1, at);
          next_sample(&b);
          to.adds = 1;
        }
      }
      barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (wants_parameters) {
      each_close(sums, sums_plane, run, at);
      if (COPIES) {
        gather_sums(kept + p, plane, sums, run, repeat);
      }
    }
  }
  const uint most = neighbours_of(repeat, at);
  backward_coefficients waiting[NEIGHBOURS]; /* of the runs from `next` on */
  ulong next = first * run;
  uint waits = 0;
  for (ulong c = first; SHARED == 1 && c < first + count; c++) {
    const ulong p = c % parameter_groups * run_parameters, start = c * run;
    finished_statistics s;
    sample_spread(&s, x + start, run, c, p, running_mean, running_var, mean, inv_std, op, epsilon, at, scratch);
    real rounding = real_of(0.0f, 0.0f), h = rounding, hx = rounding;
    /* Where the run is one parameter's its own sums tell. */
    if (!FROM_RUNNING && run_parameters != 1 && op != OP_RMS) {
      sample_rounding(&rounding, x + start, run, s.hi, at, scratch);
    }
    for (ulong k = 0; (!FROM_RUNNING || wants_parameters) && k < run_parameters; k++) {
      const ulong i = start + k * repeat;
      const forward_coefficients z = shared_z(s, gamma, beta, p + k);
      const real factor = real_of(parameter_at(gamma, p + k, 1.0f), 0.0f);
      lane_sums sums;
      sums_clear(&sums);
      run_gradients(&sums, x + i, dy + i, residual + i, 0, repeat, lane_tail(at, repeat), z, alpha, sample_ahead(run, run),
                    at);
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
    for (ulong k = 0; (dx || dresidual) && k < run_parameters; k++) {
      const backward_coefficients own = {t.mean, t.inv_std, t.b, t.c, shared_z(s, gamma, beta, p + k).shift,
                                         parameter_at(gamma, p + k, 1.0f)};
      waiting[waits++] = own;
      if (waits == most || next + waits * repeat == (first + count) * run) {
        run_dx(x + next, dy + next, residual + next, dx ? dx + next : 0, dresidual ? dresidual + next : 0, repeat,
               waits, waiting, alpha, at);
        next += waits * repeat;
        waits = 0;
      }
    }
  }
}
