/* Gradients of samples: the walk is that of samples.h. */

/* The mean of one statistic is mean + rest, and dx = inv_std * (h + ((x - mean) * b + c)) with h = gamma * dy. */
typedef struct sample_terms {
  float mean, rest, inv_std, b, c;
} sample_terms;

/* By how much `mean` is off the mean of a run. */
INLINE_LOCAL void sample_rounding(real *made, const __global storage *x, ulong run, float mean, rows_place at,
                                  __local real *scratch)
{
  lane_sums sums;
  sums_clear(&sums);
  rows_reduce_distances(&sums, x, mean, 1, run, 0, at);
  *made = work_group_sum(lanes_sum(sums_d(&sums), 0, WIDTH), scratch);
  *made = real_divide(*made, real_from_count(run));
}

/* mean and inv_std of statistic c, whose run begins at x: running, given, or (either NULL) computed. What a given mean has lost
 * is found out where an activation's derivative needs it. */
INLINE_LOCAL void sample_spread(finished_statistics *s, const __global storage *x, ulong run, ulong c, ulong parameter,
                                const __global float *running_mean, const __global float *running_var,
                                const __global float *mean, const __global float *inv_std, uint op, float epsilon,
                                rows_place at, __local real *scratch)
{
  if (FROM_RUNNING) {
    *s = sample_running(running_mean, running_var, parameter, epsilon);
  } else if (inv_std && (mean || op == OP_RMS)) {
    s->hi = op == OP_RMS ? 0.0f : mean[c];
    s->lo = 0.0f;
    s->inv_std = inv_std[c];
    if (DERIVES && !mean_is_exact(s->hi, s->inv_std)) {
      real rounding;
      sample_rounding(&rounding, x, run, s->hi, at, scratch);
      s->lo = real_hi(rounding);
    }
  } else {
    statistics own;
    sample_measure(&own, x, run, op, at, scratch);
    *s = finish_statistics(own.mean, own.m2, run, c, epsilon, 0.0f, 0.0f, run, 0, 0, 0, 0);
  }
}

/* From the sums of h and of h * (x - mean) over n values. The mean of the second is the exact one: `rounding` off s.hi. */
static inline sample_terms finish_sample(real h, real hd, real rounding, ulong n, uint op, finished_statistics s)
{
  const real count = real_from_count(n), inv_std = real_of(s.inv_std, 0.0f);
  const real slope = real_multiply(real_multiply(real_divide(hd, count), inv_std), inv_std);
  const real level = op == OP_RMS ? real_of(0.0f, 0.0f) : real_divide(h, count);
  const sample_terms made = {s.hi, real_hi(rounding), s.inv_std, -real_hi(slope),
                             real_hi(real_subtract(real_multiply(rounding, slope), level))};
  return made;
}

/* dy after the activation's derivative, of elements with their own gamma and beta; shift: shift_of() their statistics. */
static inline vec each_derived(vec x, vec dy, vec added, float mean, float inv_std, float shift, vec gamma, vec beta,
                               float alpha)
{
  if (!DERIVES) {
    return dy;
  }
  return through_activation(dy, MULTIPLY_ADD(normalized(x, (vec)(mean), (vec)(inv_std), (vec)(shift)), gamma, beta),
                            added, alpha);
}

static inline vec sample_gradient(vec x, vec h, sample_terms t)
{
  return differentiated(x, h, (vec)(t.mean), (vec)(t.inv_std), (vec)(t.b), (vec)(t.c));
}

/* Adds to, or begins, the partial sums of one parameter. */
static inline void keep_sums(__global float *kept, ulong plane, real gx, real g, int adds)
{
  const real zero = real_of(0.0f, 0.0f);
  const real sum_gx = real_add(adds ? real_of(kept[0], kept[plane]) : zero, gx);
  const real sum_g = real_add(adds ? real_of(kept[2 * plane], kept[3 * plane]) : zero, g);
  kept[0] = real_hi(sum_gx);
  kept[plane] = real_lo(sum_gx);
  kept[2 * plane] = real_hi(sum_g);
  kept[3 * plane] = real_lo(sum_g);
}

/* ---- backward, each element with a gamma of its own ---------------------------------------------------------------- */

