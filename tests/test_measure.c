/* The timing of several things turn by turn. */
#include <criterion/criterion.h>
#include <time.h>

#include "measure.h"
#include "stats.h"

typedef struct fake {
  long nanoseconds; /* of a run */
  int fails_after;  /* runs; negative: never */
  size_t runs;
} fake;

static int run_fake(void *self, size_t times)
{
  fake *f = self;
  const double begin = measure_now();
  f->runs += times;
  while (measure_now() - begin < 1e-9 * (double)f->nanoseconds * (double)times) {
  }
  return f->fails_after >= 0 && f->runs > (size_t)f->fails_after ? -1 : 0;
}

Test(measure, each_subject_gets_its_own_time_a_run)
{
  fake fakes[] = {{20000, -1, 0}, {2000000, -1, 0}};
  measure_subject subjects[] = {{.run = run_fake, .self = &fakes[0]}, {.run = run_fake, .self = &fakes[1]}};
  cr_assert(measure_all(subjects, 2, &(measure_options){0.05}, NULL, NULL) == 0);
  for (int i = 0; i < 2; i++) {
    const double expected = 1e-9 * (double)fakes[i].nanoseconds;
    double least = 1;
    cr_assert(!subjects[i].failed);
    cr_assert(subjects[i].count >= 6, "%zu samples", subjects[i].count);
    /* Another program may take the core in between, but no run is shorter than it waits for. */
    for (size_t j = 0; j < subjects[i].count; j++) {
      least = subjects[i].samples[j] < least ? subjects[i].samples[j] : least;
    }
    cr_assert(least >= 0.999 * expected, "subject %d: %g s a run, expected %g", i, least, expected);
    cr_assert(least < 2 * expected, "subject %d: %g s a run, expected %g", i, least, expected);
  }
  measure_release(subjects, 2);
  cr_assert(subjects[0].samples == NULL && subjects[0].count == 0);
}

Test(measure, short_runs_are_timed_together)
{
  fake f = {100, -1, 0};
  measure_subject subject = {.run = run_fake, .self = &f};
  cr_assert(measure_all(&subject, 1, &(measure_options){0.01}, NULL, NULL) == 0);
  cr_assert(f.runs > 20 * subject.count, "%zu runs for %zu samples", f.runs, subject.count);
  measure_release(&subject, 1);
}

Test(measure, a_failing_subject_is_marked_and_the_others_go_on)
{
  fake fakes[] = {{1000, 3, 0}, {1000, -1, 0}};
  measure_subject subjects[] = {{.run = run_fake, .self = &fakes[0]}, {.run = run_fake, .self = &fakes[1]}};
  cr_assert(measure_all(subjects, 2, &(measure_options){0.01}, NULL, NULL) == 0);
  cr_assert(subjects[0].failed && !subjects[1].failed);
  cr_assert(subjects[1].count >= 12);
  const size_t runs = fakes[0].runs;
  cr_assert(runs <= 3 + 256, "it was run %zu times after its failure", runs);
  measure_release(subjects, 2);
}
