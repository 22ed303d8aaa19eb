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

static inline void prefetch_elements(const __global storage *p, ulong count)
{
  for (ulong i = 0; i < count; i += 64 / sizeof(storage)) {
    PREFETCH(p + i);
  }
}

/* Adds the runs of segments [0, segments) at p to the states of `group` statistics, `statistic_stride` apart. A block of
 * vectors lies along the run where that is long enough to fill it, else across BLOCK segments. */
static inline rows_counts rows_reduce(rows_stats_state *states, uint group, const __global storage *p, ulong segments,
                                      ulong run, ulong segment_stride, ulong statistic_stride, rows_place at)
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
      const __global storage *q = p + g * statistic_stride + segment * segment_stride;
      seen = before;
      for (ulong v = 0; v < vectors; v += along ? BLOCK : 1) {
        const __global storage *from = q + at.lane * WIDTH + v * step;
        for (ulong i = 0; ahead != 0 && i < here; i++) {
          prefetch_elements(from + i * segment_stride + ahead, along ? BLOCK * WIDTH : WIDTH);
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

/* Whether runs are summed about a shift that all lanes share. */
#if LOCAL == 1 && CAN_SHARE_SHIFTS
#define MEASURES_TOGETHER 1
/* That of a run at p. */
static inline float shift_at(const __global storage *p) { return ABOUT_0 ? 0.0f : LOAD(p); }

/* Adds a run's elements from i on, a multiple of WIDTH, about its shift. */
INLINE_LOCAL void sums_rest(lane_stats *s, const __global storage *x, ulong i, ulong run, float shift)
{
  const uint tail = (uint)(run % WIDTH);
  for (; i + WIDTH <= run; i += WIDTH) {
    stats_add_shifted(s, tensor_load_unsorted(x + i));
  }
  if (tail != 0) {
    stats_add_shifted(s, run < WIDTH ? tensor_load_some(x, tail, shift)
                                     : keep_last(tensor_load(x + run - WIDTH), tail, shift));
  }
}
#else
#define MEASURES_TOGETHER 0
#endif

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

/* How far from a vector those of x and of the residual are that should be prefetched while y is made; 0: none. */
typedef struct apply_ahead {
  ulong x, residual;
} apply_ahead;

/* Where y alone is made, runs that lie one after the other are mostly read in this order: what is asked for is half a page ahead,
 * because the processor's own prefetching begins anew with each page. The same place of the next segment, as in reductions,
 * is too far: it is gone before it is read, or another core reads it. Runs below so many elements take 1.0 to 1.15 of the time
 * with it. */
#define APPLY_AHEAD_BYTES 2048
#define APPLY_AHEAD_RUN 512

static inline ulong apply_ahead_of(ulong run)
{
  return CAN_PREFETCH && run >= APPLY_AHEAD_RUN ? APPLY_AHEAD_BYTES / sizeof(storage) : 0;
}

static inline void prefetch_for_apply(const __global storage *x, const __global storage *residual, ulong i,
                                      apply_ahead ahead)
{
  if (ahead.x != 0) {
    prefetch_elements(x + i + ahead.x, WIDTH);
  }
  if (RESIDUAL && ahead.residual != 0) {
    prefetch_elements(residual + i + ahead.residual, WIDTH);
  }
}

/* Runs beside each other are written by a lone work-item as whole aligned vectors, wherever they begin: stores that cross cache
 * lines take twice as long and cannot go past the caches. A vector that two runs share has the coefficients of both. */
static inline int are_joined(ulong run, rows_place at) { return at.lanes == 1 && run >= WIDTH; }

/* Elements until p is aligned to a vector. */
static inline ulong until_aligned(const __global storage *p) { return (0 - (ulong)p / sizeof(storage)) % WIDTH; }

/* The first `lanes` lanes are a's. */
static inline vec between(float a, float b, uint lanes)
{
  return select((vec)(b), (vec)(a), LANE_INDEX < (int)lanes);
}

static inline vec normalize_between(vec x, forward_coefficients a, forward_coefficients b, uint lanes)
{
  return normalized(x, between(a.mean, b.mean, lanes), between(a.scale, b.scale, lanes),
                    between(a.shift, b.shift, lanes));
}

/* What is before and behind the aligned vectors of n >= WIDTH elements, the first `lead` elements on: lanes of a vector each, which
 * overlaps those. It is stored whole, in one store; not so where the others go past the caches: a line that is written both ways
 * costs a wait for the memory. */
typedef struct ragged_ends {
  ulong first[2];
  uint skip[2], count[2]; /* lanes [skip, skip + count); count 0: nothing is there */
} ragged_ends;

static inline ragged_ends ends_of(ulong n, ulong lead, int streams)
{
  const uint rest = (uint)((n - lead) % WIDTH);
  const ragged_ends made = {{0, n - WIDTH},
                            {0, streams ? WIDTH - rest : 0},
                            {lead != 0 && !streams ? WIDTH : (uint)lead, rest != 0 && !streams ? WIDTH : rest}};
  return made;
}

static inline void store_ends(const vec *ends, ragged_ends at, __global storage *y)
{
  for (uint e = 0; e < 2; e++) {
    if (at.count[e] != 0) {
      tensor_store_lanes(ends[e], y + at.first[e], at.skip[e], at.count[e]);
    }
  }
}

/* The ends of `count` runs beside each other. y may be x or the residual, so what they overlap is computed before anything is
 * stored. */
static inline void apply_ends(vec ends[2], const __global storage *x, const __global storage *residual, ragged_ends at,
                              uint count, const forward_coefficients *k, float alpha)
{
  for (uint e = 0; e < 2; e++) {
    ends[e] = (vec)(0.0f);
    if (at.count[e] != 0) {
      const vec z = normalize(tensor_load(x + at.first[e]), k[e * (count - 1)]);
      ends[e] = activated(z, addend(residual, at.first[e], 1), alpha);
    }
  }
}

/* y of `count` runs beside each other. */
static inline void joined_apply(const __global storage *x, const __global storage *residual, __global storage *y,
                                ulong run, uint count, apply_ahead ahead, const forward_coefficients *k, float alpha)
{
  const ulong n = count * run;
  const int streams = can_stream(y + until_aligned(y));
  const ragged_ends at = ends_of(n, until_aligned(y), streams);
  vec ends[2];
  apply_ends(ends, x, residual, at, count, k, alpha);
  ulong i = until_aligned(y);
  for (uint g = 0; g < count; g++) {
    const ulong end = (g + 1) * run;
    const forward_coefficients own = k[g];
    for (; i + WIDTH <= end; i += WIDTH) {
      prefetch_for_apply(x, residual, i, ahead);
      store_result(activated(normalize(tensor_load(x + i), own), addend(residual, i, 1), alpha), y + i, streams);
    }
    if (i < end && i + WIDTH <= n) {
      const vec z = normalize_between(tensor_load(x + i), own, k[g + 1], (uint)(end - i));
      store_result(activated(z, addend(residual, i, 1), alpha), y + i, streams);
      i += WIDTH;
    }
  }
  store_ends(ends, at, y);
}

/* The same of any runs; `count` is 1 unless they are joined. */
static inline void run_apply(const __global storage *x, const __global storage *residual, __global storage *y,
                             ulong run, uint count, apply_ahead ahead, const forward_coefficients *k, float alpha,
                             rows_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  const uint tail = lane_tail(at, run);
  if (are_joined(run, at)) {
    joined_apply(x, residual, y, run, count, ahead, k, alpha);
    return;
  }
  for (ulong i = at.lane * WIDTH; i + WIDTH <= run; i += step) {
    store_result(activated(normalize(tensor_load(x + i), *k), addend(residual, i, 1), alpha), y + i, can_stream(y));
  }
  if (tail != 0) {
    const ulong i = run / WIDTH * WIDTH;
    const vec z = normalize(tensor_load_some(x + i, tail, 0.0f), *k);
    tensor_store_part(activated(z, addend_most(residual, i, tail, 1), alpha), y + i, 0, tail);
  }
}

/* For sums without an activation. */
static inline forward_coefficients center_only(float mean)
{
  const forward_coefficients made = {mean, 1.0f, 0.0f};
  return made;
}

/* g of vectors of one statistic. */
static inline vec derive(vec x, vec dy, vec added, forward_coefficients k, float alpha)
{
  return derived(x, dy, added, (vec)(k.mean), (vec)(k.scale), (vec)(k.shift), alpha);
}

/* Prefetches what a vector's sums of gradients read, from element i on. */
static inline void prefetch_gradients(const __global storage *x, const __global storage *dy,
                                      const __global storage *residual, ulong i)
{
  prefetch_elements(x + i, WIDTH);
  prefetch_elements(dy + i, WIDTH);
  if (RESIDUAL && DERIVES) {
    prefetch_elements(residual + i, WIDTH);
  }
}

/* Adds the sums of one run, from element `from` on, a multiple of WIDTH, to a lane's, and prefetches what is `ahead` elements from
 * it. tail: the elements after the last whole vector that are to be added here. */
static inline void run_gradients(lane_sums *s, const __global storage *x, const __global storage *dy,
                                 const __global storage *residual, ulong from, ulong run, uint tail,
                                 forward_coefficients k, float alpha, ulong ahead, rows_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  const vec mean = (vec)(k.mean);
  for (ulong i = from + at.lane * WIDTH; i + WIDTH <= run; i += step) {
    if (ahead != 0) {
      prefetch_gradients(x, dy, residual, i + ahead);
    }
    const vec value = tensor_load_unsorted(x + i), added = addend_unsorted(residual, i, DERIVES);
    sums_add(s, value, derive(value, tensor_load_unsorted(dy + i), added, k, alpha), mean);
  }
  if (tail != 0 && tail_overlaps(at, run)) {
    const ulong i = run - WIDTH;
    const vec value = tensor_load(x + i);
    const vec g = derive(value, tensor_load(dy + i), addend(residual, i, DERIVES), k, alpha);
    sums_add(s, keep_last(value, tail, k.mean), keep_last(g, tail, 0.0f), mean);
  } else if (tail != 0) {
    const ulong i = run / WIDTH * WIDTH;
    const vec value = tensor_load_some(x + i, tail, k.mean), dvalue = tensor_load_some(dy + i, tail, 0.0f);
    sums_add(s, value, derive(value, dvalue, addend_most(residual, i, tail, DERIVES), k, alpha), mean);
  }
}

/* Short tails: those of BLOCK segments fit into one vector together. 49 elements are three vectors and one element, which as a
 * vector of its own in each segment would take a quarter of the time. */
static inline int tails_together(uint tail) { return LOCAL == 1 && tail != 0 && tail * BLOCK <= WIDTH; }

static inline void tails_gradients(lane_sums *s, const __global storage *x, const __global storage *dy,
                                   const __global storage *residual, ulong run, uint tail, forward_coefficients k,
                                   float alpha, uint segments, ulong segment_stride)
{
  float values[WIDTH], gradients[WIDTH], added[WIDTH];
  for (uint i = 0; i < WIDTH; i++) {
    values[i] = k.mean;
    gradients[i] = 0.0f;
    added[i] = 0.0f;
  }
  for (uint segment = 0; segment < segments; segment++) {
    for (uint i = 0; i < tail; i++) {
      const ulong from = segment * segment_stride + run - tail + i;
      const uint to = segment * tail + i;
      values[to] = LOAD(x + from);
      gradients[to] = LOAD(dy + from);
      if (RESIDUAL && DERIVES) {
        added[to] = LOAD(residual + from);
      }
    }
  }
  sums_add(s, VLOAD(values), derive(VLOAD(values), VLOAD(gradients), VLOAD(added), k, alpha), (vec)(k.mean));
}

/* Adds the sums of segments [0, segments) to the lanes of `group` statistics. BLOCK segments of one statistic after another,
 * so that its sums stay in registers meanwhile. */
static inline void rows_reduce_gradients(lane_sums *sums, uint group, const __global storage *x,
                                         const __global storage *dy, const __global storage *residual,
                                         const forward_coefficients *k, float alpha, ulong segments, ulong run,
                                         ulong segment_stride, ulong statistic_stride, rows_place at)
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
        run_gradients(&s, x + offset, dy + offset, residual + offset, 0, run, together ? 0 : tail, k[g], alpha, ahead, at);
      }
      if (together) {
        tails_gradients(&s, x + first, dy + first, residual + first, run, tail, k[g], alpha, (uint)(end - block),
                        segment_stride);
      }
      sums[g] = s;
    }
  }
}