/* Samples that go through a column of parameters together, so that what they add to it stays in registers meanwhile. */
#define TOGETHER 4
#define UNROLL_TOGETHER __attribute__((opencl_unroll_hint(TOGETHER)))

static inline vec sum_together(const vec *p) { return (p[0] + p[1]) + (p[2] + p[3]); }

/* Sums of h, h*(x - mean) and x - mean, each lane its own. */
typedef struct each_sums {
  vec_real h, hd, d;
} each_sums;

/* Adds one vector of x and of h. */
static inline void each_sums_take(each_sums *s, vec x, vec h, float mean)
{
  s->h = vec_real_plus(s->h, h);
  s->hd = vec_real_plus(s->hd, h * (x - mean));
  s->d = vec_real_plus_off(s->d, x, (vec)(mean));
}

/* One sample, or some with the same parameters `stride` apart; gamma, beta, dx and dresidual may each be NULL. */
typedef struct each_block {
  const __global storage *x, *dy, *residual;
  __global storage *dx, *dresidual;
  const __global float *gamma, *beta;
  ulong stride, run;
  float alpha;
} each_block;

/* Moves a block to the next of its samples. */
static inline void next_sample(each_block *b)
{
  b->x += b->stride;
  b->dy += b->stride;
  b->residual += b->stride;
  b->dx = b->dx ? b->dx + b->stride : 0;
  b->dresidual = b->dresidual ? b->dresidual + b->stride : 0;
}

/* Adds vectors of a run from i on, `step` apart: `count` (a constant: TOGETHER or 1). h and h*(x - mean) are added in floats
 * first, a tree: each h is a rounded product anyway. What the mean's float has not needs all digits of x - mean. */
INLINE_LOCAL void each_sums_add(each_sums *s, const each_block *b, ulong i, ulong step, ulong ahead, uint count,
                                finished_statistics mean)
{
  vec h[TOGETHER], hd[TOGETHER];
  UNROLL_TOGETHER for (uint j = 0; j < TOGETHER; j++)
  {
    h[j] = hd[j] = (vec)(0.0f);
    if (j < count) {
      const ulong at = i + j * step;
      const vec value = tensor_load(b->x + at), gamma = parameters_at(b->gamma, at, 1.0f);
      if (ahead != 0) {
        prefetch_elements(b->x + at + ahead, WIDTH);
        prefetch_elements(b->dy + at + ahead, WIDTH);
      }
      h[j] =
          gamma * each_derived(value, tensor_load(b->dy + at), addend(b->residual, at, DERIVES), mean.hi, mean.inv_std,
                               shift_of(mean.lo, mean.inv_std), gamma, parameters_at(b->beta, at, 0.0f), b->alpha);
      hd[j] = h[j] * (value - mean.hi);
      s->d = vec_real_plus_off(s->d, value, (vec)(mean.hi));
    }
  }
  s->h = vec_real_plus(s->h, count == 1 ? h[0] : sum_together(h));
  s->hd = vec_real_plus(s->hd, count == 1 ? hd[0] : sum_together(hd));
}

/* The same of the elements after the last whole vector. */
INLINE_LOCAL void each_sums_add_tail(each_sums *s, const each_block *b, uint tail, finished_statistics mean,
                                     rows_place at)
{
  const int overlaps = tail_overlaps(at, b->run);
  const ulong start = overlaps ? b->run - WIDTH : b->run / WIDTH * WIDTH;
  const uint count = overlaps ? WIDTH : tail;
  const vec gamma = load_optional(b->gamma, start, count, 1.0f);
  const vec beta = load_optional(b->beta, start, count, 0.0f);
  const vec value = tensor_load_most(b->x + start, count, mean.hi);
  const vec h = gamma * each_derived(value, tensor_load_most(b->dy + start, count, 0.0f),
                                     addend_most(b->residual, start, count, DERIVES), mean.hi, mean.inv_std,
                                     shift_of(mean.lo, mean.inv_std), gamma, beta, b->alpha);
  const vec kept = overlaps ? keep_last(h, tail, 0.0f) : h, from = overlaps ? keep_last(value, tail, mean.hi) : value;
  each_sums_take(s, from, kept, mean.hi);
}

