/* Tables of numbers in text files: a row a line, commas between the values, gzipped or not. */
#ifndef CLNORM_EXPERIMENTS_DATA_TABLE_H
#define CLNORM_EXPERIMENTS_DATA_TABLE_H

#include <stddef.h>

#include "stream.h"

typedef struct data_table {
  size_t rows, columns;
  double *values; /* [rows, columns], owned */
  char head[256]; /* the first line that was skipped, as far as there is room; "" without one */
} data_table;

/* Reads the file: `skip` lines that hold no numbers, then rows of exactly `columns` numbers, at least one row.
 * Returns 0, or -1 with error->text a sentence that names file, line and reason; then the table is empty. */
int table_read(data_table *table, const char *path, size_t skip, size_t columns, file_error *error);

void table_free(data_table *table);

#endif
