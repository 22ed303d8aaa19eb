/* The storage types against bit patterns that their standards give. */
#include "storage.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

typedef struct pattern {
  double value;
  uint64_t bits;
} pattern;

static void check_patterns(clnorm_dtype dtype, const pattern *table, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    const uint64_t bits = storage_encode(dtype, table[i].value);
    cr_assert(bits == table[i].bits, "%s: %a is 0x%llx, expected 0x%llx", storage_name(dtype), table[i].value,
              (unsigned long long)bits, (unsigned long long)table[i].bits);
  }
}

#define CHECK_PATTERNS(dtype, table) check_patterns(dtype, table, sizeof(table) / sizeof(table)[0])

Test(storage, half_has_the_bits_of_binary16)
{
  static const pattern table[] = {
      {0.0, 0x0000},
      {-0.0, 0x8000},
      {1.0, 0x3c00},
      {-2.0, 0xc000},
      {0.5, 0x3800},
      {65504.0, 0x7bff},
      {0x1p-14, 0x0400},
      {0x1p-24, 0x0001},
      {0x1.ff8p-15, 0x03ff},
      {1.0 / 3.0, 0x3555},
      {INFINITY, 0x7c00},
      {-INFINITY, 0xfc00},
      /* Ties go to even: 1 + 2^-11 and 1 + 3*2^-11. */
      {0x1.002p0, 0x3c00},
      {0x1.006p0, 0x3c02},
      {0x1.00200001p0, 0x3c01},
      {0x1.005fffffp0, 0x3c01},
      /* Half of the smallest denormal, a little more, and three halves. */
      {0x1p-25, 0x0000},
      {0x1.0001p-25, 0x0001},
      {0x1.8p-24, 0x0002},
      {-0x1p-25, 0x8000},
      {1e-300, 0x0000},
      {DBL_TRUE_MIN, 0x0000},
      /* Denormals round up to the smallest normal number, the largest number to infinity. */
      {0x1.ffcp-15, 0x0400},
      {65519.99, 0x7bff},
      {65520.0, 0x7c00},
      {-65520.0, 0xfc00},
      {1e300, 0x7c00},
      {2047.5, 0x6800},
      {4095.0, 0x6c00},
  };
  CHECK_PATTERNS(CLNORM_F16, table);
}

Test(storage, bfloat_has_the_upper_half_of_a_float)
{
  static const pattern table[] = {
      {0.0, 0x0000},      {-0.0, 0x8000},       {1.0, 0x3f80},          {-2.0, 0xc000},        {1.0 / 3.0, 0x3eab},
      {INFINITY, 0x7f80}, {0x1.fep127, 0x7f7f}, {0x1.fefp127, 0x7f7f},  {0x1.ffp127, 0x7f80},  {0x1p-133, 0x0001},
      {0x1p-134, 0x0000}, {0x1.8p-133, 0x0002}, {0x1p-126, 0x0080},     {0x1.fep-127, 0x0080}, {0x1.fcp-127, 0x007f},
      {0x1.01p0, 0x3f80}, {0x1.03p0, 0x3f82},   {0x1.010001p0, 0x3f81}, {-3.1415926, 0xc049},
  };
  CHECK_PATTERNS(CLNORM_BF16, table);
}

Test(storage, half_has_all_its_65536_values_both_ways)
{
  static const clnorm_dtype halves[] = {CLNORM_F16, CLNORM_BF16};
  for (int t = 0; t < 2; t++) {
    for (uint64_t bits = 0; bits < 65536; bits++) {
      const double value = storage_decode(halves[t], bits);
      const uint64_t again = storage_encode(halves[t], value);
      const int equal = isnan(value) ? isnan(storage_decode(halves[t], again)) : again == bits;
      cr_assert(equal, "%s: 0x%llx is %a, and that 0x%llx", storage_name(halves[t]), (unsigned long long)bits, value,
                (unsigned long long)again);
    }
  }
}

/* Halfway between two neighbours the even one is taken, and beside it the nearer one. */
Test(storage, every_half_is_the_nearest)
{
  for (uint64_t bits = 0; bits < 0x7bff; bits++) {
    const double low = storage_decode(CLNORM_F16, bits);
    const double high = storage_decode(CLNORM_F16, bits + 1);
    const double middle = (low + high) / 2.0;
    cr_assert(high > low && storage_ulp(CLNORM_F16, low) == high - low, "0x%llx", (unsigned long long)bits);
    cr_assert(storage_encode(CLNORM_F16, middle) == bits + bits % 2, "0x%llx", (unsigned long long)bits);
    cr_assert(storage_encode(CLNORM_F16, nextafter(middle, low)) == bits, "0x%llx", (unsigned long long)bits);
    cr_assert(storage_encode(CLNORM_F16, nextafter(middle, high)) == bits + 1, "0x%llx", (unsigned long long)bits);
  }
}

