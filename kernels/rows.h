/* The walk over rows: a statistic owns `segments` runs of contiguous elements, a fixed stride apart.
 *
 * Of a work-group's LOCAL work-items, `lanes` stand side by side along a run (neighbouring work-items on neighbouring
 * vectors) and LOCAL/lanes take different segments. */

typedef struct rows_place {
  uint lane, lanes; /* along the run; lanes is a power of two */
  uint row, rows;   /* over the segments */
} rows_place;

static inline rows_place rows_place_of(uint lanes)
{
  const uint id = (uint)get_local_id(0);
  const rows_place at = {id & (lanes - 1), lanes, id / lanes, LOCAL / lanes};
  return at;
}

/* Whole vectors of a run that fall to this lane, and the elements after the last whole vector if they do. */
static inline ulong lane_vectors(rows_place at, ulong run)
{
  const ulong vectors = run / WIDTH;
  return vectors > at.lane ? (vectors - at.lane - 1) / at.lanes + 1 : 0;
}

static inline uint lane_tail(rows_place at, ulong run)
{
  return (run / WIDTH) % at.lanes == at.lane ? (uint)(run % WIDTH) : 0;
}

/* Where the tail's elements are in their vector. A lone work-item reads the run's last WIDTH elements, of which the tail is
 * the end: one load instead of many. With neighbours that would race with their stores when y is x. */
static inline int tail_overlaps(rows_place at, ulong run) { return at.lanes == 1 && run >= WIDTH; }
static inline uint tail_first(rows_place at, ulong run)
{
  return tail_overlaps(at, run) ? WIDTH - (uint)(run % WIDTH) : 0;
}

/* What one work-item has seen of one statistic: whole vectors, and the elements that ends of runs leave over (lanes that are
 * not the tail's hold anything and are not counted). */
typedef struct rows_stats_state {
  lane_stats body, tail;
} rows_stats_state;

typedef struct rows_counts {
  ulong body, tail; /* values that each lane has seen */
} rows_counts;

/* Runs of more elements are left to the processor's own prefetching, and shorter ones too: of a line that several runs
 * share, each would ask again. */
#define AHEAD_RUN 16384
#define AHEAD_LEAST 64

/* How far from a vector the one is that should be prefetched: one run ahead, or where blocks lie across BLOCK segments the
 * same run of the next block. 0: none. */
static inline ulong run_ahead(uint group, ulong run, ulong segment_stride)
{
  const int can = CAN_PREFETCH && run <= AHEAD_RUN && run >= AHEAD_LEAST;
  return can ? (group > 1 ? BLOCK : 1) * segment_stride : 0;
}

static inline void prefetch_floats(const __global float *p, ulong count)
{
  for (ulong i = 0; i < count; i += 16) {
    PREFETCH(p + i);
  }
}

/* Adds the runs of segments [0, segments) at p to the states of `group` statistics, `statistic_stride` apart. A block of
 * vectors lies along the run where that is long enough to fill it, else across BLOCK segments. */
static inline rows_counts rows_reduce(rows_stats_state *states, uint group, const __global float *p, ulong segments, ulong run,
                                      ulong segment_stride, ulong statistic_stride, rows_place at)
{
  const ulong vectors = lane_vectors(at, run);
  const uint tail = lane_tail(at, run);
  const ulong tail_start = tail_overlaps(at, run) ? run - WIDTH : run / WIDTH * WIDTH;
  const ulong step = (ulong)at.lanes * WIDTH;
  const int along = run >= BLOCK * step;
  const ulong block = along ? 1 : BLOCK;
  const ulong across = at.rows * segment_stride, ahead = run_ahead(group, run, segment_stride);
  rows_counts seen = {0, 0};
  for (ulong segment = at.row; segment < segments; segment += block * at.rows) {
    const ulong here = min((segments - segment - 1) / at.rows + 1, block);
    const rows_counts before = seen;
    for (uint g = 0; g < group; g++) {
      const __global float *q = p + g * statistic_stride + segment * segment_stride;
      seen = before;
      for (ulong v = 0; v < vectors; v += along ? BLOCK : 1) {
        const __global float *from = q + at.lane * WIDTH + v * step;
        for (ulong i = 0; ahead != 0 && i < here; i++) {
          prefetch_floats(from + i * segment_stride + ahead, along ? BLOCK * WIDTH : WIDTH);
        }
        seen.body = add_vectors(&states[g].body, seen.body, from, along ? min(vectors - v, (ulong)BLOCK) : here,
                                along ? step : across, WIDTH);
      }
      if (tail != 0) {
        seen.tail = add_vectors(&states[g].tail, seen.tail, q + tail_start, here, across,
                                tail_overlaps(at, run) ? WIDTH : tail);
      }
    }
  }
  return seen;
}

