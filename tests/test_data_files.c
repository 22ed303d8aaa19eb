/* The readers of real data: good files, and bad ones, each refused with one sentence. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "data_files.h"
#include "data_table.h"
#include "memory_file.h"

/* ---- tables ------------------------------------------------------------------------------------------------- */

static int read_text(data_table *table, const char *text, size_t skip, size_t columns, file_error *error)
{
  const memory_file made = memory_file_make(text, strlen(text));
  return table_read(table, made.path, skip, columns, error);
}

Test(data_files, table_is_read_whatever_its_line_ends)
{
  static const char *const texts[] = {"1,2.5\n-3,4e1\n", "1,2.5\r\n-3,4e1\r\n", "1,2.5\n-3,4e1",
                                      "names\n1,2.5\n-3,4e1\n"};
  for (int i = 0; i < 4; i++) {
    data_table table;
    file_error error = {{0}};
    cr_assert(read_text(&table, texts[i], i == 3, 2, &error) == 0, "%s", error.text);
    cr_assert(table.rows == 2 && table.columns == 2);
    cr_assert(table.values[0] == 1 && table.values[1] == 2.5 && table.values[2] == -3 && table.values[3] == 40);
    table_free(&table);
  }
}

Test(data_files, gzipped_table_of_many_rows_is_read)
{
  static char text[200000];
  size_t length = 0;
  for (int i = 0; i < 9000; i++) {
    length += (size_t)snprintf(text + length, sizeof text - length, "%d,%d\n", i, 7 * i);
  }
  data_table table;
  file_error error = {{0}};
  const memory_file made = memory_file_gzip(text, length, SIZE_MAX);
  cr_assert(table_read(&table, made.path, 0, 2, &error) == 0, "%s", error.text);
  cr_assert(table.rows == 9000 && table.values[2 * 8999] == 8999 && table.values[2 * 8999 + 1] == 7 * 8999);
  table_free(&table);
  const memory_file cut = memory_file_gzip(text, length, 2000);
  cr_assert(table_read(&table, cut.path, 0, 2, &error) == -1 && strstr(error.text, "truncated"), "%s", error.text);
  cr_assert(table.values == NULL && table.rows == 0);
}

Test(data_files, bad_tables_are_refused_with_their_line)
{
  static const struct {
    const char *text;
    size_t skip;
    const char *expected;
  } bad[] = {
      {"1,2\n3\n", 0, "line 2: expected 2 values, got 1"},
      {"1,2\n3,4,5\n", 0, "line 2: expected 2 values, got 3"},
      {"1,2\n\n3,4\n", 0, "line 2: value 1, '', is empty"},
      {"1,x\n", 0, "line 1: value 2, 'x', is no number"},
      {"1,nan\n", 0, "line 1: value 2, 'nan', is no number"},
      {"1, 2\n", 0, "line 1: value 2, ' 2', is no number"},
      {"1,1e99\n", 0, "line 1: value 2, '1e99', is out of its range"},
      {"", 0, "line 1: the file ends before the first row"},
      {"1,2\n", 1, "line 2: the file ends before the first row"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    data_table table;
    file_error error = {{0}};
    cr_assert(read_text(&table, bad[i].text, bad[i].skip, 2, &error) == -1, "'%s' was taken", bad[i].text);
    cr_assert(strstr(error.text, bad[i].expected), "expected '...%s', got '%s'", bad[i].expected, error.text);
    cr_assert(strchr(error.text, '\n') == NULL && table.values == NULL);
  }
}

Test(data_files, binary_files_and_endless_lines_are_refused)
{
  data_table table;
  file_error error = {{0}};
  const memory_file zeros = memory_file_make("1,2\0\n", 5);
  cr_assert(table_read(&table, zeros.path, 0, 2, &error) == -1 && strstr(error.text, "line 1: a zero byte"));
  static char line[20000];
  memset(line, '1', sizeof line);
  const memory_file endless = memory_file_make(line, sizeof line);
  cr_assert(table_read(&table, endless.path, 0, 2, &error) == -1 && strstr(error.text, "line 1: is too long"));
  cr_assert(table_read(&table, "/nowhere/table", 0, 2, &error) == -1 &&
            strstr(error.text, "/nowhere/table: cannot be opened"));
}

/* ---- folders ------------------------------------------------------------------------------------------------ */

static char folder[64];

static void make_folder(void)
{
  (void)snprintf(folder, sizeof folder, "/tmp/clnorm-data-XXXXXX");
  cr_assert(mkdtemp(folder) != NULL);
}

static void remove_folder(void)
{
  char command[128];
  (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
  cr_assert(system(command) == 0);
}

static void put(const char *name, const void *bytes, size_t count)
{
  char path[256];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "we");
  cr_assert(file != NULL && fwrite(bytes, 1, count, file) == count && fclose(file) == 0);
}

static void put_gzipped(const char *name, const void *bytes, size_t count)
{
  char path[256];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  gzFile file = gzopen(path, "wb");
  cr_assert(file != NULL && gzwrite(file, bytes, (unsigned)count) == (int)count && gzclose(file) == Z_OK);
}

TestSuite(folders, .init = make_folder, .fini = remove_folder);

/* Two images of 2 x 2 and their labels. */
static const unsigned char images[] = {0, 0, 8, 3, 0, 0,  0,   2,   0,   0,   0, 2,
                                       0, 0, 0, 2, 0, 51, 102, 153, 204, 255, 0, 51};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 3};

