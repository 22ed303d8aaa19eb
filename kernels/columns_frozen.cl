/* dbeta = sum g, dgamma = inv_std * sum g*(x - mean), dx = gamma*inv_std*g, dresidual = g with frozen statistics, the running
 * ones, in one sweep: dx waits for no sum. g = dy * act'(z), z = gamma*xhat + beta + residual. dx, dresidual, dgamma and dbeta
 * may each be NULL, beta and residual without an activation.
 *
 * Work:    a work-group owns one tile of outer_tile rows by inner_tile columns.
 * Traffic: x, dy and residual are read once; dx and dresidual are written once, and with several tiles a column six floats of
 *          each for merge_gradients.
 * Macros:  WIDTH, LOCAL, GROUP, STREAM, STORAGE, ACTIVATION, RESIDUAL, FOLDED; FROM_RUNNING is 1.
 *          With ADDS dgamma or dbeta is added to what is there. */

/* What follows from `count` elements of column vector i at `offset`, of which dy is loaded already. */
INLINE_LOCAL void freeze_at(lane_sums *s, const backward_tensors *t, ulong offset, uint count, vec dy,
                            const column_forward *k, uint i, float alpha, int writes, int streams)
{
  const vec x = tensor_load_most(t->x + offset, count, 0.0f);
  const vec added = addend_most(t->residual, offset, count, DERIVES);
  const vec g = derived(x, dy, added, k->mean[i], k->scale[i], k->shift[i], alpha);
  sums_add(s, x, g, k->mean[i]);
  if (writes && count == WIDTH) {
    store_gradients(g, k->scale[i] * g, t->dx, t->dresidual, offset, streams);
  } else if (writes) {
    store_gradients_most(g, k->scale[i] * g, t->dx, t->dresidual, offset, count);
  }
}

/* Sums of the tile's rows, and what is written of them. The sums of one vector stay in registers over some rows. */
INLINE_LOCAL void columns_freeze(lane_sums *sums, const backward_tensors *t, const column_forward *k, float alpha,
                                 ulong columns, columns_place at)
{
  const int writes = t->dx || wants(t->dresidual), has_edge = at.vectors > at.whole;
  const ulong start = at.first * columns + at.column;
  const int streams = columns % WIDTH == 0 && can_stream_both(t->dx ? t->dx + start : 0,
                                                              wants(t->dresidual) ? t->dresidual + start : 0);
  const ulong ahead = rows_ahead(columns), last = max(at.end, (ulong)BLOCK) - BLOCK;
  for (ulong row = at.first + at.row; row < at.end; row += SUM_ROWS * at.rows) {
    const ulong end = min(row + SUM_ROWS * at.rows, at.end);
    /* The edge may overlap the vector before it, and dx may be dy: it is loaded first. */
    vec edge[SUM_ROWS];
    for (ulong r = row, n = 0; has_edge && r < end; r += at.rows, n++) {
      edge[n] = tensor_load_most(t->dy + r * columns + at.edge, at.edge_width, 0.0f);
    }
    for (uint i = 0; i < at.whole; i++) {
      lane_sums s = sums[i];
      if (CAN_PREFETCH) {
        look_down_gradients(t->x, t->dy, t->residual, min(row + ahead, last) * columns + column_of(at, i), columns);
      }
      for (ulong r = row; r < end; r += at.rows) {
        const ulong offset = r * columns + column_of(at, i);
        freeze_at(&s, t, offset, WIDTH, tensor_load(t->dy + offset), k, i, alpha, writes, streams);
      }
      sums[i] = s;
    }
    for (ulong r = row, n = 0; has_edge && r < end; r += at.rows, n++) {
      freeze_at(&sums[at.whole], t, r * columns + at.edge, at.edge_width, edge[n], k, at.whole, alpha, writes, 0);
    }
  }
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_frozen(
    const __global storage *x, ulong x_offset, const __global storage *dy, ulong dy_offset,
    const __global storage *residual, ulong residual_offset, __global storage *dx, ulong dx_offset,
    __global storage *dresidual, ulong dresidual_offset, const __global float *gamma, ulong gamma_offset,
    const __global float *beta, ulong beta_offset, __global float *dgamma, ulong dgamma_offset, __global float *dbeta,
    ulong dbeta_offset, const __global float *running_mean, ulong running_mean_offset,
    const __global float *running_var, ulong running_var_offset, __global float *partials, ulong partials_offset,
    ulong rows, ulong columns, ulong outer_tile, ulong inner_tile, ulong inner_tiles, ulong sample_rows, ulong tiles,
    ulong partials_count, ulong period, uint lanes, float epsilon, float alpha)
{
  __local vec_real scratch[LOCAL];
  const columns_place at = columns_place_of(lanes, rows, columns, outer_tile, inner_tile, inner_tiles, sample_rows);
  const backward_tensors t = {x + x_offset, dy + dy_offset, residual + residual_offset, dx ? dx + dx_offset : 0,
                              wants(dresidual) ? dresidual + dresidual_offset : 0};
  lane_sums sums[GROUP];
  column_forward k;

  for (uint i = 0; i < GROUP; i++) {
    sums_clear(&sums[i]);
  }
  for (uint i = 0; i < at.vectors; i++) {
    const ulong column = column_of(at, i);
    const uint width = width_of(at, i);
    k.mean[i] = load_columns(running_mean, running_mean_offset, column, width, 0.0f, period);
    k.scale[i] =
        vec_inv_std_of(load_columns(running_var, running_var_offset, column, width, 1.0f, period), epsilon);
    columns_affine(&k, i, (vec)(0.0f), at, gamma, gamma_offset, DERIVES ? beta : 0, beta_offset, period);
  }
  columns_freeze(sums, &t, &k, alpha, columns, at);
  if (!dgamma && !dbeta) {
    return;
  }
  for (uint i = 0; i < vectors_of_group(at); i++) {
    const vec_real g = columns_sum(sums_g(&sums[i]), at, scratch);
    const vec_real gd = columns_sum(sums_gd(&sums[i]), at, scratch);
    const vec_real d = columns_sum(sums_d(&sums[i]), at, scratch);
    if (at.row != 0 || i >= at.vectors) {
      continue;
    }
    const ulong column = column_of(at, i);
    const uint width = width_of(at, i);
    if (partials_count == 0) {
      vec a, b, c;
      const vec inv_std = vec_inv_std_of(load_most(running_var + running_var_offset + column, width, 1.0f), epsilon);
      columns_finish_gradients(&a, &b, &c, g, gd, d, rows, column, i == at.whole ? edge_overlap(at) : 0, width, inv_std,
                               (vec)(1.0f), dgamma ? dgamma + dgamma_offset : 0, dbeta ? dbeta + dbeta_offset : 0);
      continue;
    }
    const vec values[6] = {vec_real_hi(g),  vec_real_lo(g), vec_real_hi(gd),
                           vec_real_lo(gd), vec_real_hi(d), vec_real_lo(d)};
    for (uint j = 0; j < 6; j++) {
      store_most(values[j], partials + partials_offset + (j * tiles + at.tile) * columns + column, width);
    }
  }
}
