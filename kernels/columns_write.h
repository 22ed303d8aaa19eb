/* Element-wise steps over the tiles of columns.h. */

/* Coefficients of a tile's rows as one row: those of each column again and again, beginning with the one of the tile's first
 * aligned element, and a vector more of them. Whole vectors if that many fit, so that their loads are aligned too. */
#define MOST_CYCLE ((GROUP + 1) * WIDTH)
#define CYCLE (FOLDED == 1 ? MOST_CYCLE + WIDTH : 1)
#define LEAST_CYCLE ((GROUP < 16 ? GROUP : 16) * WIDTH)
#define CYCLE_ARRAY(name) float name[CYCLE] __attribute__((aligned(WIDTH * 4)))

static inline ulong cycle_of(ulong columns)
{
  const ulong even = columns & (0 - columns); /* the largest power of two that divides them */
  const ulong whole = even < WIDTH ? columns * (WIDTH / even) : columns;
  const ulong once = whole <= MOST_CYCLE ? whole : columns;
  return max(LEAST_CYCLE / once, 1ul) * once;
}

/* Where in a cycle the coefficients of a tile's element i are; the cycle begins with those of element `lead`. */
static inline ulong place_of(ulong i, ulong lead, ulong columns)
{
  return (i % columns + columns - lead % columns) % columns;
}

static inline void cycle_fill(float *to, const vec *from, ulong columns, ulong lead, columns_place at)
{
  const ulong whole = (ulong)at.whole * WIDTH, end = cycle_of(columns) + WIDTH;
  const float *lanes = (const float *)from;
  ulong column = lead % columns;
  for (ulong j = 0; j < columns; j++) {
    to[j] = lanes[column < whole ? column : whole + (column - at.edge)];
    column = column + 1 < columns ? column + 1 : 0;
  }
  for (ulong done = columns; done < end; done *= 2) {
    const ulong more = min(done, end - done);
    for (ulong j = 0; j < more; j++) {
      to[done + j] = to[j];
    }
  }
}

typedef struct cycle_forward {
  CYCLE_ARRAY(mean);
  CYCLE_ARRAY(scale);
  CYCLE_ARRAY(shift);
} cycle_forward;

/* y of what is at element i of a tile, its coefficients at j. */
INLINE_LOCAL vec cycle_value(const __global storage *x, const __global storage *residual, ulong i, uint count,
                              const cycle_forward *k, ulong j, float alpha)
{
  const vec z = normalized(tensor_load_most(x + i, count, 0.0f), VLOAD(k->mean + j), VLOAD(k->scale + j),
                           VLOAD(k->shift + j));
  return activated(z, addend_most(residual, i, count, 1), alpha);
}

/* As of neighbouring runs first and last vectors are computed before anything is stored: y may be x or the residual. */
static inline void cycle_normalize(const __global storage *x, const __global storage *residual, __global storage *y,
                                   ulong columns, const column_forward *k, float alpha, columns_place at)
{
  const ulong start = at.first * columns, n = (at.end - at.first) * columns, cycle = cycle_of(columns);
  const ulong lead = until_aligned(y + start);
  const uint size = (uint)min(n, (ulong)WIDTH);
  cycle_forward c;
  cycle_fill(c.mean, k->mean, columns, lead, at);
  cycle_fill(c.scale, k->scale, columns, lead, at);
  cycle_fill(c.shift, k->shift, columns, lead, at);
  x += start;
  residual += start;
  y += start;
  const int streams = can_stream(y + lead), has_first = lead != 0 || n < WIDTH;
  const vec first = cycle_value(x, residual, 0, size, &c, place_of(0, lead, columns), alpha);
  const vec last = cycle_value(x, residual, n - size, size, &c, place_of(n - size, lead, columns), alpha);
  ulong i = lead, j = 0;
  for (; i + WIDTH <= n; j -= cycle) {
    for (; j < cycle && i + WIDTH <= n; i += WIDTH, j += WIDTH) {
      store_result(cycle_value(x, residual, i, WIDTH, &c, j, alpha), y + i, streams);
    }
  }
  if (has_first) {
    tensor_store_most(first, y, size);
  }
  if (i < n) {
    tensor_store_most(last, y + (n - size), size);
  }
}

