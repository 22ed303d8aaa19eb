/* y = act(gamma * (x - mean) * inv_std + beta + residual) with the batch's own statistics, in one launch, for few rows.
 * y may be x or residual, or NULL: then only statistics are stored.
 *
 * Work:    a work-group owns inner_tile columns, whole.
 * Traffic: x is read twice, the second time from cache if the tile fits there; y is written once.
 * Macros:  WIDTH, LOCAL, GROUP, STREAM, STORAGE, ACTIVATION, RESIDUAL. */

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_train(
    const __global storage *x, ulong x_offset, const __global storage *residual, ulong residual_offset,
    __global storage *y, ulong y_offset, const __global float *gamma, ulong gamma_offset, const __global float *beta,
    ulong beta_offset, __global float *running_mean, ulong running_mean_offset, __global float *running_var,
    ulong running_var_offset, __global float *mean, ulong mean_offset, __global float *inv_std, ulong inv_std_offset,
    ulong rows, ulong columns, ulong outer_tile, ulong inner_tile, ulong inner_tiles, ulong sample_rows, ulong divisor,
    uint lanes, float epsilon, float weight, float keep, float alpha)
{
  __local vec_real scratch[LOCAL];
  const columns_place at = columns_place_of(lanes, rows, columns, outer_tile, inner_tile, inner_tiles, sample_rows);
  lane_stats states[GROUP];
  column_forward k;

  const ulong seen = columns_reduce(states, x + x_offset, columns, at);
  for (uint i = 0; i < vectors_of_group(at); i++) {
    column_statistics s;
    columns_combine(&s, states, i, seen, at, scratch);
    if (i >= at.vectors) {
      continue;
    }
    const ulong column = column_of(at, i);
    const uint width = width_of(at, i);
    /* Columns of the edge that the vector before it has too: their running statistics are updated already. */
    const uint skip = i == at.whole ? edge_overlap(at) : 0;
    const int writes = at.row == 0;
    k.mean[i] = vec_real_hi(s.mean);
    columns_finish(&k.scale[i], s.mean, s.m2, rows, column, skip, width, epsilon, weight, keep, divisor,
                   writes && running_mean ? running_mean + running_mean_offset : 0,
                   writes && running_var ? running_var + running_var_offset : 0,
                   writes && mean ? mean + mean_offset : 0, writes && inv_std ? inv_std + inv_std_offset : 0);
    columns_affine(&k, i, vec_real_lo(s.mean), at, gamma, gamma_offset, beta, beta_offset, columns);
  }
  if (y) {
    columns_normalize(x + x_offset, residual + residual_offset, y + y_offset, columns, &k, alpha, at);
  }
}
