/* The functions of the rows of experiments.c, one file each. */
#ifndef CLNORM_EXPERIMENTS_EXP_ROWS_H
#define CLNORM_EXPERIMENTS_EXP_ROWS_H

#include "experiment.h"

void exp_circles(experiment_run *run, results *r);
void exp_drift(experiment_run *run, results *r);
void exp_noise(experiment_run *run, results *r);
void exp_rates(experiment_run *run, results *r);
void exp_depth(experiment_run *run, results *r);
void exp_gap(experiment_run *run, results *r);
void exp_init(experiment_run *run, results *r);
void exp_scales(experiment_run *run, results *r);
void exp_decay(experiment_run *run, results *r);
void exp_freeze(experiment_run *run, results *r);
void exp_domain(experiment_run *run, results *r);
void exp_batches(experiment_run *run, results *r);
void exp_placement(experiment_run *run, results *r);
void exp_recurrent(experiment_run *run, results *r);
void exp_easy(experiment_run *run, results *r);
void exp_mlp(experiment_run *run, results *r);
void exp_adam(experiment_run *run, results *r);
void exp_cnn(experiment_run *run, results *r);
void exp_gan(experiment_run *run, results *r);

#endif
