/* y = ((x - hi) - lo) * scale + shift, coefficients from merge_stats or, with FROM_RUNNING, from the running statistics.
 *
 * Work:    a work-group owns one tile of outer_tile rows by inner_tile columns.
 * Traffic: x is read once, y written once; the coefficients of the tile's columns are loaded once. y may be x.
 * Macros:  WIDTH, LOCAL, GROUP, FROM_RUNNING, STREAM. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void columns_apply(
    const __global float *x, ulong x_offset, __global float *y, ulong y_offset, const __global float *gamma,
    ulong gamma_offset, const __global float *beta, ulong beta_offset, const __global float *running_mean,
    ulong running_mean_offset, const __global float *running_var, ulong running_var_offset,
    const __global float *coefficients, ulong coefficients_offset, ulong rows, ulong columns, ulong outer_tile,
    ulong inner_tile, ulong inner_tiles, uint lanes, float epsilon)
{
  const columns_place at = columns_place_of(lanes, rows, columns, outer_tile, inner_tile, inner_tiles);
  const ulong step = (ulong)lanes * WIDTH;
  vec hi[GROUP], lo[GROUP], scale[GROUP], shift[GROUP];

  for (uint k = 0; k < at.vectors; k++) {
    const ulong column = column_of(at, k);
    const uint width = width_of(at, k);
    if (FROM_RUNNING) {
      hi[k] = load_most(running_mean + running_mean_offset + column, width, 0.0f);
      lo[k] = (vec)(0.0f);
      scale[k] = vec_inv_std_of(load_most(running_var + running_var_offset + column, width, 1.0f), epsilon);
    } else {
      const __global float *stored = coefficients + coefficients_offset + column;
      hi[k] = load_most(stored, width, 0.0f);
      lo[k] = load_most(stored + columns, width, 0.0f);
      scale[k] = load_most(stored + 2 * columns, width, 0.0f);
    }
    scale[k] *= load_optional(gamma, gamma_offset + column, width, 1.0f);
    shift[k] = load_optional(beta, beta_offset + column, width, 0.0f);
  }
  x += x_offset;
  y += y_offset;
  for (ulong row = at.first + at.row; row < at.end; row += at.rows) {
    const __global float *from = x + row * columns;
    __global float *to = y + row * columns;
    const uint e = at.whole;
    const int streams = can_stream(to + at.column);
    /* The edge may overlap what the loop stores, and y may be x: it is loaded first. */
    const vec edge = at.vectors > e ? load_most(from + at.edge, at.edge_width, 0.0f) : (vec)(0.0f);
    for (uint k = 0; k < at.whole; k++) {
      const vec d = VLOAD(from + at.column + k * step) - hi[k];
      store_result(MULTIPLY_ADD(FROM_RUNNING ? d : d - lo[k], scale[k], shift[k]), to + at.column + k * step, streams);
    }
    if (at.vectors > e) {
      store_most(MULTIPLY_ADD((edge - hi[e]) - lo[e], scale[e], shift[e]), to + at.edge, at.edge_width);
    }
  }
}
