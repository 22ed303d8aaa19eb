/* Whether a pass computed what it should, by the references and the bounds of tests/oracle. Tensors that would take the
 * reference minutes are checked in a part, spread over the whole and compared with all of its elements: channels, groups, or the
 * rows of layer and rms; that every element was written is checked always. */
#ifndef CLNORM_BENCH_VERIFY_H
#define CLNORM_BENCH_VERIFY_H

#include "verdict.h"
#include "workload.h"

typedef struct verifier {
  clnorm_pass pass;
  const workload *w;
  size_t checked, checkable; /* channels, groups or rows: how many are compared, of how many */
  /* One of them: */
  struct verify_batch *batch;   /* plain batch normalization of floats, by oracle/reference.h */
  struct verify_family *family; /* anything, by oracle/family.h */
} verifier;

/* Computes the reference. 0, or -1 if there is not the memory. The workload is kept by reference. */
int verifier_create(verifier *v, const workload *w, clnorm_pass pass);

/* Bytes that it takes, about. */
double verifier_bytes(const clnorm_desc *desc, const clnorm_counts *counts);

/* Of a created or zeroed verifier. */
void verifier_destroy(verifier *v);

/* Compares w->out with the reference. */
void verifier_check(const verifier *v, verdict *result);

/* Whether the tensor alone (y or dx) is what was asked for at all, to 1 % of its own deviation: for peers, whose
 * rounding is their own affair. */
int verifier_resembles(const verifier *v);

#endif
