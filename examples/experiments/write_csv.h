/* The points of all curves of an experiment as a CSV file. */
#ifndef CLNORM_EXPERIMENTS_WRITE_CSV_H
#define CLNORM_EXPERIMENTS_WRITE_CSV_H

#include "results.h"

/* Writes lines "panel,series,seed,x,y", and behind them numbers and gains, from the least seed's to the greatest:
 * "number (sorted),NAME,1,,value". The results are closed.
 * 0, or -1 with errno set. */
int write_csv(const results *r, const char *path);

#endif