Test(storage, bfloat_decodes_as_the_float_with_the_same_upper_half)
{
  for (uint32_t bits = 0; bits < 65536; bits++) {
    const uint32_t whole = bits << 16;
    float expected;
    memcpy(&expected, &whole, sizeof expected);
    const double got = storage_decode(CLNORM_BF16, bits);
    cr_assert(isnan(expected) ? isnan(got) : got == (double)expected && !signbit(got) == !signbit(expected), "0x%x",
              (unsigned)bits);
  }
}

/* The machine's own conversions, all binades and some bits of each. */
Test(storage, float_and_double_are_those_of_the_machine)
{
  static const uint64_t fractions[] = {
      0, 1, 0x10000000, 0x10000001, 0x30000000, 0x2fffffffu, 0xfffffffffffff, 0xfffffefffffff, 0xffffff0000000};
  for (uint64_t exponent = 0; exponent < 2047; exponent++) {
    for (size_t i = 0; i < 2 * sizeof fractions / sizeof fractions[0]; i++) {
      const uint64_t bits = exponent << 52 | fractions[i / 2] | (uint64_t)(i % 2) << 63;
      double value;
      memcpy(&value, &bits, sizeof value);
      cr_assert(storage_encode(CLNORM_F64, value) == bits, "%a", value);
      cr_assert(memcmp(&(double){storage_decode(CLNORM_F64, bits)}, &value, sizeof value) == 0, "%a", value);
      const float narrow = (float)value;
      uint32_t narrow_bits;
      memcpy(&narrow_bits, &narrow, sizeof narrow_bits);
      cr_assert(storage_encode(CLNORM_F32, value) == narrow_bits, "%a", value);
      cr_assert(storage_round(CLNORM_F32, value) == (double)narrow, "%a", value);
    }
  }
}

Test(storage, nan_stays_nan_and_infinity_infinite)
{
  for (int dtype = CLNORM_F32; dtype <= CLNORM_F64; dtype++) {
    cr_assert(isnan(storage_round((clnorm_dtype)dtype, NAN)));
    cr_assert(storage_round((clnorm_dtype)dtype, INFINITY) == INFINITY);
    cr_assert(storage_round((clnorm_dtype)dtype, -INFINITY) == -INFINITY);
  }
}

Test(storage, elements_lie_at_any_address_and_beside_each_other)
{
  for (int d = CLNORM_F32; d <= CLNORM_F64; d++) {
    const clnorm_dtype dtype = (clnorm_dtype)d;
    unsigned char memory[40];
    memset(memory, 0xa5, sizeof memory);
    unsigned char *array = memory + 17;
    storage_store(dtype, array, 0, 1.5);
    storage_store(dtype, array, 1, -0.25);
    storage_store(dtype, array, -1, 96.0);
    cr_assert(storage_load(dtype, array, -1) == 96.0 && storage_load(dtype, array, 0) == 1.5 &&
              storage_load(dtype, array, 1) == -0.25);
    const size_t size = storage_size(dtype);
    cr_assert(memory[17 - size - 1] == 0xa5 && memory[17 + 2 * size] == 0xa5, "%s", storage_name(dtype));
  }
}

Test(storage, types_have_names_sizes_and_ulps)
{
  cr_assert_str_eq(storage_name(CLNORM_F32), "f32");
  cr_assert_str_eq(storage_name(CLNORM_F16), "f16");
  cr_assert_str_eq(storage_name(CLNORM_BF16), "bf16");
  cr_assert_str_eq(storage_name(CLNORM_F64), "f64");
  cr_assert(storage_size(CLNORM_F32) == 4 && storage_size(CLNORM_F16) == 2 && storage_size(CLNORM_BF16) == 2 &&
            storage_size(CLNORM_F64) == 8);
  cr_assert(storage_number(CLNORM_F64) == CLNORM_F64 && storage_number(CLNORM_BF16) == CLNORM_F32);
  cr_assert(storage_ulp(CLNORM_F32, -1.5) == 0x1p-23 && storage_ulp(CLNORM_F16, 1.0) == 0x1p-10);
  cr_assert(storage_ulp(CLNORM_BF16, 3.9) == 0x1p-6 && storage_ulp(CLNORM_F64, 1.0) == DBL_EPSILON);
  cr_assert(storage_ulp(CLNORM_F16, 0.0) == 0x1p-24 && storage_ulp(CLNORM_F32, 1e-42) == 0x1p-149);
  cr_assert(storage_ulp(CLNORM_F16, 70000.0) == 64.0);
}
