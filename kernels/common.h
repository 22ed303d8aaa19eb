/* What every kernel shares: the axes and their legal values, vectors, and arithmetic with two floats.
 *
 * Axes, set by the host as macros:
 *   WIDTH         1, 4, 8, 16   floats a vector
 *   LOCAL         a power of 2  work-items a work-group
 *   GROUP         1, 16         statistics (rows) or vectors of columns (columns) that one work-item walks together
 *   FMA           0, 1          fma() is one instruction
 *   FROM_RUNNING  0, 1          coefficients come from the running statistics
 *
 * Why two floats. A sum of n floats in one float loses up to log2(n) bits, a mean rounded to one float is wrong by
 * 2^-25*|mean|, which is 3 % of a standard deviation at mean/std = 1e6. So sums and means are unevaluated pairs hi + lo with
 * |lo| <= ulp(hi)/2, kept by error-free transformations (Knuth 1969, Dekker 1971; Ogita, Rump and Oishi 2005), which need
 * nothing but correctly rounded float additions and multiplications: no double, no atomics.
 * A sum that overflows makes lo a NaN; pair_settle drops it, so that hi alone tells what IEEE arithmetic gives. */

#if WIDTH != 1 && WIDTH != 4 && WIDTH != 8 && WIDTH != 16
#error "WIDTH has to be 1, 4, 8 or 16"
#endif
#if LOCAL < 1 || (LOCAL & (LOCAL - 1)) != 0
#error "LOCAL has to be a power of two"
#endif
#if GROUP != 1 && GROUP != 16
#error "GROUP has to be 1 or 16"
#endif
#if FMA != 0 && FMA != 1
#error "FMA has to be 0 or 1"
#endif
#if FROM_RUNNING != 0 && FROM_RUNNING != 1
#error "FROM_RUNNING has to be 0 or 1"
#endif

#pragma OPENCL FP_CONTRACT OFF

/* ---- vectors ------------------------------------------------------------------------------------------------ */

#if WIDTH == 1
typedef float vec;
#define VLOAD(p) (*(p))
#define VSTORE(v, p) (*(p) = (v))
#else
#define PASTE(a, b) a##b
#define PASTE_VALUE(a, b) PASTE(a, b)
typedef PASTE_VALUE(float, WIDTH) vec;
#define VLOAD(p) PASTE_VALUE(vload, WIDTH)(0, (p))
#define VSTORE(v, p) PASTE_VALUE(vstore, WIDTH)((v), 0, (p))
#endif

/* The first `count` < WIDTH elements at p, the rest `fill`; never reads past p + count. */
static inline vec load_some(const __global float *p, uint count, float fill)
{
  float lanes[WIDTH];
  for (uint i = 0; i < WIDTH; i++) {
    lanes[i] = i < count ? p[i] : fill;
  }
  return VLOAD(lanes);
}

static inline void store_some(vec value, __global float *p, uint count)
{
  float lanes[WIDTH];
  VSTORE(value, lanes);
  for (uint i = 0; i < WIDTH && i < count; i++) {
    p[i] = lanes[i];
  }
}

static inline vec load_most(const __global float *p, ulong count, float fill)
{
  return count >= WIDTH ? VLOAD(p) : load_some(p, (uint)count, fill);
}

static inline void store_most(vec value, __global float *p, ulong count)
{
  if (count >= WIDTH) {
    VSTORE(value, p);
  } else {
    store_some(value, p, (uint)count);
  }
}

/* ---- pairs: hi + lo, for single floats and for vectors -------------------------------------------------------- */

#if FMA
#define MULTIPLY_ADD(a, b, c) fma((a), (b), (c))
#define DEFINE_PRODUCT_ERROR(type, suffix) \
  static inline type product_error##suffix(type a, type b, type p) { return fma(a, b, -p); }
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
/* Veltkamp's split into halves of 12 bits, whose products are exact. */
#define DEFINE_PRODUCT_ERROR(type, suffix)                                          \
  static inline type product_error##suffix(type a, type b, type p)                         \
  {                                                                                 \
    const type ca = a * 4097.0f, cb = b * 4097.0f;                                  \
    const type ah = ca - (ca - a), bh = cb - (cb - b);                              \
    const type al = a - ah, bl = b - bh;                                            \
    const type error = ((ah * bh - p) + ah * bl + al * bh) + al * bl;               \
    return select(error, (type)(0.0f), isnan(error));                               \
  }
#endif