/* What the work-items' sums over one run make of it. */
INLINE_LOCAL void each_finish(sample_terms *made, const each_sums *sums, ulong run, uint op, finished_statistics s,
                              __local real *scratch)
{
  gradient_sums all;
  all.g = work_group_sum(lanes_sum(sums->h, 0, WIDTH), scratch);
  all.gd = work_group_sum(lanes_sum(sums->hd, 0, WIDTH), scratch);
  all.d = work_group_sum(lanes_sum(sums->d, 0, WIDTH), scratch);
  const real rounding = op == OP_RMS ? real_of(0.0f, 0.0f) : real_divide(all.d, real_from_count(run));
  *made = finish_sample(all.g, real_subtract(all.gd, real_multiply(rounding, all.g)), rounding, run, op, s);
}

/* What the sums over one run, the block's first, make of it. */
INLINE_LOCAL void each_terms(sample_terms *made, const each_block *b, ulong ahead, uint op, finished_statistics s,
                             rows_place at, __local real *scratch)
{
  const ulong run = b->run, step = (ulong)at.lanes * WIDTH;
  const uint tail = lane_tail(at, run);
  const vec_real zero = vec_real_of((vec)(0.0f), (vec)(0.0f));
  each_sums sums = {zero, zero, zero};
  ulong i = at.lane * WIDTH;
  for (; i + (TOGETHER - 1) * step + WIDTH <= run; i += TOGETHER * step) {
    each_sums_add(&sums, b, i, step, ahead, TOGETHER, s);
  }
  for (; i + WIDTH <= run; i += step) {
    each_sums_add(&sums, b, i, step, ahead, 1, s);
  }
  if (tail != 0) {
    each_sums_add_tail(&sums, b, tail, s, at);
  }
  each_finish(made, &sums, run, op, s, scratch);
}

/* Where the partial sums of a block's parameters are kept, in four planes: sum g*xh hi, lo, sum g hi, lo. */
typedef struct each_kept {
  __global float *sums; /* NULL: nobody wants them */
  ulong plane;
  int adds; /* 0: nothing was kept before */
} each_kept;

/* The elements of the samples at one place; dy becomes g. */
typedef struct each_elements {
  vec x[TOGETHER], dy[TOGETHER];
} each_elements;

/* Adds g*xh and g of the samples; terms in a tree, because more would lose digits one after the other. */
INLINE_LOCAL void each_add(vec_real *gx, vec_real *g, const each_elements *e, const sample_terms *t, uint samples)
{
  vec products[TOGETHER];
  UNROLL_TOGETHER for (uint r = 0; r < TOGETHER; r++)
  {
    products[r] = (vec)(0.0f);
    if (r < samples) {
      const vec shift = (vec)(shift_of(t[r].rest, t[r].inv_std));
      products[r] = e->dy[r] * normalized(e->x[r], (vec)(t[r].mean), (vec)(t[r].inv_std), shift);
      *g = vec_real_plus(*g, e->dy[r]);
    }
  }
  *gx = vec_real_plus(*gx, samples == 1 ? products[0] : sum_together(products));
}

INLINE_LOCAL void each_load(each_elements *e, const each_block *b, const sample_terms *t, ulong i, uint count,
                            uint samples, vec gamma, vec beta)
{
  UNROLL_TOGETHER for (uint r = 0; r < TOGETHER; r++)
  {
    e->x[r] = e->dy[r] = (vec)(0.0f);
    if (r < samples) {
      const ulong at = r * b->stride + i;
      e->x[r] = tensor_load_most(b->x + at, count, 0.0f);
      e->dy[r] =
          each_derived(e->x[r], tensor_load_most(b->dy + at, count, 0.0f), addend_most(b->residual, at, count, DERIVES),
                       t[r].mean, t[r].inv_std, shift_of(t[r].rest, t[r].inv_std), gamma, beta, b->alpha);
    }
  }
}

/* Before the first store: dx or dresidual may be dy, so what the tail overlaps is loaded then. */
typedef struct each_tail {
  each_elements e;
  vec gamma;
  ulong start;
  uint count; /* 0: there is none */
  int overlaps;
} each_tail;

