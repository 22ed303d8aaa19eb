/* The element-wise loops with something fused. A part of cpu_sweeps.h, which includes it.
 *
 * Straight lines are computed in registers. Curves are functions of arrays, called for a few vectors at once: short enough that
 * the processor is at several blocks' loads at the same time. */

/* Vectors of a block. */
#define BLOCK 4

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* ---- straight lines --------------------------------------------------------------------------------------------- */

typedef struct lines {
  vf low, top;
  vi kept; /* 0 where low is: 0 * -infinity is to be 0 */
} lines;

ALWAYS_INLINE lines lines_of(const clnorm__cpu_bend *bend)
{
  const vi none = (vi)all_f(0.0f);
  return (lines){all_f(bend->low), all_f(bend->top), bend->low == 0.0f ? none : ~none};
}

/* A NaN stays one. */
ALWAYS_INLINE vf line_value(lines l, vf z)
{
  const vf below = (vf)((vi)(z * l.low) & l.kept);
  return if_at_most(z, all_f(0.0f), below, if_less(l.top, z, l.top, z));
}

ALWAYS_INLINE vf line_slope(lines l, vf z)
{
  const vf zero = all_f(0.0f);
  return if_at_most(z, zero, l.low, if_less(l.top, z, zero, all_f(1.0f)));
}

/* The same, or the curve, of CLNORM__CURVE_FLOATS floats in place: where no vectors of elements fit. */
static __attribute__((noinline)) void bend_few(const clnorm__cpu_bend *bend, float *z, int backward)
{
  const lines l = lines_of(bend);
  if (bend->curve != NULL) {
    bend->curve(z, CLNORM__CURVE_FLOATS, bend->alpha);
    return;
  }
  for (size_t i = 0; i < CLNORM__CURVE_FLOATS; i += W) {
    store_f(z + i, backward ? line_slope(l, load_f(z + i)) : line_value(l, load_f(z + i)));
  }
}

/* ---- a few vectors ---------------------------------------------------------------------------------------------- */

/* Where a loop is, and what it was told. */
typedef struct fused {
  const clnorm__cpu_bend *bend;
  lines lines;
  vi flows; /* 0: frozen */
  int weighted;
  const element *x, *dy, *residual;
  element *out, *dresidual;
} fused;

static inline fused fused_at(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at)
{
  const vi none = (vi)all_f(0.0f);
  return (fused){bend,    lines_of(bend), bend->frozen ? none : ~none, bend->weighted, at->x, at->dy, at->residual,
                 at->out, at->dresidual};
}

/* Coefficient k: of neighbouring columns as they lie there, of a run the same for all. */
#define COEFFICIENT(c, pitch, k, cyclic) ((cyclic) ? load_f((c) + (k) * (pitch)) : all_f((c)[(k) * (pitch)]))

/* What the compiler does not see through: it would write each loop once for each combination of what may be absent. */
ALWAYS_INLINE const element *hidden(const element *p)
{
  __asm__("" : "+r"(p));
  return p;
}

ALWAYS_INLINE element *hidden_output(element *p)
{
  __asm__("" : "+r"(p));
  return p;
}

/* Asks ahead for what a loop with something fused reads of a block; a macro, as LOOK_AHEAD is. */
#define LOOK_AHEAD_FUSED(f, i, ahead)                 \
  LOOK_AHEAD((f)->x + (i), BLOCK * W, ahead)          \
  LOOK_AHEAD((f)->dy + (i), BLOCK * W, ahead)         \
  if (hidden((f)->residual) != NULL) {                \
    LOOK_AHEAD((f)->residual + (i), BLOCK * W, ahead) \
  }

ALWAYS_INLINE float *hidden_floats(float *p)
{
  __asm__("" : "+r"(p));
  return p;
}

/* In what follows `vectors`, `backward`, `cyclic` and `curved` are constants in each use. Elements begin at i, their coefficients
 * at c, which in runs is one for all. Scale and shift of z are coefficients `first` and the next one. */

