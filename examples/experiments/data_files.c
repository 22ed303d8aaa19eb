#include "data_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "array.h"
#include "data_table.h"
#include "numbers.h"

#define PATH_BYTES 4096

/* Whether there is anything of that name: also a link to nowhere, or what may not be looked at. Reading it tells then what is
 * wrong; to leave it out would put synthetic data in its place. */
static int is_there(const char *path)
{
  struct stat found;
  return lstat(path, &found) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* 1 and the path of the first file that is there. */
static int find(char *path, const char *folder, const char *const *names)
{
  static const char *const endings[] = {"", ".gz"};
  for (; *names != NULL; names++) {
    for (int e = 0; e < 2; e++) {
      const int length = snprintf(path, PATH_BYTES, "%s/%s%s", folder, *names, endings[e]);
      if (length > 0 && length < PATH_BYTES && is_there(path)) {
        return 1;
      }
    }
  }
  return 0;
}

/* ---- IDX files ---------------------------------------------------------------------------------------------- */

static const char *const idx_names[2][2][5] = {
    {{"train-images-idx3-ubyte", "train-images.idx3-ubyte", "mnist/train-images-idx3-ubyte",
      "mnist/train-images.idx3-ubyte", NULL},
     {"train-labels-idx1-ubyte", "train-labels.idx1-ubyte", "mnist/train-labels-idx1-ubyte",
      "mnist/train-labels.idx1-ubyte", NULL}},
    {{"t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte", "mnist/t10k-images-idx3-ubyte",
      "mnist/t10k-images.idx3-ubyte", NULL},
     {"t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte", "mnist/t10k-labels-idx1-ubyte",
      "mnist/t10k-labels.idx1-ubyte", NULL}},
};

static int check_shapes(const array *images, const char *image_path, const array *labels, const char *label_path,
                        file_error *error)
{
  char shape[200];
  if (images->rank != 3 || images->count == 0 || images->dims[1] > 256 || images->dims[2] > 256) {
    return file_fail(error, image_path, "has the shape %s; expected (N, height, width), up to 256 pixels each",
                     array_shape_text(images, shape, sizeof shape));
  }
  if (labels->rank != 1 || labels->dims[0] != images->dims[0]) {
    return file_fail(error, label_path, "has the shape %s; expected the labels of %zu images",
                     array_shape_text(labels, shape, sizeof shape), images->dims[0]);
  }
  return 0;
}

/* Integers from 0 to classes - 1. */
static int set_label(data_set *set, size_t i, double value)
{
  if (!(value >= 0 && value < set->classes) || value != (double)(int)value) {
    return -1;
  }
  set->labels[i] = (int32_t)value;
  return 0;
}

/* Of labels that are all the same nothing can be learned. */
static int check_classes(const data_set *set, const char *path, file_error *error)
{
  for (size_t i = 1; i < set->count; i++) {
    if (set->labels[i] != set->labels[0]) {
      return 0;
    }
  }
  return file_fail(error, path, "every label is %d; expected two classes or more", (int)set->labels[0]);
}

static int fill_images(data_set *set, const array *images, const array *labels, const char *label_path,
                       file_error *error)
{
  if (data_make(set, images->dims[0], 1, images->dims[1], images->dims[2], 10) != 0) {
    return file_fail(error, label_path, "not enough memory");
  }
  for (size_t i = 0; i < images->count; i++) {
    set->x[i] = (float)(array_get(images, i) / 255);
  }
  for (size_t i = 0; i < set->count; i++) {
    if (set_label(set, i, array_get(labels, i)) != 0) {
      return file_fail(error, label_path, "label %zu is %g; expected 0 to 9", i, array_get(labels, i));
    }
  }
  return check_classes(set, label_path, error);
}

/* Bytes are what MNIST has: of other types values could be anything, NaN too. A file that ends within these first bytes is
 * refused by who reads it. */
static int check_type(const char *path, file_error *error)
{
  unsigned char first[4];
  size_t count = 0;
  stream s;
  if (stream_open(&s, path, error) != 0) {
    return -1;
  }
  const int failed = stream_peek(&s, first, sizeof first, &count);
  stream_close(&s);
  if (failed == 0 && count == sizeof first && (first[0] != 0 || first[1] != 0 || first[2] != 0x08)) {
    return file_fail(error, path, "begins with %02x %02x %02x; expected an IDX file of bytes, 00 00 08", first[0],
                     first[1], first[2]);
  }
  return failed;
}

static int load_bytes(array *a, const char *path, file_error *error)
{
  const int failed = check_type(path, error);
  return failed != 0 ? failed : array_load(a, CLNORM_F32, path, error);
}

static int load_half(data_set *set, const char *image_path, const char *label_path, file_error *error)
{
  array images = {0};
  array labels = {0};
  int failed = load_bytes(&images, image_path, error);
  failed = failed != 0 ? failed : load_bytes(&labels, label_path, error);
  failed = failed != 0 ? failed : check_shapes(&images, image_path, &labels, label_path, error);
  failed = failed != 0 ? failed : fill_images(set, &images, &labels, label_path, error);
  array_free(&images);
  array_free(&labels);
  return failed;
}

/* 1 and the paths of all four files, 0 if none of them is there, -1 if some are. */
static int find_all(char paths[2][2][PATH_BYTES], const char *folder, file_error *error)
{
  const char *missing = NULL;
  int found = 0;
  for (int i = 0; i < 4; i++) {
    const int is_found = find(paths[i / 2][i % 2], folder, idx_names[i / 2][i % 2]);
    missing = is_found || missing != NULL ? missing : idx_names[i / 2][i % 2][0];
    found += is_found;
  }
  if (found > 0 && missing != NULL) {
    return file_fail(error, folder, "has some of MNIST's files, but no %s", missing);
  }
  return found > 0;
}

int files_mnist(const char *folder, data_set *train, data_set *test, file_error *error)
{
  char paths[2][2][PATH_BYTES];
  *train = *test = (data_set){0};
  const int found = find_all(paths, folder, error);
  if (found != 1) {
    return found;
  }
  if (load_half(train, paths[0][0], paths[0][1], error) != 0 || load_half(test, paths[1][0], paths[1][1], error) != 0 ||
      (test->features != train->features &&
       file_fail(error, folder, "MNIST's training and test digits differ in size") != 0)) {
    data_free(train);
    data_free(test);
    return -1;
  }
  (void)snprintf(train->description, sizeof train->description, "MNIST, %zu handwritten digits", train->count);
  (void)snprintf(test->description, sizeof test->description, "MNIST, %zu held-out digits", test->count);
  return 1;
}

/* ---- tables ------------------------------------------------------------------------------------------------- */

/* What a value of a table may be, and what becomes of it. */
typedef struct value_rule {
  double least, most, factor;
} value_rule;

/* A row is the features and the label. */
static int fill_rows(data_set *set, const data_table *table, value_rule rule, size_t first_line, const char *path,
                     file_error *error)
{
  const size_t columns = table->columns;
  for (size_t i = 0; i < table->rows; i++) {
    const double *row = table->values + i * columns;
    for (size_t j = 0; j + 1 < columns; j++) {
      if (!(row[j] >= rule.least && row[j] <= rule.most)) {
        return file_fail(error, path, "line %zu: value %zu is %g; expected %g to %g", first_line + i, j + 1, row[j],
                         rule.least, rule.most);
      }
      set->x[i * set->features + j] = (float)(row[j] * rule.factor);
    }
    if (set_label(set, i, row[columns - 1]) != 0) {
      return file_fail(error, path, "line %zu: the label is %g; expected 0 to %d", first_line + i, row[columns - 1],
                       set->classes - 1);
    }
  }
  return check_classes(set, path, error);
}

int files_digits(const char *folder, data_set *set, file_error *error)
{
  static const char *const names[] = {"digits.csv", NULL};
  static const value_rule pixels = {0, 16, 1.0 / 16};
  char path[PATH_BYTES];
  data_table table;
  *set = (data_set){0};
  if (!find(path, folder, names)) {
    return 0;
  }
  if (table_read(&table, path, 0, 65, error) != 0) {
    return -1;
  }
  int failed = data_make(set, table.rows, 1, 8, 8, 10) != 0 ? file_fail(error, path, "not enough memory")
                                                            : fill_rows(set, &table, pixels, 1, path, error);
  if (failed != 0) {
    data_free(set);
  } else {
    (void)snprintf(set->description, sizeof set->description, "%zu digits of 8 x 8", set->count);
  }
  table_free(&table);
  return failed != 0 ? -1 : 1;
}

/* "178,13,class_0,class_1,class_2": without this line a wine would be lost for it, and with another the file may not be whole. */
static int check_head(const data_table *table, const char *path, file_error *error)
{
  char head[sizeof table->head];
  const char *fields[5] = {"", "", "", "", ""};
  size_t count = 0;
  uint64_t rows = 0, features = 0;
  memcpy(head, table->head, sizeof head);
  for (char *field = head; field != NULL; count++) {
    char *comma = strchr(field, ',');
    if (comma != NULL) {
      *comma = '\0';
    }
    if (count < 5) {
      fields[count] = field;
    }
    field = comma != NULL ? comma + 1 : NULL;
  }
  if (count != 5 || parse_whole(fields[0], 0, UINT32_MAX, &rows) != NULL ||
      parse_whole(fields[1], 0, UINT32_MAX, &features) != NULL) {
    return file_fail(error, path, "line 1: expected the number of wines, 13 and the names of 3 classes, got '%.60s'",
                     table->head);
  }
  if (rows != table->rows || features != 13) {
    return file_fail(error, path, "line 1: tells of %llu wines with %llu measurements; the file has %zu with 13",
                     (unsigned long long)rows, (unsigned long long)features, table->rows);
  }
  return 0;
}

int files_wine(const char *folder, data_set *set, file_error *error)
{
  static const char *const names[] = {"wine.csv", NULL};
  static const value_rule any = {-1e30, 1e30, 1};
  char path[PATH_BYTES];
  data_table table;
  *set = (data_set){0};
  if (!find(path, folder, names)) {
    return 0;
  }
  if (table_read(&table, path, 1, 14, error) != 0) {
    return -1;
  }
  int failed = check_head(&table, path, error);
  if (failed == 0) {
    failed = data_make(set, table.rows, 13, 1, 1, 3) != 0 ? file_fail(error, path, "not enough memory")
                                                          : fill_rows(set, &table, any, 2, path, error);
  }
  if (failed != 0) {
    data_free(set);
  } else {
    (void)snprintf(set->description, sizeof set->description, "%zu wines, 13 measurements", set->count);
  }
  table_free(&table);
  return failed != 0 ? -1 : 1;
}
