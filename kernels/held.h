/* The walk over one statistic whose data its work-group holds in registers: read once, then measured, then applied.
 *
 * A statistic is `segments` runs of whole vectors. Vector v of them all is vector v % each of segment v / each; work-item i holds
 * the vectors i, LOCAL + i, 2 * LOCAL + i, ... Work-items with less to hold than others have vectors that do not exist. All loops
 * over what is held are unrolled, so that no index is left to run time: arrays with such indices are memory.
 *
 * Axis:
 *   HELD   1, 2, 4, 8, 16   vectors of each tensor that a work-item holds */

#if HELD != 1 && HELD != 2 && HELD != 4 && HELD != 8 && HELD != 16
#error "HELD has to be 1, 2, 4, 8 or 16"
#endif

/* PoCL 3.1 visits every path from barrier to barrier, and each condition that is unrolled doubles them: there loops stay loops. */
#ifdef POCL_DEVICE_ADDRESS_BITS
#define UNROLL_HELD __attribute__((opencl_unroll_hint(1)))
#else
#define UNROLL_HELD __attribute__((opencl_unroll_hint(HELD)))
#endif

/* Elements of an array of what is held: whole blocks, as stats_add takes them. */
#define HELD_ROOM (HELD > BLOCK ? HELD : BLOCK)

typedef struct held_walk {
  ulong stride;                 /* elements from segment to segment */
  uint total, each;             /* vectors: of the statistic, of a segment */
  uint segments_on, vectors_on; /* LOCAL vectors further on */
} held_walk;

typedef struct held_place {
  uint index; /* of the vector; from walk.total on there is none */
  uint segment, vector;
} held_place;

static inline held_walk held_walk_of(ulong segments, ulong run, ulong stride)
{
  const uint each = (uint)(run / WIDTH), segments_on = LOCAL / each;
  const held_walk made = {stride, (uint)segments * each, each, segments_on, LOCAL - segments_on * each};
  return made;
}

/* The work-item's first vector. */
static inline held_place held_first(const held_walk *walk)
{
  const uint id = (uint)get_local_id(0), segment = id / walk->each;
  const held_place made = {id, segment, id - segment * walk->each};
  return made;
}

/* Moves to its next one. */
static inline void held_next(held_place *place, const held_walk *walk)
{
  place->index += LOCAL;
  place->segment += walk->segments_on;
  place->vector += walk->vectors_on;
  if (place->vector >= walk->each) {
    place->vector -= walk->each;
    place->segment += 1;
  }
}

static inline int held_exists(const held_place *place, const held_walk *walk) { return place->index < walk->total; }

/* Its first element. */
static inline ulong held_offset(const held_place *place, const held_walk *walk)
{
  return place->segment * walk->stride + (ulong)place->vector * WIDTH;
}

/* Loads what the work-item is to hold of the tensor at p; `fill` where there is nothing. */
INLINE_LOCAL void held_load(vec held[HELD_ROOM], const __global storage *p, const held_walk *walk, vec fill)
{
  held_place place = held_first(walk);
  UNROLL_BLOCK for (uint i = HELD; i < HELD_ROOM; i++) { held[i] = fill; }
  UNROLL_HELD for (uint i = 0; i < HELD; i++)
  {
    held[i] = fill;
    if (held_exists(&place, walk)) {
      held[i] = tensor_load(p + held_offset(&place, walk));
    }
    held_next(&place, walk);
  }
}

/* Vectors that the work-item holds, of a walk. */
static inline uint held_count(const held_walk *walk)
{
  const uint id = (uint)get_local_id(0);
  return walk->total > id ? (walk->total - id - 1) / LOCAL + 1 : 0;
}

/* The statistic of n values, of which 0 fills what there is not; the same in every work-item. centred: as rows_combine. */
INLINE_LOCAL void held_measure(statistics *made, const vec held[HELD_ROOM], const held_walk *walk, ulong n, int centred,
                               rows_place at, __local real *scratch)
{
  const rows_counts seen = {held_count(walk), 0};
  const uint count = (uint)seen.body;
  rows_stats_state state;
  stats_clear(&state.body);
  stats_clear(&state.tail);
  UNROLL_HELD for (uint i = 0; i < HELD; i += BLOCK)
  {
    if (i < count) {
      stats_add(&state.body, i, held + i, min(count - i, (uint)BLOCK));
    }
  }
  *made = rows_combine(&state, seen, n, n, centred, at, scratch);
}

/* By how much `mean` is off the mean of n values. */
INLINE_LOCAL void held_rounding(real *made, const vec held[HELD_ROOM], const held_walk *walk, float mean, ulong n,
                                __local real *scratch)
{
  const uint count = held_count(walk);
  lane_sums sums;
  sums_clear(&sums);
  UNROLL_HELD for (uint i = 0; i < HELD; i++)
  {
    sums_add(&sums, i < count ? held[i] : (vec)(mean), (vec)(0.0f), (vec)(mean));
  }
  *made = work_group_sum(lanes_sum(sums_d(&sums), 0, WIDTH), scratch);
  *made = real_divide(*made, real_from_count(n));
}
