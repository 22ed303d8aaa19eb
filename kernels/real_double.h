/* Sums, means and squares as doubles: `real` is a double, `vec_real` a vector of them. For devices whose doubles are about
 * as fast as their floats; the names and contracts are those of real_pair.h. */

#pragma OPENCL EXTENSION cl_khr_fp64 : enable

typedef double real;
#if WIDTH == 1
typedef double vec_real;
#define TO_DOUBLE(v) ((double)(v))
#define TO_FLOAT(v) ((float)(v))
#else
typedef PASTE_VALUE(double, WIDTH) vec_real;
#define TO_DOUBLE(v) PASTE_VALUE(convert_double, WIDTH)(v)
#define TO_FLOAT(v) PASTE_VALUE(convert_float, WIDTH)(v)
#endif

/* Takes the number of the work-item whose place in the sub-group differs by `mask`. */
#define TAKE_FROM_LANE(taken, mine, mask) ((taken) = sub_group_shuffle_xor((mine), (uint)(mask)))

/* A lo that is not a number comes from a hi that overflowed. */
static inline real real_of(float hi, float lo) { return isfinite(lo) ? (double)hi + (double)lo : (double)hi; }
static inline float real_hi(real a) { return (float)a; }
static inline float real_lo(real a) { return isfinite((float)a) ? (float)(a - (double)(float)a) : 0.0f; }
static inline real real_add(real a, real b) { return a + b; }
static inline real real_subtract(real a, real b) { return a - b; }
static inline real real_multiply(real a, real b) { return a * b; }
static inline real real_divide(real a, real b) { return a / b; }
static inline float real_inverse_sqrt(real v) { return (float)(1.0 / sqrt(v)); }
static inline real real_from_count(ulong count) { return (double)count; }

static inline vec_real vec_real_of(vec hi, vec lo)
{
  return TO_DOUBLE(hi) + TO_DOUBLE(select(lo, (vec)(0.0f), isnan(lo)));
}
static inline vec vec_real_hi(vec_real a) { return TO_FLOAT(a); }
static inline vec vec_real_lo(vec_real a)
{
  const vec lo = TO_FLOAT(a - TO_DOUBLE(TO_FLOAT(a)));
  return select((vec)(0.0f), lo, isfinite(lo));
}
static inline vec_real vec_real_add(vec_real a, vec_real b) { return a + b; }
static inline vec_real vec_real_plus(vec_real a, vec v) { return a + TO_DOUBLE(v); }
/* a + (x - m), the difference unrounded. */
static inline vec_real vec_real_plus_off(vec_real a, vec x, vec m) { return a + (TO_DOUBLE(x) - TO_DOUBLE(m)); }

/* A vec_real in two places of WIDTH floats, for a while: half of the lanes in each, so that nothing is converted. */
#if WIDTH == 1
static inline vec_real vec_real_kept(const __global float *a, const __global float *b) { return vec_real_of(*a, *b); }
static inline void vec_real_keep(vec_real v, __global float *a, __global float *b)
{
  *a = real_hi(v);
  *b = real_lo(v);
}
#else
static inline vec_real vec_real_kept(const __global float *a, const __global float *b)
{
  double lanes[WIDTH];
  VSTORE(VLOAD(a), (__private float *)lanes);
  VSTORE(VLOAD(b), (__private float *)lanes + WIDTH);
  return PASTE_VALUE(vload, WIDTH)(0, lanes);
}
static inline void vec_real_keep(vec_real v, __global float *a, __global float *b)
{
  double lanes[WIDTH];
  PASTE_VALUE(vstore, WIDTH)(v, 0, lanes);
  GLOBAL_VSTORE(VLOAD((const __private float *)lanes), a);
  GLOBAL_VSTORE(VLOAD((const __private float *)lanes + WIDTH), b);
}
#endif
static inline vec_real vec_real_subtract(vec_real a, vec_real b) { return a - b; }
static inline vec_real vec_real_multiply(vec_real a, vec_real b) { return a * b; }
static inline vec_real vec_real_divide(vec_real a, vec_real b) { return a / b; }
static inline vec vec_real_inverse_sqrt(vec_real v) { return TO_FLOAT((vec_real)(1.0) / sqrt(v)); }
static inline vec_real vec_real_from_count(ulong count) { return (vec_real)((double)count); }

