/* rows_backward where the work-items of a work-group hold x and g of a statistic between them.
 *
 * Work:    a work-group owns one statistic.
 * Traffic: x, dy and residual are read once; dx and dresidual, of which either may be dy, are written once.
 * Macros:  WIDTH (divides run), LOCAL (WIDTH * LOCAL * HELD >= segments * run), HELD, STORAGE, ACTIVATION, RESIDUAL.
 *          With ADDS dgamma or dbeta is added to what is there. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_backward_held(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, __global storage *dx, ulong dx_offset,
    __global storage *dresidual, ulong dresidual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, __global float *dgamma, ulong dgamma_offset, __global float *dbeta,
    ulong dbeta_offset, const __global float *mean, ulong mean_offset, const __global float *inv_std,
    ulong inv_std_offset, ulong segments, ulong run, ulong segment_stride, ulong statistic_stride, float alpha)
{
  __local real scratch[LOCAL];
  const ulong c = get_group_id(0), start = c * statistic_stride, n = segments * run;
  const held_walk walk = held_walk_of(segments, run, segment_stride);
  const finished_statistics saved = {mean[mean_offset + c], 0.0f, inv_std[inv_std_offset + c]};
  const float scale = gamma ? gamma[gamma_offset + c] : 1.0f;
  const int writes = get_local_id(0) == 0;
  vec values[HELD_ROOM], g[HELD_ROOM];
  forward_coefficients z = center_only(saved.hi);
  backward_coefficients k;
  lane_sums sums;

  held_load(values, x + x_offset + start, &walk, (vec)(saved.hi));
  held_load(g, dy + dy_offset + start, &walk, (vec)(0.0f));
  if (DERIVES) {
    finished_statistics s = saved;
    real rounding;
    held_rounding(&rounding, values, &walk, saved.hi, n, scratch);
    /* What the saved mean's float has not. */
    s.lo = mean_is_exact(s.hi, s.inv_std) ? 0.0f : real_hi(rounding);
    z = affine(s, scale, beta ? beta[beta_offset + c] : 0.0f);
  }
  residual += residual_offset + start;
  held_place place = held_first(&walk);
  sums_clear(&sums);
  UNROLL_HELD for (uint i = 0; i < HELD; i++)
  {
    if (DERIVES && held_exists(&place, &walk)) {
      g[i] = derive(values[i], g[i], addend(residual, held_offset(&place, &walk), 1), z, alpha);
    }
    sums_add(&sums, values[i], g[i], (vec)(saved.hi));
    held_next(&place, &walk);
  }
  const gradient_sums all = sums_combine(&sums, scratch);
  finish_gradients(&k, all.g, all.gd, all.d, n, c, 0, saved.hi, saved.inv_std, scale,
                   writes && dgamma ? dgamma + dgamma_offset : 0, writes && dbeta ? dbeta + dbeta_offset : 0);
  if (!dx && !wants(dresidual)) {
    return;
  }
  dx = RESIDUAL && !dx ? 0 : dx + dx_offset + start;
  dresidual = wants(dresidual) ? dresidual + dresidual_offset + start : 0;
  place = held_first(&walk);
  UNROLL_HELD for (uint i = 0; i < HELD; i++)
  {
    if (held_exists(&place, &walk)) {
      store_gradients(g[i], gradient(values[i], g[i], k), dx, dresidual, held_offset(&place, &walk), 0);
    }
    held_next(&place, &walk);
  }
}