/* Rows ahead of an element-wise step whose lines are prefetched. The processor's own prefetching ends with a page: where a tile has
 * pieces of rows it begins anew with each, and of two tensors to read with each row that fills a page. */
#define ROWS_AHEAD 4
#define PAGE_BYTES 4096

/* Elements from those of `row` to what is prefetched meanwhile; 0: nothing is. */
static inline ulong elements_ahead(columns_place at, ulong row, ulong columns, int pays)
{
  return CAN_PREFETCH && pays && row + ROWS_AHEAD < at.end ? ROWS_AHEAD * columns : 0;
}

static inline void normalize_row(const __global storage *x, const __global storage *residual, __global storage *y,
                                 ulong start, ulong ahead, const column_forward *k, float alpha, columns_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  const uint e = at.whole;
  const __global storage *from = x + start;
  __global storage *to = y + start;
  const int streams = can_stream(to + at.column);
  /* The edge may overlap what the loop stores, and y may be x or the residual: it is loaded first. */
  const vec edge = at.vectors > e ? tensor_load_most(from + at.edge, at.edge_width, 0.0f) : (vec)(0.0f);
  const vec edge_added = at.vectors > e ? addend_most(residual, start + at.edge, at.edge_width, 1) : (vec)(0.0f);
  for (uint i = 0; i < at.whole; i++) {
    const ulong column = at.column + i * step;
    if (ahead) {
      PREFETCH(from + column + ahead);
    }
    const vec z = normalized(tensor_load(from + column), k->mean[i], k->scale[i], k->shift[i]);
    store_result(activated(z, addend(residual, start + column, 1), alpha), to + column, streams);
  }
  if (at.vectors > e) {
    const vec z = normalized(edge, k->mean[e], k->scale[e], k->shift[e]);
    tensor_store_most(activated(z, edge_added, alpha), to + at.edge, at.edge_width);
  }
}

/* ---- pieces of rows: FOLDED 2 ---- */

/* Elements of the tile's rows. */
static inline ulong piece_of(columns_place at)
{
  return at.vectors > at.whole ? at.edge + at.edge_width - at.column : (ulong)at.whole * WIDTH;
}

/* Moves the edge's columns, which a vector moved left to be whole has at its end, next to those before. */
static inline void join_edge(vec *of, columns_place at)
{
  float *const lanes = (float *)&of[at.whole];
  const uint by = at.vectors > at.whole ? edge_overlap(at) : 0;
  for (uint i = 0; by != 0 && i + by < WIDTH; i++) {
    lanes[i] = lanes[i + by];
  }
}

static inline vec from_lane(const vec *of, ulong lane) { return PRIVATE_VLOAD((const float *)of + lane); }

/* y of what is at element i of a piece. */
INLINE_LOCAL vec piece_value(const __global storage *x, const __global storage *residual, ulong i,
                              const column_forward *k, float alpha)
{
  const vec z = normalized(tensor_load(x + i), from_lane(k->mean, i), from_lane(k->scale, i), from_lane(k->shift, i));
  return activated(z, addend(residual, i, 1), alpha);
}

/* As of neighbouring runs the ends are computed before anything is stored: y may be x or the residual. */
static inline void normalize_piece(const __global storage *x, const __global storage *residual, __global storage *y,
                                   ulong n, ulong ahead, const column_forward *k, float alpha)
{
  const ulong lead = until_aligned(y);
  const int streams = can_stream(y + lead);
  const ragged_ends at = ends_of(n, lead, streams);
  vec ends[2] = {(vec)(0.0f), (vec)(0.0f)};
  for (uint e = 0; e < 2; e++) {
    if (at.count[e] != 0) {
      ends[e] = piece_value(x, residual, at.first[e], k, alpha);
    }
  }
  if (ahead) {
    PREFETCH(y + ahead);
    PREFETCH(y + n + ahead);
  }
  for (ulong i = lead; i + WIDTH <= n; i += WIDTH) {
    if (ahead) {
      PREFETCH(x + i + ahead);
    }
    store_result(piece_value(x, residual, i, k, alpha), y + i, streams);
  }
  store_ends(ends, at, y);
}

