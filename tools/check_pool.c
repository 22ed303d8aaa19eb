#include "check_pool.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct entry {
  int done;
  check_outcome outcome;
} entry;

typedef struct worker {
  check_pool *pool;
  engine *engine;
  pthread_t thread;
} worker;

struct check_pool {
  check_pool_run run;
  const void *cases;
  size_t count;
  entry *entries;
  engine *first;
  size_t threads;
  worker workers[CHECK_ENGINES];
  pthread_mutex_t mutex; /* guards `next`, and `done` of each entry */
  pthread_cond_t one_is_done;
  size_t next; /* the case that is begun next */
};

/* The next case; pool->count if there is none. */
static size_t take(check_pool *pool)
{
  (void)pthread_mutex_lock(&pool->mutex);
  const size_t index = pool->next;
  pool->next += index < pool->count;
  (void)pthread_mutex_unlock(&pool->mutex);
  return index;
}

static void run_cases(check_pool *pool, engine *e)
{
  for (size_t index = take(pool); index < pool->count; index = take(pool)) {
    pool->run(e, pool->cases, index, &pool->entries[index].outcome);
    (void)pthread_mutex_lock(&pool->mutex);
    pool->entries[index].done = 1;
    (void)pthread_cond_signal(&pool->one_is_done);
    (void)pthread_mutex_unlock(&pool->mutex);
  }
}

static void *work(void *argument)
{
  const worker *self = argument;
  run_cases(self->pool, self->engine);
  return NULL;
}

check_pool *check_pool_start(engine *const *engines, size_t engine_count, check_pool_run run, const void *cases,
                             size_t count)
{
  check_pool *pool = calloc(1, sizeof *pool);
  entry *entries = calloc(count + 1, sizeof *entries);
  if (pool == NULL || entries == NULL) {
    free(pool);
    free(entries);
    return NULL;
  }
  pool->run = run;
  pool->cases = cases;
  pool->count = count;
  pool->entries = entries;
  pool->first = engines[0];
  (void)pthread_mutex_init(&pool->mutex, NULL);
  (void)pthread_cond_init(&pool->one_is_done, NULL);
  for (size_t i = 0; i < engine_count && engine_count > 1; i++) {
    worker *w = &pool->workers[pool->threads];
    w->pool = pool;
    w->engine = engines[i];
    pool->threads += pthread_create(&w->thread, NULL, work, w) == 0;
  }
  return pool;
}

const check_outcome *check_pool_wait(check_pool *pool, size_t index)
{
  entry *wanted = &pool->entries[index];
  if (pool->threads == 0) {
    pool->run(pool->first, pool->cases, index, &wanted->outcome);
    return &wanted->outcome;
  }
  (void)pthread_mutex_lock(&pool->mutex);
  while (!wanted->done) {
    (void)pthread_cond_wait(&pool->one_is_done, &pool->mutex);
  }
  (void)pthread_mutex_unlock(&pool->mutex);
  return &wanted->outcome;
}

void check_pool_stop(check_pool *pool)
{
  if (pool == NULL) {
    return;
  }
  (void)pthread_mutex_lock(&pool->mutex);
  pool->next = pool->count;
  (void)pthread_mutex_unlock(&pool->mutex);
  for (size_t i = 0; i < pool->threads; i++) {
    (void)pthread_join(pool->workers[i].thread, NULL);
  }
  (void)pthread_cond_destroy(&pool->one_is_done);
  (void)pthread_mutex_destroy(&pool->mutex);
  free(pool->entries);
  free(pool);
}
