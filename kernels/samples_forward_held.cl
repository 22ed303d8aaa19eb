/* samples_forward, with each sample's own statistics, where the work-items of a work-group hold x of a sample between them.
 *
 * Work:    a work-group owns outer_tile neighbouring statistics, one after the other.
 * Traffic: x is read once, y written once. y may be x or residual: each vector has one work-item, which reads it first.
 * Macros:  WIDTH (divides run, and repeat where parameters are shared), LOCAL (WIDTH * LOCAL * HELD >= run), HELD, STORAGE,
 *          ACTIVATION, RESIDUAL, SHARED. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void samples_forward_held(
    const __global storage *x, ulong x_offset, const __global storage *residual, ulong residual_offset,
    __global storage *y, ulong y_offset, const __global float *gamma, ulong gamma_offset, const __global float *beta,
    ulong beta_offset, __global float *mean, ulong mean_offset, __global float *inv_std, ulong inv_std_offset,
    __global float *moments, ulong moments_offset, ulong run, ulong repeat, ulong run_parameters,
    ulong parameter_groups, ulong statistics_count, ulong outer_tile, ulong divisor, uint op, float epsilon,
    float alpha)
{
  __local real scratch[LOCAL];
  const rows_place at = rows_place_of(LOCAL);
  const ulong first = get_group_id(0) * outer_tile;
  const ulong end = min(first + outer_tile, statistics_count);
  const int writes = get_local_id(0) == 0;
  /* A segment is what has one parameter. */
  const held_walk walk = SHARED ? held_walk_of(run_parameters, repeat, repeat) : held_walk_of(1, run, run);

  x += x_offset;
  y += y_offset;
  residual += residual_offset;
  gamma = gamma ? gamma + gamma_offset : 0;
  beta = beta ? beta + beta_offset : 0;
  for (ulong c = first; c < end; c++) {
    const ulong p = c % parameter_groups * run_parameters;
    vec held[HELD_ROOM];
    statistics own;
    held_load(held, x + c * run, &walk, (vec)(0.0f));
    held_measure(&own, held, &walk, run, op != OP_RMS, at, scratch);
    finished_statistics s;
    s = finish_statistics(own.mean, own.m2, run, c, epsilon, 0.0f, 0.0f, divisor, 0, 0,
                          writes && mean ? mean + mean_offset : 0, writes && inv_std ? inv_std + inv_std_offset : 0);
    if (writes && moments) {
      keep_moments(moments + moments_offset + c, statistics_count, s, own.m2, divisor);
    }
    held_place place = held_first(&walk);
    UNROLL_HELD for (uint i = 0; i < HELD; i++)
    {
      if (held_exists(&place, &walk)) {
        const ulong offset = held_offset(&place, &walk), from = c * run + offset;
        vec z;
        if (SHARED) {
          z = normalize(held[i], affine(s, parameter_at(gamma, p + place.segment, 1.0f),
                                        parameter_at(beta, p + place.segment, 0.0f)));
        } else {
          const vec xh = normalized(held[i], (vec)(s.hi), (vec)(s.inv_std), (vec)(shift_of(s.lo, s.inv_std)));
          z = MULTIPLY_ADD(xh, parameters_at(gamma, p + offset, 1.0f), parameters_at(beta, p + offset, 0.0f));
        }
        tensor_store(activated(z, addend(residual, from, 1), alpha), y + from);
      }
      held_next(&place, &walk);
    }
  }
}