typedef struct statistics {
  real sum, mean, m2;
} statistics;

/* One statistic of the whole work-group over n values; the same in every work-item. centred: squares are
 * about the mean, else about 0, which then is the mean. */
INLINE_LOCAL statistics rows_combine(const rows_stats_state *state, rows_counts seen, ulong run, ulong n, int centred,
                                     rows_place at, __local real *scratch)
{
  const uint tail = lane_tail(at, run), first = tail_first(at, run);
  real sum = real_of(0.0f, 0.0f), m2 = sum;
  if (seen.body != 0) {
    sum = lanes_sum(stats_sum(&state->body, seen.body), 0, WIDTH);
  }
  if (seen.tail != 0) {
    sum = real_add(sum, lanes_sum(stats_sum(&state->tail, seen.tail), first, tail));
  }
  sum = work_group_sum(sum, scratch);
  const real mean = centred ? real_divide(sum, real_from_count(n)) : real_of(0.0f, 0.0f);
  const vec_real center = vec_real_of((vec)(real_hi(mean)), (vec)(real_lo(mean)));
  if (seen.body != 0) {
    m2 = lanes_sum(stats_squares(&state->body, seen.body, center), 0, WIDTH);
  }
  if (seen.tail != 0) {
    m2 = real_add(m2, lanes_sum(stats_squares(&state->tail, seen.tail, center), first, tail));
  }
  m2 = work_group_sum(m2, scratch);
  const statistics made = {sum, mean, m2};
  return made;
}

static inline vec normalize(vec x, forward_coefficients k)
{
  return normalized(x, (vec)(k.mean), (vec)(k.scale), (vec)(k.shift));
}

/* y of one run; y may be x, so an overlapping tail is loaded before anything is stored. */
static inline void run_apply(const __global float *x, __global float *y, ulong run, forward_coefficients k, rows_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  const uint tail = lane_tail(at, run);
  const int overlaps = tail_overlaps(at, run);
  const int streams = can_stream(y);
  const vec last = tail != 0 && overlaps ? VLOAD(x + run - WIDTH) : (vec)(0.0f);
  for (ulong i = at.lane * WIDTH; i + WIDTH <= run; i += step) {
    store_result(normalize(VLOAD(x + i), k), y + i, streams);
  }
  if (tail != 0 && overlaps) {
    VSTORE(normalize(last, k), y + run - WIDTH);
  } else if (tail != 0) {
    const ulong i = run / WIDTH * WIDTH;
    store_some(normalize(load_some(x + i, tail, 0.0f), k), y + i, tail);
  }
}

/* Adds the sums of one run to a lane's, and prefetches what is `ahead` elements from it. tail: the elements after the last
 * whole vector that are to be added here. */
static inline void run_gradients(lane_sums *s, const __global float *x, const __global float *dy, ulong run, uint tail,
                                 float mean, ulong ahead, rows_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  for (ulong i = at.lane * WIDTH; i + WIDTH <= run; i += step) {
    if (ahead != 0) {
      prefetch_floats(x + i + ahead, WIDTH);
      prefetch_floats(dy + i + ahead, WIDTH);
    }
    sums_add(s, VLOAD(x + i), VLOAD(dy + i), (vec)(mean));
  }
  if (tail != 0 && tail_overlaps(at, run)) {
    const ulong i = run - WIDTH;
    sums_add(s, keep_last(VLOAD(x + i), tail, mean), keep_last(VLOAD(dy + i), tail, 0.0f), (vec)(mean));
  } else if (tail != 0) {
    const ulong i = run / WIDTH * WIDTH;
    sums_add(s, load_some(x + i, tail, mean), load_some(dy + i, tail, 0.0f), (vec)(mean));
  }
}

/* Short tails: those of BLOCK segments fit into one vector together. 49 elements are three vectors and one element, which as a
 * vector of its own in each segment would take a quarter of the time. */
static inline int tails_together(uint tail) { return LOCAL == 1 && tail != 0 && tail * BLOCK <= WIDTH; }

static inline void tails_gradients(lane_sums *s, const __global float *x, const __global float *dy, ulong run, uint tail,
                                   float mean, uint segments, ulong segment_stride)
{
  float values[WIDTH], gradients[WIDTH];
  for (uint i = 0; i < WIDTH; i++) {
    values[i] = mean;
    gradients[i] = 0.0f;
  }
  for (uint k = 0; k < segments; k++) {
    for (uint i = 0; i < tail; i++) {
      const ulong from = k * segment_stride + run - tail + i;
      values[k * tail + i] = x[from];
      gradients[k * tail + i] = dy[from];
    }
  }
  sums_add(s, VLOAD(values), VLOAD(gradients), (vec)(mean));
}

