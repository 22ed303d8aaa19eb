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
  at.lane = id & (lanes - 1); /* a power of two */
  at.lanes = lanes;
  at.row = id / lanes;
  at.rows = LOCAL / lanes;
  at.tile = get_group_id(0) / inner_tiles;
  at.first = at.tile * outer_tile;
  at.end = min(at.first + outer_tile, rows);
  at.column = (get_group_id(0) - at.tile * inner_tiles) * inner_tile + at.lane * WIDTH;
  at.whole = at.column + WIDTH <= columns ? (uint)min((columns - at.column - WIDTH) / step + 1, (ulong)GROUP) : 0;
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

/* How many of the edge's columns the whole vector before it has too. */
static inline uint edge_overlap(columns_place at)
{
  return (uint)(at.column + (ulong)at.whole * at.lanes * WIDTH - at.edge);
}

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

/* ---- reductions ------------------------------------------------------------------------------------------------- */

/* Rows of two tensors that are summed together. */
#define SUM_ROWS 6

/* Elements ahead, of narrow matrices, that are prefetched. */
#define AHEAD 2048

/* Rows from a block to the one that is prefetched meanwhile. */
static inline ulong rows_ahead(ulong columns) { return max((ulong)BLOCK, AHEAD / columns); }

/* Prefetches one line of each of a block's rows, from p on. A block is walked vector by vector, each down its rows: an order
 * that the processor's own prefetching does not know, and waits of the memory's latency without. */
static inline void look_down(const __global float *p, ulong columns, uint rows)
{
  UNROLL_BLOCK for (uint i = 0; i < rows; i++) { PREFETCH(p + i * columns); }
}

/* Adds the tile's rows to the states of the work-item's vectors; returns the values that each lane has seen. */
static inline ulong columns_reduce(lane_stats *states, const __global float *x, ulong columns, columns_place at)
{
  ulong seen = 0;
  for (uint k = 0; k < at.vectors; k++) {
    stats_clear(&states[k]);
  }
  const ulong ahead = rows_ahead(columns), last = max(at.end, (ulong)BLOCK) - BLOCK;
  for (ulong row = at.first + at.row; row < at.end; row += BLOCK * at.rows) {
    const ulong here = min((at.end - row - 1) / at.rows + 1, (ulong)BLOCK);
    for (uint k = 0; k < at.vectors; k++) {
      if (CAN_PREFETCH) {
        look_down(x + min(row + ahead, last) * columns + column_of(at, k), columns, BLOCK);
      }
      add_vectors(&states[k], seen, x + row * columns + column_of(at, k), here, at.rows * columns, width_of(at, k));
    }
    seen += here;
  }
  return seen;
}

/* Vectors over which the work-group's reductions go: work-items past the right edge take part, for the barriers. */
static inline uint vectors_of_group(columns_place at) { return LOCAL == 1 ? at.vectors : GROUP; }

typedef struct column_statistics {
  vec_real sum, mean, m2;
} column_statistics;

/* The k-th vector's statistics of the whole tile, the same in all work-items that share its columns. */
INLINE_LOCAL void columns_combine(column_statistics *made, const lane_stats *states, uint k, ulong seen,
                                  columns_place at, __local vec_real *scratch)
{
  const vec_real none = vec_real_of((vec)(0.0f), (vec)(0.0f));
  const int has = k < at.vectors && seen != 0;
  made->sum = columns_sum(has ? stats_sum(&states[k], seen) : none, at, scratch);
  made->mean = vec_real_divide(made->sum, vec_real_from_count(at.end - at.first));
  made->m2 = columns_sum(has ? stats_squares(&states[k], seen, made->mean) : none, at, scratch);
}

