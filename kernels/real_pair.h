/* Sums, means and squares as pairs of floats: `real` is hi + lo, `vec_real` a vector of them.
 *
 * A sum of n floats in one float loses up to log2(n) bits, and a mean rounded to one float is wrong by 2^-25*|mean|, which is
 * 3 % of a standard deviation at mean/std = 1e6. A pair carries 48 bits: pair.h. */

#define DROP_NAN(type, v) select((v), (type)(0.0f), isnan(v))

DEFINE_PAIR(float, )
DEFINE_PAIR(vec, vec_)

/* A count as hi + lo, exact below 2^48. */
static inline real real_from_count(ulong count)
{
  const float hi = (float)count;
  return real_of(hi, (float)((long)count - (long)hi));
}

static inline vec_real vec_real_from_count(ulong count)
{
  const real c = real_from_count(count);
  return vec_real_of((vec)(c.hi), (vec)(c.lo));
}

static inline vec_real vec_real_plus(vec_real a, vec v)
{
  const vec sum = a.hi + v;
  return vec_real_of(sum, vec_sum_error(a.hi, v, sum) + a.lo);
}

/* a + (x - m), the difference unrounded. */
static inline vec_real vec_real_plus_off(vec_real a, vec x, vec m)
{
  const vec d = x - m, sum = a.hi + d;
  return vec_real_of(sum, (vec_sum_error(a.hi, d, sum) + vec_sum_error(x, -m, d)) + a.lo);
}

/* A vec_real in two places of WIDTH floats, for a while. */
static inline vec_real vec_real_kept(const __global float *a, const __global float *b)
{
  const vec_real v = {VLOAD(a), VLOAD(b)};
  return v;
}
static inline void vec_real_keep(vec_real v, __global float *a, __global float *b)
{
  GLOBAL_VSTORE(v.hi, a);
  GLOBAL_VSTORE(v.lo, b);
}

/* A vec_real's lanes, each a real of its own. */
static inline vec_real vec_real_from_lanes(const real *from)
{
  float hi[WIDTH], lo[WIDTH];
  for (uint i = 0; i < WIDTH; i++) {
    hi[i] = from[i].hi;
    lo[i] = from[i].lo;
  }
  const vec_real v = {VLOAD(hi), VLOAD(lo)};
  return v;
}
static inline void vec_real_to_lanes(vec_real v, real *to)
{
  float hi[WIDTH], lo[WIDTH];
  VSTORE(v.hi, hi);
  VSTORE(v.lo, lo);
  for (uint i = 0; i < WIDTH; i++) {
    to[i].hi = hi[i];
    to[i].lo = lo[i];
  }
}

/* Sum of the lanes [first, first + count), as a tree. */
static inline real lanes_sum(vec_real v, uint first, uint count)
{
  float hi[WIDTH], lo[WIDTH];
  VSTORE(v.hi, hi);
  VSTORE(v.lo, lo);
  for (uint i = 0; i < WIDTH; i++) {
    const bool counts = i >= first && i < first + count;
    hi[i] = counts ? hi[i] : 0.0f;
    lo[i] = counts ? lo[i] : 0.0f;
  }
  for (uint half_width = WIDTH / 2; half_width > 0; half_width /= 2) {
    for (uint i = 0; i < half_width; i++) {
      const real sum = real_add(real_of(hi[i], lo[i]), real_of(hi[i + half_width], lo[i + half_width]));
      hi[i] = sum.hi;
      lo[i] = sum.lo;
    }
  }
  return real_of(hi[0], lo[0]);
}

/* ---- statistics of a lane: one pass over the data, blocks merged by Chan's formula -------------------------------------
 * In a block of BLOCK vectors, in registers, a first sweep finds the mean, a second the squares about it: no shift chosen in
 * advance withstands data headed by outliers. */

/* WIDTH lanes beside each other, each with its own values. The count is the same in all lanes and kept by the caller. */
typedef struct lane_stats {
  vec sum, sum_lo;   /* of the values themselves: the exact mean comes from here */
  vec mean, mean_lo; /* running, good enough to merge with */
  vec m2, m2_lo;     /* squares about the mean */
} lane_stats;

static inline void stats_clear(lane_stats *s)
{
  s->sum = s->sum_lo = s->mean = s->mean_lo = s->m2 = s->m2_lo = (vec)(0.0f);
}

