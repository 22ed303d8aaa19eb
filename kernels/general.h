/* The walk over anything: axes with any strides, storage types, padding, activations; one element at a time. The kernels
 * general_* are right everywhere and fast nowhere: what should be fast has a variant of its own.
 *
 * Axes: those of common.h (WIDTH is 1) and storage.h. */

/* Values of clnorm_op, clnorm_variance and the flags of a descriptor. */
#define OP_RMS 5
#define VARIANCE_UNBIASED 1
#define ACCUMULATE_DX 8u
#define ACCUMULATE_DGAMMA 16u
#define ACCUMULATE_DBETA 32u

/* ---- places ----------------------------------------------------------------------------------------------------- */

#define MOST_AXES 9

/* Unrolled, so that places and axes are registers. */
#define EACH_AXIS(a) __attribute__((opencl_unroll_hint(MOST_AXES))) for (uint a = 0; a < MOST_AXES; a++)

/* As src/axes.h has it; axes beyond the count have one place. */
typedef struct axes {
  ulong count, sample, length;
  ulong extent[MOST_AXES], statistic_stride[MOST_AXES], parameter_stride[MOST_AXES];
} axes;

typedef struct strides {
  long of[MOST_AXES];
} strides;

typedef struct place {
  ulong index[MOST_AXES];
} place;

/* Which axes a walk goes along. */
#define OF_STATISTIC 0 /* those that a statistic is one place of */
#define IN_STATISTIC 1 /* those that it is taken over */
#define OF_PARAMETER 2
#define IN_PARAMETER 3
#define BESIDE_PARAMETER 4 /* of the statistics, not of the parameters */
#define ALL_AXES 5

static inline bool walks(const axes *g, uint a, int which)
{
  const bool statistic = g->statistic_stride[a] != 0, parameter = g->parameter_stride[a] != 0;
  return which == OF_STATISTIC   ? statistic
         : which == IN_STATISTIC ? !statistic
         : which == OF_PARAMETER ? parameter
         : which == IN_PARAMETER ? !parameter
                                 : which == ALL_AXES || (statistic && !parameter);
}

static inline ulong places_along(const axes *g, int which)
{
  ulong places = 1;
  EACH_AXIS(a) { places *= walks(g, a, which) ? g->extent[a] : 1; }
  return places;
}

/* To place i along those axes, the last the fastest; the others stay where they are. */
static inline void move_to(place *p, const axes *g, int which, ulong i)
{
  EACH_AXIS(before)
  {
    const uint a = MOST_AXES - 1 - before;
    if (g->extent[a] != 1 && walks(g, a, which)) {
      const ulong rest = i / g->extent[a];
      p->index[a] = i - rest * g->extent[a];
      i = rest;
    }
  }
}

static inline void start(place *p)
{
  EACH_AXIS(a) { p->index[a] = 0; }
}

static inline long offset_of(const place *p, const axes *g, const strides *s)
{
  long offset = 0;
  EACH_AXIS(a) { offset += (long)p->index[a] * s->of[a]; }
  return offset;
}

static inline ulong statistic_of(const place *p, const axes *g)
{
  ulong i = 0;
  EACH_AXIS(a) { i += p->index[a] * g->statistic_stride[a]; }
  return i;
}

static inline ulong parameter_of(const place *p, const axes *g)
{
  ulong i = 0;
  EACH_AXIS(a) { i += p->index[a] * g->parameter_stride[a]; }
  return i;
}

static inline ulong index_along(const place *p, ulong axis)
{
  ulong index = 0;
  EACH_AXIS(a) { index = a == axis ? p->index[a] : index; }
  return index;
}

/* 0 in the padding of a sample. */
static inline bool is_valid(const place *p, const axes *g, const __global int *lengths)
{
  if (!lengths) {
    return true;
  }
  const int length = lengths[index_along(p, g->sample)];
  return length > 0 && index_along(p, g->length) < (ulong)length;
}

/* ---- sums ------------------------------------------------------------------------------------------------------- */