#define DEFINE_PAIR(type, pair, suffix)                                                                                \
  typedef struct pair {                                                                                                \
    type hi, lo;                                                                                                       \
  } pair;                                                                                                              \
  DEFINE_PRODUCT_ERROR(type, suffix)                                                                                   \
  /* The rounding error of s = a + b, exactly. */                                                                      \
  static inline type sum_error##suffix(type a, type b, type s)                                                                \
  {                                                                                                                    \
    const type bb = s - a;                                                                                             \
    return (a - (s - bb)) + (b - bb);                                                                                  \
  }                                                                                                                    \
  static inline pair pair_settle##suffix(type hi, type lo)                                                                    \
  {                                                                                                                    \
    const pair settled = {hi, select(lo, (type)(0.0f), isnan(lo))};                                                    \
    return settled;                                                                                                    \
  }                                                                                                                    \
  /* hi + lo with |lo| small against |hi|, made non-overlapping. */                                                    \
  static inline pair pair_normal##suffix(type hi, type lo)                                                                    \
  {                                                                                                                    \
    const type s = hi + lo;                                                                                            \
    return pair_settle##suffix(s, lo - (s - hi));                                                                      \
  }                                                                                                                    \
  static inline pair pair_add##suffix(pair a, pair b)                                                                         \
  {                                                                                                                    \
    const type s = a.hi + b.hi;                                                                                        \
    const type t = a.lo + b.lo;                                                                                        \
    const pair high = pair_settle##suffix(s, sum_error##suffix(a.hi, b.hi, s) + t);                                    \
    const pair sum = pair_normal##suffix(high.hi, high.lo);                                                            \
    return pair_normal##suffix(sum.hi, sum.lo + sum_error##suffix(a.lo, b.lo, t));                                     \
  }                                                                                                                    \
  static inline pair pair_minus##suffix(pair a)                                                                               \
  {                                                                                                                    \
    const pair negative = {-a.hi, -a.lo};                                                                              \
    return negative;                                                                                                   \
  }                                                                                                                    \
  static inline pair pair_multiply##suffix(pair a, pair b)                                                                    \
  {                                                                                                                    \
    const type p = a.hi * b.hi;                                                                                        \
    return pair_normal##suffix(p, product_error##suffix(a.hi, b.hi, p) + (a.hi * b.lo + a.lo * b.hi));                 \
  }                                                                                                                    \
  /* Two steps of long division: what a device's float division lacks in accuracy, the remainders give back. */        \
  static inline pair pair_divide##suffix(pair a, pair b)                                                                      \
  {                                                                                                                    \
    const pair first = {a.hi / b.hi, (type)(0.0f)};                                                                    \
    const pair rest = pair_add##suffix(a, pair_minus##suffix(pair_multiply##suffix(first, b)));                        \
    const pair second = {rest.hi / b.hi, (type)(0.0f)};                                                                \
    const pair rest2 = pair_add##suffix(rest, pair_minus##suffix(pair_multiply##suffix(second, b)));                   \
    const pair quotient = pair_normal##suffix(first.hi, second.hi);                                                    \
    return pair_normal##suffix(quotient.hi, quotient.lo + rest2.hi / b.hi);                                            \
  }                                                                                                                    \
  /* 1/sqrt(v): the device's own, which may be off by several ulp, and one Newton step on the exact residual. */       \
  static inline type pair_inverse_sqrt##suffix(pair v)                                                                        \
  {                                                                                                                    \
    const type r = (type)(1.0f) / sqrt(v.hi);                                                                          \
    const pair rr = {r * r, product_error##suffix(r, r, r * r)};                                                       \
    const pair vrr = pair_multiply##suffix(v, rr);                                                                     \
    const type residual = ((type)(1.0f) - vrr.hi) - vrr.lo;                                                            \
    return r + select((type)(0.5f) * r * residual, (type)(0.0f), isnan(residual));                                     \
  }

DEFINE_PAIR(float, pair, )
#if WIDTH == 1
typedef pair vec_pair;
#define vec_sum_error sum_error
#define vec_product_error product_error
#define vec_pair_settle pair_settle
#define vec_pair_add pair_add
#define vec_pair_minus pair_minus
#define vec_pair_multiply pair_multiply
#define vec_pair_divide pair_divide
#define vec_pair_inverse_sqrt pair_inverse_sqrt
#else
DEFINE_PAIR(vec, vec_pair, _vec)
#define vec_sum_error sum_error_vec
#define vec_product_error product_error_vec
#define vec_pair_settle pair_settle_vec
#define vec_pair_add pair_add_vec
#define vec_pair_minus pair_minus_vec
#define vec_pair_multiply pair_multiply_vec
#define vec_pair_divide pair_divide_vec
#define vec_pair_inverse_sqrt pair_inverse_sqrt_vec
#endif

static inline pair pair_of(float hi, float lo)
{
  const pair made = {hi, lo};
  return made;
}

static inline vec_pair vec_pair_of(vec hi, vec lo)
{
  const vec_pair made = {hi, lo};
  return made;
}

/* A count as hi + lo, exact below 2^48. */
static inline pair pair_from_count(ulong count)
{
  const float hi = (float)count;
  return pair_of(hi, (float)((long)count - (long)hi));
}

static inline vec_pair vec_pair_from_count(ulong count)
{
  const pair p = pair_from_count(count);
  return vec_pair_of((vec)(p.hi), (vec)(p.lo));
}

/* Sum over the work-group, the same in every work-item. `scratch` has LOCAL elements. A fixed tree: the same bits each run. */
static inline pair work_group_sum(pair mine, __local float2 *scratch)
{
  if (LOCAL == 1) {
    return mine;
  }
  const uint id = (uint)get_local_id(0);
  scratch[id] = (float2)(mine.hi, mine.lo);
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint half_size = LOCAL / 2; half_size > 0; half_size /= 2) {
    if (id < half_size) {
      const float2 a = scratch[id], b = scratch[id + half_size];
      const pair sum = pair_add(pair_of(a.x, a.y), pair_of(b.x, b.y));
      scratch[id] = (float2)(sum.hi, sum.lo);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float2 total = scratch[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return pair_of(total.x, total.y);
}

/* ---- statistics of a lane: one pass over the data, blocks merged by Chan's formula ------------------------------- */

/* Vectors that are in registers at once: the first sweep over them finds their mean, the second their squares about it. */
#define BLOCK 8

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
  __attribute__((opencl_unroll_hint(BLOCK))) for (uint i = 1; i < BLOCK; i++)
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
  __attribute__((opencl_unroll_hint(BLOCK))) for (uint i = 0; i < BLOCK; i++)
  {
    d[i] = i < size ? x[i] - k : (vec)(0.0f);
  }
  /* A tree: shorter chains, and less rounding where there are few values. */
  const vec q01 = MULTIPLY_ADD(d[1], d[1], d[0] * d[0]), q23 = MULTIPLY_ADD(d[3], d[3], d[2] * d[2]);
  const vec q45 = MULTIPLY_ADD(d[5], d[5], d[4] * d[4]), q67 = MULTIPLY_ADD(d[7], d[7], d[6] * d[6]);
  vec q = (q01 + q23) + (q45 + q67);
  q -= m * k_lo * k_lo;

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

/* Blocks of up to BLOCK vectors, `stride` apart, of which `count` there are; each has `width` <= WIDTH elements. */
static inline ulong add_vectors(lane_stats *s, ulong seen, const __global float *p, ulong count, ulong stride, uint width)
{
  for (ulong i = 0; i < count; i += BLOCK) {
    vec x[BLOCK];
    const uint size = (uint)min(count - i, (ulong)BLOCK);
    if (size == BLOCK && width == WIDTH) {
      __attribute__((opencl_unroll_hint(BLOCK))) for (uint j = 0; j < BLOCK; j++) { x[j] = VLOAD(p + (i + j) * stride); }
    } else {
      __attribute__((opencl_unroll_hint(BLOCK))) for (uint j = 0; j < BLOCK; j++)
      {
        x[j] = j < size ? load_most(p + (i + j) * stride, width, 0.0f) : (vec)(0.0f);
      }
    }
    stats_add(s, seen, x, size);
    seen += size;
  }
  return seen;
}

/* ---- sums of gradients: g, g*(x - mean), x - mean ----------------------------------------------------------------- */

typedef struct lane_sums {
  vec g, g_lo;
  vec gd, gd_lo;
  vec d, d_lo; /* what a float mean was rounded by, times the count: dgamma takes n times as much of it as of a term */
} lane_sums;

static inline void sums_clear(lane_sums *s) { s->g = s->g_lo = s->gd = s->gd_lo = s->d = s->d_lo = (vec)(0.0f); }

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
  const vec total = s->d + d;
  s->d_lo += vec_sum_error(s->d, d, total) + d_lo;
  s->d = total;
}
