/* Samples that are matrices, whole: a lone work-item sums the columns of one sample and puts together those of each statistic,
 * `width` neighbours, while the sample is in the cache. The columns of a task are those of whole statistics. */

#if !SAMPLES || LOCAL != 1
#error "matrix.h is for samples and lone work-items"
#endif

/* Numbers of a tile's columns, or of the statistics that these are. */
#define MATRIX_COLUMNS (GROUP * WIDTH)

typedef struct matrix_place {
  columns_place columns;
  ulong first, end;       /* the task's samples */
  ulong width;            /* columns a statistic */
  ulong count;            /* the tile's statistics, */
  ulong groups;           /* of so many a sample, */
  ulong group;            /* from this one on */
} matrix_place;

/* Task t has the columns from t % inner_tiles * inner_tile on of the samples from t / inner_tiles * outer_tile on. */
static inline matrix_place matrix_place_of(ulong samples, ulong columns, ulong outer_tile, ulong inner_tile,
                                           ulong inner_tiles, ulong width)
{
  const ulong outer = get_group_id(0) / inner_tiles, inner = get_group_id(0) - outer * inner_tiles;
  const ulong end = min((inner + 1) * inner_tile, columns);
  matrix_place at;
  at.columns = columns_place_of(1, 1, end, 1, inner_tile, inner_tiles, 1);
  at.columns.tile = outer;
  at.first = outer * outer_tile;
  at.end = min(at.first + outer_tile, samples);
  at.width = width;
  at.count = (end - at.columns.column) / width;
  at.groups = columns / width;
  at.group = at.columns.column / width;
  return at;
}

/* Moves to one of the samples, of `rows` rows. */
static inline void matrix_go_to(matrix_place *at, ulong sample, ulong rows)
{
  at->columns.sample = sample;
  at->columns.first = sample * rows;
  at->columns.end = at->columns.first + rows;
}

/* Where the k-th vector's columns are among the tile's. */
static inline ulong matrix_lane(const matrix_place *at, uint k) { return column_of(at->columns, k) - at->columns.column; }

/* Makes numbers of columns their sums over each statistic, with zeros behind them up to a whole vector. */
static inline void join_columns(real *of, const matrix_place *at)
{
  for (ulong j = 0; at->width != 1 && j < at->count; j++) {
    real sum = of[j * at->width];
    for (ulong i = 1; i < at->width; i++) {
      sum = real_add(sum, of[j * at->width + i]);
    }
    of[j] = sum;
  }
  for (ulong j = at->count; j % WIDTH != 0; j++) {
    of[j] = real_of(0.0f, 0.0f);
  }
}

/* Makes numbers of statistics those of their columns. Backwards, so that none is overwritten before it is read. */
#define DEFINE_SPREAD(name, type)                                           \
  static inline void name(type *of, const matrix_place *at)                 \
  {                                                                         \
    for (ulong j = at->count; at->width != 1 && j > 0; j--) {               \
      const type one = of[j - 1];                                           \
      for (ulong i = 0; i < at->width; i++) {                               \
        of[(j - 1) * at->width + i] = one;                                  \
      }                                                                     \
    }                                                                       \
  }
DEFINE_SPREAD(spread_reals, real)
DEFINE_SPREAD(spread_floats, float)

/* How many of a vector of statistics from j on there are. */
static inline uint matrix_width(const matrix_place *at, ulong j) { return (uint)min(at->count - j, (ulong)WIDTH); }

/* Numbers of the sample's statistics, `p` of all; NULL: nothing. */
static inline __global float *matrix_statistics(__global float *p, ulong offset, const matrix_place *at)
{
  return p ? p + offset + at->columns.sample * at->groups + at->group : 0;
}

/* Where statistics are stored; each may be NULL. */
typedef struct matrix_results {
  __global float *mean, *inv_std, *moments;
  ulong plane;   /* from one of the moments to the next */
  ulong divisor; /* of the second */
} matrix_results;

/* What a sample's columns have of their statistics. */
typedef struct matrix_columns {
  vec mean[GROUP], lo[GROUP], inv_std[GROUP];
} matrix_columns;

/* Measures the sample. Squares are those about the mean of the statistic, from the columns' own. */
INLINE_LOCAL void matrix_measure(matrix_columns *made, const __global storage *x, ulong columns, float epsilon,
                                 matrix_results to, const matrix_place *at)
{
  lane_stats states[GROUP];
  real numbers[MATRIX_COLUMNS], squares[MATRIX_COLUMNS];
  float inverse[MATRIX_COLUMNS];
  const ulong seen = columns_reduce(states, x, columns, at->columns);
  const vec_real values = vec_real_from_count(seen * at->width);
  for (uint k = 0; k < at->columns.vectors; k++) {
    vec_real_to_lanes(stats_sum(&states[k], seen), numbers + matrix_lane(at, k));
  }
  join_columns(numbers, at);
  for (ulong j = 0; j < at->count; j += WIDTH) {
    const vec_real mean = vec_real_divide(vec_real_from_lanes(numbers + j), values);
    vec_real_to_lanes(mean, numbers + j);
    if (to.mean) {
      store_most(vec_real_hi(mean), to.mean + j, matrix_width(at, j));
    }
    if (to.moments) {
      store_most(vec_real_hi(mean), to.moments + j, matrix_width(at, j));
    }
  }
  spread_reals(numbers, at);
  for (uint k = 0; k < at->columns.vectors; k++) {
    const vec_real mean = vec_real_from_lanes(numbers + matrix_lane(at, k));
    made->mean[k] = vec_real_hi(mean);
    made->lo[k] = vec_real_lo(mean);
    vec_real_to_lanes(stats_squares(&states[k], seen, mean), squares + matrix_lane(at, k));
  }
  join_columns(squares, at);
  for (ulong j = 0; j < at->count; j += WIDTH) {
    const vec_real m2 = vec_real_from_lanes(squares + j);
    const vec inv_std = vec_real_inverse_sqrt(
        vec_real_add(vec_real_divide(m2, values), vec_real_of((vec)(epsilon), (vec)(0.0f))));
    VSTORE(inv_std, inverse + j);
    if (to.inv_std) {
      store_most(inv_std, to.inv_std + j, matrix_width(at, j));
    }
    if (to.moments) {
      const vec_real variance = vec_real_divide(m2, vec_real_from_count(to.divisor));
      store_most(vec_real_hi(variance), to.moments + to.plane + j, matrix_width(at, j));
    }
  }
  spread_floats(inverse, at);
  for (uint k = 0; k < at->columns.vectors; k++) {
    made->inv_std[k] = VLOAD(inverse + matrix_lane(at, k));
  }
}