static inline void normalize_pieces(const __global storage *x, const __global storage *residual, __global storage *y,
                                    ulong columns, column_forward *k, float alpha, columns_place at)
{
  const ulong n = piece_of(at);
  join_edge(k->mean, at);
  join_edge(k->scale, at);
  join_edge(k->shift, at);
  for (ulong row = at.first; row < at.end; row++) {
    const ulong start = row * columns + at.column, ahead = elements_ahead(at, row, columns, 1);
    if (ahead) {
      normalize_piece(x + start, residual + start, y + start, n, ahead, k, alpha);
    } else {
      normalize_piece(x + start, residual + start, y + start, n, 0, k, alpha);
    }
  }
}

/* ---- any rows ---- */

/* k is changed. */
static inline void columns_normalize(const __global storage *x, const __global storage *residual, __global storage *y,
                                     ulong columns, column_forward *k, float alpha, columns_place at)
{
  if (FOLDED == 1) {
    cycle_normalize(x, residual, y, columns, k, alpha, at);
    return;
  }
  if (FOLDED == 2) {
    normalize_pieces(x, residual, y, columns, k, alpha, at);
    return;
  }
  for (ulong row = at.first + at.row; row < at.end; row += at.rows) {
    const ulong ahead = elements_ahead(at, row, columns, columns > GROUP * WIDTH);
    /* Two loops: a prefetch that is only skipped costs 5 %. */
    if (ahead) {
      normalize_row(x, residual, y, row * columns, ahead, k, alpha, at);
    } else {
      normalize_row(x, residual, y, row * columns, 0, k, alpha, at);
    }
  }
}

/* The same for gradients: backward_coefficients of columns. */
typedef struct column_backward {
  vec mean[GROUP], a[GROUP], b[GROUP], c[GROUP], shift[GROUP];
  vec weight[GROUP]; /* SAMPLES: gamma, which is not in a */
} column_backward;

static inline vec weighted(const column_backward *k, uint i, vec value)
{
  return SAMPLES ? value * k->weight[i] : value;
}

static inline vec column_gradient_at_z(const column_backward *k, uint i, vec x, vec dy, vec added, float alpha)
{
  return DERIVES ? derived(x, dy, added, k->mean[i], weighted(k, i, k->a[i]), k->shift[i], alpha) : dy;
}

static inline vec column_gradient(const column_backward *k, uint i, vec x, vec g)
{
  return differentiated(x, weighted(k, i, g), k->mean[i], k->a[i], k->b[i], k->c[i]);
}

/* x is needed for dx or for z. */
#define READS_X (!FROM_RUNNING || DERIVES)

typedef struct cycle_backward {
  CYCLE_ARRAY(mean);
  CYCLE_ARRAY(a);
  CYCLE_ARRAY(b);
  CYCLE_ARRAY(c);
  CYCLE_ARRAY(shift);
  CYCLE_ARRAY(weight);
} cycle_backward;

/* Writes dx and dresidual of what is at element i of a tile; dy was loaded before. */
INLINE_LOCAL void cycle_write(const __global storage *x, vec dy, const __global storage *residual,
                               __global storage *dx, __global storage *dresidual, ulong i, uint count,
                               const cycle_backward *k, ulong j, float alpha, int streams)
{
  const vec value = READS_X ? tensor_load_most(x + i, count, 0.0f) : (vec)(0.0f);
  const vec weight = SAMPLES ? VLOAD(k->weight + j) : (vec)(1.0f), a = VLOAD(k->a + j), mean = VLOAD(k->mean + j);
  const vec added = addend_most(residual, i, count, DERIVES);
  const vec g = derived(value, dy, added, mean, SAMPLES ? a * weight : a, VLOAD(k->shift + j), alpha);
  const vec made = differentiated(value, SAMPLES ? g * weight : g, mean, a, VLOAD(k->b + j), VLOAD(k->c + j));
  if (count == WIDTH) {
    store_gradients(g, made, dx, dresidual, i, streams);
  } else {
    store_gradients_most(g, made, dx, dresidual, i, count);
  }
}

