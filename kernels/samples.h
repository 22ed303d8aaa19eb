/* The walk over samples: a statistic owns one run, whose elements have parameters of their own. Each `repeat` neighbours share
 * one, `run_parameters` a run; statistic c begins with parameter c % parameter_groups * run_parameters. The work-items of a
 * work-group stand side by side along the run.
 *
 * Axis:
 *   SHARED   0: each element of a run has a parameter of its own; 1: `repeat` neighbours share one; 2: so they do, and a lone
 *            work-item has a copy for each element, and sums for each, which are put together in the end */

#if SHARED != 0 && SHARED != 1 && SHARED != 2
#error "SHARED has to be 0, 1 or 2"
#endif
#if SHARED == 2 && LOCAL != 1
#error "SHARED 2 is for lone work-items"
#endif
#define COPIES (SHARED == 2)

/* CLNORM_RMS: no mean is taken off. */
#define OP_RMS 5

/* Longer runs, and shorter ones, are left to the processor's own prefetching; of these two tensors' next fit into its second
 * cache beside the present. */
#define SAMPLE_AHEAD_RUN 32768

/* How far from a vector the one is that should be prefetched: `stride` is to the sample after this one. 0: none. */
static inline ulong sample_ahead(ulong run, ulong stride)
{
  return CAN_PREFETCH && run <= SAMPLE_AHEAD_RUN && run >= AHEAD_LEAST ? stride : 0;
}

/* ---- statistics ------------------------------------------------------------------------------------------------- */

/* Statistics of one run; the same in every work-item. */
INLINE_LOCAL void sample_measure(statistics *made, const __global storage *x, ulong run, uint op, rows_place at,
                                 __local real *scratch)
{
  const uint tail = lane_tail(at, run);
  const int overlaps = tail_overlaps(at, run);
  rows_stats_state state;
  rows_counts seen = {0, 0};
  stats_clear(&state.body);
  stats_clear(&state.tail);
  seen.body = add_vectors(&state.body, 0, x + at.lane * WIDTH, lane_vectors(at, run), (ulong)at.lanes * WIDTH, WIDTH);
  if (tail != 0) {
    const ulong start = overlaps ? run - WIDTH : run / WIDTH * WIDTH;
    seen.tail = add_vectors(&state.tail, 0, x + start, 1, 0, overlaps ? WIDTH : tail);
  }
  *made = rows_combine(&state, seen, run, run, op != OP_RMS, at, scratch);
}

/* Longer runs are not read a second time from the first cache, and take longer to sum than to finish: 1.25 to 1.6 of the time of
 * one after the other from 784 elements on, if they come from memory. */
#define TOGETHER_RUN 512

/* Statistics of WIDTH runs. */
typedef struct samples_together {
  float hi[WIDTH], lo[WIDTH], inv_std[WIDTH];
} samples_together;

#if MEASURES_TOGETHER
/* Sums of one run about its first value. */
INLINE_LOCAL void sample_sums(real *sum, real *squares, float shift, const __global storage *x, ulong run)
{
  lane_stats s;
  stats_begin(&s, shift);
  sums_rest(&s, x, 0, run, shift);
  *sum = stats_shifted_sum(&s);
  *squares = stats_shifted_squares(&s);
}

/* Statistics of `count` neighbouring runs, finished together: of short ones that is most of the work. mean, inv_std and moments, which
 * begin with the first of them, may each be NULL. */
INLINE_LOCAL void samples_measure(samples_together *made, const __global storage *x, ulong run, uint count,
                                  float epsilon, __global float *mean, __global float *inv_std, __global float *moments,
                                  ulong statistics_count, ulong divisor)
{
  real sums[WIDTH], squares[WIDTH];
  float shifts[WIDTH];
  vec_real center, m2;
  for (uint j = 0; j < WIDTH; j++) {
    sums[j] = squares[j] = real_of(0.0f, 0.0f);
    shifts[j] = 0.0f;
    if (j < count) {
      shifts[j] = shift_at(x + j * run);
      sample_sums(&sums[j], &squares[j], shifts[j], x + j * run, run);
    }
  }
  stats_unshift(&center, &m2, VLOAD(shifts), vec_real_from_lanes(sums), vec_real_from_lanes(squares), run);
  const vec_real variance = vec_real_divide(m2, vec_real_from_count(run));
  const vec spread =
      vec_real_inverse_sqrt(vec_real_add(variance, vec_real_of((vec)(epsilon), (vec)(0.0f))));
  VSTORE(vec_real_hi(center), made->hi);
  VSTORE(vec_real_lo(center), made->lo);
  VSTORE(spread, made->inv_std);
  if (mean) {
    store_most(vec_real_hi(center), mean, count);
  }
  if (inv_std) {
    store_most(spread, inv_std, count);
  }
  if (moments) {
    store_most(vec_real_hi(center), moments, count);
    store_most(vec_real_hi(vec_real_divide(m2, vec_real_from_count(divisor))), moments + statistics_count, count);
  }
}
#endif

