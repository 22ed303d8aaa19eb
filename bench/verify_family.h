/* For verify.c: the whole family, in every storage type, with activations and residuals.
 *
 * The reference takes a part of the problem that is a problem of its own: some channels of batch and instance, some groups of
 * group. Of layer and rms, where each row has a statistic and each column a parameter, it takes some rows with all their
 * results, and for dgamma and dbeta some columns, over all rows and with the rows' own statistics. */
#ifndef CLNORM_BENCH_VERIFY_FAMILY_H
#define CLNORM_BENCH_VERIFY_FAMILY_H

#include "verdict.h"
#include "workload.h"

typedef struct verify_family verify_family;

/* NULL: no memory. */
verify_family *verify_family_create(const workload *w, clnorm_pass pass, size_t *checked, size_t *checkable);
void verify_family_destroy(verify_family *v);

/* Bytes that it takes, about. */
double verify_family_bytes(const clnorm_desc *desc, const clnorm_counts *counts);

void verify_family_check(const verify_family *v, verdict *result);
int verify_family_resembles(const verify_family *v);

#endif