/* dx or dresidual may be dy, so of what overlaps dy is loaded first. */
static inline void cycle_differentiate(const __global storage *x, const __global storage *dy,
                                       const __global storage *residual, __global storage *dx,
                                       __global storage *dresidual, ulong columns, const column_backward *k,
                                       float alpha, columns_place at)
{
  const ulong start = at.first * columns, n = (at.end - at.first) * columns, cycle = cycle_of(columns);
  const ulong lead = until_aligned(RESIDUAL && !dx ? dresidual + start : dx + start);
  const uint size = (uint)min(n, (ulong)WIDTH);
  cycle_backward c;
  cycle_fill(c.a, k->a, columns, lead, at);
  if (READS_X) {
    cycle_fill(c.mean, k->mean, columns, lead, at);
  }
  if (!FROM_RUNNING) {
    cycle_fill(c.b, k->b, columns, lead, at);
    cycle_fill(c.c, k->c, columns, lead, at);
  }
  if (DERIVES) {
    cycle_fill(c.shift, k->shift, columns, lead, at);
  }
  if (SAMPLES) {
    cycle_fill(c.weight, k->weight, columns, lead, at);
  }
  x += start;
  dy += start;
  residual += start;
  dx = RESIDUAL && !dx ? 0 : dx + start;
  dresidual = wants(dresidual) ? dresidual + start : 0;
  const int streams = can_stream_both(RESIDUAL && !dx ? 0 : dx + lead, wants(dresidual) ? dresidual + lead : 0);
  const int has_first = lead != 0 || n < WIDTH;
  ulong i = lead, j = 0;
  const vec first = tensor_load_most(dy, size, 0.0f), last = tensor_load_most(dy + (n - size), size, 0.0f);
  for (; i + WIDTH <= n; j -= cycle) {
    for (; j < cycle && i + WIDTH <= n; i += WIDTH, j += WIDTH) {
      cycle_write(x, tensor_load(dy + i), residual, dx, dresidual, i, WIDTH, &c, j, alpha, streams);
    }
  }
  if (has_first) {
    cycle_write(x, first, residual, dx, dresidual, 0, size, &c, place_of(0, lead, columns), alpha, 0);
  }
  if (i < n) {
    cycle_write(x, last, residual, dx, dresidual, n - size, size, &c, place_of(n - size, lead, columns), alpha, 0);
  }
}

static inline void differentiate_row(const __global storage *x, const __global storage *dy,
                                     const __global storage *residual, __global storage *dx,
                                     __global storage *dresidual, ulong start, ulong ahead, const column_backward *k,
                                     float alpha, columns_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH, first = start + at.column;
  const uint e = at.whole;
  const int has_edge = at.vectors > e;
  const int streams = can_stream_both(RESIDUAL && !dx ? 0 : dx + first, wants(dresidual) ? dresidual + first : 0);
  /* The edge may overlap what the loop stores, and dx or dresidual may be dy: it is loaded first. */
  const vec edge = has_edge ? tensor_load_most(dy + start + at.edge, at.edge_width, 0.0f) : (vec)(0.0f);
  for (uint i = 0; i < at.whole; i++) {
    const ulong offset = first + i * step;
    if (ahead) {
      PREFETCH(x + offset + ahead);
      PREFETCH(dy + offset + ahead);
    }
    const vec value = READS_X ? tensor_load(x + offset) : (vec)(0.0f);
    const vec g = column_gradient_at_z(k, i, value, tensor_load(dy + offset), addend(residual, offset, DERIVES), alpha);
    store_gradients(g, column_gradient(k, i, value, g), dx, dresidual, offset, streams);
  }
  if (has_edge) {
    const ulong offset = start + at.edge;
    const vec value = READS_X ? tensor_load_most(x + offset, at.edge_width, 0.0f) : (vec)(0.0f);
    const vec added = addend_most(residual, offset, at.edge_width, DERIVES);
    const vec g = column_gradient_at_z(k, e, value, edge, added, alpha);
    store_gradients_most(g, column_gradient(k, e, value, g), dx, dresidual, offset, at.edge_width);
  }
}