/* From the running statistics of parameter p. */
static inline finished_statistics sample_running(const __global float *running_mean, const __global float *running_var,
                                                 ulong p, float epsilon)
{
  const finished_statistics made = {running_mean[p], 0.0f, inv_std_of(running_var[p], epsilon)};
  return made;
}

/* What the mean's float has not, as it moves xh. */
static inline float shift_of(float lo, float inv_std) { return lo == 0.0f ? 0.0f : -lo * inv_std; }

/* What merge_running takes of a statistic whose squares about the mean are m2; `count` statistics. */
static inline void keep_moments(__global float *stored, ulong count, finished_statistics s, real m2, ulong divisor)
{
  stored[0] = s.hi;
  stored[count] = real_hi(real_divide(m2, real_from_count(divisor)));
}

/* ---- parameters ------------------------------------------------------------------------------------------------- */

/* gamma or beta from p on; NULL: all the same. */
static inline vec parameters_at(const __global float *p, ulong i, float otherwise)
{
  return p ? VLOAD(p + i) : (vec)(otherwise);
}

static inline float parameter_at(const __global float *p, ulong i, float otherwise) { return p ? p[i] : otherwise; }

/* Runs of one parameter, of one or several statistics, that are written as one row: as many as the first cache holds. Of a shared
 * work-group one, and an array even so: Mesa's compiler crashes where a pointer to one structure is indexed. */
#if LOCAL == 1
#define NEIGHBOURS 16
#else
#define NEIGHBOURS 1
#endif
#define NEIGHBOURS_ELEMENTS 4096

/* Only runs that end inside of a vector gain by it. */
static inline uint neighbours_of(ulong repeat, rows_place at)
{
  const int are_ragged = are_joined(repeat, at) && repeat % WIDTH != 0;
  return are_ragged ? (uint)min(max(NEIGHBOURS_ELEMENTS / repeat, 1ul), (ulong)NEIGHBOURS) : 1;
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

/* One run, each of whose elements has its own gamma and beta, which each may be NULL. */
typedef struct each_forward {
  const __global storage *x, *residual;
  const __global float *gamma, *beta;
  float mean, scale, shift, alpha;
} each_forward;

/* y of `count` elements from i on. */
INLINE_LOCAL vec each_value(const each_forward *f, ulong i, uint count)
{
  const vec x = tensor_load_most(f->x + i, count, 0.0f);
  const vec z = MULTIPLY_ADD(normalized(x, (vec)(f->mean), (vec)(f->scale), (vec)(f->shift)),
                             load_optional(f->gamma, i, count, 1.0f), load_optional(f->beta, i, count, 0.0f));
  return activated(z, addend_most(f->residual, i, count, 1), f->alpha);
}

/* Its ends, before anything is stored: y may be x or the residual. */
INLINE_LOCAL void each_ends(vec ends[2], const each_forward *f, ragged_ends at)
{
  for (uint e = 0; e < 2; e++) {
    ends[e] = (vec)(0.0f);
    if (at.count[e] != 0) {
      ends[e] = each_value(f, at.first[e], WIDTH);
    }
  }
}

/* A lone work-item's: aligned vectors wherever y begins, and the ends as ragged_ends says. */
INLINE_LOCAL void each_apply_aligned(const each_forward *f, __global storage *y, ulong run, apply_ahead ahead)
{
  const ulong lead = until_aligned(y);
  const int streams = can_stream(y + lead);
  const ragged_ends at = ends_of(run, lead, streams);
  vec ends[2];
  each_ends(ends, f, at);
  for (ulong i = lead; i + WIDTH <= run; i += WIDTH) {
    prefetch_for_apply(f->x, f->residual, i, ahead);
    store_result(each_value(f, i, WIDTH), y + i, streams);
  }
  store_ends(ends, at, y);
}

/* y of the run; it may be x or the residual. */
INLINE_LOCAL void each_apply(const each_forward *f, __global storage *y, ulong run, apply_ahead ahead, rows_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  const uint tail = lane_tail(at, run);
  const int streams = can_stream(y);
  if (are_joined(run, at) && (run % WIDTH != 0 || until_aligned(y) != 0)) {
    each_apply_aligned(f, y, run, ahead);
    return;
  }
  for (ulong i = at.lane * WIDTH; i + WIDTH <= run; i += step) {
    const vec value = each_value(f, i, WIDTH);
    prefetch_for_apply(f->x, f->residual, i, ahead);
    store_result(value, y + i, streams);
  }
  if (tail != 0) {
    const ulong start = run / WIDTH * WIDTH;
    tensor_store_most(each_value(f, start, tail), y + start, tail);
  }
}
