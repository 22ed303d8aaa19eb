/* The reader of IDX files. Files are put together byte by byte from the format's description; values are exact. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "idx.h"
#include "memory_file.h"

static const struct {
  unsigned char file[24];
  size_t length;
  float expected[2];
} types[] = {
    {{0, 0, 0x08, 1, 0, 0, 0, 2, 7, 255}, 10, {7.0f, 255.0f}},
    {{0, 0, 0x09, 1, 0, 0, 0, 2, 7, 255}, 10, {7.0f, -1.0f}},
    {{0, 0, 0x0b, 1, 0, 0, 0, 2, 1, 2, 0x80, 0}, 12, {258.0f, -32768.0f}},
    {{0, 0, 0x0c, 1, 0, 0, 0, 2, 0, 1, 0, 2, 0xff, 0xff, 0xff, 0xfe}, 16, {65538.0f, -2.0f}},
    {{0, 0, 0x0d, 1, 0, 0, 0, 2, 0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0}, 16, {1.5f, -2.0f}},
    {{0, 0, 0x0e, 1, 0, 0, 0, 2, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0}, 24, {1.5f, -2.0f}},
};

Test(idx, every_type_is_read_big_endian)
{
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    array a;
    file_error error = {{0}};
    const memory_file made = memory_file_make(types[i].file, types[i].length);
    cr_assert(array_load(&a, CLNORM_F32, made.path, &error) == 0, "%s", error.text);
    cr_assert(a.rank == 1 && a.dims[0] == 2 && a.count == 2);
    cr_assert(memcmp(a.data, types[i].expected, sizeof types[i].expected) == 0, "type %02x", types[i].file[2]);
    array_free(&a);
  }
}

/* Two images of 2 x 3. */
static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2,  0,  0,
                                       0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static void expect_images(const memory_file *made)
{
  array a;
  file_error error = {{0}};
  cr_assert(array_load(&a, CLNORM_F32, made->path, &error) == 0, "%s", error.text);
  cr_assert(a.rank == 3 && a.dims[0] == 2 && a.dims[1] == 2 && a.dims[2] == 3 && a.count == 12);
  for (int i = 0; i < 12; i++) {
    cr_assert(array_get(&a, (size_t)i) == i + 1);
  }
  array_free(&a);
}

Test(idx, images_are_read_plain_and_gzipped)
{
  memory_file made = memory_file_make(images, sizeof images);
  expect_images(&made);
  made = memory_file_gzip(images, sizeof images, SIZE_MAX);
  expect_images(&made);
}

static void expect_failure(const memory_file *made, const char *expected)
{
  array a;
  file_error error = {{0}};
  char start[80];
  (void)snprintf(start, sizeof start, "%s: ", made->path);
  cr_assert(array_load(&a, CLNORM_F32, made->path, &error) == -1, "accepted, expected '%s'", expected);
  cr_assert(strstr(error.text, start) == error.text, "%s", error.text);
  cr_assert(strstr(error.text, expected) != NULL, "expected '...%s...', got '%s'", expected, error.text);
  cr_assert(strchr(error.text, '\n') == NULL);
  cr_assert(a.data == NULL && a.count == 0);
}

Test(idx, file_cut_anywhere_is_refused_with_its_byte)
{
  for (size_t keep = 2; keep < sizeof images; keep++) {
    char expected[80];
    const memory_file made = memory_file_make(images, keep);
    (void)snprintf(expected, sizeof expected, "byte %zu: the file is truncated", keep);
    expect_failure(&made, expected);
  }
}

Test(idx, gzip_cut_anywhere_is_refused)
{
  unsigned char packed[200];
  const memory_file whole = memory_file_gzip(images, sizeof images, SIZE_MAX);
  const size_t length = memory_file_content(&whole, packed, sizeof packed);
  for (size_t keep = 3; keep < length; keep++) {
    const memory_file made = memory_file_make(packed, keep);
    expect_failure(&made, "byte ");
  }
}

Test(idx, gzip_with_a_flipped_bit_is_refused)
{
  unsigned char packed[200];
  const memory_file whole = memory_file_gzip(images, sizeof images, SIZE_MAX);
  const size_t length = memory_file_content(&whole, packed, sizeof packed);
  /* The data and its checksum: in the first ten bytes are fields that nobody reads. */
  for (size_t byte = 10; byte < length; byte++) {
    packed[byte] ^= 4;
    const memory_file made = memory_file_make(packed, length);
    packed[byte] ^= 4;
    expect_failure(&made, "byte ");
  }
}

Test(idx, bad_headers_are_refused)
{
  static const struct {
    size_t at;
    unsigned char value;
    const char *expected;
  } bad[] = {
      {2, 0x0a, "byte 2: the type 0x0a is no type"},
      {2, 0x00, "byte 2: the type 0x00 is no type"},
      {3, 0, "byte 3: expected 1 to 8 dimensions, got 0"},
      {3, 9, "byte 3: expected 1 to 8 dimensions, got 9"},
      {3, 255, "byte 3: expected 1 to 8 dimensions, got 255"},
      {1, 1, "byte 0: neither"},
      {0, 8, "byte 0: neither"},
      {7, 3, "byte 28: the file is truncated"},
      {4, 0xff, "byte 28: the file is truncated"},
      {7, 1, "byte 22: expected the end of the file"},
      {7, 0, "byte 16: expected the end of the file"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    unsigned char file[sizeof images];
    memcpy(file, images, sizeof images);
    file[bad[i].at] = bad[i].value;
    const memory_file made = memory_file_make(file, sizeof file);
    expect_failure(&made, bad[i].expected);
  }
}

Test(idx, shape_that_overflows_is_refused)
{
  static const unsigned char file[] = {0,    0,    8,    3,    0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  const memory_file made = memory_file_make(file, sizeof file);
  expect_failure(&made, "byte 4: the shape's product overflows at dimension 1");
}