Test(folders, digits_are_found_gzipped_or_not_here_or_in_mnist)
{
  char path[128];
  data_set train, test;
  file_error error = {{0}};
  cr_assert(files_mnist(folder, &train, &test, &error) == 0 && train.x == NULL);
  (void)snprintf(path, sizeof path, "%s/mnist", folder);
  cr_assert(mkdir(path, 0700) == 0);
  put_gzipped("mnist/train-images-idx3-ubyte.gz", images, sizeof images);
  put_gzipped("mnist/train-labels-idx1-ubyte.gz", labels, sizeof labels);
  put("t10k-images.idx3-ubyte", images, sizeof images);
  put("t10k-labels.idx1-ubyte", labels, sizeof labels);
  cr_assert(files_mnist(folder, &train, &test, &error) == 1, "%s", error.text);
  cr_assert(train.count == 2 && train.features == 4 && train.shape[0] == 1 && train.shape[1] == 2 &&
            train.shape[2] == 2);
  cr_assert(train.labels[0] == 7 && train.labels[1] == 3 && test.labels[0] == 7);
  for (int i = 0; i < 8; i++) {
    cr_assert(train.x[i] == (float)(images[16 + i] / 255.0) && test.x[i] == train.x[i]);
  }
  data_free(&train);
  data_free(&test);
}

static void expect_bad_mnist(const char *expected)
{
  data_set train, test;
  file_error error = {{0}};
  cr_assert(files_mnist(folder, &train, &test, &error) == -1, "taken, expected '%s'", expected);
  cr_assert(strstr(error.text, expected), "expected '...%s', got '%s'", expected, error.text);
  cr_assert(strchr(error.text, '\n') == NULL && train.x == NULL && test.x == NULL);
}

Test(folders, bad_digits_are_refused)
{
  unsigned char wrong[sizeof labels];
  unsigned char other[sizeof images];
  put("t10k-labels-idx1-ubyte", labels, sizeof labels);
  expect_bad_mnist("has some of MNIST's files, but no train-images-idx3-ubyte");
  put("train-images-idx3-ubyte", images, sizeof images);
  expect_bad_mnist("but no train-labels-idx1-ubyte");
  memcpy(wrong, labels, sizeof labels);
  wrong[9] = 10;
  put("train-labels-idx1-ubyte", wrong, sizeof wrong);
  put("t10k-images-idx3-ubyte", images, sizeof images);
  expect_bad_mnist("label 1 is 10; expected 0 to 9");
  wrong[9] = wrong[8];
  put("train-labels-idx1-ubyte", wrong, sizeof wrong);
  expect_bad_mnist("train-labels-idx1-ubyte: every label is 7; expected two classes or more");
  wrong[7] = 1;
  put("train-labels-idx1-ubyte", wrong, sizeof wrong - 1);
  expect_bad_mnist("has the shape (1,); expected the labels of 2 images");
  put("train-labels-idx1-ubyte", labels, sizeof labels);
  memcpy(other, images, sizeof images);
  other[2] = 0x0d;
  put("train-images-idx3-ubyte", other, sizeof other);
  expect_bad_mnist("begins with 00 00 0d; expected an IDX file of bytes, 00 00 08");
  put("train-images-idx3-ubyte", "\223NUMPY", 6);
  expect_bad_mnist("begins with 93 4e 55; expected an IDX file of bytes");
  put("train-images-idx3-ubyte", images, sizeof images);
  put("t10k-images-idx3-ubyte", images, sizeof images - 1);
  expect_bad_mnist("truncated");
  put("train-images-idx3-ubyte", labels, sizeof labels);
  expect_bad_mnist("has the shape (2,); expected (N, height, width)");
}

/* Values from 0 to 16; the last label is `label`, those before 1 less. */
static size_t write_rows(char *text, size_t capacity, int rows, int features, int label)
{
  size_t length = 0;
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < features; j++) {
      length += (size_t)snprintf(text + length, capacity - length, "%d,", (i + j) % 17);
    }
    length += (size_t)snprintf(text + length, capacity - length, "%d\n", i + 1 < rows ? label - 1 : label);
  }
  return length;
}

