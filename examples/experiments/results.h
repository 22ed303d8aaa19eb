/* What an experiment found: curves for its picture, numbers for its table, the parts of its claim. */
#ifndef CLNORM_EXPERIMENTS_RESULTS_H
#define CLNORM_EXPERIMENTS_RESULTS_H

#include <stddef.h>

#include "claim_rule.h"

enum { RESULTS_LOG_X = 1, RESULTS_LOG_Y = 2, RESULTS_BARS = 4 };

/* A picture has up to four panels: three side by side, four in a square. In one with RESULTS_BARS a series is a bar and x is not looked at. */
typedef struct results_panel {
  char title[80], x_label[48], y_label[48];
  unsigned flags;
} results_panel;

typedef struct results_point {
  int seed;
  double x, y;
} results_point;

typedef struct results_series {
  char name[48];
  int panel;
  results_point *points;
  size_t count, capacity;
} results_series;

/* One number from each seed. */
typedef struct results_values {
  char text[160];
  char unit[16];
  double threshold; /* of a part */
  double *values;   /* in the order of the seeds until results_close, then sorted */
  size_t count, capacity;
  claim_interval interval; /* from results_close on */
  claim_verdict verdict;   /* of a part, from results_close on */
} results_values;

enum { RESULTS_PANELS = 4, RESULTS_SERIES = 24, RESULTS_NUMBERS = 48, RESULTS_PARTS = 8 };

typedef struct results {
  results_panel panels[RESULTS_PANELS];
  int panel_count;
  results_series series[RESULTS_SERIES];
  int series_count;
  results_values numbers[RESULTS_NUMBERS];
  int number_count;
  results_values parts[RESULTS_PARTS];
  int part_count;
  char setup[1600]; /* network, rates, batches: sentences */
  char data[400];   /* descriptions of the data sets, "; " between them */
  claim_verdict verdict;
  double seconds;
  int failed; /* memory was missing, or one of the tables above is full */
} results;

/* Adds a panel and returns its index. */
int results_add_panel(results *r, const char *title, const char *x_label, const char *y_label, unsigned flags);

/* Adds a point to the series of that name in the panel. Values that are not finite stay in the CSV and are left out of pictures. */
void results_add_point(results *r, int panel, const char *series, int seed, double x, double y);

/* Adds a seed's value to the number of that name. */
void results_add_number(results *r, const char *text, const char *unit, double value);

/* Adds a seed's gain to the part of that name; the claim's rule is in claim_rule.h. A gain that is NaN counts as -INFINITY. */
void results_add_gain(results *r, const char *text, const char *unit, double threshold, double gain);

/* Adds sentences to the setup, and a data set (once). */
void results_add_setup(results *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void results_add_data(results *r, const char *description);

/* All is in: sorts, summarizes, judges. */
void results_close(results *r);

void results_free(results *r);

#endif
