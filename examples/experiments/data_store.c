#include "data_store.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "data_digits.h"
#include "data_files.h"
#include "message.h"

/* Of drawn digits; MNIST's have other seeds than any experiment's own. */
enum { TRAIN_SEED = 1001, TEST_SEED = 1002, SMALL_SEED = 1003, WINE_SEED = 1004 };

static int check_folder(const char *folder)
{
  struct stat found;
  if (stat(folder, &found) != 0) {
    return complain(EXIT_USAGE, "--data %s: %s", folder, strerror(errno));
  }
  return S_ISDIR(found.st_mode) ? EXIT_OK : complain(EXIT_USAGE, "--data %s: is no folder", folder);
}

/* No more samples than the experiments are made for: MNIST as it is published has eight times as many. */
static int limit(data_set *set, size_t most)
{
  data_set part;
  if (set->count <= most) {
    return 0;
  }
  if (data_sample(&part, set, most, 1) != 0) {
    return -1;
  }
  (void)snprintf(part.description, sizeof part.description, "%zu of: %.70s", part.count, set->description);
  data_free(set);
  *set = part;
  return 0;
}

static int check_count(const data_set *set, size_t least, const char *what)
{
  return set->x == NULL || set->count >= least
             ? EXIT_OK
             : complain(EXIT_USAGE, "--data: %zu samples in %s; the experiments need %zu", set->count, what, least);
}

static int check_counts(data_store *store)
{
  if (limit(&store->mnist_train, 8000) != 0 || limit(&store->mnist_test, 2000) != 0) {
    return complain(EXIT_DEVICE, "not enough memory");
  }
  int code = check_count(&store->mnist_train, 1000, "MNIST's training files");
  code = code == EXIT_OK ? check_count(&store->mnist_test, 200, "MNIST's test files") : code;
  code = code == EXIT_OK ? check_count(&store->digits, 500, "digits.csv") : code;
  return code == EXIT_OK ? check_count(&store->wine, 60, "wine.csv") : code;
}

int store_open(data_store *store, const char *folder)
{
  file_error error = {{0}};
  *store = (data_store){0};
  if (folder == NULL) {
    return EXIT_OK;
  }
  int code = check_folder(folder);
  if (code == EXIT_OK &&
      (files_mnist(folder, &store->mnist_train, &store->mnist_test, &error) < 0 ||
       files_digits(folder, &store->digits, &error) < 0 || files_wine(folder, &store->wine, &error) < 0)) {
    code = complain(EXIT_USAGE, "--data: %s", error.text);
  }
  if (code == EXIT_OK && store->mnist_train.x == NULL && store->digits.x == NULL && store->wine.x == NULL) {
    code = complain(EXIT_USAGE,
                    "--data %s: none of train-images-idx3-ubyte, digits.csv, wine.csv (.gz or not) is there", folder);
  }
  code = code == EXIT_OK ? check_counts(store) : code;
  if (code != EXIT_OK) {
    store_close(store);
  }
  return code;
}

void store_close(data_store *store)
{
  data_free(&store->mnist_train);
  data_free(&store->mnist_test);
  data_free(&store->digits);
  data_free(&store->wine);
}

int store_mnist(data_store *store, const data_set **train, const data_set **test)
{
  if (store->mnist_train.x == NULL && (digits_draw(&store->mnist_train, 8000, 28, TRAIN_SEED) != 0 ||
                                       digits_draw(&store->mnist_test, 2000, 28, TEST_SEED) != 0)) {
    data_free(&store->mnist_train);
    return -1;
  }
  *train = &store->mnist_train;
  *test = &store->mnist_test;
  return 0;
}

int store_digits(data_store *store, const data_set **set)
{
  *set = &store->digits;
  return store->digits.x != NULL ? 0 : digits_draw(&store->digits, 1797, 8, SMALL_SEED);
}

/* Normal clouds, whose centres are 1.2 standard deviations apart in most features, and each feature at a scale of its own. */
static int make_wine(data_set *set)
{
  data_random r;
  double centres[3][13];
  random_begin(&r, WINE_SEED, RANDOM_POINTS);
  if (data_make(set, 178, 13, 1, 1, 3) != 0) {
    return -1;
  }
  for (int i = 0; i < 39; i++) {
    centres[i / 13][i % 13] = 1.2 * random_normal(&r);
  }
  for (size_t i = 0; i < set->count; i++) {
    set->labels[i] = (int32_t)(i % 3);
    for (size_t j = 0; j < 13; j++) {
      const double scale = pow(10, (double)j / 4 - 1);
      set->x[i * 13 + j] = (float)(scale * (centres[i % 3][j] + random_normal(&r) + 3));
    }
  }
  (void)snprintf(set->description, sizeof set->description, "synthetic: 178 samples of 13 measurements");
  return 0;
}

int store_wine(data_store *store, const data_set **set)
{
  *set = &store->wine;
  return store->wine.x != NULL ? 0 : make_wine(&store->wine);
}
