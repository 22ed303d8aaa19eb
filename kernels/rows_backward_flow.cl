/* As rows_backward with the batch's own statistics: dx of a statistic is written while the next one is read and summed, so that
 * reading, summing and writing overlap.
 *
 * Work:    a work-item owns outer_tile neighbouring statistics, whole.
 * Traffic: x, dy and residual are read twice, the second time from cache if two statistics' data fit there; dx and dresidual are
 *          written once. With an activation x once more where saved means are far from 0: mean_is_exact.
 * Macros:  WIDTH, LOCAL (1), GROUP (1), STREAM, STORAGE, ACTIVATION, RESIDUAL, FROM_RUNNING (0), ADDS (as rows_backward);
 *          sums in double. */

/* Writes dx of the run at p, and adds the sums of the one at `later`. */
INLINE_LOCAL void flow(lane_sums *sums, const backward_tensors *p, const backward_tensors *later, ulong run, ulong ahead,
                       const backward_coefficients *k, const forward_coefficients *k_later, float alpha, rows_place at)
{
  const ulong lead = until_aligned(RESIDUAL && !p->dx ? p->dresidual : p->dx);
  const int streams =
      can_stream_both(RESIDUAL && !p->dx ? 0 : p->dx + lead, wants(p->dresidual) ? p->dresidual + lead : 0);
  const ragged_ends ragged = ends_of(run, lead, streams);
  const backward_coefficients own = *k;
  const forward_coefficients other = *k_later;
  lane_sums s = *sums; /* so that it stays in registers */
  vec ends[2];
  load_ends(ends, p->dy, ragged);
  ulong j = 0;
  for (ulong i = lead; i + WIDTH <= run; i += WIDTH, j += WIDTH) {
    prefetch_elements(later->x + j + ahead, WIDTH);
    prefetch_elements(later->dy + j + ahead, WIDTH);
    prefetch_near(p->x + i);
    prefetch_near(p->dy + i);
    prefetch_near(later->x + j);
    prefetch_near(later->dy + j);
    if (RESIDUAL && DERIVES) {
      prefetch_elements(later->residual + j + ahead, WIDTH);
      prefetch_near(p->residual + i);
    }
    const vec value = tensor_load(p->x + i);
    const vec g = gradient_at_z(value, tensor_load(p->dy + i), addend(p->residual, i, DERIVES), own, alpha);
    store_gradients(g, gradient(value, g, own), p->dx, p->dresidual, i, streams);
    const vec x = tensor_load_unsorted(later->x + j), added = addend_unsorted(later->residual, j, DERIVES);
    sums_add(&s, x, derive(x, tensor_load_unsorted(later->dy + j), added, other, alpha),
             (vec)(other.mean));
  }
  store_ends_dx(ends, ragged, p->x, p->residual, p->dx, p->dresidual, 1, k, alpha);
  run_gradients(&s, later->x, later->dy, later->residual, j, run, lane_tail(at, run), other, alpha, 0, at);
  *sums = s;
}

/* What statistics that are given have: backward of a training forward pass. */
typedef struct flow_given {
  const __global float *mean, *inv_std, *gamma, *beta;
} flow_given;

/* The coefficients of z of statistic c, or its mean alone where nothing is derived. */
INLINE_LOCAL forward_coefficients flow_forward(const flow_given *given, ulong c, const __global storage *x, ulong segments,
                                               ulong run, ulong segment_stride)
{
  const float mean = given->mean[c];
  if (!DERIVES) {
    return center_only(mean);
  }
  finished_statistics s = {mean, 0.0f, given->inv_std[c]};
  if (!mean_is_exact(mean, s.inv_std)) {
    lane_sums sums;
    sums_clear(&sums);
    rows_reduce_distances(&sums, x, mean, segments, run, segment_stride, rows_place_of(LOCAL));
    s.lo = real_hi(real_divide(lanes_sum(sums_d(&sums), 0, WIDTH), real_from_count(segments * run)));
  }
  return affine(s, given->gamma ? given->gamma[c] : 1.0f, given->beta ? given->beta[c] : 0.0f);
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_backward_flow(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, __global storage *dx, ulong dx_offset,
    __global storage *dresidual, ulong dresidual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, __global float *dgamma, ulong dgamma_offset, __global float *dbeta,
    ulong dbeta_offset, const __global float *mean, ulong mean_offset, const __global float *spread, ulong spread_offset,
    ulong segments, ulong run, ulong segment_stride, ulong statistic_stride, ulong statistics_count, ulong outer_tile,
    float alpha)
{
  const ulong first = get_group_id(0) * outer_tile;
  const ulong end = min(first + outer_tile, statistics_count);
  const ulong n = segments * run, ahead = flow_ahead(run, segment_stride);
  const int writes = dx || wants(dresidual);
  const rows_place at = rows_place_of(LOCAL);
  const flow_given given = {mean + mean_offset, spread + spread_offset, gamma ? gamma + gamma_offset : 0,
                            beta ? beta + beta_offset : 0};
  const backward_tensors all = {x + x_offset, dy + dy_offset, residual + residual_offset,
                                RESIDUAL && !dx ? 0 : dx + dx_offset, wants(dresidual) ? dresidual + dresidual_offset : 0};
  backward_coefficients k = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f}; /* of statistic c - 1 */

  for (ulong c = first; c <= end; c++) {
    const ulong begin = c * statistic_stride;
    const int sums_it = c != end, writes_it = c != first && writes;
    forward_coefficients k_later = {0.0f, 0.0f, 0.0f};
    lane_sums sums;
    sums_clear(&sums);
    if (sums_it) {
      k_later = flow_forward(&given, c, all.x + begin, segments, run, segment_stride);
    }
    for (ulong segment = 0; segment < segments; segment++) {
      const ulong i = begin + segment * segment_stride;
      const backward_tensors later = tensors_at(&all, i);
      const backward_tensors written = tensors_at(&all, writes_it ? i - statistic_stride : i);
      if (sums_it && writes_it) {
        flow(&sums, &written, &later, run, ahead, &k, &k_later, alpha, at);
      } else if (sums_it) {
        run_gradients(&sums, later.x, later.dy, later.residual, 0, run, lane_tail(at, run), k_later, alpha, ahead, at);
      } else if (writes_it) {
        joined_dx(written.x, written.dy, written.residual, written.dx, written.dresidual, run, 1, &k, alpha);
      }
    }
    if (sums_it) {
      __local real *const alone = 0; /* the sum over one work-item is its own */
      const gradient_sums s = sums_combine(&sums, alone);
      finish_gradients(&k, s.g, s.gd, s.d, n, c, FROM_RUNNING, given.mean[c], given.inv_std[c],
                       given.gamma ? given.gamma[c] : 1.0f, dgamma ? dgamma + dgamma_offset : 0,
                       dbeta ? dbeta + dbeta_offset : 0);
      k.shift = k_later.shift;
    }
  }
}
