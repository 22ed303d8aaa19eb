/* The reader and writer of .npy files. The files are put together here byte by byte from the format's description, the
 * expected values are exact: conversions to float round once, to nearest even. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "memory_file.h"
#include "npy.h"

#define NPY_BYTES 4096

/* A file of version 1, 2 or 3 with this header (closed with a newline) and these bytes of data. */
static size_t put_together(unsigned char *file, int version, const char *header, const void *data, size_t bytes)
{
  const size_t length = strlen(header) + 1;
  size_t at = 0;
  memcpy(file, "\x93NUMPY", 6);
  file[6] = (unsigned char)version;
  file[7] = 0;
  for (at = 8; at < (version == 1 ? 10u : 12u); at++) {
    file[at] = (unsigned char)(length >> 8 * (at - 8));
  }
  memcpy(file + at, header, length - 1);
  file[at + length - 1] = '\n';
  memcpy(file + at + length, data, bytes);
  return at + length + bytes;
}

static int read_npy(array *a, int version, const char *header, const void *data, size_t bytes, file_error *error)
{
  unsigned char file[NPY_BYTES];
  const memory_file made = memory_file_make(file, put_together(file, version, header, data, bytes));
  error->text[0] = '\0';
  return array_load(a, CLNORM_F32, made.path, error);
}

static void expect_shape(const char *header, const char *expected)
{
  static const unsigned char data[64] = {0};
  array a;
  file_error error;
  char shape[100];
  /* Of type u1, so the expected count is the count of bytes. */
  size_t count = 1;
  for (const char *at = strchr(header, '('); *at != ')'; at++) {
    if (*at >= '0' && *at <= '9') {
      count *= (size_t)(*at - '0');
    }
  }
  cr_assert(read_npy(&a, 1, header, data, count, &error) == 0, "%s: %s", header, error.text);
  cr_assert_str_eq(array_shape_text(&a, shape, sizeof shape), expected);
  cr_assert(a.count == count);
  array_free(&a);
}

Test(npy, shapes_of_every_rank_are_read)
{
  expect_shape("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", "()");
  expect_shape("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", "(3,)");
  expect_shape("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", "(2, 3)");
  expect_shape("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 4), }", "(0, 4)");
  expect_shape("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 1, 3, 1, 1, 2, 1), }",
               "(1, 2, 1, 3, 1, 1, 2, 1)");
}

Test(npy, header_may_be_written_as_python_allows)
{
  expect_shape("{'shape': (2, 3), 'descr': '|u1', 'fortran_order': False}", "(2, 3)");
  expect_shape("  { \"fortran_order\" :False,\t\"shape\":(2,3,),\"descr\":\"<u1\" } ", "(2, 3)");
}

Test(npy, versions_one_two_and_three_are_read)
{
  const char *header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
  const unsigned char data[4] = {0x00, 0x00, 0xc0, 0x3f};
  for (int version = 1; version <= 3; version++) {
    array a;
    file_error error;
    cr_assert(read_npy(&a, version, header, data, sizeof data, &error) == 0, "%s", error.text);
    cr_assert(array_get(&a, 0) == 1.5);
    array_free(&a);
  }
}

/* Two elements each, the bytes little-endian. */
static const struct {
  const char *descr;
  size_t size;
  uint64_t words[2];
  float expected[2];
} types[] = {
    {"|u1", 1, {0, 255}, {0.0f, 255.0f}},
    {"|i1", 1, {0x80, 0x7f}, {-128.0f, 127.0f}},
    {"<u2", 2, {0x1234, 0xffff}, {4660.0f, 65535.0f}},
    {"<i2", 2, {0x8000, 0xfffe}, {-32768.0f, -2.0f}},
    {"<u4", 4, {16777217, UINT32_MAX}, {16777216.0f, 4294967296.0f}},
    {"<i4", 4, {0x80000000, 0xfeffffff}, {-2147483648.0f, -16777216.0f}},
    {"<u8", 8, {16777219, UINT64_MAX}, {16777220.0f, 0x1p64f}},
    {"<i8", 8, {(uint64_t)1 << 63, UINT64_MAX}, {-0x1p63f, -1.0f}},
    /* Just above the middle of two floats: by way of a double it would first fall onto the middle. */
    {"<i8", 8, {((uint64_t)1 << 60) + ((uint64_t)1 << 36) + 1, 0}, {0x1.000002p60f, 0.0f}},
    {"<u8", 8, {((uint64_t)1 << 60) + ((uint64_t)1 << 36) + 1, 0}, {0x1.000002p60f, 0.0f}},
    {"<f2", 2, {0x3555, 0xc000}, {0x1.554p-2f, -2.0f}},
    {"<f2", 2, {0x0001, 0x83ff}, {0x1p-24f, -0x1.ff8p-15f}},
    {"<f2", 2, {0x7c00, 0xfc00}, {INFINITY, -INFINITY}},
    {"<f4", 4, {0x3f800001, 0x80000001}, {0x1.000002p0f, -0x1p-149f}},
    {"<f8", 8, {0x3ff0000010000000, 0xbff8000000000000}, {1.0f, -1.5f}},
    {"<f8", 8, {0x7ff0000000000000, 0x47efffffe0000000}, {INFINITY, 0x1.fffffep127f}},
};