/* Adds the sums of x - mean of segments [0, segments) to a lane's. */
static inline void rows_reduce_distances(lane_sums *s, const __global storage *x, float mean, ulong segments, ulong run,
                                         ulong segment_stride, rows_place at)
{
  const uint tail = lane_tail(at, run);
  const ulong end = run / WIDTH * WIDTH;
  for (ulong segment = at.row; segment < segments; segment += at.rows) {
    const __global storage *from = x + segment * segment_stride;
    for (ulong i = at.lane * WIDTH; i < end; i += (ulong)at.lanes * WIDTH) {
      sums_add(s, tensor_load(from + i), (vec)(0.0f), (vec)(mean));
    }
    if (tail != 0) {
      sums_add(s, tensor_load_some(from + end, tail, mean), (vec)(0.0f), (vec)(mean));
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

/* A statistic's runs have a weight each: those of samples whose neighbours share parameters. */
#define WEIGHTED (SHARED == 1)

static inline float scale_of_z(backward_coefficients k) { return WEIGHTED ? k.a * k.weight : k.a; }

/* g of vectors of one statistic, and dx from it. */
static inline vec gradient_at_z(vec x, vec dy, vec added, backward_coefficients k, float alpha)
{
  return derived(x, dy, added, (vec)(k.mean), (vec)(scale_of_z(k)), (vec)(k.shift), alpha);
}

static inline vec gradient(vec x, vec g, backward_coefficients k)
{
  return differentiated(x, WEIGHTED ? g * k.weight : g, (vec)(k.mean), (vec)(k.a), (vec)(k.b), (vec)(k.c));
}

static inline vec gradient_between(vec x, vec g, backward_coefficients a, backward_coefficients b, uint lanes)
{
  return differentiated(x, WEIGHTED ? g * between(a.weight, b.weight, lanes) : g, between(a.mean, b.mean, lanes),
                        between(a.a, b.a, lanes), between(a.b, b.b, lanes), between(a.c, b.c, lanes));
}

static inline vec gradient_at_z_between(vec x, vec dy, vec added, backward_coefficients a, backward_coefficients b,
                                        float alpha, uint lanes)
{
  return derived(x, dy, added, between(a.mean, b.mean, lanes), between(scale_of_z(a), scale_of_z(b), lanes),
                 between(a.shift, b.shift, lanes), alpha);
}

/* The ends of dx and dresidual of `count` runs beside each other: either may be dy, so what they have of it is loaded before
 * anything is stored. */
static inline void load_ends(vec ends[2], const __global storage *dy, ragged_ends at)
{
  for (uint e = 0; e < 2; e++) {
    ends[e] = at.count[e] != 0 ? tensor_load(dy + at.first[e]) : (vec)(0.0f);
  }
}

static inline void store_ends_dx(const vec *ends, ragged_ends at, const __global storage *x,
                                 const __global storage *residual, __global storage *dx, __global storage *dresidual,
                                 uint count, const backward_coefficients *k, float alpha)
{
  for (uint e = 0; e < 2; e++) {
    if (at.count[e] == 0) {
      continue;
    }
    const backward_coefficients own = k[e * (count - 1)];
    const vec value = tensor_load(x + at.first[e]);
    const vec made = gradient_at_z(value, ends[e], addend(residual, at.first[e], DERIVES), own, alpha);
    store_gradients_lanes(made, gradient(value, made, own), dx, dresidual, at.first[e], at.skip[e], at.count[e]);
  }
}

/* dx and dresidual of `count` runs beside each other. */
static inline void joined_dx(const __global storage *x, const __global storage *dy, const __global storage *residual,
                             __global storage *dx, __global storage *dresidual, ulong run, uint count,
                             const backward_coefficients *k, float alpha)
{
  const ulong n = count * run, first = until_aligned(RESIDUAL && !dx ? dresidual : dx);
  const int streams = can_stream_both(RESIDUAL && !dx ? 0 : dx + first, wants(dresidual) ? dresidual + first : 0);
  const ragged_ends at = ends_of(n, first, streams);
  vec ends[2];
  load_ends(ends, dy, at);
  ulong i = first;
  for (uint g = 0; g < count; g++) {
    const ulong end = (g + 1) * run;
    const backward_coefficients own = k[g];
    for (; i + WIDTH <= end; i += WIDTH) {
      const vec value = tensor_load(x + i);
      const vec made = gradient_at_z(value, tensor_load(dy + i), addend(residual, i, DERIVES), own, alpha);
      store_gradients(made, gradient(value, made, own), dx, dresidual, i, streams);
    }
    if (i < end && i + WIDTH <= n) {
      const uint lanes = (uint)(end - i);
      const vec value = tensor_load(x + i), added = addend(residual, i, DERIVES);
      const vec made = gradient_at_z_between(value, tensor_load(dy + i), added, own, k[g + 1], alpha, lanes);
      store_gradients(made, gradient_between(value, made, own, k[g + 1], lanes), dx, dresidual, i, streams);
      i += WIDTH;
    }
  }
  store_ends_dx(ends, at, x, residual, dx, dresidual, count, k, alpha);
}

/* The same of any runs; `count` is 1 unless they are joined. */
static inline void run_dx(const __global storage *x, const __global storage *dy, const __global storage *residual,
                          __global storage *dx, __global storage *dresidual, ulong run, uint count,
                          const backward_coefficients *k, float alpha, rows_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  const uint tail = lane_tail(at, run);
  if (are_joined(run, at)) {
    joined_dx(x, dy, residual, dx, dresidual, run, count, k, alpha);
    return;
  }
  const int streams = can_stream_both(dx, dresidual);
  for (ulong i = at.lane * WIDTH; i + WIDTH <= run; i += step) {
    const vec value = tensor_load(x + i);
    const vec g = gradient_at_z(value, tensor_load(dy + i), addend(residual, i, DERIVES), *k, alpha);
    store_gradients(g, gradient(value, g, *k), dx, dresidual, i, streams);
  }
  if (tail != 0) {
    const ulong i = run / WIDTH * WIDTH;
    const vec value = tensor_load_some(x + i, tail, 0.0f), dvalue = tensor_load_some(dy + i, tail, 0.0f);
    const vec g = gradient_at_z(value, dvalue, addend_most(residual, i, tail, DERIVES), *k, alpha);
    store_gradients_most(g, gradient(value, g, *k), dx, dresidual, i, tail);
  }
}

/* ---- element-wise over groups ------------------------------------------------------------------------------------ */

/* Statistics whose runs are walked as one row: those beside each other. */
static inline uint joined_of(uint group, ulong run, ulong statistic_stride, rows_place at)
{
  return are_joined(run, at) && statistic_stride == run ? group : 1;
}

/* y of the segments from x on, of `group` neighbouring statistics. */
static inline void group_apply(const __global storage *x, const __global storage *residual, __global storage *y,
                               ulong segments, ulong run, ulong segment_stride, ulong statistic_stride,
                               apply_ahead ahead, const forward_coefficients *k, float alpha, uint group, rows_place at)
{
  const uint count = joined_of(group, run, statistic_stride, at);
  for (ulong segment = at.row; segment < segments; segment += at.rows) {
    for (uint g = 0; g < group; g += count) {
      const ulong offset = segment * segment_stride + g * statistic_stride;
      run_apply(x + offset, residual + offset, y + offset, run, count, ahead, k + g, alpha, at);
    }
  }
}

/* dx and dresidual of the segments from x on, of `group` neighbouring statistics. */
static inline void group_dx(const __global storage *x, const __global storage *dy, const __global storage *residual,
                            __global storage *dx, __global storage *dresidual, ulong segments, ulong run,
                            ulong segment_stride, ulong statistic_stride, const backward_coefficients *k, float alpha,
                            uint group, rows_place at)
{
  const uint count = joined_of(group, run, statistic_stride, at);
  for (ulong segment = at.row; segment < segments; segment += at.rows) {
    for (uint g = 0; g < group; g += count) {
      const ulong offset = segment * segment_stride + g * statistic_stride;
      run_dx(x + offset, dy + offset, residual + offset, RESIDUAL && !dx ? 0 : dx + offset,
             wants(dresidual) ? dresidual + offset : 0, run, count, k + g, alpha, at);
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
