/* dbeta = sum g, dgamma = inv_std * sum g*(x - mean), dx = gamma*inv_std*g, dresidual = g with frozen statistics, the running
 * ones, in one sweep: dx waits for no sum. g = dy * act'(z), z = gamma*xhat + beta + residual. dx, dresidual, dgamma and dbeta
 * may each be NULL, beta and residual without an activation.
 *
 * Work:    a work-group owns one tile of GROUP statistics: outer_tile segments by inner_tile elements of the run.
 * Traffic: x, dy and residual are read once (x not at all without an activation and with neither dgamma nor dbeta); dx and
 *          dresidual are written once, and with several tiles a statistic six floats of each for merge_gradients. Where runs
 *          are no whole aligned vectors a lone work-item reads some segments twice, the second time from cache.
 * Macros:  WIDTH, LOCAL, GROUP, STREAM, STORAGE, ACTIVATION, RESIDUAL; FROM_RUNNING is 1.
 *          With ADDS dgamma or dbeta is added to what is there. */

/* Elements of a tensor that are summed, then written, where that is not done at once: few enough for the second cache. */
#define FROZEN_CHUNK 65536

typedef struct frozen_coefficients {
  forward_coefficients z[GROUP];
  backward_coefficients dx[GROUP];
} frozen_coefficients;

/* One run: read, summed and written at once. dx may be dy. */
INLINE_LOCAL void run_frozen(lane_sums *sums, const backward_tensors *t, ulong run, ulong ahead, forward_coefficients k,
                             backward_coefficients b, float alpha, rows_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  const uint tail = lane_tail(at, run);
  const int streams = can_stream_both(t->dx, t->dresidual);
  const vec mean = (vec)(k.mean);
  lane_sums s = *sums; /* so that it stays in registers */
  for (ulong i = at.lane * WIDTH; i + WIDTH <= run; i += step) {
    if (ahead != 0) {
      prefetch_gradients(t->x, t->dy, t->residual, i + ahead);
    }
    const vec value = tensor_load(t->x + i);
    const vec g = derive(value, tensor_load(t->dy + i), addend(t->residual, i, DERIVES), k, alpha);
    sums_add(&s, value, g, mean);
    store_gradients(g, gradient(value, g, b), t->dx, t->dresidual, i, streams);
  }
  if (tail != 0) {
    const ulong i = run / WIDTH * WIDTH;
    const vec value = tensor_load_some(t->x + i, tail, k.mean), dvalue = tensor_load_some(t->dy + i, tail, 0.0f);
    const vec g = derive(value, dvalue, addend_most(t->residual, i, tail, DERIVES), k, alpha);
    sums_add(&s, value, g, mean);
    store_gradients_most(g, gradient(value, g, b), t->dx, t->dresidual, i, tail);
  }
  *sums = s;
}

/* The same of a lone work-item whose vectors do not begin where those of dx do: dx is written as whole aligned vectors all the
 * same, so it may not be dy. */
INLINE_LOCAL void run_frozen_apart(lane_sums *sums, const backward_tensors *t, ulong run, ulong ahead,
                                   forward_coefficients k, backward_coefficients b, float alpha, rows_place at)
{
  const ulong lead = until_aligned(RESIDUAL && !t->dx ? t->dresidual : t->dx);
  const int streams =
      can_stream_both(RESIDUAL && !t->dx ? 0 : t->dx + lead, wants(t->dresidual) ? t->dresidual + lead : 0);
  const ragged_ends ragged = ends_of(run, lead, streams);
  const vec mean = (vec)(k.mean);
  lane_sums s = *sums;
  vec ends[2];
  load_ends(ends, t->dy, ragged);
  ulong j = 0;
  for (ulong i = lead; i + WIDTH <= run; i += WIDTH, j += WIDTH) {
    prefetch_gradients(t->x, t->dy, t->residual, j + ahead);
    const vec x = tensor_load_unsorted(t->x + j), added = addend_unsorted(t->residual, j, DERIVES);
    sums_add(&s, x, derive(x, tensor_load_unsorted(t->dy + j), added, k, alpha), mean);
    const vec value = tensor_load(t->x + i);
    const vec g = gradient_at_z(value, tensor_load(t->dy + i), addend(t->residual, i, DERIVES), b, alpha);
    store_gradients(g, gradient(value, g, b), t->dx, t->dresidual, i, streams);
  }
  store_ends_dx(ends, ragged, t->x, t->residual, t->dx, t->dresidual, 1, &b, alpha);
  /* What is left are less than two vectors, the last of which may be none; in lanes that the loop's vectors would have had them. */
  for (; j < run; j += WIDTH) {
    const uint count = (uint)min(run - j, (ulong)WIDTH);
    const vec x = tensor_load_most(t->x + j, count, k.mean), dy = tensor_load_most(t->dy + j, count, 0.0f);
    sums_add(&s, x, derive(x, dy, addend_most(t->residual, j, count, DERIVES), k, alpha), mean);
  }
  *sums = s;
}

/* How runs are summed and written. */
typedef enum frozen_way {
  STRAIGHT, /* at once: vectors begin where those of what is written do, or it does not matter */
  APART,    /* at once, and they do not */
  CHUNKS    /* some runs are summed, then written, or one of the two alone */
} frozen_way;

/* Runs of fewer elements are written together with their neighbours. */
#define LEAST_APART 256