Test(npy, values_of_every_type_become_the_nearest_float)
{
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    char header[100];
    unsigned char data[16];
    array a;
    file_error error;
    (void)snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2,), }", types[i].descr);
    for (size_t byte = 0; byte < 2 * types[i].size; byte++) {
      data[byte] = (unsigned char)(types[i].words[byte / types[i].size] >> 8 * (byte % types[i].size));
    }
    cr_assert(read_npy(&a, 1, header, data, 2 * types[i].size, &error) == 0, "%s", error.text);
    for (int k = 0; k < 2; k++) {
      cr_assert(array_get(&a, (size_t)k) == (double)types[i].expected[k], "%s, value %d: got %a, expected %a",
                types[i].descr, k, array_get(&a, (size_t)k), (double)types[i].expected[k]);
    }
    array_free(&a);
  }
}

Test(npy, nan_stays_nan_and_minus_zero_keeps_its_sign)
{
  const unsigned char data[4] = {0x00, 0x7e, 0x00, 0x80};
  array a;
  file_error error;
  cr_assert(read_npy(&a, 1, "{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }", data, 4, &error) == 0);
  cr_assert(isnan(array_get(&a, 0)) && array_get(&a, 1) == 0 && signbit(array_get(&a, 1)));
  array_free(&a);
}

/* Every kind of bad header: what the sentence has to hold, and the byte that it has to name (headers begin at 10). */
static const struct {
  const char *header;
  const char *reason;
  int byte;
} bad_headers[] = {
    {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "big-endian", 20},
    {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "type '<c8'", 20},
    {"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "type '|O'", 20},
    {"{'descr': '|f4', 'fortran_order': False, 'shape': (1,), }", "type '|f4'", 20},
    {"{'descr': '', 'fortran_order': False, 'shape': (1,), }", "type ''", 20},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "structured", 20},
    {"{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "Fortran order", 44},
    {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }", "expected True or False", 44},
    {"{'descr': '<f4', 'fortran_order': False, }", "lacks 'shape'", 52},
    {"{'fortran_order': False, 'shape': (1,), }", "lacks 'descr'", 51},
    {"{'descr': '<f4', 'shape': (1,), }", "lacks 'fortran_order'", 43},
    {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "stands there twice", 27},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", "the key 'more' is unknown", 66},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': 1, }", "expected a shape", 60},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1), }", "expected a comma", 62},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "expected a dimension", 61},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1 2), }", "expected a comma", 63},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2", "the end of the shape", 66},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551616,), }", "beyond 64 bits", 80},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "overflows at dimension 1", 10},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 18446744073709551615), }", "overflows at dimension 1", 10},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", "at most 8 dimensions", 77},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x", "expected its end", 68},
    {"{'descr': '<f4' 'fortran_order': False, 'shape': (1,), }", "expected a comma", 26},
    {"{'descr': '<f4", "expected a type", 24},
    {"[1]", "expected a dictionary", 10},
    {"", "expected a dictionary", 11},
};