static inline void add_to(real *sum, num value, num rest)
{
  /* Settled each time: rests that all point one way would grow until they lose bits themselves. */
  const num s = sum->hi + value;
  const real high = settle(s, sum_error(sum->hi, value, s) + (sum->lo + rest));
  *sum = real_of(high.hi, high.lo);
}

/* x - mean as two numbers. */
static inline real off_mean(num x, real mean)
{
  const num d = x - mean.hi;
  const real off = settle(d, sum_error(x, -mean.hi, d) - mean.lo);
  return real_of(off.hi, off.lo);
}

/* a * b added, b a number. */
static inline void add_product(real *sum, real a, num b)
{
  const num p = a.hi * b;
  add_to(sum, p, product_error(a.hi, b, p) + a.lo * b);
}

/* Mean as a pair and variance of one statistic, over `count` values. */
typedef struct measured {
  real count, mean, variance;
} measured;

/* `p` stands at the statistic; each work-item takes each LOCAL-th of its places. */
INLINE_LOCAL void measure(measured *m, place p, const axes *g, const __global storage *x, const strides *x_strides,
                          const __global int *lengths, uint op, __local real *scratch)
{
  const real none = {(num)(0.0f), (num)(0.0f)};
  const ulong places = places_along(g, IN_STATISTIC);
  real sum = none, squares = none;
  ulong count = 0;
  for (ulong i = get_local_id(0); i < places; i += LOCAL) {
    move_to(&p, g, IN_STATISTIC, i);
    if (is_valid(&p, g, lengths)) {
      add_to(&sum, LOAD(x + offset_of(&p, g, x_strides)), (num)(0.0f));
      count++;
    }
  }
  m->mean = m->variance = none;
  m->count = work_group_sum(real_from_count(count), scratch);
  sum = work_group_sum(sum, scratch);
  if (m->count.hi == (num)(0.0f)) {
    return;
  }
  if (op != OP_RMS) {
    m->mean = real_divide(sum, m->count);
  }
  for (ulong i = get_local_id(0); i < places; i += LOCAL) {
    move_to(&p, g, IN_STATISTIC, i);
    if (is_valid(&p, g, lengths)) {
      const real d = off_mean(LOAD(x + offset_of(&p, g, x_strides)), m->mean);
      const num square = d.hi * d.hi;
      add_to(&squares, square, product_error(d.hi, d.hi, square) + (num)(2.0f) * d.hi * d.lo);
    }
  }
  squares = work_group_sum(squares, scratch);
  m->variance = real_divide(squares, m->count);
}

static inline num general_inv_std(real variance, num epsilon)
{
  const real offset = {epsilon, (num)(0.0f)};
  return real_inverse_sqrt(real_add(variance, offset));
}

/* ---- what the backward kernels share ------------------------------------------------------------------------------- */

/* Mean as a pair and inv_std of one statistic, from the workspace. */
typedef struct spread {
  real mean;
  num inv_std;
} spread;

static inline void spread_of(spread *s, const __global num *moments, ulong statistics_count, ulong statistic)
{
  s->mean.hi = moments[statistic];
  s->mean.lo = moments[statistics_count + statistic];
  s->inv_std = moments[2 * statistics_count + statistic];
}

static inline num number_at(const __global num *array, ulong offset, ulong i, num otherwise)
{
  return array ? array[offset + i] : otherwise;
}

/* dy after the activation's own derivative, at a place whose x is `off` the mean. */
static inline num gradient_at(const place *p, const axes *g, num dy, num xh, num gamma, num beta, num residual,
                              const __global uint *mask, uint activation, num alpha)
{
  if (mask) {
    ulong i = 0;
    EACH_AXIS(a) { i = i * g->extent[a] + p->index[a]; }
    return (mask[i / 32] >> (uint)(i % 32) & 1u) != 0 ? dy : ZERO;
  }
  return activation == 0 ? dy : dy * activation_slope(activation, MULTIPLY_ADD(gamma, xh, beta) + residual, alpha);
}
