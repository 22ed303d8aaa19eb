/* The walk over rows: a statistic owns `segments` runs of contiguous elements, a fixed stride apart.
 *
 * Of a work-group's LOCAL work-items, `lanes` stand side by side along a run (neighbouring work-items on neighbouring
 * vectors) and LOCAL/lanes take different segments. */

typedef struct rows_place {
  uint lane, lanes; /* along the run */
  uint row, rows;   /* over the segments */
} rows_place;

static inline rows_place rows_place_of(uint lanes)
{
  const uint id = (uint)get_local_id(0);
  const rows_place at = {id % lanes, lanes, id / lanes, LOCAL / lanes};
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

/* What one work-item has seen of one statistic: whole vectors, and the elements that ends of runs leave over (lanes beyond
 * the tail's length see only zeros and are not counted). */
typedef struct rows_stats_state {
  lane_stats body, tail;
} rows_stats_state;

typedef struct rows_counts {
  ulong body, tail; /* values that each lane has seen */
} rows_counts;

/* Adds the runs of segments [0, segments) at p to the states of `group` statistics, `statistic_stride` apart. A block of
 * vectors lies along the run where that is long enough to fill it, else across BLOCK segments. */
static inline rows_counts rows_reduce(rows_stats_state *states, uint group, const __global float *p, ulong segments, ulong run,
                                      ulong segment_stride, ulong statistic_stride, rows_place at)
{
  const ulong vectors = lane_vectors(at, run);
  const uint tail = lane_tail(at, run);
  const ulong step = (ulong)at.lanes * WIDTH;
  const int along = run >= BLOCK * step;
  const ulong block = along ? 1 : BLOCK;
  const ulong across = at.rows * segment_stride;
  rows_counts seen = {0, 0};
  for (ulong segment = at.row; segment < segments; segment += block * at.rows) {
    const ulong here = min((segments - segment - 1) / at.rows + 1, block);
    const rows_counts before = seen;
    for (uint g = 0; g < group; g++) {
      const __global float *q = p + g * statistic_stride + segment * segment_stride;
      seen = before;
      for (ulong v = 0; v < (along ? 1 : vectors); v++) {
        seen.body = add_vectors(&states[g].body, seen.body, q + at.lane * WIDTH + v * step, along ? vectors : here,
                                along ? step : across, WIDTH);
      }
      if (tail != 0) {
        seen.tail = add_vectors(&states[g].tail, seen.tail, q + run / WIDTH * WIDTH, here, across, tail);
      }
    }
  }
  return seen;
}

static inline pair sum_of_lanes(const lane_stats *s, uint width)
{
  float hi[WIDTH], lo[WIDTH];
  VSTORE(s->sum, hi);
  VSTORE(s->sum_lo, lo);
  pair total = pair_of(0.0f, 0.0f);
  for (uint i = 0; i < width; i++) {
    total = pair_add(total, pair_normal(hi[i], lo[i]));
  }
  return total;
}

/* Squares about `mean` of lanes that know them about their own means. */
static inline pair squares_of_lanes(const lane_stats *s, ulong count, uint width, pair mean)
{
  const vec delta = (s->mean - mean.hi) + (s->mean_lo - mean.lo);
  const vec moved = (vec)((float)count) * delta * delta;
  float m2[WIDTH], m2_lo[WIDTH], between[WIDTH];
  VSTORE(s->m2, m2);
  VSTORE(s->m2_lo, m2_lo);
  VSTORE(moved, between);
  pair total = pair_of(0.0f, 0.0f);
  for (uint i = 0; i < width; i++) {
    total = pair_add(total, pair_add(pair_normal(m2[i], m2_lo[i]), pair_of(between[i], 0.0f)));
  }
  return total;
}

typedef struct statistics {
  pair sum, mean, m2;
} statistics;

/* One statistic of the whole work-group over n values; the same in every work-item. */
static inline statistics rows_combine(const rows_stats_state *state, rows_counts seen, uint tail, ulong n,
                                      __local float2 *scratch)
{
  pair sum = pair_of(0.0f, 0.0f), m2 = pair_of(0.0f, 0.0f);
  if (seen.body != 0) {
    sum = sum_of_lanes(&state->body, WIDTH);
  }
  if (seen.tail != 0) {
    sum = pair_add(sum, sum_of_lanes(&state->tail, tail));
  }
  sum = work_group_sum(sum, scratch);
  const pair mean = pair_divide(sum, pair_from_count(n));
  if (seen.body != 0) {
    m2 = squares_of_lanes(&state->body, seen.body, WIDTH, mean);
  }
  if (seen.tail != 0) {
    m2 = pair_add(m2, squares_of_lanes(&state->tail, seen.tail, tail, mean));
  }
  m2 = work_group_sum(m2, scratch);
  const statistics made = {sum, mean, m2};
  return made;
}

static inline vec normalize(vec x, forward_coefficients k)
{
  return MULTIPLY_ADD((x - k.hi) - k.lo, (vec)(k.scale), (vec)(k.shift));
}

/* y of one run; y may be x. */
static inline void run_apply(const __global float *x, __global float *y, ulong run, forward_coefficients k, rows_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  for (ulong i = at.lane * WIDTH; i + WIDTH <= run; i += step) {
    VSTORE(normalize(VLOAD(x + i), k), y + i);
  }
  const uint tail = lane_tail(at, run);
  if (tail != 0) {
    const ulong i = run / WIDTH * WIDTH;
    store_some(normalize(load_some(x + i, tail, 0.0f), k), y + i, tail);
  }
}

/* Adds the sums of one run to a lane's. */
static inline void run_gradients(lane_sums *s, const __global float *x, const __global float *dy, ulong run, float mean,
                                 rows_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  for (ulong i = at.lane * WIDTH; i + WIDTH <= run; i += step) {
    sums_add(s, VLOAD(x + i), VLOAD(dy + i), (vec)(mean));
  }
  const uint tail = lane_tail(at, run);
  if (tail != 0) {
    const ulong i = run / WIDTH * WIDTH;
    sums_add(s, load_some(x + i, tail, mean), load_some(dy + i, tail, 0.0f), (vec)(mean));
  }
}

typedef struct gradient_sums {
  pair g, gd, d;
} gradient_sums;

/* One statistic's sums of the whole work-group; the same in every work-item. */
static inline gradient_sums sums_combine(const lane_sums *s, __local float2 *scratch)
{
  float g[WIDTH], g_lo[WIDTH], gd[WIDTH], gd_lo[WIDTH], d[WIDTH], d_lo[WIDTH];
  VSTORE(s->g, g);
  VSTORE(s->g_lo, g_lo);
  VSTORE(s->gd, gd);
  VSTORE(s->gd_lo, gd_lo);
  VSTORE(s->d, d);
  VSTORE(s->d_lo, d_lo);
  pair sum_g = pair_of(0.0f, 0.0f), sum_gd = sum_g, sum_d = sum_g;
  for (uint i = 0; i < WIDTH; i++) {
    sum_g = pair_add(sum_g, pair_normal(g[i], g_lo[i]));
    sum_gd = pair_add(sum_gd, pair_normal(gd[i], gd_lo[i]));
    sum_d = pair_add(sum_d, pair_normal(d[i], d_lo[i]));
  }
  gradient_sums made;
  made.g = work_group_sum(sum_g, scratch);
  made.gd = work_group_sum(sum_gd, scratch);
  made.d = work_group_sum(sum_d, scratch);
  return made;
}

static inline vec gradient(vec x, vec dy, backward_coefficients k)
{
  return FROM_RUNNING ? k.a * dy : k.a * (dy - k.b - ((x - k.hi) - k.lo) * k.c);
}

/* dx of one run; dx may be dy. */
static inline void run_dx(const __global float *x, const __global float *dy, __global float *dx, ulong run,
                          backward_coefficients k, rows_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  for (ulong i = at.lane * WIDTH; i + WIDTH <= run; i += step) {
    VSTORE(gradient(VLOAD(x + i), VLOAD(dy + i), k), dx + i);
  }
  const uint tail = lane_tail(at, run);
  if (tail != 0) {
    const ulong i = run / WIDTH * WIDTH;
    store_some(gradient(load_some(x + i, tail, 0.0f), load_some(dy + i, tail, 0.0f), k), dx + i, tail);
  }
}
