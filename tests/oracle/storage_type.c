/* A binary format is three numbers here: bits of the significand, the exponent of its smallest denormal, and the bits of
 * infinity. A magnitude k * 2^q, with k below 2^significand and q at least the smallest exponent, has the bits
 * ((q - smallest) << (significand - 1)) + k: the leading bit of k is what makes the exponent field one larger than for
 * denormals, and a k that rounds up to 2^significand carries into the next binade, or into infinity, by itself. */
#include "storage_type.h"

#include <math.h>
#include <string.h>

typedef struct format {
  const char *name;
  size_t bytes;
  int significand; /* bits, with the hidden one */
  int smallest;    /* the smallest denormal is 2^smallest */
  uint64_t infinity;
} format;

static const format *format_of(clnorm_dtype dtype)
{
  static const format f32 = {"f32", 4, 24, -149, UINT64_C(0x7f800000)};
  static const format f16 = {"f16", 2, 11, -24, UINT64_C(0x7c00)};
  static const format bf16 = {"bf16", 2, 8, -133, UINT64_C(0x7f80)};
  static const format f64 = {"f64", 8, 53, -1074, UINT64_C(0x7ff0000000000000)};
  switch (dtype) {
    case CLNORM_F16:
      return &f16;
    case CLNORM_BF16:
      return &bf16;
    case CLNORM_F64:
      return &f64;
    case CLNORM_F32:
      break;
  }
  return &f32;
}

size_t storage_size(clnorm_dtype dtype) { return format_of(dtype)->bytes; }

const char *storage_name(clnorm_dtype dtype) { return format_of(dtype)->name; }

clnorm_dtype storage_number(clnorm_dtype dtype) { return dtype == CLNORM_F64 ? CLNORM_F64 : CLNORM_F32; }

/* The exponent of the last bit that a number of this size has. */
static int last_bit(const format *f, double value)
{
  int exponent;
  (void)frexp(value, &exponent);
  return value == 0.0 || exponent - f->significand < f->smallest ? f->smallest : exponent - f->significand;
}

uint64_t storage_encode(clnorm_dtype dtype, double value)
{
  const format *f = format_of(dtype);
  const uint64_t sign = signbit(value) ? UINT64_C(1) << (8 * f->bytes - 1) : 0;
  if (isnan(value)) {
    /* The first bit of the fraction: a quiet NaN. */
    return sign | f->infinity | UINT64_C(1) << (f->significand - 2);
  }
  if (isinf(value)) {
    return sign | f->infinity;
  }
  const double size = fabs(value);
  const int exponent = last_bit(f, size);
  /* Exact but for the rounding: the scaled number is below 2^53. */
  const uint64_t digits = (uint64_t)nearbyint(ldexp(size, -exponent));
  const uint64_t bits = ((uint64_t)(exponent - f->smallest) << (f->significand - 1)) + digits;
  return sign | (bits < f->infinity ? bits : f->infinity);
}

double storage_decode(clnorm_dtype dtype, uint64_t bits)
{
  const format *f = format_of(dtype);
  const uint64_t sign = UINT64_C(1) << (8 * f->bytes - 1);
  const uint64_t size = bits & (sign - 1);
  const uint64_t leading = UINT64_C(1) << (f->significand - 1);
  const int field = (int)(size >> (f->significand - 1));
  double value;
  if (size >= f->infinity) {
    value = size == f->infinity ? INFINITY : NAN;
  } else if (field == 0) {
    value = ldexp((double)size, f->smallest);
  } else {
    value = ldexp((double)((size & (leading - 1)) | leading), f->smallest + field - 1);
  }
  return bits & sign ? -value : value;
}

/* What follows has C's own conversions for the types that C has: most of what is compared is stored as floats, and the way over
 * bits takes long. */

double storage_load(clnorm_dtype dtype, const void *array, int64_t index)
{
  const size_t bytes = storage_size(dtype);
  const char *element = (const char *)array + index * (int64_t)bytes;
  uint16_t two;
  float single;
  double number;
  switch (dtype) {
    case CLNORM_F32:
      memcpy(&single, element, sizeof single);
      return (double)single;
    case CLNORM_F64:
      memcpy(&number, element, sizeof number);
      return number;
    case CLNORM_F16:
    case CLNORM_BF16:
      break;
  }
  memcpy(&two, element, sizeof two);
  return storage_decode(dtype, two);
}

void storage_store(clnorm_dtype dtype, void *array, int64_t index, double value)
{
  const size_t bytes = storage_size(dtype);
  char *element = (char *)array + index * (int64_t)bytes;
  const float single = (float)value;
  const uint16_t two = bytes == 2 ? (uint16_t)storage_encode(dtype, value) : 0;
  memcpy(element, bytes == 2 ? (const void *)&two : bytes == 8 ? (const void *)&value : (const void *)&single, bytes);
}

double storage_round(clnorm_dtype dtype, double value)
{
  switch (dtype) {
    case CLNORM_F32:
      return (double)(float)value;
    case CLNORM_F64:
      return value;
    case CLNORM_F16:
    case CLNORM_BF16:
      break;
  }
  return storage_decode(dtype, storage_encode(dtype, value));
}

double storage_ulp(clnorm_dtype dtype, double value) { return ldexp(1.0, last_bit(format_of(dtype), fabs(value))); }
