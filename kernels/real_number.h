/* `real` as a pair of numbers, one at a time: 48 bits, of doubles 106. */

#define DROP_NAN(type, v) (isnan(v) ? (type)(0.0f) : (v))

DEFINE_PAIR(num, )

/* Exact below 2^48, and in double as far as a long goes. */
static inline real real_from_count(ulong count)
{
  const num hi = (num)count;
  return real_of(hi, (num)((long)count - (long)hi));
}
