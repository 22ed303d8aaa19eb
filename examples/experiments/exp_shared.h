/* What several experiments do in the same way. */
#ifndef CLNORM_EXPERIMENTS_EXP_SHARED_H
#define CLNORM_EXPERIMENTS_EXP_SHARED_H

#include "experiment.h"
#include "training.h"

/* Digits of 28 x 28: up to so many to train with and held out, and two panels for shared_curve. The sets are to be freed.
 * 0, or -1 with r->failed set. */
int shared_digits(experiment_run *run, results *r, size_t train_count, size_t test_count, data_set *train,
                  data_set *test);

/* Digits of 8 x 8. 0, or -1 with r->failed set. */
int shared_small_digits(experiment_run *run, results *r, const data_set **all);

/* How many of a set are held out: a fifth. */
size_t shared_held_out(const data_set *all);

/* Splits a set into sets[0] to train with and sets[1], what is held out; both are to be freed. 0, or -1 with r->failed set. */
int shared_split(results *r, const data_set *all, int seed, data_set sets[2]);

/* Accuracies on the held-out samples, in percent. */
typedef struct shared_accuracy {
  double last; /* after the last epoch */
  double mean; /* over the epochs */
} shared_accuracy;

/* Trains, and adds the accuracy on the held-out samples and the loss of each epoch to the panels 0 and 1. */
shared_accuracy shared_curve(training *t, results *r, int seed, const char *series, size_t batch, int epochs);

/* One training after the other over a range of something, of which a number is what counts. */
typedef double (*shared_sweep)(experiment_run *run, results *r, int seed, const data_set *sets, int with, int epochs);

/* What the numbers of one seed, without and with normalization, tell. */
typedef void (*shared_judge)(results *r, double without, double with);

/* For each seed the set is split and swept over without and with normalization. */
void shared_sweeps(experiment_run *run, results *r, const data_set *all, int epochs, shared_sweep sweep,
                   shared_judge judge);

#endif