/* Adds the sums of segments [0, segments) to the lanes of `group` statistics. BLOCK segments of one statistic after another,
 * so that its sums stay in registers meanwhile. */
static inline void rows_reduce_gradients(lane_sums *sums, uint group, const __global float *x, const __global float *dy,
                                         const __global float *mean, ulong segments, ulong run, ulong segment_stride,
                                         ulong statistic_stride, rows_place at)
{
  const ulong ahead = run_ahead(group, run, segment_stride);
  const uint tail = lane_tail(at, run);
  const int together = tails_together(tail);
  for (ulong block = at.row; block < segments; block += BLOCK * at.rows) {
    const ulong end = min(block + BLOCK * at.rows, segments);
    for (uint g = 0; g < group; g++) {
      const ulong first = block * segment_stride + g * statistic_stride;
      lane_sums s = sums[g];
      for (ulong segment = block; segment < end; segment += at.rows) {
        const ulong offset = segment * segment_stride + g * statistic_stride;
        run_gradients(&s, x + offset, dy + offset, run, together ? 0 : tail, mean[g], ahead, at);
      }
      if (together) {
        tails_gradients(&s, x + first, dy + first, run, tail, mean[g], (uint)(end - block), segment_stride);
      }
      sums[g] = s;
    }
  }
}

typedef struct gradient_sums {
  real g, gd, d;
} gradient_sums;

/* One statistic's sums of the whole work-group; the same in every work-item. */
INLINE_LOCAL gradient_sums sums_combine(const lane_sums *s, __local real *scratch)
{
  gradient_sums made;
  made.g = work_group_sum(lanes_sum(sums_g(s), 0, WIDTH), scratch);
  made.gd = work_group_sum(lanes_sum(sums_gd(s), 0, WIDTH), scratch);
  made.d = work_group_sum(lanes_sum(sums_d(s), 0, WIDTH), scratch);
  return made;
}

static inline vec gradient(vec x, vec dy, backward_coefficients k)
{
  return differentiated(x, dy, (vec)(k.mean), (vec)(k.a), (vec)(k.b), (vec)(k.c));
}

/* dx of one run; dx may be dy. */
static inline void run_dx(const __global float *x, const __global float *dy, __global float *dx, ulong run,
                          backward_coefficients k, rows_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  const uint tail = lane_tail(at, run);
  const int overlaps = tail_overlaps(at, run);
  const int streams = can_stream(dx);
  const vec last = tail != 0 && overlaps ? VLOAD(dy + run - WIDTH) : (vec)(0.0f);
  for (ulong i = at.lane * WIDTH; i + WIDTH <= run; i += step) {
    store_result(gradient(VLOAD(x + i), VLOAD(dy + i), k), dx + i, streams);
  }
  if (tail != 0 && overlaps) {
    VSTORE(gradient(VLOAD(x + run - WIDTH), last, k), dx + run - WIDTH);
  } else if (tail != 0) {
    const ulong i = run / WIDTH * WIDTH;
    store_some(gradient(load_some(x + i, tail, 0.0f), load_some(dy + i, tail, 0.0f), k), dx + i, tail);
  }
}

/* ---- element-wise over groups -----------------------------------------------------------------------------------
 * Short runs of neighbouring statistics lie beside each other: a lone work-item walks them as one row of whole vectors, with a
 * coefficient for each element. One by one, 49 elements would be four vectors, none of them aligned. */

#define FLAT_RUN 64
#define CAN_FLATTEN (LOCAL == 1 && GROUP == 16)
#define FLAT_VECTORS (CAN_FLATTEN ? GROUP * FLAT_RUN / WIDTH : 1)

static inline int is_flat(uint group, ulong segments, ulong run, ulong statistic_stride)
{
  return CAN_FLATTEN && run <= FLAT_RUN && run % WIDTH != 0 && statistic_stride == run && group * run >= WIDTH &&
         segments > 1;
}

static inline void flat_apply(const __global float *x, __global float *y, ulong segments, ulong segment_stride, ulong run,
                              const forward_coefficients *k, uint group)
{
  vec mean[FLAT_VECTORS], scale[FLAT_VECTORS], shift[FLAT_VECTORS];
  float *const means = (float *)mean, *const scales = (float *)scale, *const shifts = (float *)shift;
  const ulong row = group * run, end = row - WIDTH;
  for (uint g = 0; g < group; g++) {
    for (ulong i = 0; i < run; i++) {
      means[g * run + i] = k[g].mean;
      scales[g * run + i] = k[g].scale;
      shifts[g * run + i] = k[g].shift;
    }
  }
  for (ulong segment = 0; segment < segments; segment++, x += segment_stride, y += segment_stride) {
    const int streams = can_stream(y);
    /* y may be x: what overlaps is loaded before anything is stored. */
    const vec last = normalized(VLOAD(x + end), VLOAD(means + end), VLOAD(scales + end), VLOAD(shifts + end));
    for (ulong v = 0; v < row / WIDTH; v++) {
      store_result(normalized(VLOAD(x + v * WIDTH), mean[v], scale[v], shift[v]), y + v * WIDTH, streams);
    }
    if (row % WIDTH != 0) {
      VSTORE(last, y + end);
    }
  }
}

