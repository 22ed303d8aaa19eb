/* Arithmetic with pairs of numbers: hi + lo, |lo| <= ulp(hi)/2, twice the bits of one. Kept by error-free transformations (Knuth
 * 1969, Dekker 1971; Ogita, Rump and Oishi 2005) that need nothing but correctly rounded additions and multiplications.
 * A sum that overflows makes lo a NaN; settle drops it, so that hi alone tells what IEEE arithmetic gives.
 *
 * DEFINE_PAIR(type, name) makes name##real of a type, a vector or a number, and its functions. Before it the includer defines
 * DROP_NAN(type, v): v, where that is a NaN 0. */

/* Takes the pair of the work-item whose place in the sub-group differs by `mask`. */
#define TAKE_FROM_LANE(taken, mine, mask)                         \
  do {                                                            \
    (taken).hi = sub_group_shuffle_xor((mine).hi, (uint)(mask));  \
    (taken).lo = sub_group_shuffle_xor((mine).lo, (uint)(mask));  \
  } while (0)

#if FMA
#define DEFINE_PRODUCT_ERROR(type, name) \
  static inline type name##product_error(type a, type b, type p) { return fma(a, b, -p); }
#else
/* Veltkamp's split into halves of 12 bits, whose products are exact. */
#define DEFINE_PRODUCT_ERROR(type, name)                                \
  static inline type name##product_error(type a, type b, type p)        \
  {                                                                     \
    const type ca = a * 4097.0f, cb = b * 4097.0f;                      \
    const type ah = ca - (ca - a), bh = cb - (cb - b);                  \
    const type al = a - ah, bl = b - bh;                                \
    const type error = ((ah * bh - p) + ah * bl + al * bh) + al * bl;   \
    return DROP_NAN(type, error);                   \
  }
#endif

#define DEFINE_PAIR(type, name)                                                                             \
  typedef struct name##real {                                                                               \
    type hi, lo;                                                                                            \
  } name##real;                                                                                             \
  DEFINE_PRODUCT_ERROR(type, name)                                                                          \
  /* The rounding error of s = a + b, exactly. */                                                           \
  static inline type name##sum_error(type a, type b, type s)                                                \
  {                                                                                                         \
    const type bb = s - a;                                                                                  \
    return (a - (s - bb)) + (b - bb);                                                                       \
  }                                                                                                         \
  static inline name##real name##settle(type hi, type lo)                                                   \
  {                                                                                                         \
    const name##real settled = {hi, DROP_NAN(type, lo)};                                                    \
    return settled;                                                                                         \
  }                                                                                                         \
  /* From a value and a correction that is small against it. */                                             \
  static inline name##real name##real_of(type hi, type lo)                                                  \
  {                                                                                                         \
    const type s = hi + lo;                                                                                 \
    return name##settle(s, lo - (s - hi));                                                                  \
  }                                                                                                         \
  static inline type name##real_hi(name##real a) { return a.hi; }                                           \
  static inline type name##real_lo(name##real a) { return a.lo; }                                           \
  static inline name##real name##real_add(name##real a, name##real b)                                       \
  {                                                                                                         \
    const type s = a.hi + b.hi;                                                                             \
    const type t = a.lo + b.lo;                                                                             \
    const name##real high = name##settle(s, name##sum_error(a.hi, b.hi, s) + t);                            \
    const name##real sum = name##real_of(high.hi, high.lo);                                                 \
    return name##real_of(sum.hi, sum.lo + name##sum_error(a.lo, b.lo, t));                                  \
  }                                                                                                         \
  static inline name##real name##real_subtract(name##real a, name##real b)                                  \
  {                                                                                                         \
    const name##real negative = {-b.hi, -b.lo};                                                             \
    return name##real_add(a, negative);                                                                     \
  }                                                                                                         \
  static inline name##real name##real_multiply(name##real a, name##real b)                                  \
  {                                                                                                         \
    const type p = a.hi * b.hi;                                                                             \
    return name##real_of(p, name##product_error(a.hi, b.hi, p) + (a.hi * b.lo + a.lo * b.hi));              \
  }                                                                                                         \
  /* Long division: what a device's float division lacks in accuracy, the remainders give back. */          \
  static inline name##real name##real_divide(name##real a, name##real b)                                    \
  {                                                                                                         \
    const name##real first = {a.hi / b.hi, (type)(0.0f)};                                                   \
    const name##real rest = name##real_subtract(a, name##real_multiply(first, b));                          \
    const name##real second = {rest.hi / b.hi, (type)(0.0f)};                                               \
    const name##real rest2 = name##real_subtract(rest, name##real_multiply(second, b));                     \
    const name##real quotient = name##real_of(first.hi, second.hi);                                         \
    return name##real_of(quotient.hi, quotient.lo + rest2.hi / b.hi);                                       \
  }                                                                                                         \
  /* 1/sqrt(v): the device's own, which may be off by several ulp, and one Newton step on the residual. */  \
  static inline type name##real_inverse_sqrt(name##real v)                                                  \
  {                                                                                                         \
    const type r = (type)(1.0f) / sqrt(v.hi);                                                               \
    const name##real rr = {r * r, name##product_error(r, r, r * r)};                                        \
    const name##real vrr = name##real_multiply(v, rr);                                                      \
    const type residual = ((type)(1.0f) - vrr.hi) - vrr.lo;                                                 \
    return r + DROP_NAN(type, (type)(0.5f) * r * residual);                                                 \
  }