/* Sum of the numbers of an array, as a tree. PoCL's compiler leaves the loops in memory, where each level waits for the stores
 * of the one before; oclgrind does not know the halves of vectors. */
#if WIDTH != 1 && defined(POCL_DEVICE_ADDRESS_BITS)
static inline double sum_of_4(double4 v)
{
  const double2 pair = v.lo + v.hi;
  return pair.x + pair.y;
}
static inline double sum_of_8(double8 v) { return sum_of_4(v.lo + v.hi); }
static inline double sum_of_16(double16 v) { return sum_of_8(v.lo + v.hi); }
static inline double tree_sum(double lanes[WIDTH])
{
  return PASTE_VALUE(sum_of_, WIDTH)(PASTE_VALUE(vload, WIDTH)(0, lanes));
}
#else
static inline double tree_sum(double lanes[WIDTH])
{
  for (uint half_width = WIDTH / 2; half_width > 0; half_width /= 2) {
    for (uint i = 0; i < half_width; i++) {
      lanes[i] += lanes[i + half_width];
    }
  }
  return lanes[0];
}
#endif

/* A vec_real's lanes, each a real of its own. */
#if WIDTH == 1
static inline vec_real vec_real_from_lanes(const real *from) { return *from; }
static inline void vec_real_to_lanes(vec_real v, real *to) { *to = v; }
#else
static inline vec_real vec_real_from_lanes(const real *from) { return PASTE_VALUE(vload, WIDTH)(0, from); }
static inline void vec_real_to_lanes(vec_real v, real *to) { PASTE_VALUE(vstore, WIDTH)(v, 0, to); }
#endif

/* Sum of the lanes [first, first + count), as a tree. */
static inline real lanes_sum(vec_real v, uint first, uint count)
{
  double lanes[WIDTH];
#if WIDTH == 1
  lanes[0] = v;
#else
  PASTE_VALUE(vstore, WIDTH)(v, 0, lanes);
#endif
  for (uint i = 0; count < WIDTH && i < WIDTH; i++) {
    lanes[i] = i >= first && i < first + count ? lanes[i] : 0.0;
  }
  return tree_sum(lanes);
}

/* ---- statistics of a lane: shifted by its first value -----------------------------------------------------------------
 * The shift k is one of the values, so (k - mean)^2 <= n * variance: subtracting sum^2/n loses at most log2(n) of the 53
 * bits, whatever the data. Of half types it is 0: squares of 8 or 11 bits leave so many of the 53 that sums of them lose none that
 * counts, and what is subtracted costs as much as what is added (docs/numerics.md). */
#if STORAGE == 2 || STORAGE == 3
#define ABOUT_0 1
#else
#define ABOUT_0 0
#endif

/* count * squares - sum^2, divided by count: the sum of squares about the mean. */
#if ABOUT_0
/* With the low halves of both products: nearly the same where the mean is far from 0. */
#define SQUARES_ABOUT_MEAN(type)                                                          \
  const type a = count * squares, b = sum * sum;                                          \
  return ((a - b) + (fma(count, squares, -a) - fma(sum, sum, -b))) / count;
#else
#define SQUARES_ABOUT_MEAN(type) return squares - sum / count * sum;
#endif
static inline real squares_about_mean(real count, real squares, real sum) { SQUARES_ABOUT_MEAN(real) }
static inline vec_real vec_squares_about_mean(vec_real count, vec_real squares, vec_real sum)
{
  SQUARES_ABOUT_MEAN(vec_real)
}

typedef struct lane_stats {
  vec shift;
  vec_real sum, squares; /* of x - shift */
} lane_stats;