static inline frozen_way way_of(const backward_tensors *t, int sums_wanted, ulong run, ulong segment_stride,
                                ulong statistic_stride)
{
  const ulong all = run | segment_stride | statistic_stride; /* WIDTH is a power of two */
  if (!sums_wanted || (!t->dx && !wants(t->dresidual))) {
    return CHUNKS;
  }
  if (LOCAL > 1 || (all % WIDTH == 0 && until_aligned(RESIDUAL && !t->dx ? t->dresidual : t->dx) == 0)) {
    return STRAIGHT;
  }
  return run >= LEAST_APART && t->dx != t->dy && t->dresidual != t->dy ? APART : CHUNKS;
}

/* Sums, if they are wanted, and dx of `group` neighbouring statistics. BLOCK segments of one after another, so that its sums stay
 * near. One call of each function, so that it is inlined. */
INLINE_LOCAL void rows_freeze(lane_sums *sums, int sums_wanted, uint group, const backward_tensors *t,
                              const frozen_coefficients *k, float alpha, ulong segments, ulong run,
                              ulong segment_stride, ulong statistic_stride, rows_place at)
{
  const frozen_way way = way_of(t, sums_wanted, run, segment_stride, statistic_stride);
  const ulong ahead = run_ahead(group, run, segment_stride);
  const ulong some = way == CHUNKS ? max(FROZEN_CHUNK / (run * group), 1ul) * at.rows : BLOCK * at.rows;
  for (ulong block = 0; block < segments; block += some) {
    const ulong here = min(some, segments - block), start = block * segment_stride;
    const backward_tensors own = tensors_at(t, start);
    for (uint g = 0; way != CHUNKS && g < group; g++) {
      for (ulong segment = at.row; segment < here; segment += at.rows) {
        const backward_tensors one = tensors_at(&own, segment * segment_stride + g * statistic_stride);
        if (way == STRAIGHT) {
          run_frozen(&sums[g], &one, run, ahead, k->z[g], k->dx[g], alpha, at);
        } else if (LOCAL == 1) {
          run_frozen_apart(&sums[g], &one, run, ahead, k->z[g], k->dx[g], alpha, at);
        }
      }
    }
    if (way == CHUNKS && sums_wanted) {
      rows_reduce_gradients(sums, group, own.x, own.dy, own.residual, k->z, alpha, here, run, segment_stride,
                            statistic_stride, at);
    }
    if (way == CHUNKS && (own.dx || wants(own.dresidual))) {
      group_dx(own.x, own.dy, own.residual, own.dx, own.dresidual, here, run, segment_stride, statistic_stride, k->dx,
               alpha, group, at);
    }
  }
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void rows_frozen(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, __global storage *dx, ulong dx_offset,
    __global storage *dresidual, ulong dresidual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, __global float *dgamma, ulong dgamma_offset, __global float *dbeta,
    ulong dbeta_offset, const __global float *running_mean, ulong running_mean_offset,
    const __global float *running_var, ulong running_var_offset, __global float *partials, ulong partials_offset,
    ulong segments, ulong run, ulong segment_stride, ulong statistic_stride, ulong statistics_count, ulong outer_tile,
    ulong outer_tiles, ulong inner_tile, ulong tiles, uint lanes, float epsilon, float alpha)
{
  __local real scratch[LOCAL];
  const rows_place at = rows_place_of(lanes);
  const rows_tile tile = rows_tile_of(segments, run, segment_stride, statistic_stride, statistics_count, outer_tile,
                                      outer_tiles, inner_tile);
  const int sums_wanted = dgamma || dbeta;
  const backward_tensors whole = {x + x_offset, dy + dy_offset, residual + residual_offset,
                                  dx ? dx + dx_offset : 0, wants(dresidual) ? dresidual + dresidual_offset : 0};
  const backward_tensors t = tensors_at(&whole, tile.start);
  lane_sums sums[GROUP];
  frozen_coefficients k;

  for (uint g = 0; g < tile.group; g++) {
    const ulong c = tile.statistic + g;
    const finished_statistics s = {running_mean[running_mean_offset + c], 0.0f,
                                   inv_std_of(running_var[running_var_offset + c], epsilon)};
    k.z[g] = affine(s, gamma ? gamma[gamma_offset + c] : 1.0f, DERIVES && beta ? beta[beta_offset + c] : 0.0f);
    k.dx[g].mean = k.z[g].mean;
    k.dx[g].a = k.z[g].scale;
    k.dx[g].b = k.dx[g].c = 0.0f;
    k.dx[g].shift = k.z[g].shift;
    sums_clear(&sums[g]);
  }
  rows_freeze(sums, sums_wanted, tile.group, &t, &k, alpha, tile.segments, tile.run, segment_stride, statistic_stride, at);
  for (uint g = 0; sums_wanted && g < tile.group; g++) {
    const ulong c = tile.statistic + g;
    const gradient_sums s = sums_combine(&sums[g], scratch);
    if (get_local_id(0) != 0) {
      continue;
    }
    if (tiles == 0) {
      finish_gradients(&k.dx[g], s.g, s.gd, s.d, 0, c, 1, k.z[g].mean,
                       inv_std_of(running_var[running_var_offset + c], epsilon), 1.0f, dgamma ? dgamma + dgamma_offset : 0,
                       dbeta ? dbeta + dbeta_offset : 0);
      continue;
    }
    const float values[6] = {real_hi(s.g), real_lo(s.g), real_hi(s.gd), real_lo(s.gd), real_hi(s.d), real_lo(s.d)};
    for (uint i = 0; i < 6; i++) {
      partials[partials_offset + (i * tiles + tile.index) * statistics_count + c] = values[i];
    }
  }
}
