/* The walk over columns: a matrix of rows of contiguous elements, a statistic owns one column.
 *
 * Of a work-group's LOCAL work-items, `lanes` stand side by side over the columns (neighbouring work-items on neighbouring
 * vectors) and LOCAL/lanes take different rows. Each work-item walks up to GROUP vectors of columns together. */

typedef struct columns_place {
  uint lane, lanes; /* over the columns */
  uint row, rows;   /* over the rows */
  ulong tile;       /* index of the tile of rows */
  ulong first, end; /* its rows */
  ulong column;     /* the work-item's first */
  uint whole;       /* whole vectors, lanes * WIDTH columns apart */
  uint vectors;     /* with the one at the matrix's right edge, if it is this work-item's */
  ulong edge;       /* first column of that one, */
  uint edge_width;  /* and how many it has */
} columns_place;

/* Tile t has the columns from t % inner_tiles * inner_tile on and the rows from t / inner_tiles * outer_tile on. */
static inline columns_place columns_place_of(uint lanes, ulong rows, ulong columns, ulong outer_tile, ulong inner_tile,
                                             ulong inner_tiles)
{
  const uint id = (uint)get_local_id(0);
  const ulong step = (ulong)lanes * WIDTH;
  columns_place at;
  at.lane = id % lanes;
  at.lanes = lanes;
  at.row = id / lanes;
  at.rows = LOCAL / lanes;
  at.tile = get_group_id(0) / inner_tiles;
  at.first = at.tile * outer_tile;
  at.end = min(at.first + outer_tile, rows);
  at.column = get_group_id(0) % inner_tiles * inner_tile + at.lane * WIDTH;
  const ulong left = at.column < columns ? columns - at.column : 0;
  at.whole = left < WIDTH ? 0 : (uint)min((left - WIDTH) / step + 1, (ulong)GROUP);
  at.edge = at.column + at.whole * step;
  at.vectors = at.whole + (at.whole < GROUP && at.edge < columns ? 1 : 0);
  at.edge_width = at.vectors > at.whole ? (uint)(columns - at.edge) : 0;
  /* A lone work-item moves the last vector left until it is whole: what overlaps is computed twice, with the same bits. */
  if (lanes == 1 && at.edge_width != 0 && at.whole != 0) {
    at.edge = columns - WIDTH;
    at.edge_width = WIDTH;
  }
  return at;
}

static inline ulong column_of(columns_place at, uint k)
{
  return k < at.whole ? at.column + (ulong)k * at.lanes * WIDTH : at.edge;
}

static inline uint width_of(columns_place at, uint k) { return k < at.whole ? WIDTH : at.edge_width; }

/* Sum over the work-items that share columns, the same in each of them. `scratch` has LOCAL elements. A fixed tree. */
INLINE_LOCAL vec_real columns_sum(vec_real mine, columns_place at, __local vec_real *scratch)
{
  if (LOCAL == 1) {
    return mine;
  }
  const uint id = (uint)get_local_id(0);
  scratch[id] = mine;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint half_rows = at.rows / 2; half_rows > 0; half_rows /= 2) {
    if (at.row < half_rows) {
      scratch[id] = vec_real_add(scratch[id], scratch[id + half_rows * at.lanes]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const vec_real total = scratch[at.lane];
  barrier(CLK_LOCAL_MEM_FENCE);
  return total;
}

static inline vec load_optional(const __global float *p, ulong offset, uint width, float otherwise)
{
  return p ? load_most(p + offset, width, otherwise) : (vec)(otherwise);
}

static inline vec vec_inv_std_of(vec variance, float epsilon)
{
  return vec_real_inverse_sqrt(
      vec_real_add(vec_real_of(variance, (vec)(0.0f)), vec_real_of((vec)(epsilon), (vec)(0.0f))));
}
