/* How elements are stored, and the numbers that they are computed in.
 *
 * Axis:
 *   STORAGE   1 float, 2 half, 3 bfloat16, 4 double (clnorm_dtype)
 * Numbers (gamma, mean, arithmetic) are float, with STORAGE 4 double. Half types need no extension. */

#if STORAGE < 1 || STORAGE > 4
#error "STORAGE has to be 1 to 4"
#endif

#if STORAGE == 4
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef double num;
#else
typedef float num;
#endif

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
