/* The same call gives the same bits: twenty times over, and on the CPU backend with any number of threads. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

static const size_t shapes[][4] = {{3, 5, 7, 7}, {2, 2, 120, 121}, {16, 40, 14, 14}, {900, 30, 1, 1}};

#define RUNS 20

typedef struct results {
  float *values; /* all outputs, one after the other */
  size_t count;
} results;

static void run_all(backend *b, problem *p, int threads, results *out)
{
  const size_t elements = p->counts.elements;
  const size_t statistics = p->counts.statistics;
  float *at = out->values;
  float *y = at, *dx = y + elements, *mean = dx + elements, *inv_std = mean + statistics;
  float *dgamma = inv_std + statistics, *dbeta = dgamma + statistics;
  float *running_mean = dbeta + statistics, *running_var = running_mean + statistics;
  memcpy(running_mean, p->running_mean, statistics * sizeof(float));
  memcpy(running_var, p->running_var, statistics * sizeof(float));
  const backend_args forward = {.x = p->x,
                                .y = y,
                                .gamma = p->gamma,
                                .beta = p->beta,
                                .mean = mean,
                                .inv_std = inv_std,
                                .running_mean = running_mean,
                                .running_var = running_var,
                                .threads = threads};
  cr_assert(backend_run(b, &p->desc, CLNORM_TRAIN, &forward) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  const backend_args backward = {
      .x = p->x, .dy = p->dy, .gamma = p->gamma, .dx = dx, .dgamma = dgamma, .dbeta = dbeta, .threads = threads};
  cr_assert(backend_run(b, &p->desc, CLNORM_BACKWARD, &backward) == CLNORM_SUCCESS, "%s", clnorm_last_error());
}

static results new_results(const problem *p)
{
  const size_t count = 2 * p->counts.elements + 6 * p->counts.statistics;
  return (results){new_floats(count), count};
}

static void for_each_problem(backend *b, const int *threads, int runs)
{
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
    for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
      clnorm_desc desc;
      desc_set(&desc, (clnorm_layout)layout, 0, 4, shapes[s]);
      problem *p = problem_make(&desc, GENERATE_NORMAL, 3.0, 1.0, s + 1);
      results first = new_results(p);
      results again = new_results(p);
      run_all(b, p, threads == NULL ? 0 : threads[0], &first);
      for (int run = 1; run < runs; run++) {
        run_all(b, p, threads == NULL ? 0 : threads[run], &again);
        cr_assert(memcmp(first.values, again.values, first.count * sizeof(float)) == 0, "%s: run %d differs",
                  desc_text(&desc), run);
      }
      free(first.values);
      free(again.values);
      problem_free(p);
    }
  }
}

Test(determinism, twenty_runs_give_the_same_bits)
{
  backend *b = backend_open();
  for_each_problem(b, NULL, RUNS);
  backend_close(b);
}

Test(determinism, the_number_of_threads_does_not_show)
{
  static const int threads[] = {1, 2, 3, 7, 0};
  backend *b = backend_open();
  if (backend_is_cpu(b)) {
    for_each_problem(b, threads, 5);
  }
  backend_close(b);
}