static inline int each_stores(const each_block *b) { return b->dx || wants(b->dresidual); }

/* The tail's dx and what it adds; of lanes that are not the tail's nothing is added. */
INLINE_LOCAL void each_store_tail(const each_block *b, const each_kept *kept, each_tail *last, const sample_terms *t,
                                  uint samples)
{
  const uint tail = last->count, skip = last->overlaps ? WIDTH - tail : 0;
  each_elements *const e = &last->e;
  UNROLL_TOGETHER for (uint r = 0; r < TOGETHER; r++)
  {
    if (r < samples && each_stores(b)) {
      store_gradients_most(e->dy[r], sample_gradient(e->x[r], e->dy[r] * last->gamma, t[r]), b->dx, b->dresidual,
                           r * b->stride + last->start, last->overlaps ? WIDTH : tail);
    }
    e->dy[r] = last->overlaps ? keep_last(e->dy[r], tail, 0.0f) : e->dy[r];
  }
  if (kept->sums) {
    const vec_real zero = vec_real_of((vec)(0.0f), (vec)(0.0f));
    vec_real gx = zero, g = zero;
    float sums[4][WIDTH];
    each_add(&gx, &g, e, t, samples);
    VSTORE(vec_real_hi(gx), sums[0]);
    VSTORE(vec_real_lo(gx), sums[1]);
    VSTORE(vec_real_hi(g), sums[2]);
    VSTORE(vec_real_lo(g), sums[3]);
    for (uint k = 0; k < tail; k++) {
      const uint lane = skip + k;
      keep_sums(kept->sums + last->start + lane, kept->plane, real_of(sums[0][lane], sums[1][lane]),
                real_of(sums[2][lane], sums[3][lane]), kept->adds);
    }
  }
}

INLINE_LOCAL void each_load_tail(each_tail *last, const each_block *b, const sample_terms *t, uint samples, rows_place at)
{
  last->count = lane_tail(at, b->run);
  last->overlaps = tail_overlaps(at, b->run);
  last->start = last->overlaps ? b->run - WIDTH : b->run / WIDTH * WIDTH;
  if (last->count != 0) {
    const uint count = last->overlaps ? WIDTH : last->count;
    last->gamma = load_optional(b->gamma, last->start, count, 1.0f);
    each_load(&last->e, b, t, last->start, count, samples, last->gamma, load_optional(b->beta, last->start, count, 0.0f));
  }
}

/* 1 if all whole vectors of the samples can go past the caches. */
static inline int each_streams(const each_block *b, uint samples)
{
  return each_stores(b) && can_stream_both(b->dx, b->dresidual) && (samples == 1 || b->stride % WIDTH == 0);
}

/* dx of the first `samples` (a constant: TOGETHER or 1) of a block, of one vector from i on, and what it adds to the parameters. */
INLINE_LOCAL void each_apply_vector(const each_block *b, const each_kept *kept, const sample_terms *t, ulong i,
                                    uint samples, int streams)
{
  const vec gamma = parameters_at(b->gamma, i, 1.0f);
  each_elements e;
  each_load(&e, b, t, i, WIDTH, samples, gamma, parameters_at(b->beta, i, 0.0f));
  UNROLL_TOGETHER for (uint r = 0; r < TOGETHER; r++)
  {
    if (r < samples && each_stores(b)) {
      store_gradients(e.dy[r], sample_gradient(e.x[r], e.dy[r] * gamma, t[r]), b->dx, b->dresidual, r * b->stride + i,
                      streams);
    }
  }
  if (kept->sums) {
    __global float *const p = kept->sums + i;
    vec_real gx = vec_real_of((vec)(0.0f), (vec)(0.0f)), g = gx;
    if (kept->adds) {
      gx = vec_real_kept(p, p + kept->plane);
      g = vec_real_kept(p + 2 * kept->plane, p + 3 * kept->plane);
    }
    each_add(&gx, &g, &e, t, samples);
    vec_real_keep(gx, p, p + kept->plane);
    vec_real_keep(g, p + 2 * kept->plane, p + 3 * kept->plane);
  }
}

