/* samples_backward, of samples whose elements have a gamma each, where the work-items of a work-group hold x and g of a sample
 * between them, and what the samples add to the parameters.
 *
 * Work:    a work-group owns outer_tile neighbouring statistics; those with the same parameters one after the other.
 * Traffic: x, dy and residual are read once; dx and dresidual, of which either may be dy, are written once; four floats a
 *          parameter are kept.
 * Macros:  WIDTH (divides run), LOCAL (WIDTH * LOCAL * HELD >= run), HELD, STORAGE, ACTIVATION, RESIDUAL. */

/* mean and inv_std of statistic c: given, or (either NULL) from its held values. As sample_spread. */
INLINE_LOCAL void held_spread(finished_statistics *s, const vec held[HELD_ROOM], const held_walk *walk, ulong run, ulong c,
                              const __global float *mean, const __global float *inv_std, uint op, float epsilon,
                              rows_place at, __local real *scratch)
{
  if (inv_std && (mean || op == OP_RMS)) {
    s->hi = op == OP_RMS ? 0.0f : mean[c];
    s->lo = 0.0f;
    s->inv_std = inv_std[c];
    if (DERIVES && !mean_is_exact(s->hi, s->inv_std)) {
      real rounding;
      held_rounding(&rounding, held, walk, s->hi, run, scratch);
      s->lo = real_hi(rounding);
    }
  } else {
    statistics own;
    held_measure(&own, held, walk, run, op != OP_RMS, at, scratch);
    *s = finish_statistics(own.mean, own.m2, run, c, epsilon, 0.0f, 0.0f, run, 0, 0, 0, 0);
  }
}

/* What is held of one sample, and the sums over the samples so far of g * xh and of g. */
typedef struct held_sample {
  vec x[HELD_ROOM], g[HELD_ROOM];
  vec_real sum_gx[HELD], sum_g[HELD];
} held_sample;

/* Makes g of the dy that is held, and the sample's terms from the sums of h = gamma * g. */
INLINE_LOCAL void held_terms(sample_terms *made, held_sample *held, const held_walk *walk, const each_block *b, uint op,
                             finished_statistics s, __local real *scratch)
{
  const vec_real zero = vec_real_of((vec)(0.0f), (vec)(0.0f));
  const float shift = shift_of(s.lo, s.inv_std);
  each_sums sums = {zero, zero, zero};
  held_place place = held_first(walk);
  UNROLL_HELD for (uint i = 0; i < HELD; i++)
  {
    if (held_exists(&place, walk)) {
      const ulong offset = held_offset(&place, walk);
      const vec gamma = parameters_at(b->gamma, offset, 1.0f), x = held->x[i];
      held->g[i] = each_derived(x, held->g[i], addend(b->residual, offset, DERIVES), s.hi, s.inv_std, shift, gamma,
                                parameters_at(b->beta, offset, 0.0f), b->alpha);
      each_sums_take(&sums, x, gamma * held->g[i], s.hi);
    }
    held_next(&place, walk);
  }
  each_finish(made, &sums, b->run, op, s, scratch);
}

/* dx of the sample, and what it adds to the parameters. */
INLINE_LOCAL void held_gradients(held_sample *held, const held_walk *walk, const each_block *b, sample_terms t)
{
  const int stores = b->dx || wants(b->dresidual);
  const vec shift = (vec)(shift_of(t.rest, t.inv_std));
  held_place place = held_first(walk);
  UNROLL_HELD for (uint i = 0; i < HELD; i++)
  {
    const vec x = held->x[i], g = held->g[i];
    if (held_exists(&place, walk)) {
      const ulong offset = held_offset(&place, walk);
      if (stores) {
        store_gradients(g, sample_gradient(x, g * parameters_at(b->gamma, offset, 1.0f), t), b->dx, b->dresidual,
                        offset, 0);
      }
      held->sum_gx[i] =
          vec_real_plus(held->sum_gx[i], g * normalized(x, (vec)(t.mean), (vec)(t.inv_std), shift));
      held->sum_g[i] = vec_real_plus(held->sum_g[i], g);
    }
    held_next(&place, walk);
  }
}

