/* The real data of a user's folder: MNIST's IDX files, the 8 x 8 digits of digits.csv, the wines of wine.csv; each file
 * gzipped or not, IDX files in the folder itself or in its folder mnist. */
#ifndef CLNORM_EXPERIMENTS_DATA_FILES_H
#define CLNORM_EXPERIMENTS_DATA_FILES_H

#include "data_set.h"
#include "stream.h"

/* Each of these returns 1 if the data is there and was read, 0 if there is no such file, -1 with error->text a sentence if
 * it is bad; but for 1 the sets are empty. */

/* Images from 0 to 1, of the training and of the t10k files: all four of them, IDX files of bytes. */
int files_mnist(const char *folder, data_set *train, data_set *test, file_error *error);

/* Images of 8 x 8 from 0 to 1; 0 to 16 in the file. */
int files_digits(const char *folder, data_set *set, file_error *error);

/* 13 measurements as they stand in the file, 3 classes. The first line tells how many wines there are, 13, and three names. */
int files_wine(const char *folder, data_set *set, file_error *error);

#endif
