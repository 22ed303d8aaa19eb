/* How elements are stored, and the numbers that they are computed in.
 *
 * Axes:
 *   STORAGE   1 float, 2 half, 3 bfloat16, 4 double (clnorm_dtype)
 *   ALIGNED   0, 1   1: every vector of a tensor lies at a multiple of its own size. vload and its like promise the alignment of
 *                    one element only, and compilers for GPUs then make as many loads as there are elements.
 * Numbers (gamma, mean, arithmetic) are float, with STORAGE 4 double. Half types need no extension. */

#if STORAGE < 1 || STORAGE > 4
#error "STORAGE has to be 1 to 4"
#endif
#if ALIGNED != 0 && ALIGNED != 1
#error "ALIGNED has to be 0 or 1"
#endif

#if STORAGE == 4
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef double num;
#else
typedef float num;
#endif

/* ---- one element ------------------------------------------------------------------------------------------------- */

#if STORAGE == 1
typedef float storage;
#define LOAD(p) (*(p))
#define STORE(v, p) (*(p) = (v))
#elif STORAGE == 2
typedef half storage;
#define LOAD(p) vload_half(0, (p))
#define STORE(v, p) vstore_half_rte((v), 0, (p))
#elif STORAGE == 3
typedef ushort storage;
#define LOAD(p) as_float((uint)(*(p)) << 16)
static inline ushort bfloat16_of(float v)
{
  const uint bits = as_uint(v);
  return (ushort)(isnan(v) ? bits >> 16 | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
#define STORE(v, p) (*(p) = bfloat16_of(v))
#else
typedef double storage;
#define LOAD(p) (*(p))
#define STORE(v, p) (*(p) = (v))
#endif

/* ---- vectors of elements ------------------------------------------------------------------------------------------
 * Of float's arithmetic: with doubles nothing walks by vectors. */

#if STORAGE != 4

#if STORAGE == 1
typedef vec stored;
#else
typedef OF_WIDTH(ushort) stored;
#endif

#if ALIGNED
#define LOAD_BITS(p) (*(const __global stored *)(p))
#define STORE_BITS(bits, p) (*(__global stored *)(p) = (bits))
#elif WIDTH != 1 && defined(POCL_DEVICE_ADDRESS_BITS)
/* PoCL 3.1 loads and stores vectors in pieces, which its compiler does not always put together, and takes halves to lie at
 * multiples of 16 bytes. */
typedef stored __attribute__((aligned(STORAGE == 1 ? 4 : 2))) stored_anywhere;
#define LOAD_BITS(p) (*(const __global stored_anywhere *)(p))
#define STORE_BITS(bits, p) (*(__global stored_anywhere *)(p) = (bits))
#else
#define LOAD_BITS(p) VLOAD(p)
#define STORE_BITS(bits, p) GLOBAL_VSTORE((bits), (p))
#endif

#if STORAGE == 1
#define STORED_OF(v) (v)
#define TENSOR_LOAD(p) LOAD_BITS(p)
#define TENSOR_STORE(v, p) STORE_BITS((v), (p))
#elif STORAGE == 2
#define STORED_OF(v) stored_of(v)
#define STORE_HALVES PASTE_VALUE(OF_WIDTH(vstore_half), _rte)
static inline stored stored_of(vec v)
{
  stored halves;
  STORE_HALVES(v, 0, (__private half *)&halves);
  return halves;
}
#if WIDTH != 1 && defined(POCL_DEVICE_ADDRESS_BITS)
static inline vec vec_of(stored halves) { return OF_WIDTH(vload_half)(0, (const __private half *)&halves); }
#define TENSOR_LOAD(p) vec_of(LOAD_BITS(p))
#define TENSOR_STORE(v, p) STORE_BITS(stored_of(v), (p))
#elif ALIGNED
#define TENSOR_LOAD(p) OF_WIDTH(vloada_half)(0, (p))
#define TENSOR_STORE(v, p) PASTE_VALUE(OF_WIDTH(vstorea_half), _rte)((v), 0, (p))
#else
#define TENSOR_LOAD(p) OF_WIDTH(vload_half)(0, (p))
#define TENSOR_STORE(v, p) STORE_HALVES((v), 0, (p))
#endif
#elif STORAGE == 3
#define STORED_OF(v) stored_of(v)
/* The upper halves of 32 bits. */
#if WIDTH == 16 && defined(POCL_DEVICE_ADDRESS_BITS)
/* Not shifted and converted: a conversion and a store past the caches are made one ordinary store by PoCL 3.1's compiler, and lines
 * of which other vectors do go past the caches take six times as long. */
typedef ushort halves_of_words __attribute__((ext_vector_type(32)));
static inline stored upper_halves(uint16 words)
{
  const halves_of_words h = __builtin_astype(words, halves_of_words);
  return __builtin_shufflevector(h, h, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}
#else
static inline stored upper_halves(OF_WIDTH(uint) bits) { return OF_WIDTH(convert_ushort)(bits >> 16); }
#endif
static inline stored stored_of(vec v)
{
  /* A NaN, quiet as arithmetic leaves it, is cut off: rounding might make a zero of it. */
  const OF_WIDTH(uint) bits = OF_WIDTH(as_uint)(v), rounded = bits + 0x7fffu + (bits >> 16 & 1u);
  return upper_halves(select(bits, rounded, isequal(v, v)));
}
#define TENSOR_LOAD(p) OF_WIDTH(as_float)(OF_WIDTH(convert_uint)(LOAD_BITS(p)) << 16)
#define TENSOR_STORE(v, p) STORE_BITS(stored_of(v), (p))
#endif

static inline vec tensor_load(const __global storage *p) { return TENSOR_LOAD(p); }
static inline void tensor_store(vec value, __global storage *p) { TENSOR_STORE(value, p); }

/* The same in an order that is the type's own, for what is only summed. bf16: words shifted and masked; PoCL's compiler takes halves
 * apart by one of the processor's units alone. */
#if STORAGE == 3 && WIDTH >= 4 && defined(POCL_DEVICE_ADDRESS_BITS)
#define HALF_WIDTH_16 8
#define HALF_WIDTH_8 4
#define HALF_WIDTH_4 2
#define OF_HALF_WIDTH(name) PASTE_VALUE(name, OF_WIDTH(HALF_WIDTH_))
typedef OF_HALF_WIDTH(uint) __attribute__((aligned(2))) words_anywhere;
static inline vec tensor_load_unsorted(const __global storage *p)
{
  const OF_HALF_WIDTH(uint) words = *(const __global words_anywhere *)p;
  return (vec)(OF_HALF_WIDTH(as_float)(words << 16), OF_HALF_WIDTH(as_float)(words & 0xffff0000u));
}
#else
static inline vec tensor_load_unsorted(const __global storage *p) { return tensor_load(p); }
#endif

/* As load_some and its like, of a tensor's elements. */
RARE vec tensor_load_some(const __global storage *p, uint count, float fill)
{
  float lanes[WIDTH];
  for (uint i = 0; i < WIDTH; i++) {
    lanes[i] = i < count ? LOAD(p + i) : fill;
  }
  return VLOAD(lanes);
}

/* Stores the lanes [skip, skip + count) of a vector at p, and nothing else of it. */
#if WIDTH != 1 && defined(POCL_DEVICE_ADDRESS_BITS)
/* In up to four pieces: of an element at a time PoCL makes a loop. */
#if STORAGE == 1
typedef float bits;
#define PART(n) PASTE(float, n)
#else
typedef ushort bits;
#define PART(n) PASTE(ushort, n)
#endif
typedef PART(8) __attribute__((aligned(sizeof(bits)))) part_of_8;
typedef PART(4) __attribute__((aligned(sizeof(bits)))) part_of_4;
typedef PART(2) __attribute__((aligned(sizeof(bits)))) part_of_2;
#define MOVE_PART(type, n)                                              \
  if (count & (n)) {                                                    \
    *(__global type *)(to + i) = *(const __private type *)(lanes + i); \
    i += (n);                                                           \
  }
RARE void tensor_store_part(vec value, __global storage *p, uint skip, uint count)
{
  stored lanes_of[1] = {STORED_OF(value)};
  const __private bits *const lanes = (const __private bits *)lanes_of;
  __global bits *const to = (__global bits *)p;
  uint i = skip;
  MOVE_PART(part_of_8, 8)
  MOVE_PART(part_of_4, 4)
  MOVE_PART(part_of_2, 2)
  MOVE_PART(bits, 1)
}
#else
RARE void tensor_store_part(vec value, __global storage *p, uint skip, uint count)
{
  float lanes[WIDTH];
  VSTORE(value, lanes);
  for (uint i = skip; i < WIDTH && i < skip + count; i++) {
    STORE(lanes[i], p + i);
  }
}
#endif

static inline vec tensor_load_most(const __global storage *p, uint count, float fill)
{
  return count >= WIDTH ? tensor_load(p) : tensor_load_some(p, count, fill);
}

/* The same of any number of lanes. */
static inline void tensor_store_lanes(vec value, __global storage *p, uint skip, uint count)
{
  if (count >= WIDTH) {
    tensor_store(value, p);
  } else {
    tensor_store_part(value, p, skip, count);
  }
}

static inline void tensor_store_most(vec value, __global storage *p, uint count)
{
  tensor_store_lanes(value, p, 0, count);
}

/* A result that is not read again soon. Streaming stores save the read of the line that they overwrite; they need whole
 * aligned vectors, which can_stream finds out once for all vectors a multiple of WIDTH apart. */
#if STREAM && defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store)
#define STREAM_STORE(v, p) __builtin_nontemporal_store(STORED_OF(v), (__global stored *)(p))
#endif
#endif
#ifdef STREAM_STORE
static inline int can_stream(const __global storage *p) { return (ulong)p % sizeof(stored) == 0; }
#else
#define STREAM_STORE(v, p) tensor_store((v), (p))
static inline int can_stream(const __global storage *p) { return 0; }
#endif

static inline void store_result(vec value, __global storage *p, int streams)
{
  if (streams) {
    STREAM_STORE(value, p);
  } else {
    tensor_store(value, p);
  }
}

#endif
