/* A shape with data, run on a backend and compared with the reference in one call. */
#ifndef CLNORM_TESTS_PROBLEM_H
#define CLNORM_TESTS_PROBLEM_H

#include "backend.h"
#include "cases.h"
#include "tolerance.h"

/* Arguments that a call may leave out. */
#define WITH_GAMMA 1u
#define WITH_BETA 2u
#define WITH_RUNNING_MEAN 4u
#define WITH_RUNNING_VAR 8u
#define WITH_MEAN 16u
#define WITH_INV_STD 32u
#define WITH_DX 64u
#define WITH_DGAMMA 128u
#define WITH_DBETA 256u
#define WITH_ALL 511u

typedef struct problem {
  clnorm_desc desc;
  clnorm_counts counts;
  int outliers;
  /* Inputs. running_* are what infer and backward-frozen read and what train starts from. */
  float *x, *dy, *gamma, *beta, *running_mean, *running_var;
  /* Results of the last run. */
  float *y, *dx, *dgamma, *dbeta, *mean, *inv_std, *new_running_mean, *new_running_var;
  /* The worst error of the last run in units of its bound, and of y or dx in absolute terms. */
  double worst, absolute;
} problem;

/* Makes data for a valid descriptor: x of the kind, dy normal, gamma around 1, beta around 0, and running statistics
 * that are near the data's. */
problem *problem_make(const clnorm_desc *desc, generate_kind kind, double mean, double std, uint64_t seed);

/* The same for a case of the table. */
problem *problem_from_case(const oracle_case *c, clnorm_layout layout);

void problem_free(problem *p);

/* Runs the pass with those optional arguments (bits that the pass does not take are ignored) and asserts that every
 * output lies within its bound. Backward passes are given the reference's mean and inv_std, rounded to float. */
void problem_check(problem *p, backend *b, clnorm_pass pass, unsigned with);

/* Sets a torch-preset descriptor to channels-first or channels-last dims (N, C, positions...). */
void desc_set(clnorm_desc *desc, clnorm_layout layout, uint32_t flags, uint32_t rank, const size_t *dims);

/* count floats filled with NaN; never NULL. */
float *new_floats(size_t count);

/* "train", "infer", "backward", "backward-frozen" */
const char *pass_text(clnorm_pass pass);

/* "4x8x10x10 channels-last per-activation" */
const char *desc_text(const clnorm_desc *desc);

#endif