/* Adds the tile's rows to the sums of the work-item's vectors. The sums of one vector stay in registers over a block. */
static inline void columns_reduce_gradients(lane_sums *sums, const __global float *x, const __global float *dy,
                                            const __global float *mean, ulong columns, columns_place at)
{
  for (uint k = 0; k < GROUP; k++) {
    sums_clear(&sums[k]);
  }
  const ulong ahead = rows_ahead(columns), last = max(at.end, (ulong)BLOCK) - BLOCK;
  for (ulong row = at.first + at.row; row < at.end; row += SUM_ROWS * at.rows) {
    const ulong end = min(row + SUM_ROWS * at.rows, at.end);
    for (uint k = 0; k < at.whole; k++) {
      lane_sums s = sums[k];
      const vec center = VLOAD(mean + column_of(at, k));
      if (CAN_PREFETCH) {
        const ulong next = min(row + ahead, last) * columns + column_of(at, k);
        look_down(x + next, columns, SUM_ROWS);
        look_down(dy + next, columns, SUM_ROWS);
      }
      for (ulong r = row; r < end; r += at.rows) {
        const ulong offset = r * columns + column_of(at, k);
        sums_add(&s, VLOAD(x + offset), VLOAD(dy + offset), center);
      }
      sums[k] = s;
    }
    if (at.vectors > at.whole) {
      lane_sums s = sums[at.whole];
      const vec center = load_most(mean + at.edge, at.edge_width, 0.0f);
      for (ulong r = row; r < end; r += at.rows) {
        const ulong offset = r * columns + at.edge;
        sums_add(&s, load_most(x + offset, at.edge_width, 0.0f), load_most(dy + offset, at.edge_width, 0.0f), center);
      }
      sums[at.whole] = s;
    }
  }
}

/* ---- element-wise ----------------------------------------------------------------------------------------------- */

/* Each work-item's coefficients of up to GROUP vectors of columns: y = (x - mean) * scale + shift. */
typedef struct column_forward {
  vec mean[GROUP], scale[GROUP], shift[GROUP];
} column_forward;

/* Multiplies gamma into the i-th vector's scale and sets its shift; lo is what the mean's floats have not. */
static inline void columns_affine(column_forward *k, uint i, vec lo, columns_place at, const __global float *gamma,
                                  ulong gamma_offset, const __global float *beta, ulong beta_offset)
{
  const ulong column = column_of(at, i);
  const uint width = width_of(at, i);
  k->scale[i] *= load_optional(gamma, gamma_offset + column, width, 1.0f);
  const vec shift = load_optional(beta, beta_offset + column, width, 0.0f);
  k->shift[i] = select(MULTIPLY_ADD(-lo, k->scale[i], shift), shift, lo == 0.0f);
}

static inline void columns_normalize(const __global float *x, __global float *y, ulong columns, const column_forward *k,
                                     columns_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  const uint e = at.whole;
  for (ulong row = at.first + at.row; row < at.end; row += at.rows) {
    const __global float *from = x + row * columns;
    __global float *to = y + row * columns;
    const int streams = can_stream(to + at.column);
    /* The edge may overlap what the loop stores, and y may be x: it is loaded first. */
    const vec edge = at.vectors > e ? load_most(from + at.edge, at.edge_width, 0.0f) : (vec)(0.0f);
    for (uint i = 0; i < at.whole; i++) {
      const ulong column = at.column + i * step;
      store_result(normalized(VLOAD(from + column), k->mean[i], k->scale[i], k->shift[i]), to + column, streams);
    }
    if (at.vectors > e) {
      store_most(normalized(edge, k->mean[e], k->scale[e], k->shift[e]), to + at.edge, at.edge_width);
    }
  }
}

/* The same for gradients: dx = a * (dy + ((x - mean) * b + c)), or a * dy with FROM_RUNNING. */
typedef struct column_backward {
  vec mean[GROUP], a[GROUP], b[GROUP], c[GROUP];
} column_backward;

static inline vec column_gradient(const column_backward *k, uint i, vec x, vec dy)
{
  return differentiated(x, dy, k->mean[i], k->a[i], k->b[i], k->c[i]);
}

static inline void columns_differentiate(const __global float *x, const __global float *dy, __global float *dx, ulong columns,
                                         const column_backward *k, columns_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  const int has_edge = at.vectors > at.whole;
  for (ulong row = at.first + at.row; row < at.end; row += at.rows) {
    const ulong start = row * columns;
    const int streams = can_stream(dx + start + at.column);
    /* The edge may overlap what the loop stores, and dx may be dy: it is loaded first. */
    const vec edge = has_edge ? load_most(dy + start + at.edge, at.edge_width, 0.0f) : (vec)(0.0f);
    for (uint i = 0; i < at.whole; i++) {
      const ulong offset = start + at.column + i * step;
      const vec value = FROM_RUNNING ? (vec)(0.0f) : VLOAD(x + offset);
      store_result(column_gradient(k, i, value, VLOAD(dy + offset)), dx + offset, streams);
    }
    if (has_edge) {
      const vec value = FROM_RUNNING ? (vec)(0.0f) : load_most(x + start + at.edge, at.edge_width, 0.0f);
      store_most(column_gradient(k, at.whole, value, edge), dx + start + at.edge, at.edge_width);
    }
  }
}