static inline void stats_clear(lane_stats *s)
{
  s->shift = (vec)(0.0f);
  s->sum = s->squares = (vec_real)(0.0);
}

static inline vec_real shifted(const lane_stats *s, vec x)
{
  return ABOUT_0 ? TO_DOUBLE(x) : TO_DOUBLE(x) - TO_DOUBLE(s->shift);
}

static inline void stats_add(lane_stats *s, ulong count, const vec *x, uint size)
{
  if (ABOUT_0 == 0 && count == 0) {
    s->shift = x[0];
  }
  vec_real d[BLOCK];
  UNROLL_BLOCK for (uint i = 0; i < BLOCK; i++) { d[i] = i < size ? shifted(s, x[i]) : (vec_real)(0.0); }
  s->sum += ((d[0] + d[1]) + (d[2] + d[3])) + ((d[4] + d[5]) + (d[6] + d[7]));
  const vec_real q01 = fma(d[1], d[1], d[0] * d[0]), q23 = fma(d[3], d[3], d[2] * d[2]);
  const vec_real q45 = fma(d[5], d[5], d[4] * d[4]), q67 = fma(d[7], d[7], d[6] * d[6]);
  s->squares += (q01 + q23) + (q45 + q67);
}

static inline void stats_add_one(lane_stats *s, ulong count, vec x)
{
  if (ABOUT_0 == 0 && count == 0) {
    s->shift = x;
  }
  const vec_real d = shifted(s, x);
  s->sum += d;
  s->squares = fma(d, d, s->squares);
}

static inline vec_real stats_sum(const lane_stats *s, ulong count)
{
  return (vec_real)((double)count) * TO_DOUBLE(s->shift) + s->sum;
}

static inline vec_real stats_squares(const lane_stats *s, ulong count, vec_real mean)
{
  const vec_real n = (vec_real)((double)count);
  const vec_real own = s->sum / n;
  const vec_real delta = (TO_DOUBLE(s->shift) - mean) + own;
  return vec_squares_about_mean(n, s->squares, s->sum) + n * delta * delta;
}

/* What lanes have seen about one shift, each other values of the same statistic, is put together first. */
#define CAN_SHARE_SHIFTS 1

static inline void stats_begin(lane_stats *s, float shift)
{
  stats_clear(s);
  s->shift = (vec)(shift);
}

/* Adds values to lanes that have begun; the shift itself adds nothing. */
static inline void stats_add_shifted(lane_stats *s, vec x) { stats_add_one(s, 1, x); }

/* Sums about the shift over all lanes. */
static inline real stats_shifted_sum(const lane_stats *s) { return lanes_sum(s->sum, 0, WIDTH); }
static inline real stats_shifted_squares(const lane_stats *s) { return lanes_sum(s->squares, 0, WIDTH); }

/* Mean and squares about it (m2) of WIDTH statistics of `count` values, from these. */
static inline void stats_unshift(vec_real *mean, vec_real *m2, vec shift, vec_real sum, vec_real squares, ulong count)
{
  const vec_real n = (vec_real)((double)count);
  *mean = TO_DOUBLE(shift) + sum / n;
  *m2 = vec_squares_about_mean(n, squares, sum);
}

/* ---- sums of gradients ---------------------------------------------------------------------------------------------- */

typedef struct lane_sums {
  vec_real g, gd, d;
} lane_sums;

static inline void sums_clear(lane_sums *s) { s->g = s->gd = s->d = (vec_real)(0.0); }

static inline void sums_add(lane_sums *s, vec x, vec g, vec mean)
{
  const vec_real d = TO_DOUBLE(x) - TO_DOUBLE(mean);
  const vec_real wide = TO_DOUBLE(g);
  s->g += wide;
  s->gd = fma(wide, d, s->gd);
  s->d += d;
}

static inline vec_real sums_g(const lane_sums *s) { return s->g; }
static inline vec_real sums_gd(const lane_sums *s) { return s->gd; }
static inline vec_real sums_d(const lane_sums *s) { return s->d; }
