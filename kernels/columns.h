/* The walk over columns: a matrix of rows of contiguous elements, a statistic owns one column.
 *
 * Of a work-group's LOCAL work-items, `lanes` stand side by side over the columns (neighbouring work-items on neighbouring
 * vectors) and LOCAL/lanes take different rows. Each work-item walks up to GROUP vectors of columns together.
 *
 * Axes:
 *   SAMPLES   1: each sample_rows rows are a sample with statistics of its own, and no tile has rows of two
 *   FOLDED    1: rows are no whole vectors. Reductions are given several beside each other as one: parameters repeat themselves
 *             every `period` columns. Element-wise steps of a lone work-item walk all rows of a tile as one.
 *             2: the same in matrices wider than a tile, element-wise: a lone work-item writes each piece of a row in aligned
 *             vectors, wherever it begins. */

#if SAMPLES != 0 && SAMPLES != 1
#error "SAMPLES has to be 0 or 1"
#endif
#if FOLDED < 0 || FOLDED > 2
#error "FOLDED has to be 0 to 2"
#endif
#if FOLDED && LOCAL != 1
#error "FOLDED is for lone work-items"
#endif

typedef struct columns_place {
  uint lane, lanes; /* over the columns */
  uint row, rows;   /* over the rows */
  ulong tile;       /* index of the tile of rows */
  ulong first, end; /* its rows */
  ulong sample;     /* that these are of */
  ulong column;     /* the work-item's first */
  uint whole;       /* whole vectors, lanes * WIDTH columns apart */
  uint vectors;     /* with the one at the matrix's right edge, if it is this work-item's */
  ulong edge;       /* first column of that one, */
  uint edge_width;  /* and how many it has */
} columns_place;

/* Tile t has the columns from t % inner_tiles * inner_tile on and the rows from t / inner_tiles * outer_tile on, with SAMPLES
 * beginning again with each sample. */