static void expect_failure(array *a, const file_error *error, const char *path, long byte, const char *reason)
{
  char place[160];
  if (byte >= 0) {
    (void)snprintf(place, sizeof place, "%s: byte %ld: ", path, byte);
  } else {
    (void)snprintf(place, sizeof place, "%s: ", path);
  }
  cr_assert(strncmp(error->text, place, strlen(place)) == 0, "expected '%s...%s...', got '%s'", place, reason,
            error->text);
  cr_assert(strstr(error->text, reason) != NULL, "expected '...%s...', got '%s'", reason, error->text);
  cr_assert(strchr(error->text, '\n') == NULL);
  cr_assert(a->data == NULL && a->count == 0);
}

Test(npy, each_bad_header_is_refused_with_its_byte_and_reason)
{
  const unsigned char data[4] = {0};
  for (size_t i = 0; i < sizeof bad_headers / sizeof bad_headers[0]; i++) {
    unsigned char file[NPY_BYTES];
    array a;
    file_error error = {{0}};
    const memory_file made = memory_file_make(file, put_together(file, 1, bad_headers[i].header, data, 4));
    cr_assert(array_load(&a, CLNORM_F32, made.path, &error) == -1, "accepted: %s", bad_headers[i].header);
    expect_failure(&a, &error, made.path, bad_headers[i].byte, bad_headers[i].reason);
  }
}

static const char good_header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";

Test(npy, file_cut_anywhere_is_refused)
{
  unsigned char file[NPY_BYTES];
  const unsigned char data[12] = {0};
  const size_t length = put_together(file, 1, good_header, data, sizeof data);
  for (size_t keep = 0; keep < length; keep++) {
    array a;
    file_error error = {{0}};
    const memory_file made = memory_file_make(file, keep);
    cr_assert(array_load(&a, CLNORM_F32, made.path, &error) == -1, "accepted %zu of %zu bytes", keep, length);
    expect_failure(&a, &error, made.path, keep < 4 ? 0 : (long)keep,
                   keep == 0 ? "empty" : (keep < 4 ? "neither" : "truncated"));
  }
}

Test(npy, bytes_behind_the_data_are_refused)
{
  unsigned char file[NPY_BYTES];
  const unsigned char data[13] = {0};
  array a;
  file_error error = {{0}};
  const memory_file made = memory_file_make(file, put_together(file, 1, good_header, data, sizeof data));
  cr_assert(array_load(&a, CLNORM_F32, made.path, &error) == -1);
  expect_failure(&a, &error, made.path, (long)(10 + sizeof good_header + 12), "expected the end of the file");
}

Test(npy, unknown_version_and_long_header_are_refused)
{
  unsigned char file[NPY_BYTES];
  const unsigned char data[12] = {0};
  array a;
  file_error error = {{0}};
  size_t length = put_together(file, 1, good_header, data, sizeof data);
  file[6] = 4;
  memory_file made = memory_file_make(file, length);
  cr_assert(array_load(&a, CLNORM_F32, made.path, &error) == -1);
  expect_failure(&a, &error, made.path, 6, "got 4.0");
  length = put_together(file, 2, good_header, data, sizeof data);
  file[8] = 10001 & 255;
  file[9] = 10001 >> 8;
  made = memory_file_make(file, length);
  cr_assert(array_load(&a, CLNORM_F32, made.path, &error) == -1);
  expect_failure(&a, &error, made.path, 8, "claims 10001 bytes; expected at most 10000");
}

/* A petabyte that is not there: must fail for lack of data, not of memory. */
Test(npy, shape_that_lies_costs_no_memory)
{
  unsigned char file[NPY_BYTES];
  const unsigned char data[16] = {0};
  array a;
  file_error error = {{0}};
  const char *header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1048576, 1048576, 256), }";
  const memory_file made = memory_file_make(file, put_together(file, 1, header, data, sizeof data));
  cr_assert(array_load(&a, CLNORM_F32, made.path, &error) == -1);
  expect_failure(&a, &error, made.path, (long)(10 + strlen(header) + 1 + 16), "truncated");
}

Test(npy, double_beyond_float_is_refused_with_its_byte)
{
  unsigned char file[NPY_BYTES];
  const double data[2] = {1.0, 1e39};
  array a;
  file_error error = {{0}};
  const char *header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }";
  const memory_file made = memory_file_make(file, put_together(file, 1, header, data, sizeof data));
  cr_assert(array_load(&a, CLNORM_F32, made.path, &error) == -1);
  expect_failure(&a, &error, made.path, (long)(10 + strlen(header) + 1 + 8), "largest f32");
}