/* act(z), or act'(z) */
ALWAYS_INLINE void bend_at(const fused *f, size_t i, const size_t vectors, const float *c, size_t pitch,
                           const int first, const int backward, const int cyclic, const int curved, vf *to)
{
  const element *const residual = hidden(f->residual);
  vf z[BLOCK];
  for (size_t v = 0; v < vectors; v++) {
    const float *own = cyclic ? c + v * W : c;
    z[v] = APPLY(load_e(f->x + i + v * W), COEFFICIENT(own, pitch, 0, cyclic), COEFFICIENT(own, pitch, first, cyclic),
                 COEFFICIENT(own, pitch, first + 1, cyclic));
  }
  if (residual != NULL) {
    for (size_t v = 0; v < vectors; v++) {
      z[v] += load_e(residual + i + v * W);
    }
  }
  if (curved) {
    _Alignas(64) float room[BLOCK * W];
    for (size_t v = 0; v < vectors; v++) {
      store_f(room + v * W, z[v]);
    }
    f->bend->curve(room, vectors * W, f->bend->alpha);
    for (size_t v = 0; v < vectors; v++) {
      to[v] = load_f(room + v * W);
    }
    return;
  }
  for (size_t v = 0; v < vectors; v++) {
    to[v] = backward ? line_slope(f->lines, z[v]) : line_value(f->lines, z[v]);
  }
}

/* g = dy * act'(z) */
ALWAYS_INLINE void slopes_at(const fused *f, size_t i, const size_t vectors, const float *c, size_t pitch,
                             const int first, const int cyclic, const int curved, vf *g)
{
  bend_at(f, i, vectors, c, pitch, first, 1, cyclic, curved, g);
  for (size_t v = 0; v < vectors; v++) {
    g[v] *= load_e(f->dy + i + v * W);
  }
}

/* dx from g */
ALWAYS_INLINE vf flow_at(const fused *f, size_t i, const float *c, size_t pitch, const int cyclic, vf g)
{
  int weighted = f->weighted;
  __asm__("" : "+r"(weighted));
  if (cyclic && weighted) {
    g *= COEFFICIENT(c, pitch, 6, cyclic);
  }
  const vf d = load_e(f->x + i) - COEFFICIENT(c, pitch, 0, cyclic);
  const vf back = d * COEFFICIENT(c, pitch, 2, cyclic) + COEFFICIENT(c, pitch, 3, cyclic);
  /* Frozen: not 0 * back, since x may be infinite. */
  return (g + (vf)((vi)back & f->flows)) * COEFFICIENT(c, pitch, 1, cyclic);
}

/* What is written of some vectors: y or dx, and dresidual. */
typedef struct outputs {
  vf out[BLOCK], g[BLOCK];
} outputs;

ALWAYS_INLINE void compute(const fused *f, size_t i, const size_t vectors, const float *c, size_t pitch,
                           const int backward, const int cyclic, const int curved, outputs *to)
{
  if (!backward) {
    bend_at(f, i, vectors, c, pitch, 1, 0, cyclic, curved, to->out);
    return;
  }
  slopes_at(f, i, vectors, c, pitch, 4, cyclic, curved, to->g);
  for (size_t v = 0; v < vectors; v++) {
    to->out[v] = flow_at(f, i + v * W, cyclic ? c + v * W : c, pitch, cyclic, to->g[v]);
  }
}

ALWAYS_INLINE void write_to(element *to, const size_t vectors, int stream, const vf *values)
{
  __asm__("" : "+r"(stream));
  if (stream) {
    for (size_t v = 0; v < vectors; v++) {
      stream_e(to + v * W, values[v]);
    }
  } else {
    for (size_t v = 0; v < vectors; v++) {
      store_e(to + v * W, values[v]);
    }
  }
}

ALWAYS_INLINE void write(const fused *f, size_t i, const size_t vectors, const int backward, int stream,
                         const outputs *of)
{
  element *const out = hidden_output(f->out), *const dresidual = hidden_output(f->dresidual);
  if (!backward || out != NULL) {
    write_to(out + i, vectors, stream, of->out);
  }
  if (backward && dresidual != NULL) {
    write_to(dresidual + i, vectors, stream, of->g);
  }
}