Test(folders, small_digits_and_wine_are_read)
{
  static char text[8192];
  data_set set;
  file_error error = {{0}};
  cr_assert(files_digits(folder, &set, &error) == 0 && files_wine(folder, &set, &error) == 0);
  put_gzipped("digits.csv.gz", text, write_rows(text, sizeof text, 3, 64, 9));
  cr_assert(files_digits(folder, &set, &error) == 1, "%s", error.text);
  cr_assert(set.count == 3 && set.features == 64 && set.shape[1] == 8 && set.classes == 10 && set.labels[2] == 9);
  cr_assert(set.x[16] == 1 && set.x[64] == 1 / 16.0f);
  data_free(&set);
  size_t length = (size_t)snprintf(text, sizeof text, "3,13,a,b,c\n");
  length += write_rows(text + length, sizeof text - length, 3, 13, 2);
  put("wine.csv", text, length);
  cr_assert(files_wine(folder, &set, &error) == 1, "%s", error.text);
  cr_assert(set.count == 3 && set.features == 13 && set.classes == 3 && set.x[1] == 1 && set.labels[2] == 2);
  data_free(&set);
}

/* Of what `count` bytes of text in that file give. */
static void expect_bad(const char *name, int (*read)(const char *, data_set *, file_error *), const char *text,
                       size_t count, const char *expected)
{
  data_set set;
  file_error error = {{0}};
  put(name, text, count);
  cr_expect(read(folder, &set, &error) == -1, "taken, expected '%s'", expected);
  cr_expect(strstr(error.text, expected), "expected '...%s', got '%s'", expected, error.text);
  cr_expect(strchr(error.text, '\n') == NULL && set.x == NULL);
}

Test(folders, bad_small_digits_are_refused)
{
  static const char *const values[] = {"17", "-5", "255", "1e30"};
  static char text[8192];
  expect_bad("digits.csv", files_digits, text, write_rows(text, sizeof text, 2, 64, 11),
             "line 1: the label is 10; expected 0 to 9");
  expect_bad("digits.csv", files_digits, text, write_rows(text, sizeof text, 2, 63, 1),
             "line 1: expected 65 values, got 64");
  expect_bad("digits.csv", files_digits, text, write_rows(text, sizeof text, 1, 64, 3),
             "digits.csv: every label is 3; expected two classes or more");
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    char expected[80];
    char row[512];
    (void)write_rows(row, sizeof row, 1, 64, 3); /* 0,1,2,... */
    size_t length = write_rows(text, sizeof text, 2, 64, 5);
    length += (size_t)snprintf(text + length, sizeof text - length, "0,%s%s", values[i], strstr(row, ",2,"));
    (void)snprintf(expected, sizeof expected, "line 3: value 2 is %g; expected 0 to 16", strtod(values[i], NULL));
    expect_bad("digits.csv", files_digits, text, length, expected);
  }
}

Test(folders, bad_wines_are_refused)
{
  static const struct {
    const char *head, *expected;
    int label;
  } rows[] = {
      {"2,13,a,b,c\n", "line 2: the label is 3; expected 0 to 2", 4},
      {"names\n", "line 1: expected the number of wines, 13 and the names of 3 classes, got 'names'", 2},
      {"", "line 1: expected the number of wines, 13 and the names of 3 classes, got '0,1,2,3,4,5,6,7,8,9,10,11,12,1'",
       2},
      {"178,13,a,b,c\n", "line 1: tells of 178 wines with 13 measurements; the file has 2 with 13", 2},
      {"2,12,a,b,c\n", "line 1: tells of 2 wines with 12 measurements; the file has 2 with 13", 2},
      {"2,13,a,b\n", "line 1: expected the number of wines", 2},
  };
  static char text[8192];
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t length = (size_t)snprintf(text, sizeof text, "%s", rows[i].head);
    length += write_rows(text + length, sizeof text - length, 2, 13, rows[i].label);
    expect_bad("wine.csv", files_wine, text, length, rows[i].expected);
  }
}

/* A link to nowhere is a file that cannot be read and not one that is absent. */
Test(folders, link_to_nowhere_is_no_absent_file)
{
  char path[128];
  data_set set;
  file_error error = {{0}};
  (void)snprintf(path, sizeof path, "%s/digits.csv.gz", folder);
  cr_assert(symlink("nowhere", path) == 0);
  cr_expect(files_digits(folder, &set, &error) == -1 && strstr(error.text, "digits.csv.gz: cannot be opened"), "%s",
            error.text);
}