static inline columns_place columns_place_of(uint lanes, ulong rows, ulong columns, ulong outer_tile, ulong inner_tile,
                                             ulong inner_tiles, ulong sample_rows)
{
  const uint id = (uint)get_local_id(0);
  const ulong step = (ulong)lanes * WIDTH;
  columns_place at;
  at.lane = id & (lanes - 1); /* a power of two */
  at.lanes = lanes;
  at.row = id / lanes;
  at.rows = LOCAL / lanes;
  at.tile = get_group_id(0) / inner_tiles;
  at.sample = 0;
  at.first = at.tile * outer_tile;
  at.end = min(at.first + outer_tile, rows);
  if (SAMPLES) {
    const ulong tiles = (sample_rows + outer_tile - 1) / outer_tile;
    at.sample = at.tile / tiles;
    at.first = at.sample * sample_rows + (at.tile - at.sample * tiles) * outer_tile;
    at.end = min(at.first + outer_tile, (at.sample + 1) * sample_rows);
  }
  at.column = (get_group_id(0) - at.tile * inner_tiles) * inner_tile + at.lane * WIDTH;
  const ulong most = FOLDED == 2 ? inner_tile / WIDTH : GROUP;
  at.whole = at.column + WIDTH <= columns ? (uint)min((columns - at.column - WIDTH) / step + 1, most) : 0;
  at.edge = at.column + at.whole * step;
  at.vectors = at.whole + (at.whole < most && at.edge < columns ? 1 : 0);
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

/* Sum over the work-items that share columns, the same in each of them. `scratch` has LOCAL elements. A fixed tree, also where
 * there are sub-groups: those have work-items of several columns, or of a part of the work-items of one. */
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
static inline void look_down(const __global storage *p, ulong columns, uint rows)
{
  UNROLL_BLOCK for (uint i = 0; i < rows; i++) { PREFETCH(p + i * columns); }
}

/* Adds the tile's rows to the states of the work-item's vectors; returns the values that each lane has seen. */
static inline ulong columns_reduce(lane_stats *states, const __global storage *x, ulong columns, columns_place at)
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

/* How far numbers of one coefficient are from those of the next: as many as there are columns, in samples each. */
static inline ulong coefficients_plane(ulong rows, ulong columns, ulong sample_rows)
{
  return SAMPLES ? rows / sample_rows * columns : columns;
}

/* ---- coefficients ------------------------------------------------------------------------------------------------ */

/* `width` numbers of parameters p, NULL for all the same, from a column on. */
static inline vec load_columns(const __global float *p, ulong offset, ulong column, uint width, float otherwise,
                               ulong period)
{
  if (!FOLDED) {
    return load_optional(p, offset + column, width, otherwise);
  }
  float lanes[WIDTH];
  for (uint i = 0; i < WIDTH; i++) {
    lanes[i] = p && i < width ? p[offset + (column + i) % period] : otherwise;
  }
  return VLOAD(lanes);
}

/* Each work-item's coefficients of up to GROUP vectors of columns: z = (x - mean) * scale + shift. Arrays of 4096
 * bytes, 64 vectors of 16 floats, are a little longer: a column's three vectors, x and y would otherwise all want the same place of
 * the first cache, in rows of a page each, which costs 5 %. (Of the gradients, which wait for memory, nothing.) */
#define SPARE (GROUP * WIDTH % 1024 == 0 ? 5 : 0)
typedef struct column_forward {
  vec mean[GROUP + SPARE], scale[GROUP + SPARE], shift[GROUP];
} column_forward;

/* beta without what `lo`, which the mean's floats have not, adds to z. */
static inline vec columns_shift(vec beta, vec scale, vec lo)
{
  return select(MULTIPLY_ADD(-lo, scale, beta), beta, lo == 0.0f);
}

/* Multiplies gamma into the i-th vector's scale and sets its shift; lo is what the mean's floats have not. */
static inline void columns_affine(column_forward *k, uint i, vec lo, columns_place at, const __global float *gamma,
                                  ulong gamma_offset, const __global float *beta, ulong beta_offset, ulong period)
{
  const ulong column = column_of(at, i);
  const uint width = width_of(at, i);
  k->scale[i] *= load_columns(gamma, gamma_offset, column, width, 1.0f, period);
  const vec shift = load_columns(beta, beta_offset, column, width, 0.0f, period);
  k->shift[i] = columns_shift(shift, k->scale[i], lo);
}

/* 1 if the floats of saved means are all that the vector's columns need: mean_is_exact. */
static inline int columns_are_exact(vec mean, vec inv_std)
{
#if WIDTH == 1
  return mean_is_exact(mean, inv_std);
#else
  return !any(fabs(mean) * inv_std > EXACT_MEANS);
#endif
}

/* The same of a sample's statistics first to last. */
static inline int samples_are_exact(const __global float *mean, const __global float *inv_std, ulong first, ulong last)
{
  int exact = 1;
  for (ulong i = first; i <= last; i++) {
    exact = exact && mean_is_exact(mean[i], inv_std[i]);
  }
  return exact;
}

/* running = keep * running + weight * value, for the columns [skip, width) of one vector. */
static inline void update_running(__global float *running, vec value, float weight, float keep, uint skip, uint width)
{
  float lanes[WIDTH];
  VSTORE(value, lanes);
  for (uint i = skip; i < width; i++) {
    running[i] = MULTIPLY_ADD(weight, lanes[i], keep * running[i]);
  }
}

/* From mean and squares about it (m2) of a vector of columns with n values each: finish_statistics of a vector. Columns before
 * `skip` have had their running statistics updated. */
INLINE_LOCAL void columns_finish(vec *inv_std, vec_real mean, vec_real m2, ulong n, ulong column, uint skip, uint width,
                                 float epsilon, float weight, float keep, ulong divisor, __global float *running_mean,
                                 __global float *running_var, __global float *saved_mean, __global float *saved_inv_std)
{
  const vec_real variance = vec_real_divide(m2, vec_real_from_count(n));
  *inv_std = vec_real_inverse_sqrt(vec_real_add(variance, vec_real_of((vec)(epsilon), (vec)(0.0f))));
  if (running_mean) {
    update_running(running_mean + column, vec_real_hi(mean), weight, keep, skip, width);
  }
  if (running_var) {
    const vec stored = vec_real_hi(vec_real_divide(m2, vec_real_from_count(divisor)));
    update_running(running_var + column, stored, weight, keep, skip, width);
  }
  if (saved_mean) {
    store_most(vec_real_hi(mean), saved_mean + column, width);
  }
  if (saved_inv_std) {
    store_most(*inv_std, saved_inv_std + column, width);
  }
}

/* From the sums of a vector of columns: finish_gradients of a vector. Columns before `skip` have had their gradients. */
INLINE_LOCAL void columns_finish_gradients(vec *a, vec *b, vec *c, vec_real g, vec_real gd, vec_real d, ulong n,
                                           ulong column, uint skip, uint width, vec inv_std, vec gamma,
                                           __global float *dgamma, __global float *dbeta)
{
  const vec_real count = vec_real_from_count(n), wide_inv_std = vec_real_of(inv_std, (vec)(0.0f));
  const vec_real rounding = vec_real_divide(d, count);
  if (!FROM_RUNNING) {
    gd = vec_real_subtract(gd, vec_real_multiply(rounding, g));
  }
  const vec_real scaled = vec_real_multiply(gd, wide_inv_std);
  if (dgamma) {
    gather(vec_real_hi(scaled), dgamma + column, skip, width, ADDS_DGAMMA);
  }
  if (dbeta) {
    gather(vec_real_hi(g), dbeta + column, skip, width, ADDS_DBETA);
  }
  *a = inv_std * gamma;
  *b = *c = (vec)(0.0f);
  if (!FROM_RUNNING) {
    const vec_real slope = vec_real_multiply(vec_real_divide(scaled, count), wide_inv_std);
    *b = -vec_real_hi(slope);
    *c = vec_real_hi(vec_real_subtract(vec_real_multiply(rounding, slope), vec_real_divide(g, count)));
  }
}

/* ---- reductions of gradients -------------------------------------------------------------------------------------- */

/* g of the i-th vector. */
static inline vec column_derived(const column_forward *k, uint i, vec x, vec dy, vec added, float alpha)
{
  return DERIVES ? derived(x, dy, added, k->mean[i], k->scale[i], k->shift[i], alpha) : dy;
}

/* look_down of what sums of gradients read, from element `next` on. */
static inline void look_down_gradients(const __global storage *x, const __global storage *dy,
                                       const __global storage *residual, ulong next, ulong columns)
{
  look_down(x + next, columns, SUM_ROWS);
  look_down(dy + next, columns, SUM_ROWS);
  if (RESIDUAL && DERIVES) {
    look_down(residual + next, columns, SUM_ROWS);
  }
}

/* Adds the tile's rows to the sums of the work-item's vectors. The sums of one vector stay in registers over a block. k is read
 * with an activation, and where mean is NULL its means. */
static inline void columns_reduce_gradients(lane_sums *sums, const __global storage *x, const __global storage *dy,
                                            const __global storage *residual, const __global float *mean,
                                            const column_forward *k, float alpha, ulong columns, columns_place at)
{
  const uint e = at.whole;
  for (uint i = 0; i < GROUP; i++) {
    sums_clear(&sums[i]);
  }
  const ulong ahead = rows_ahead(columns), last = max(at.end, (ulong)BLOCK) - BLOCK;
  for (ulong row = at.first + at.row; row < at.end; row += SUM_ROWS * at.rows) {
    const ulong end = min(row + SUM_ROWS * at.rows, at.end);
    for (uint i = 0; i < at.whole; i++) {
      lane_sums s = sums[i];
      const vec center = mean ? VLOAD(mean + column_of(at, i)) : k->mean[i];
      if (CAN_PREFETCH) {
        look_down_gradients(x, dy, residual, min(row + ahead, last) * columns + column_of(at, i), columns);
      }
      for (ulong r = row; r < end; r += at.rows) {
        const ulong offset = r * columns + column_of(at, i);
        const vec value = tensor_load(x + offset), added = addend(residual, offset, DERIVES);
        sums_add(&s, value, column_derived(k, i, value, tensor_load(dy + offset), added, alpha), center);
      }
      sums[i] = s;
    }
    if (at.vectors > e) {
      lane_sums s = sums[e];
      const vec center = mean ? load_most(mean + at.edge, at.edge_width, 0.0f) : k->mean[e];
      for (ulong r = row; r < end; r += at.rows) {
        const ulong offset = r * columns + at.edge;
        const vec value = tensor_load_most(x + offset, at.edge_width, 0.0f);
        const vec dvalue = tensor_load_most(dy + offset, at.edge_width, 0.0f);
        const vec added = addend_most(residual, offset, at.edge_width, DERIVES);
        sums_add(&s, value, column_derived(k, e, value, dvalue, added, alpha), center);
      }
      sums[e] = s;
    }
  }
}

/* The mean of x - mean over the rows of the tile's i-th vector: what a saved mean's floats have not. The same in all
 * work-items that share its columns, of which all or none have to `need` it. */
INLINE_LOCAL vec columns_mean_rest(const __global storage *x, vec mean, ulong columns, uint i, int need,
                                   columns_place at, __local vec_real *scratch)
{
  lane_sums s;
  sums_clear(&s);
  if (need) {
    const ulong column = column_of(at, i);
    for (ulong row = at.first + at.row; row < at.end; row += at.rows) {
      const vec value = tensor_load_most(x + row * columns + column, width_of(at, i), 0.0f);
      sums_add(&s, value, (vec)(0.0f), mean);
    }
  }
  return vec_real_hi(vec_real_divide(columns_sum(sums_d(&s), at, scratch), vec_real_from_count(at.end - at.first)));
}