/* ---- sums of vectors --------------------------------------------------------------------------------------------- */

/* Sums of both halves of vectors. */
typedef struct half_sums {
  vd g[2], gd[2], d[2];
} half_sums;

/* Adds the last `lanes` of W terms. */
ALWAYS_INLINE void add_halves(half_sums *to, vd d0, vd d1, vd g0, vd g1, vd one, size_t lanes)
{
  if (lanes < W) {
    const size_t upper = lanes < D ? lanes : D, lower = lanes - upper;
    d0 = keep_last(d0, lower), g0 = keep_last(g0, lower);
    d1 = keep_last(d1, upper), g1 = keep_last(g1, upper);
  }
  to->g[0] = ADD(to->g[0], g0), to->g[1] = ADD(to->g[1], g1);
  to->gd[0] += g0 * d0, to->gd[1] += g1 * d1;
  to->d[0] = ADD(to->d[0], d0), to->d[1] = ADD(to->d[1], d1);
}

/* ---- where no vector fits --------------------------------------------------------------------------------------- */

/* Elements [begin, end) of fewer than a vector: coefficient k of element i is c[k * pitch + (places ? places[i - begin] : 0)]. */
static __attribute__((noinline)) void few_fused(const fused *f, size_t begin, size_t end, const float *c, size_t pitch,
                                                const size_t *places, int backward)
{
  const size_t first = backward ? 4 : 1;
  float z[CLNORM__CURVE_FLOATS] = {0};
  for (size_t i = begin; i < end; i++) {
    const float *own = c + (places != NULL ? places[i - begin] : 0);
    z[i - begin] = APPLY(load_one(f->x + i), own[0], own[first * pitch], own[(first + 1) * pitch]);
    z[i - begin] += f->residual != NULL ? load_one(f->residual + i) : 0.0f;
  }
  bend_few(f->bend, z, backward);
  for (size_t i = begin; i < end; i++) {
    const float *own = c + (places != NULL ? places[i - begin] : 0);
    if (!backward) {
      store_one(f->out + i, z[i - begin]);
      continue;
    }
    const float g = z[i - begin] * load_one(f->dy + i);
    const float back = (load_one(f->x + i) - own[0]) * own[2 * pitch] + own[3 * pitch];
    if (f->out != NULL) {
      const float h = f->weighted ? g * own[6 * pitch] : g;
      store_one(f->out + i, (f->bend->frozen ? h : h + back) * own[pitch]);
    }
    if (f->dresidual != NULL) {
      store_one(f->dresidual + i, g);
    }
  }
}

/* Lanes [skip, skip + count) of a run's first or last vector: see store_end. */
ALWAYS_INLINE void write_end(const fused *f, size_t i, size_t skip, size_t count, const int backward, int stream,
                             const outputs *of)
{
  element *const out = hidden_output(f->out), *const dresidual = hidden_output(f->dresidual);
  if (!backward || out != NULL) {
    store_end(out + i, of->out[0], skip, count, stream);
  }
  if (backward && dresidual != NULL) {
    store_end(dresidual + i, of->g[0], skip, count, stream);
  }
}

/* ---- runs and cycles -------------------------------------------------------------------------------------------- */

