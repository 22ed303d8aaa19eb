#include "data_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "data_table.h"

#define PATH_BYTES 4096

/* 1 and the path of the first file that is there. */
static int find(char *path, const char *folder, const char *const *names)
{
  static const char *const endings[] = {"", ".gz"};
  for (; *names != NULL; names++) {
    for (int e = 0; e < 2; e++) {
      const int length = snprintf(path, PATH_BYTES, "%s/%s%s", folder, *names, endings[e]);
      if (length > 0 && length < PATH_BYTES && access(path, F_OK) == 0) {
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
  return 0;
}

static int load_half(const char *folder, int half, data_set *set, file_error *error)
{
  char image_path[PATH_BYTES];
  char label_path[PATH_BYTES];
  if (!find(image_path, folder, idx_names[half][0])) {
    return 0;
  }
  if (!find(label_path, folder, idx_names[half][1])) {
    return file_fail(error, image_path, "the file of the labels, %s, is not in the folder", idx_names[half][1][0]);
  }
  array images = {0};
  array labels = {0};
  int failed = array_load(&images, CLNORM_F32, image_path, error);
  failed = failed != 0 ? failed : array_load(&labels, CLNORM_F32, label_path, error);
  failed = failed != 0 ? failed : check_shapes(&images, image_path, &labels, label_path, error);
  failed = failed != 0 ? failed : fill_images(set, &images, &labels, label_path, error);
  array_free(&images);
  array_free(&labels);
  return failed != 0 ? -1 : 1;
}

int files_mnist(const char *folder, data_set *train, data_set *test, file_error *error)
{
  *train = *test = (data_set){0};
  int found = load_half(folder, 0, train, error);
  if (found == 1) {
    found = load_half(folder, 1, test, error);
    if (found == 0) {
      found = file_fail(error, folder, "has MNIST's training digits, but no %s", idx_names[1][0][0]);
    } else if (found == 1 && test->features != train->features) {
      found = file_fail(error, folder, "MNIST's training and test digits differ in size");
    }
  }
  if (found == 1) {
    (void)snprintf(train->description, sizeof train->description, "MNIST, %zu handwritten digits", train->count);
    (void)snprintf(test->description, sizeof test->description, "MNIST, %zu held-out digits", test->count);
    return 1;
  }
  data_free(train);
  data_free(test);
  return found;
}

/* ---- tables ------------------------------------------------------------------------------------------------- */

/* A row is the features, times `factor`, and the label. */
static int fill_rows(data_set *set, const data_table *table, double factor, size_t first_line, const char *path,
                     file_error *error)
{
  const size_t columns = table->columns;
  for (size_t i = 0; i < table->rows; i++) {
    const double *row = table->values + i * columns;
    for (size_t j = 0; j + 1 < columns; j++) {
      set->x[i * set->features + j] = (float)(row[j] * factor);
    }
    if (set_label(set, i, row[columns - 1]) != 0) {
      return file_fail(error, path, "line %zu: the label is %g; expected 0 to %d", first_line + i, row[columns - 1],
                       set->classes - 1);
    }
  }
  return 0;
}

int files_digits(const char *folder, data_set *set, file_error *error)
{
  static const char *const names[] = {"digits.csv", NULL};
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
                                                            : fill_rows(set, &table, 1.0 / 16, 1, path, error);
  if (failed != 0) {
    data_free(set);
  } else {
    (void)snprintf(set->description, sizeof set->description, "%zu digits of 8 x 8", set->count);
  }
  table_free(&table);
  return failed != 0 ? -1 : 1;
}

int files_wine(const char *folder, data_set *set, file_error *error)
{
  static const char *const names[] = {"wine.csv", NULL};
  char path[PATH_BYTES];
  data_table table;
  *set = (data_set){0};
  if (!find(path, folder, names)) {
    return 0;
  }
  if (table_read(&table, path, 1, 14, error) != 0) {
    return -1;
  }
  int failed = data_make(set, table.rows, 13, 1, 1, 3) != 0 ? file_fail(error, path, "not enough memory")
                                                            : fill_rows(set, &table, 1, 2, path, error);
  if (failed != 0) {
    data_free(set);
  } else {
    (void)snprintf(set->description, sizeof set->description, "%zu wines, 13 measurements", set->count);
  }
  table_free(&table);
  return failed != 0 ? -1 : 1;
}