/* y of the segments from x on, of `group` neighbouring statistics. */
static inline void group_apply(const __global float *x, __global float *y, ulong segments, ulong run, ulong segment_stride,
                               ulong statistic_stride, const forward_coefficients *k, uint group, rows_place at)
{
  if (is_flat(group, segments, run, statistic_stride)) {
    flat_apply(x, y, segments, segment_stride, run, k, group);
    return;
  }
  for (ulong segment = at.row; segment < segments; segment += at.rows) {
    for (uint g = 0; g < group; g++) {
      const ulong offset = segment * segment_stride + g * statistic_stride;
      run_apply(x + offset, y + offset, run, k[g], at);
    }
  }
}

static inline void flat_dx(const __global float *x, const __global float *dy, __global float *dx, ulong segments,
                           ulong segment_stride, ulong run, const backward_coefficients *k, uint group)
{
  vec mean[FLAT_VECTORS], a[FLAT_VECTORS], b[FLAT_VECTORS], c[FLAT_VECTORS];
  float *const means = (float *)mean, *const as = (float *)a, *const bs = (float *)b, *const cs = (float *)c;
  const ulong row = group * run, end = row - WIDTH;
  for (uint g = 0; g < group; g++) {
    for (ulong i = 0; i < run; i++) {
      means[g * run + i] = k[g].mean;
      as[g * run + i] = k[g].a;
      bs[g * run + i] = k[g].b;
      cs[g * run + i] = k[g].c;
    }
  }
  for (ulong segment = 0; segment < segments; segment++) {
    const ulong offset = segment * segment_stride;
    const int streams = can_stream(dx + offset);
    const vec last = differentiated(VLOAD(x + offset + end), VLOAD(dy + offset + end), VLOAD(means + end), VLOAD(as + end),
                                    VLOAD(bs + end), VLOAD(cs + end));
    for (ulong v = 0; v < row / WIDTH; v++) {
      const ulong at = offset + v * WIDTH;
      store_result(differentiated(VLOAD(x + at), VLOAD(dy + at), mean[v], a[v], b[v], c[v]), dx + at, streams);
    }
    if (row % WIDTH != 0) {
      VSTORE(last, dx + offset + end);
    }
  }
}

/* dx of the segments from x on, of `group` neighbouring statistics. */
static inline void group_dx(const __global float *x, const __global float *dy, __global float *dx, ulong segments, ulong run,
                            ulong segment_stride, ulong statistic_stride, const backward_coefficients *k, uint group,
                            rows_place at)
{
  if (is_flat(group, segments, run, statistic_stride)) {
    flat_dx(x, dy, dx, segments, segment_stride, run, k, group);
    return;
  }
  for (ulong segment = at.row; segment < segments; segment += at.rows) {
    for (uint g = 0; g < group; g++) {
      const ulong offset = segment * segment_stride + g * statistic_stride;
      run_dx(x + offset, dy + offset, dx + offset, run, k[g], at);
    }
  }
}

/* A tile of the split steps and of the element-wise ones: some segments, and a piece of their runs, of GROUP neighbouring
 * statistics. Work-group t has group t % groups, tile t / groups; tile p begins at segment p % outer_tiles * outer_tile. */
typedef struct rows_tile {
  ulong statistic; /* the first */
  uint group;      /* how many */
  ulong index;     /* of the tile */
  ulong start;     /* its first element */
  ulong segments, run;
} rows_tile;

static inline rows_tile rows_tile_of(ulong segments, ulong run, ulong segment_stride, ulong statistic_stride,
                                     ulong statistics_count, ulong outer_tile, ulong outer_tiles, ulong inner_tile)
{
  const ulong groups = (statistics_count + GROUP - 1) / GROUP;
  const ulong tile = get_group_id(0) / groups;
  const ulong inner = tile / outer_tiles;
  const ulong segment = (tile - inner * outer_tiles) * outer_tile;
  const ulong element = inner * inner_tile;
  const ulong first = (get_group_id(0) - tile * groups) * GROUP;
  const rows_tile made = {first,
                          (uint)min(statistics_count - first, (ulong)GROUP),
                          tile,
                          first * statistic_stride + segment * segment_stride + element,
                          min(segments - segment, outer_tile),
                          min(run - element, inner_tile)};
  return made;
}
