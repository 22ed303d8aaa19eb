/* One HTML file with everything: claims, numbers, verdicts, pictures. It opens without a network. */
#ifndef CLNORM_EXPERIMENTS_WRITE_PAGE_H
#define CLNORM_EXPERIMENTS_WRITE_PAGE_H

#include <stdio.h>

#include "experiment.h"

typedef struct page_view {
  const experiment *const *rows; /* the experiments that were run */
  const results *found;          /* of each */
  const int *seeds;              /* of each */
  size_t count;
  const char *folder; /* where the pictures, NAME.svg, lie */
  const char *device, *driver;
  int quick;
  double seconds;
} page_view;

/* Writes FOLDER/index.html. 0, or -1 with errno set. */
int write_page(const page_view *view);

/* What a person sees of one experiment on the terminal: claim, parts, verdict (of a claim; networks have none). */
void write_summary(FILE *file, const experiment *e, const results *r, int seeds);

#endif