/* g, and dx in *made, of what is at element i of a piece; dy was loaded before. */
INLINE_LOCAL vec piece_gradient(vec *made, const __global storage *x, vec dy, const __global storage *residual, ulong i,
                                 const column_backward *k, float alpha)
{
  const vec value = READS_X ? tensor_load(x + i) : (vec)(0.0f), mean = from_lane(k->mean, i), a = from_lane(k->a, i);
  const vec weight = SAMPLES ? from_lane(k->weight, i) : (vec)(1.0f), added = addend(residual, i, DERIVES);
  const vec g = derived(value, dy, added, mean, SAMPLES ? a * weight : a, from_lane(k->shift, i), alpha);
  *made = differentiated(value, SAMPLES ? g * weight : g, mean, a, from_lane(k->b, i), from_lane(k->c, i));
  return g;
}

/* dx or dresidual may be dy, so of what overlaps dy is loaded first. */
static inline void differentiate_piece(const __global storage *x, const __global storage *dy,
                                       const __global storage *residual, __global storage *dx,
                                       __global storage *dresidual, ulong n, ulong ahead, const column_backward *k,
                                       float alpha)
{
  const ulong lead = until_aligned(RESIDUAL && !dx ? dresidual : dx);
  const int streams = can_stream_both(RESIDUAL && !dx ? 0 : dx + lead, wants(dresidual) ? dresidual + lead : 0);
  const ragged_ends at = ends_of(n, lead, streams);
  const vec ends[2] = {tensor_load(dy), tensor_load(dy + at.first[1])};
  vec made;
  if (ahead) {
    PREFETCH(dx + ahead);
    PREFETCH(dx + n + ahead);
  }
  for (ulong i = lead; i + WIDTH <= n; i += WIDTH) {
    if (ahead) {
      PREFETCH(x + i + ahead);
      PREFETCH(dy + i + ahead);
    }
    const vec g = piece_gradient(&made, x, tensor_load(dy + i), residual, i, k, alpha);
    store_gradients(g, made, dx, dresidual, i, streams);
  }
  for (uint e = 0; e < 2; e++) {
    if (at.count[e] != 0) {
      const vec g = piece_gradient(&made, x, ends[e], residual, at.first[e], k, alpha);
      store_gradients_lanes(g, made, dx, dresidual, at.first[e], at.skip[e], at.count[e]);
    }
  }
}

static inline void differentiate_pieces(const __global storage *x, const __global storage *dy,
                                        const __global storage *residual, __global storage *dx,
                                        __global storage *dresidual, ulong columns, column_backward *k, float alpha,
                                        columns_place at)
{
  const ulong n = piece_of(at);
  join_edge(k->a, at);
  if (READS_X) {
    join_edge(k->mean, at);
  }
  if (!FROM_RUNNING) {
    join_edge(k->b, at);
    join_edge(k->c, at);
  }
  if (DERIVES) {
    join_edge(k->shift, at);
  }
  if (SAMPLES) {
    join_edge(k->weight, at);
  }
  for (ulong row = at.first; row < at.end; row++) {
    const ulong start = row * columns + at.column, ahead = elements_ahead(at, row, columns, READS_X);
    __global storage *const to = RESIDUAL && !dx ? 0 : dx + start;
    __global storage *const too = wants(dresidual) ? dresidual + start : 0;
    if (ahead) {
      differentiate_piece(x + start, dy + start, residual + start, to, too, n, ahead, k, alpha);
    } else {
      differentiate_piece(x + start, dy + start, residual + start, to, too, n, 0, k, alpha);
    }
  }
}

/* k is changed. */
static inline void columns_differentiate(const __global storage *x, const __global storage *dy,
                                         const __global storage *residual, __global storage *dx,
                                         __global storage *dresidual, ulong columns, column_backward *k, float alpha,
                                         columns_place at)
{
  if (FOLDED == 1) {
    cycle_differentiate(x, dy, residual, dx, dresidual, columns, k, alpha, at);
    return;
  }
  if (FOLDED == 2) {
    differentiate_pieces(x, dy, residual, dx, dresidual, columns, k, alpha, at);
    return;
  }
  for (ulong row = at.first + at.row; row < at.end; row += at.rows) {
    const int pays = READS_X && columns * sizeof(storage) >= PAGE_BYTES;
    const ulong ahead = elements_ahead(at, row, columns, pays);
    if (ahead) {
      differentiate_row(x, dy, residual, dx, dresidual, row * columns, ahead, k, alpha, at);
    } else {
      differentiate_row(x, dy, residual, dx, dresidual, row * columns, 0, k, alpha, at);
    }
  }
}
