/* One step of a plan, and what steps of both patterns go by. */
#ifndef CLNORM_SRC_STEP_MAKE_H
#define CLNORM_SRC_STEP_MAKE_H

#include "plan.h"
#include "step_counts.h"

/* Adds a step of one statistic and, on GPUs, of the largest work-group; its tiles and tasks are the caller's to set. */
clnorm__step *clnorm__step_add(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                               const clnorm__capabilities *capabilities);

/* Adds a step that puts the partial results of `plan->merged` statistics together. */
clnorm__step *clnorm__step_add_merge(clnorm_plan *plan, clnorm__role role, clnorm__when when,
                                     const clnorm__capabilities *capabilities);

/* Narrows the step's vectors: wider ones than the elements that lie `contiguous` would be all remainder. */
void clnorm__step_limit_width(clnorm__step *step, uint64_t contiguous);

/* Tasks that fill the device. */
uint64_t clnorm__wanted_tasks(const clnorm_plan *plan, const clnorm__capabilities *capabilities);

/* Tasks of the CPU backend's element-wise steps and of its columns. */
uint64_t clnorm__host_tasks(const clnorm_plan *plan, const clnorm__capabilities *capabilities);

/* Elements of such a task at least: two of a reduction's, which alone would be gone before another thread is awake. */
uint64_t clnorm__host_least_task(const clnorm_plan *plan);

/* Values that a partial result stands for at least. */
uint64_t clnorm__min_partial(const clnorm_plan *plan);

/* 1 if the running statistics take the place of x's own. */
int clnorm__plan_uses_running(const clnorm_plan *plan);

/* 1 if running statistics follow the mean of several samples' own. */
int clnorm__plan_averages_samples(const clnorm_plan *plan);

/* 1 if a backward pass computes z again, as those of activations do. The CPU backend finds by itself what it needs for that. */
int clnorm__plan_derives(const clnorm_plan *plan);

/* 1 for channels-last samples with statistics of their own. */
int clnorm__plan_has_matrices(const clnorm_plan *plan);

#endif
