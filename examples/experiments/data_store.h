/* All data that experiments ask for: real where the user's folder has it, else made here. */
#ifndef CLNORM_EXPERIMENTS_DATA_STORE_H
#define CLNORM_EXPERIMENTS_DATA_STORE_H

#include "data_set.h"

typedef struct data_store {
  data_set mnist_train, mnist_test, digits, wine;
} data_store;

/* Reads what the folder has.
 *   folder   NULL: nothing is read
 * EXIT_OK, or EXIT_USAGE after a line on stderr: the folder is none, a file in it is bad or has too few samples. */
int store_open(data_store *store, const char *folder);

void store_close(data_store *store);

/* Digits of 28 x 28 (or what size the user's have): 8000 to train with and 2000 held out, drawn ones if there are no real
 * ones; fewer, if the user has fewer. 0, or -1 without the memory. They belong to the store. */
int store_mnist(data_store *store, const data_set **train, const data_set **test);

/* The same for digits of 8 x 8, 1797 of them. */
int store_digits(data_store *store, const data_set **set);

/* 178 samples of 13 measurements whose scales differ by a factor of a thousand, in 3 classes. */
int store_wine(data_store *store, const data_set **set);

#endif
