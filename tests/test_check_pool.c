/* Cases that are run ahead: each once, on an engine that nobody else uses, and what they gave belongs to them. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <time.h>

#include "check_pool.h"

enum { CASES = 60 };

/* Stands for an engine: only its address counts. */
typedef struct fake {
  atomic_int users, runs;
} fake;

static fake fakes[CHECK_ENGINES];
static atomic_int shared; /* times that two threads had one engine */

static engine *engine_of(size_t index) { return (engine *)(void *)&fakes[index]; }

/* Cases are numbers; odd ones take longer than the next, which then is done first. */
static void run(engine *e, const void *cases, size_t index, check_outcome *outcome)
{
  fake *used = (fake *)(void *)e;
  const struct timespec pause = {0, index % 2 == 1 ? 3000000 : 100000};
  if (atomic_fetch_add(&used->users, 1) != 0) {
    atomic_fetch_add(&shared, 1);
  }
  (void)nanosleep(&pause, NULL);
  atomic_fetch_add(&used->runs, 1);
  outcome->count = 1;
  outcome->results[0].runs = ((const int *)cases)[index];
  atomic_fetch_sub(&used->users, 1);
}

/* Asks for the first `wanted` of all cases. */
static void check_cases(size_t engines, size_t wanted)
{
  engine *const list[CHECK_ENGINES] = {engine_of(0), engine_of(1)};
  int cases[CASES];
  for (int i = 0; i < CASES; i++) {
    cases[i] = 1000 + 7 * i;
  }
  check_pool *pool = check_pool_start(list, engines, run, cases, CASES);
  cr_assert(pool != NULL);
  for (size_t i = 0; i < wanted; i++) {
    const check_outcome *outcome = check_pool_wait(pool, i);
    cr_assert(outcome->count == 1 && outcome->results[0].runs == cases[i], "case %zu: %d", i, outcome->results[0].runs);
  }
  check_pool_stop(pool);
  cr_assert(atomic_load(&shared) == 0, "two threads had one engine");
}

static int runs_of(size_t index) { return atomic_load(&fakes[index].runs); }

Test(check_pool, two_threads_share_the_cases)
{
  check_cases(2, CASES);
  cr_assert(runs_of(0) + runs_of(1) == CASES, "%d and %d runs", runs_of(0), runs_of(1));
  cr_assert(runs_of(0) > CASES / 8 && runs_of(1) > CASES / 8, "%d and %d runs", runs_of(0), runs_of(1));
}

Test(check_pool, one_engine_runs_them_without_a_thread)
{
  check_cases(1, CASES);
  cr_assert(runs_of(0) == CASES && runs_of(1) == 0);
}

Test(check_pool, stopping_begins_no_more)
{
  check_cases(2, 3);
  const int ended = runs_of(0) + runs_of(1);
  cr_assert(ended >= 3 && ended < CASES / 2, "%d cases were run", ended);
}

Test(check_pool, nothing_to_run_is_no_trouble)
{
  engine *const list[CHECK_ENGINES] = {engine_of(0), engine_of(1)};
  check_pool *pool = check_pool_start(list, 2, run, NULL, 0);
  cr_assert(pool != NULL);
  check_pool_stop(pool);
  check_pool_stop(NULL);
}
