/* Whether a pass computed what it should, by the reference and the bounds of tests/oracle. Tensors that would take the
 * reference minutes are checked in a part of their statistics, spread over all of them, each with all its elements; that
 * every element was written is checked always. */
#ifndef CLNORM_BENCH_VERIFY_H
#define CLNORM_BENCH_VERIFY_H

#include <reference.h>
#include <tolerance.h>

#include "workload.h"

typedef struct verifier {
  oracle reference;
  clnorm_pass pass;
  const workload *w;
  size_t checked;        /* statistics */
  size_t *picked;        /* which; NULL: all */
  float *x, *dy, *small; /* the picked part of the inputs; NULL: all */
  int made;
} verifier;

typedef struct verdict {
  int ok;
  double max_err, tolerance; /* of the worst element of all results, and its bound */
  double units;              /* max_err in bounds */
  char reason[256];          /* if not ok */
} verdict;

/* Computes the reference. 0, or -1 if there is not the memory. The workload is kept by reference. */
int verifier_create(verifier *v, const workload *w, clnorm_pass pass);

/* Of a created or zeroed verifier. */
void verifier_destroy(verifier *v);

/* Compares w->out with the reference. */
void verifier_check(const verifier *v, verdict *result);

/* Whether the tensor alone (y or dx) is what was asked for at all, to 1 % of its own deviation: for peers, whose
 * rounding is their own affair. */
int verifier_resembles(const verifier *v);

#endif