Test(npy, missing_file_and_folder_are_refused)
{
  array a;
  file_error error = {{0}};
  cr_assert(array_load(&a, CLNORM_F32, "/nonexistent/x.npy", &error) == -1);
  expect_failure(&a, &error, "/nonexistent/x.npy", -1, "No such file");
  cr_assert(array_load(&a, CLNORM_F32, "/", &error) == -1);
  expect_failure(&a, &error, "/", -1, "directory");
}

Test(npy, gzipped_file_is_read_and_a_cut_one_refused)
{
  unsigned char file[NPY_BYTES];
  const float data[3] = {1.0f, -2.0f, 3.0f};
  array a;
  file_error error = {{0}};
  const size_t length = put_together(file, 1, good_header, data, sizeof data);
  memory_file made = memory_file_gzip(file, length, SIZE_MAX);
  cr_assert(array_load(&a, CLNORM_F32, made.path, &error) == 0, "%s", error.text);
  cr_assert(a.count == 3 && memcmp(a.data, data, sizeof data) == 0);
  array_free(&a);
  for (size_t keep = 4; keep < 60; keep += 7) {
    made = memory_file_gzip(file, length, keep);
    cr_assert(array_load(&a, CLNORM_F32, made.path, &error) == -1, "accepted %zu bytes", keep);
    cr_assert(strstr(error.text, made.path) == error.text && a.data == NULL, "%s", error.text);
  }
}

Test(npy, written_file_has_the_formats_bytes)
{
  unsigned char bytes[NPY_BYTES];
  float data[6] = {1.0f, -0.0f, 0x1p-149f, INFINITY, 2.0f, 3.0f};
  const array a = {.type = CLNORM_F32, .rank = 2, .dims = {2, 3}, .count = 6, .data = data};
  const char *start = "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  static const unsigned char values[24] = {0, 0, 0x80, 0x3f, 0, 0, 0, 0x80, 1, 0, 0,    0,
                                           0, 0, 0x80, 0x7f, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40};
  file_error error;
  const memory_file file = memory_file_make(NULL, 0);
  cr_assert(npy_write(&a, file.path, &error) == 0, "%s", error.text);
  cr_assert(memory_file_content(&file, bytes, sizeof bytes) == 128 + sizeof values);
  cr_assert(memcmp(bytes, start, 10 + strlen(start + 10)) == 0);
  for (size_t i = 10 + strlen(start + 10); i < 127; i++) {
    cr_assert(bytes[i] == ' ');
  }
  cr_assert(bytes[127] == '\n');
  cr_assert(memcmp(bytes + 128, values, sizeof values) == 0);
}

Test(npy, written_file_is_read_back)
{
  array a;
  array back;
  file_error error;
  /* More than one piece of the reader's and the writer's buffers, and a rest. */
  cr_assert(array_make(&a, CLNORM_F32, 3, (size_t[]){71, 67, 77}) == 0);
  for (size_t i = 0; i < a.count; i++) {
    array_set(&a, i, (double)i * 0.25);
  }
  const memory_file file = memory_file_make(NULL, 0);
  cr_assert(npy_write(&a, file.path, &error) == 0 && array_load(&back, CLNORM_F32, file.path, &error) == 0, "%s",
            error.text);
  cr_assert(back.rank == 3 && back.dims[0] == 71 && back.dims[1] == 67 && back.dims[2] == 77);
  cr_assert(memcmp(a.data, back.data, a.count * sizeof(float)) == 0);
  array_free(&a);
  array_free(&back);
}

Test(npy, full_disk_is_an_error)
{
  array a;
  file_error error = {{0}};
  cr_assert(array_make(&a, CLNORM_F32, 1, (size_t[]){5000}) == 0);
  cr_assert(npy_write(&a, "/dev/full", &error) == -1);
  cr_assert(strstr(error.text, "/dev/full: cannot be written") == error.text, "%s", error.text);
  array_free(&a);
}

/* ---- other types than float ---------------------------------------------------------------------------------- */

static void expect_pair(clnorm_dtype type, const char *descr, const void *data, size_t bytes, double first,
                        double second)
{
  char header[100];
  unsigned char file[NPY_BYTES];
  array a;
  file_error error = {{0}};
  (void)snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2,), }", descr);
  const memory_file made = memory_file_make(file, put_together(file, 1, header, data, bytes));
  cr_assert(array_load(&a, type, made.path, &error) == 0, "%s", error.text);
  cr_assert(array_get(&a, 0) == first, "%s: got %a, expected %a", descr, array_get(&a, 0), first);
  cr_assert(array_get(&a, 1) == second, "%s: got %a, expected %a", descr, array_get(&a, 1), second);
  array_free(&a);
}

