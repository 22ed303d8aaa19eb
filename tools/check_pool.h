/* Cases that threads run ahead of the one who wants their results: compiling kernels takes most of a check's time, and runtimes
 * compile for one caller on one core.
 *
 *   check_pool *pool = check_pool_start(engines, 2, run, cases, count);      NULL: no memory
 *   for (size_t i = 0; i < count; i++) { const check_outcome *o = check_pool_wait(pool, i); ... }
 *   check_pool_stop(pool);
 *
 * Cases are begun in their order, so results can be had in it too. */
#ifndef CLNORM_TOOLS_CHECK_POOL_H
#define CLNORM_TOOLS_CHECK_POOL_H

#include <stddef.h>

#include "check_result.h"
#include "engine.h"

#define CHECK_PASSES 4
#define CHECK_ENGINES 2

/* What a case gave: up to one result a pass. */
typedef struct check_outcome {
  int no_memory; /* 1: the host's memory was short, there are no results */
  int count;
  check_result results[CHECK_PASSES];
} check_outcome;

/* Runs case `index` of `cases` on an engine that no other thread uses meanwhile. */
typedef void (*check_pool_run)(engine *e, const void *cases, size_t index, check_outcome *outcome);

typedef struct check_pool check_pool;

/* Begins. With one engine, or where threads cannot be had, check_pool_wait runs the cases itself. NULL: no memory.
 *   engines   `engine_count` of them, up to CHECK_ENGINES; nobody else may use them until check_pool_stop
 *   cases     what `run` gets, `count` of them; kept by reference */
check_pool *check_pool_start(engine *const *engines, size_t engine_count, check_pool_run run, const void *cases,
                             size_t count);

/* Waits for a case; each is asked for once. The outcome is there until check_pool_stop. */
const check_outcome *check_pool_wait(check_pool *pool, size_t index);

/* Lets the cases end that are running, and no more begin. NULL is allowed. */
void check_pool_stop(check_pool *pool);

#endif