/* n >= W elements. As of runs first and last vectors are computed first and written last. */
ALWAYS_INLINE void walk(const fused *f, size_t n, const clnorm__cycle k, const int backward, const int cyclic,
                        const int curved, int stream)
{
  const element *aligned = backward && f->out == NULL ? f->dresidual : f->out;
  const size_t lead = until_aligned(aligned);
  outputs first, last, block;
  compute(f, 0, 1, k.c + (cyclic ? place_of(k, 0) : 0), k.pitch, backward, cyclic, curved, &first);
  compute(f, n - W, 1, k.c + (cyclic ? place_of(k, n - W) : 0), k.pitch, backward, cyclic, curved, &last);
  stream = stream && (!backward || f->dresidual == NULL || until_aligned(f->dresidual) == lead);
  size_t i = lead, j = cyclic ? place_of(k, i) : 0;
  const size_t columns = cyclic ? k.columns : SIZE_MAX;
  for (; i + W <= n; j -= columns) {
    for (; j < columns && columns - j > (BLOCK - 1) * W && i + BLOCK * W <= n;
         i += BLOCK * W, j += cyclic ? BLOCK * W : 0) {
      compute(f, i, BLOCK, k.c + j, k.pitch, backward, cyclic, curved, &block);
      write(f, i, BLOCK, backward, stream, &block);
    }
    for (; j < columns && i + W <= n; i += W, j += cyclic ? W : 0) {
      compute(f, i, 1, k.c + j, k.pitch, backward, cyclic, curved, &block);
      write(f, i, 1, backward, stream, &block);
    }
  }
  if (lead != 0) {
    write_end(f, 0, 0, lead, backward, stream, &first);
  }
  if (i < n) {
    write_end(f, n - W, W - (n - i), n - i, backward, stream, &last);
  }
}

/* One function each, so that the eight of them are not inlined into each other's callers. */
#define WALK(name, backward, cyclic, curved)                                                        \
  static __attribute__((noinline)) void name(const fused *f, size_t n, clnorm__cycle k, int stream) \
  {                                                                                                 \
    const fused own = *f; /* a copy, that no store may change for all the compiler knows */         \
    walk(&own, n, k, backward, cyclic, curved, stream);                                             \
  }

WALK(run_line_value, 0, 0, 0)
WALK(run_curve_value, 0, 0, 1)
WALK(cycle_line_value, 0, 1, 0)
WALK(cycle_curve_value, 0, 1, 1)
WALK(run_line_slope, 1, 0, 0)
WALK(run_curve_slope, 1, 0, 1)
WALK(cycle_line_slope, 1, 1, 0)
WALK(cycle_curve_slope, 1, 1, 1)

typedef void walker(const fused *f, size_t n, clnorm__cycle k, int stream);

static fused moved(const fused *f, size_t by)
{
  fused to = *f;
  to.x += by;
  to.dy = f->dy != NULL ? f->dy + by : NULL;
  to.residual = f->residual != NULL ? f->residual + by : NULL;
  to.out = f->out != NULL ? f->out + by : NULL;
  to.dresidual = f->dresidual != NULL ? f->dresidual + by : NULL;
  return to;
}

static void runs_fused(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, size_t count, size_t run,
                       const float *c, size_t pitch, int stream)
{
  static walker *const walkers[2][2] = {{run_line_value, run_curve_value}, {run_line_slope, run_curve_slope}};
  const fused whole = fused_at(bend, at);
  const int backward = at->dy != NULL;
  walker *const walk_run = walkers[backward][bend->curve != NULL];
  for (size_t i = 0; i < count; i++) {
    const fused f = moved(&whole, i * run);
    if (run < W) {
      few_fused(&f, 0, run, c + i, pitch, NULL, backward);
    } else {
      walk_run(&f, run, (clnorm__cycle){c + i, 1, pitch, 0}, stream);
    }
  }
}

static void cycle_fused(const clnorm__cpu_bend *bend, const clnorm__cpu_fused *at, size_t rows, size_t n, size_t stride,
                        const clnorm__cycle *cycle, int stream)
{
  static walker *const walkers[2][2] = {{cycle_line_value, cycle_curve_value}, {cycle_line_slope, cycle_curve_slope}};
  const fused whole = fused_at(bend, at);
  const int backward = at->dy != NULL;
  for (size_t r = 0; r < rows; r++) {
    const fused f = moved(&whole, r * stride);
    if (n >= W && cycle->columns >= W) {
      walkers[backward][bend->curve != NULL](&f, n, *cycle, stream);
      continue;
    }
    for (size_t begin = 0; begin < n; begin += W) {
      const size_t end = n - begin < W ? n : begin + W;
      size_t places[W];
      for (size_t i = begin; i < end; i++) {
        places[i - begin] = place_of(*cycle, i);
      }
      few_fused(&f, begin, end, cycle->c, cycle->pitch, places, backward);
    }
  }
}
