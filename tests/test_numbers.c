/* Numbers of the command line: the whole text or nothing. */
#include <criterion/criterion.h>
#include <float.h>

#include "numbers.h"

Test(numbers, decimals_are_read_whole)
{
  double value = 0;
  cr_assert(parse_decimal("1e-5", FLT_TRUE_MIN, FLT_MAX, &value) == NULL && value == 1e-5);
  cr_assert(parse_decimal("0", 0, 1, &value) == NULL && value == 0);
  cr_assert(parse_decimal("1", 0, 1, &value) == NULL && value == 1);
  cr_assert(parse_decimal("+.5", 0, 1, &value) == NULL && value == 0.5);
}

Test(numbers, bad_decimals_are_refused_and_change_nothing)
{
  static const char *const bad[] = {"",  " ",     " 1",  "1 ",  "1x", "0x1p-3", "nan", "inf",   "-1",  "1e99",
                                    "e", "1e-99", "--1", "1,5", "1e", "0.5.5",  ".",   "1e400", "-0.1"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    double value = 7;
    cr_assert(parse_decimal(bad[i], FLT_TRUE_MIN, FLT_MAX, &value) != NULL, "accepted '%s'", bad[i]);
    cr_assert(value == 7);
  }
  double value = 7;
  cr_assert(parse_decimal(NULL, 0, 1, &value) != NULL && value == 7);
}

Test(numbers, whole_numbers_are_read_whole)
{
  uint64_t value = 0;
  cr_assert(parse_whole("0", 0, 9, &value) == NULL && value == 0);
  cr_assert(parse_whole("18446744073709551615", 0, UINT64_MAX, &value) == NULL && value == UINT64_MAX);
}

Test(numbers, bad_whole_numbers_are_refused_and_change_nothing)
{
  static const char *const bad[] = {"",    " 1", "1 ", "+1", "-1", "1.0", "1e3", "0x1", "18446744073709551616",
                                    "100", "1"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    uint64_t value = 7;
    cr_assert(parse_whole(bad[i], 2, 99, &value) != NULL, "accepted '%s'", bad[i]);
    cr_assert(value == 7);
  }
  uint64_t value = 7;
  cr_assert(parse_whole("18446744073709551616", 0, UINT64_MAX, &value) != NULL && value == 7);
}