/* Merges the first `size` <= BLOCK vectors of x, the others are 0, into lanes that have seen `count` values each. */
static inline void stats_add(lane_stats *s, ulong count, const vec *x, uint size)
{
  const float m = (float)size;
  const float inverse = 1.0f / m;
  vec sum = x[0], sum_lo = (vec)(0.0f);
  UNROLL_BLOCK for (uint i = 1; i < BLOCK; i++)
  {
    const vec t = sum + x[i];
    sum_lo += vec_sum_error(sum, x[i], t);
    sum = t;
  }
  /* k need not be the correctly rounded mean: k_lo takes up whatever it misses. */
  const vec k = (sum + sum_lo) * inverse;
  const vec km = k * m;
  const vec k_lo = ((sum - km) - vec_product_error(k, (vec)(m), km) + sum_lo) * inverse;
  vec d[BLOCK];
  UNROLL_BLOCK for (uint i = 0; i < BLOCK; i++) { d[i] = i < size ? x[i] - k : (vec)(0.0f); }
  /* A tree: shorter chains, and less rounding where there are few values. */
  const vec q01 = MULTIPLY_ADD(d[1], d[1], d[0] * d[0]), q23 = MULTIPLY_ADD(d[3], d[3], d[2] * d[2]);
  const vec q45 = MULTIPLY_ADD(d[5], d[5], d[4] * d[4]), q67 = MULTIPLY_ADD(d[7], d[7], d[6] * d[6]);
  const vec q = (q01 + q23) + (q45 + q67) - m * k_lo * k_lo;

  const vec total = s->sum + sum;
  s->sum_lo += sum_lo + vec_sum_error(s->sum, sum, total);
  s->sum = total;
  if (count == 0) {
    s->mean = k;
    s->mean_lo = k_lo;
    s->m2 = q;
    return;
  }
  const float n = (float)count;
  const float weight = m / (n + m);
  const vec delta = (k - s->mean) + (k_lo - s->mean_lo);
  const vec step = delta * weight;
  const vec mean = s->mean + step;
  s->mean_lo += vec_sum_error(s->mean, step, mean);
  s->mean = mean;
  const vec more = MULTIPLY_ADD(delta * delta, (vec)(n * weight), q);
  const vec m2 = s->m2 + more;
  s->m2_lo += vec_sum_error(s->m2, more, m2);
  s->m2 = m2;
}

static inline void stats_add_one(lane_stats *s, ulong count, vec x)
{
  const vec block[BLOCK] = {x, (vec)(0.0f), (vec)(0.0f), (vec)(0.0f), (vec)(0.0f), (vec)(0.0f), (vec)(0.0f), (vec)(0.0f)};
  stats_add(s, count, block, 1);
}

static inline vec_real stats_sum(const lane_stats *s, ulong count) { return vec_real_of(s->sum, s->sum_lo); }

/* The lanes' squares about `mean` instead of about their own means. */
static inline vec_real stats_squares(const lane_stats *s, ulong count, vec_real mean)
{
  const vec delta = (s->mean - mean.hi) + (s->mean_lo - mean.lo);
  const vec_real moved = {(vec)((float)count) * delta * delta, (vec)(0.0f)};
  return vec_real_add(vec_real_of(s->m2, s->m2_lo), moved);
}

/* Lanes have means of their own, not shifts. */
#define CAN_SHARE_SHIFTS 0

/* ---- sums of gradients: g, g*(x - mean), x - mean ----------------------------------------------------------------- */

typedef struct lane_sums {
  vec g, g_lo;
  vec gd, gd_lo;
  vec d, d_lo;
} lane_sums;

static inline void sums_clear(lane_sums *s) 
{
  s->g = s->g_lo = s->gd = s->gd_lo = s->d = s->d_lo = (vec)(0.0f);
}

/* Elements that do not exist are passed as x = mean, g = 0. */
static inline void sums_add(lane_sums *s, vec x, vec g, vec mean)
{
  const vec d = x - mean;
  const vec d_lo = vec_sum_error(x, -mean, d);
  const vec sum = s->g + g;
  s->g_lo += vec_sum_error(s->g, g, sum);
  s->g = sum;
  const vec p = g * d;
  const vec product = s->gd + p;
  s->gd_lo += vec_sum_error(s->gd, p, product) + MULTIPLY_ADD(g, d_lo, vec_product_error(g, d, p));
  s->gd = product;
  const vec distance = s->d + d;
  s->d_lo += vec_sum_error(s->d, d, distance) + d_lo;
  s->d = distance;
}

/* An infinite gradient leaves a NaN in lo, and an infinite sum. */
static inline vec_real sums_g(const lane_sums *s) { return vec_real_of(s->g, DROP_NAN(vec, s->g_lo)); }
static inline vec_real sums_gd(const lane_sums *s) { return vec_real_of(s->gd, DROP_NAN(vec, s->gd_lo)); }
static inline vec_real sums_d(const lane_sums *s) { return vec_real_of(s->d, DROP_NAN(vec, s->d_lo)); }
