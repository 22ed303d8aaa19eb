/* An experiment: a claim, how it is tested, and the function that does. */
#ifndef CLNORM_EXPERIMENTS_EXPERIMENT_H
#define CLNORM_EXPERIMENTS_EXPERIMENT_H

#include "data_store.h"
#include "net.h"
#include "results.h"

/* What an experiment is given. */
typedef struct experiment_run {
  net_device *device;
  data_store *store;
  int seeds;                                          /* from 1 to this */
  int quick;                                          /* fewer and smaller trainings */
  double done;                                        /* of this experiment, 0 to 1: for the line of progress */
  void (*progress)(const struct experiment_run *run); /* called when `done` has changed; may be NULL */
  void *progress_state;
} experiment_run;

typedef struct experiment {
  const char *name;  /* "circles" */
  int claim;         /* its number in the list of claims; 0: a network, no claim */
  const char *title; /* a few words */
  const char *text;  /* the claim, a sentence */
  const char *shown; /* how teaching material shows it */
  const char *parts; /* what its parts ask, in words, with their thresholds */
  int seeds, quick_seeds;
  double cost, quick_cost; /* seconds of one core or two as once measured: for the remaining time alone */
  void (*run)(experiment_run *run, results *r);
} experiment;

extern const experiment experiments[];
extern const size_t experiment_count;

/* NULL if there is none of that name. */
const experiment *experiment_find(const char *name);

/* Tells how far the experiment is: `step` of `steps` are done. */
void experiment_progress(experiment_run *run, size_t step, size_t steps);

#endif
