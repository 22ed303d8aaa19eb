/* For verify.c: plain batch normalization of floats. */
#ifndef CLNORM_BENCH_VERIFY_BATCH_H
#define CLNORM_BENCH_VERIFY_BATCH_H

#include "verdict.h"
#include "workload.h"

typedef struct verify_batch verify_batch;

/* NULL: no memory. */
verify_batch *verify_batch_create(const workload *w, clnorm_pass pass, size_t *checked, size_t *checkable);
void verify_batch_destroy(verify_batch *v);

void verify_batch_check(const verify_batch *v, verdict *result);
int verify_batch_resembles(const verify_batch *v);

#endif
