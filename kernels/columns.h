/* The walk over columns: a matrix of rows of contiguous elements, a statistic owns one column.
 *
 * Of a work-group's LOCAL work-items, `lanes` stand side by side over the columns (neighbouring work-items on neighbouring
 * vectors) and LOCAL/lanes take different rows. Each work-item walks GROUP vectors of columns together. */

typedef struct columns_place {
  uint lane, lanes; /* over the columns */
  uint row, rows;   /* over the rows */
  ulong column;     /* of the tile */
  ulong first, end; /* rows of the tile */
} columns_place;

/* Tile `tile` lies at column tile % inner_tiles * inner_tile, row tile / inner_tiles * outer_tile. */
static inline columns_place columns_place_of(uint lanes, ulong tile, ulong matrix_rows, ulong outer_tile, ulong inner_tile,
                                             ulong inner_tiles)
{
  const uint id = (uint)get_local_id(0);
  const ulong first = tile / inner_tiles * outer_tile;
  const columns_place at = {
      id % lanes, lanes, id / lanes, LOCAL / lanes, tile % inner_tiles * inner_tile, first, min(first + outer_tile, matrix_rows)};
  return at;
}

/* The work-item's k-th vector: its first column, and how many columns of the matrix there are from it on (0 if none). */
static inline ulong column_of(columns_place at, uint k) { return at.column + ((ulong)k * at.lanes + at.lane) * WIDTH; }

static inline ulong columns_left(columns_place at, uint k, ulong columns)
{
  const ulong column = column_of(at, k);
  return column < columns ? columns - column : 0;
}

/* Sum over the work-items that share columns, the same in each of them. hi and lo have LOCAL elements. A fixed tree. */
static inline vec_pair columns_sum(vec_pair mine, columns_place at, __local vec *hi, __local vec *lo)
{
  if (LOCAL == 1) {
    return mine;
  }
  const uint id = (uint)get_local_id(0);
  hi[id] = mine.hi;
  lo[id] = mine.lo;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint half_rows = at.rows / 2; half_rows > 0; half_rows /= 2) {
    if (at.row < half_rows) {
      const uint other = id + half_rows * at.lanes;
      const vec_pair sum = vec_pair_add(vec_pair_of(hi[id], lo[id]), vec_pair_of(hi[other], lo[other]));
      hi[id] = sum.hi;
      lo[id] = sum.lo;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const vec_pair total = vec_pair_of(hi[at.lane], lo[at.lane]);
  barrier(CLK_LOCAL_MEM_FENCE);
  return total;
}

static inline vec load_optional(const __global float *p, ulong offset, ulong left, float otherwise)
{
  return p ? load_most(p + offset, left, otherwise) : (vec)(otherwise);
}

static inline vec vec_inv_std_of(vec variance, float epsilon)
{
  return vec_pair_inverse_sqrt(
      vec_pair_add(vec_pair_of(variance, (vec)(0.0f)), vec_pair_of((vec)(epsilon), (vec)(0.0f))));
}
