/* What every kernel shares: the axes and their legal values, and vectors.
 *
 * Axes, set by the host as macros:
 *   WIDTH         1, 4, 8, 16   elements a vector
 *   LOCAL         a power of 2  work-items a work-group
 *   GROUP         1, 16, 64     statistics (rows) or vectors of columns (columns) that one work-item walks together; 20, 80:
 *                               the same, of rows that are no whole vectors
 *   FMA           0, 1          fma() is one instruction
 *   FROM_RUNNING  0, 1          coefficients come from the running statistics
 *   STREAM        0, 1          results go past the caches, if the compiler can
 *   ADDS          0 to 3        1: dgamma, 2: dbeta is added to what is there
 * and those of storage.h, reduce.h and finish.h, and one that is a choice of header: sums as real_pair.h (two floats, any
 * device) or as real_double.h keeps them.
 *
 * oclgrind 21.10, which checks these kernels, does not know all that its compiler makes of `a < b ? b - a : 0`, of a quotient
 * beside its remainder and of structures returned inside loops (into a variable that is declared there: work_group_sum).
 * They are written otherwise. */

#if WIDTH != 1 && WIDTH != 4 && WIDTH != 8 && WIDTH != 16
#error "WIDTH has to be 1, 4, 8 or 16"
#endif
#if LOCAL < 1 || (LOCAL & (LOCAL - 1)) != 0
#error "LOCAL has to be a power of two"
#endif
#if GROUP != 1 && GROUP != 16 && GROUP != 20 && GROUP != 64 && GROUP != 80
#error "GROUP has to be 1, 16, 20, 64 or 80"
#endif
#if FMA != 0 && FMA != 1
#error "FMA has to be 0 or 1"
#endif
#if FROM_RUNNING != 0 && FROM_RUNNING != 1
#error "FROM_RUNNING has to be 0 or 1"
#endif

#if ADDS < 0 || ADDS > 3
#error "ADDS has to be 0 to 3"
#endif
#define ADDS_DGAMMA (ADDS & 1)
#define ADDS_DBETA (ADDS >> 1)

#if STREAM != 0 && STREAM != 1
#error "STREAM has to be 0 or 1"
#endif

#pragma OPENCL FP_CONTRACT OFF

#define PASTE(a, b) a##b
#define PASTE_VALUE(a, b) PASTE(a, b)

/* ---- vectors ------------------------------------------------------------------------------------------------ */

#if WIDTH == 1
#define OF_WIDTH(name) name
#define VLOAD(p) (*(p))
#define VSTORE(v, p) (*(p) = (v))
#else
#define OF_WIDTH(name) PASTE_VALUE(name, WIDTH)
#define VLOAD(p) OF_WIDTH(vload)(0, (p))
#define VSTORE(v, p) OF_WIDTH(vstore)((v), 0, (p))
#endif
typedef OF_WIDTH(float) vec;

/* Stores to global memory, of floats at any multiple of their size. PoCL 3.1 makes three of a vstore16: 16, 16 and 32 bytes. */
#if WIDTH != 1 && defined(POCL_DEVICE_ADDRESS_BITS)
typedef vec __attribute__((aligned(4))) vec_anywhere;
#define GLOBAL_VSTORE(v, p) (*(__global vec_anywhere *)(p) = (v))
#define PRIVATE_VLOAD(p) (*(const __private vec_anywhere *)(p))
#else
#define GLOBAL_VSTORE(v, p) VSTORE((v), (p))
#define PRIVATE_VLOAD(p) VLOAD(p)
#endif

#if WIDTH == 1
#define LANE_INDEX (0)
#elif WIDTH == 4
#define LANE_INDEX ((int4)(0, 1, 2, 3))
#elif WIDTH == 8
#define LANE_INDEX ((int8)(0, 1, 2, 3, 4, 5, 6, 7))
#else
#define LANE_INDEX ((int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#endif

/* Fetches the line at p into the caches, early; never a fault. For lone work-items, whose walk is not in the order that a
 * processor's own prefetching knows. Only PoCL, which defines the macro: elsewhere a compiler may know the builtin and a
 * device not, and OpenCL's own prefetch() does nothing on PoCL. */
#if LOCAL == 1 && defined(POCL_DEVICE_ADDRESS_BITS)
#define CAN_PREFETCH 1
#define PREFETCH(p) __builtin_prefetch((const __private void *)(size_t)(p), 0, 2)
#define PREFETCH_NEAR(p) __builtin_prefetch((const __private void *)(size_t)(p), 0, 3) /* into the first cache too */
#else
#define CAN_PREFETCH 0
#define PREFETCH(p) ((void)(p))
#define PREFETCH_NEAR(p) ((void)(p))
#endif

/* For what is done at edges, in many places: compiled once, a call there. Other compilers inline all functions anyway. */
#if defined(POCL_DEVICE_ADDRESS_BITS)
#define RARE __attribute__((noinline)) static
#else
#define RARE static inline
#endif

/* The first `count` < WIDTH numbers at p, the rest `fill`; never reads past p + count. */
RARE vec load_some(const __global float *p, uint count, float fill)
{
  float lanes[WIDTH];
  for (uint i = 0; i < WIDTH; i++) {
    lanes[i] = i < count ? p[i] : fill;
  }
  return VLOAD(lanes);
}

RARE void store_some(vec value, __global float *p, uint count)
{
  float lanes[WIDTH];
  VSTORE(value, lanes);
  for (uint i = 0; i < WIDTH && i < count; i++) {
    p[i] = lanes[i];
  }
}

static inline vec load_most(const __global float *p, uint count, float fill)
{
  return count >= WIDTH ? VLOAD(p) : load_some(p, count, fill);
}

static inline vec load_optional(const __global float *p, ulong offset, uint width, float otherwise)
{
  return p ? load_most(p + offset, width, otherwise) : (vec)(otherwise);
}

static inline void store_most(vec value, __global float *p, uint count)
{
  if (count >= WIDTH) {
    GLOBAL_VSTORE(value, p);
  } else {
    store_some(value, p, count);
  }
}

/* The last `count` lanes of v, the others `fill`. */
static inline vec keep_last(vec v, uint count, float fill)
{
  return select((vec)(fill), v, LANE_INDEX >= (int)(WIDTH - count));
}

#if FMA
#define MULTIPLY_ADD(a, b, c) fma((a), (b), (c))
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

/* For functions with barriers or __local arrays: PoCL 3.1 gives each of its threads a __local array of its own only where
 * it sees the array in the kernel itself. In a function that is not inlined early all work-groups share one. */
#define INLINE_LOCAL __attribute__((always_inline)) static inline

/* Vectors that are in registers at once. */
#define BLOCK 8
#define UNROLL_BLOCK __attribute__((opencl_unroll_hint(BLOCK)))