/* The partial sums of a run's parameters, in four planes. */
INLINE_LOCAL void held_store_sums(const held_sample *held, const held_walk *walk, __global float *kept, ulong plane)
{
  held_place place = held_first(walk);
  UNROLL_HELD for (uint i = 0; i < HELD; i++)
  {
    if (held_exists(&place, walk)) {
      __global float *const p = kept + held_offset(&place, walk);
      GLOBAL_VSTORE(vec_real_hi(held->sum_gx[i]), p);
      GLOBAL_VSTORE(vec_real_lo(held->sum_gx[i]), p + plane);
      GLOBAL_VSTORE(vec_real_hi(held->sum_g[i]), p + 2 * plane);
      GLOBAL_VSTORE(vec_real_lo(held->sum_g[i]), p + 3 * plane);
    }
    held_next(&place, walk);
  }
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void samples_backward_held(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, __global storage *dx, ulong dx_offset,
    __global storage *dresidual, ulong dresidual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, const __global float *dgamma, ulong dgamma_offset,
    const __global float *dbeta, ulong dbeta_offset, const __global float *mean, ulong mean_offset,
    const __global float *inv_std, ulong inv_std_offset, __global float *partials, ulong partials_offset, ulong run,
    ulong run_parameters, ulong parameter_groups, ulong statistics_count, ulong parameters_count, ulong outer_tile,
    ulong tiles, uint op, float epsilon, float alpha)
{
  __local real scratch[LOCAL];
  const rows_place at = rows_place_of(LOCAL);
  const held_walk walk = held_walk_of(1, run, run);
  const ulong first = get_group_id(0) * outer_tile;
  const ulong count = min(outer_tile, statistics_count - first);
  const int wants_parameters = dgamma || dbeta;
  const ulong plane = tiles * parameters_count;

  partials += partials_offset + get_group_id(0) * parameters_count;
  x += x_offset;
  dy += dy_offset;
  residual += residual_offset;
  dx = dx ? dx + dx_offset : 0;
  dresidual = wants(dresidual) ? dresidual + dresidual_offset : 0;
  gamma = gamma ? gamma + gamma_offset : 0;
  beta = beta ? beta + beta_offset : 0;
  mean = mean ? mean + mean_offset : 0;
  inv_std = inv_std ? inv_std + inv_std_offset : 0;
  for (ulong group = 0; group < min(parameter_groups, count); group++) {
    const ulong p = (first + group) % parameter_groups * run_parameters;
    const vec_real zero = vec_real_of((vec)(0.0f), (vec)(0.0f));
    held_sample held;
    UNROLL_HELD for (uint i = 0; i < HELD; i++) { held.sum_gx[i] = held.sum_g[i] = zero; }
    for (ulong c = first + group; c < first + count; c += parameter_groups) {
      const each_block b = {x + c * run,
                            dy + c * run,
                            residual + c * run,
                            dx ? dx + c * run : 0,
                            dresidual ? dresidual + c * run : 0,
                            gamma ? gamma + p : 0,
                            beta ? beta + p : 0,
                            0,
                            run,
                            alpha};
      finished_statistics s;
      sample_terms t;
      held_load(held.x, b.x, &walk, (vec)(0.0f));
      held_load(held.g, b.dy, &walk, (vec)(0.0f));
      held_spread(&s, held.x, &walk, run, c, mean, inv_std, op, epsilon, at, scratch);
      held_terms(&t, &held, &walk, &b, op, s, scratch);
      held_gradients(&held, &walk, &b, t);
    }
    if (wants_parameters) {
      held_store_sums(&held, &walk, partials + p, plane);
    }
  }
}