/* The same of all of the run. */
INLINE_LOCAL void each_apply_run(const each_block *b, const each_kept *kept, const sample_terms *t, uint samples,
                                 rows_place at)
{
  const ulong step = (ulong)at.lanes * WIDTH;
  const int streams = each_streams(b, samples);
  each_tail last;
  each_load_tail(&last, b, t, samples, at);
  for (ulong i = at.lane * WIDTH; i + WIDTH <= b->run; i += step) {
    each_apply_vector(b, kept, t, i, samples, streams);
  }
  if (last.count != 0) {
    each_store_tail(b, kept, &last, t, samples);
  }
}

/* The same with terms that a work-group shares. */
INLINE_LOCAL void each_apply_gradients(const each_block *b, const each_kept *kept, const __local sample_terms *terms,
                                       uint samples, rows_place at)
{
  sample_terms t[TOGETHER];
  UNROLL_TOGETHER for (uint r = 0; r < TOGETHER; r++) { t[r] = terms[r < samples ? r : 0]; }
  each_apply_run(b, kept, t, samples, at);
}

/* Turns what vec_real_keep left in whole vectors of a run into hi and lo. */
static inline void each_close(__global float *kept, ulong plane, ulong run, rows_place at)
{
  for (ulong i = at.lane * WIDTH; i + WIDTH <= run; i += (ulong)at.lanes * WIDTH) {
    for (uint k = 0; k < 4; k += 2) {
      __global float *const p = kept + k * plane + i;
      const vec_real sum = vec_real_kept(p, p + plane);
      GLOBAL_VSTORE(vec_real_hi(sum), p);
      GLOBAL_VSTORE(vec_real_lo(sum), p + plane);
    }
  }
}

/* ---- backward, each element with a copy of the gamma that it shares ------------------------------------------------- */

/* Behind the tasks' partial sums: each task's gamma, beta and four planes of sums of one run's elements. */
static inline __global float *room_of_copies(__global float *partials, ulong plane, ulong run)
{
  return partials + 4 * plane + get_group_id(0) * 6 * run;
}

/* The parameters of a run, each `repeat` times; NULL stays NULL. */
static inline const __global float *copy_parameters(__global float *to, const __global float *from, ulong run,
                                                      ulong repeat)
{
  if (!from) {
    return 0;
  }
  for (ulong first = 0; first < run; first += repeat, from++) {
    for (ulong i = 0; i < repeat; i++) {
      to[first + i] = *from;
    }
  }
  return to;
}

/* Sum over `repeat` elements of what two planes have hi and lo of. */
static inline real sum_of_elements(const __global float *hi, const __global float *lo, ulong repeat)
{
  vec_real sum = vec_real_of((vec)(0.0f), (vec)(0.0f));
  ulong i = 0;
  for (; i + WIDTH <= repeat; i += WIDTH) {
    sum = vec_real_add(sum, vec_real_of(VLOAD(hi + i), VLOAD(lo + i)));
  }
  const uint tail = (uint)(repeat - i);
  if (tail != 0) {
    sum = vec_real_add(sum, vec_real_of(load_most(hi + i, tail, 0.0f), load_most(lo + i, tail, 0.0f)));
  }
  return lanes_sum(sum, 0, WIDTH);
}

/* Puts the sums of each parameter's elements together. */
static inline void gather_sums(__global float *kept, ulong plane, const __global float *copies, ulong run, ulong repeat)
{
  for (ulong first = 0; first < run; first += repeat, kept++) {
    const __global float *own = copies + first;
    keep_sums(kept, plane, sum_of_elements(own, own + run, repeat),
              sum_of_elements(own + 2 * run, own + 3 * run, repeat), 0);
  }
}

/* ---- backward, a gamma for each `repeat` elements ------------------------------------------------------------------- */

/* z = (x - mean) * scale + shift of the elements of parameter p; without an activation only the mean counts. */
static inline forward_coefficients shared_z(finished_statistics s, const __global float *gamma,
                                            const __global float *beta, ulong p)
{
  return DERIVES ? affine(s, parameter_at(gamma, p, 1.0f), parameter_at(beta, p, 0.0f)) : center_only(s.hi);
}