Test(npy, double_keeps_what_the_file_has)
{
  const double wide[2] = {0x1.0000000000001p0, -0x1.fffffffffffffp1023};
  expect_pair(CLNORM_F64, "<f8", wide, sizeof wide, wide[0], wide[1]);
  const float narrow[2] = {0x1.000002p0f, -0x1p-149f};
  expect_pair(CLNORM_F64, "<f4", narrow, sizeof narrow, (double)narrow[0], (double)narrow[1]);
  /* 2^63 + 2^10 lies in the middle of two doubles, one more does not. */
  const uint64_t whole[2] = {((uint64_t)1 << 63) + 1024, ((uint64_t)1 << 63) + 1025};
  expect_pair(CLNORM_F64, "<u8", whole, sizeof whole, 0x1p63, 0x1.0000000000001p63);
}

Test(npy, half_types_are_rounded_once)
{
  /* Neighbours of 1 are 2^-10 away in f16 and 2^-7 in bf16. The first is above the middle by less than a float could
   * tell, the second is the middle: to even. */
  const double half[2] = {0x1.0020000000001p0, 0x1.002p0};
  expect_pair(CLNORM_F16, "<f8", half, sizeof half, 0x1.004p0, 1);
  const double bfloat[2] = {0x1.0100000000001p0, 0x1.01p0};
  expect_pair(CLNORM_BF16, "<f8", bfloat, sizeof bfloat, 0x1.02p0, 1);
  /* Above the middle of two neighbours by one in 2^60, so by way of a plain double it would be the middle. */
  const uint64_t whole[2] = {((uint64_t)1 << 60) + ((uint64_t)1 << 52) + 1, (uint64_t)1 << 60};
  expect_pair(CLNORM_BF16, "<u8", whole, sizeof whole, 0x1.02p60, 0x1p60);
  const float infinite[2] = {INFINITY, -65504.0f};
  expect_pair(CLNORM_F16, "<f4", infinite, sizeof infinite, (double)INFINITY, -65504);
}

Test(npy, value_beyond_a_half_type_is_refused_with_its_byte)
{
  unsigned char file[NPY_BYTES];
  const float data[2] = {65519.0f, 65520.0f};
  array a;
  file_error error = {{0}};
  const char *header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  const memory_file made = memory_file_make(file, put_together(file, 1, header, data, sizeof data));
  cr_assert(array_load(&a, CLNORM_F16, made.path, &error) == -1);
  expect_failure(&a, &error, made.path, (long)(10 + strlen(header) + 1 + 4), "largest f16 (65504)");
}

Test(npy, half_types_are_written_as_float_and_double_as_it_is)
{
  static const struct {
    clnorm_dtype type;
    const char *descr;
    size_t size;
    double value;
  } written[] = {{CLNORM_F16, "'<f4'", 4, 0x1.004p0},
                 {CLNORM_BF16, "'<f4'", 4, 0x1.02p-126},
                 {CLNORM_F64, "'<f8'", 8, 0x1.0000000000001p0}};
  for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
    unsigned char bytes[NPY_BYTES];
    array a;
    file_error error = {{0}};
    float narrow = 0;
    double wide = 0;
    cr_assert(array_make(&a, written[i].type, 1, (size_t[]){1}) == 0);
    array_set(&a, 0, written[i].value);
    const memory_file file = memory_file_make(NULL, 0);
    cr_assert(npy_write(&a, file.path, &error) == 0, "%s", error.text);
    cr_assert(memory_file_content(&file, bytes, sizeof bytes) == 128 + written[i].size);
    bytes[127] = '\0';
    cr_assert(strstr((const char *)bytes + 10, written[i].descr) != NULL, "%s", (const char *)bytes + 10);
    memcpy(&narrow, bytes + 128, sizeof narrow);
    memcpy(&wide, bytes + 128, sizeof wide);
    cr_assert((written[i].size == 4 ? (double)narrow : wide) == written[i].value);
    array_free(&a);
  }
}
