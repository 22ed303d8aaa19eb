/* The database of choices as an object, and the public functions of tuning.h that are about it. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "cpu_kernels.h"
#include "cpu_name.h"
#include "error.h"
#include "tuning_state.h"

/* ---- problems ----------------------------------------------------------------------------------------------- */

static clnorm__problem problem_of(const clnorm_plan *plan)
{
  const clnorm__geometry *g = &plan->geometry;
  clnorm__problem problem = {
      .op = plan->desc.op, .pass = plan->pass, .dtype = plan->desc.dtype, .pattern = g->pattern, .counts = {0}};
  problem.counts[0] = g->statistics;
  problem.counts[1] = g->pattern == CLNORM__ROWS ? g->segments : g->rows;
  problem.counts[2] = g->pattern == CLNORM__ROWS ? g->run : 1;
  return problem;
}

static int problem_equal(const clnorm__problem *a, const clnorm__problem *b)
{
  return a->op == b->op && a->pass == b->pass && a->dtype == b->dtype && a->pattern == b->pattern &&
         memcmp(a->counts, b->counts, sizeof a->counts) == 0;
}

static clnorm__tuned *find(const clnorm_tuning *tuning, const clnorm__problem *problem)
{
  for (size_t i = 0; i < tuning->count; i++) {
    if (problem_equal(&tuning->list[i].problem, problem)) {
      return &tuning->list[i];
    }
  }
  return NULL;
}

const clnorm__choice *clnorm__tuning_find(const clnorm_tuning *tuning, const clnorm_plan *plan)
{
  if (tuning == NULL || tuning->count == 0) {
    return NULL;
  }
  const clnorm__problem problem = problem_of(plan);
  const clnorm__tuned *found = find(tuning, &problem);
  return found == NULL ? NULL : &found->choice;
}

int clnorm__tuning_put(clnorm_tuning *tuning, const clnorm__problem *problem, const clnorm__choice *choice)
{
  clnorm__tuned *place = find(tuning, problem);
  if (place == NULL) {
    if (tuning->count == CLNORM__MOST_TUNED) {
      return -1;
    }
    if (tuning->count == tuning->capacity) {
      const size_t capacity = tuning->capacity == 0 ? 16 : 2 * tuning->capacity;
      clnorm__tuned *list = realloc(tuning->list, capacity * sizeof *list);
      if (list == NULL) {
        return -1;
      }
      tuning->list = list;
      tuning->capacity = capacity;
    }
    place = &tuning->list[tuning->count++];
  }
  place->problem = *problem;
  place->choice = *choice;
  return 0;
}

static void drop(clnorm_tuning *tuning, const clnorm__problem *problem)
{
  clnorm__tuned *place = find(tuning, problem);
  if (place != NULL) {
    *place = tuning->list[--tuning->count];
  }
}

/* ---- opening ------------------------------------------------------------------------------------------------ */

void clnorm__identity_text(char *to, size_t capacity, const char *from)
{
  size_t length = 0;
  while ((unsigned char)*from != '\0' && (unsigned char)*from <= ' ') {
    from++;
  }
  for (; *from != '\0' && length + 1 < capacity; from++) {
    to[length++] = (unsigned char)*from < ' ' || *from == 127 ? ' ' : *from;
  }
  while (length > 0 && to[length - 1] == ' ') {
    length--;
  }
  to[length] = '\0';
}

static void read_file(clnorm_tuning *tuning)
{
  size_t length = 0;
  char *text = clnorm__file_read(tuning->file, &length, tuning->problem, sizeof tuning->problem);
  if (text != NULL) {
    (void)clnorm__tuning_read(tuning, text, length);
  }
  free(text);
}

clnorm_tuning *clnorm__tuning_open(const clnorm__identity *identity, const char *folder)
{
  clnorm_tuning *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return NULL;
  }
  made->identity = *identity;
  made->file = clnorm__tuning_path(identity, folder);
  if (made->file == NULL) {
    free(made);
    return NULL;
  }
  if (made->file[0] != '\0') {
    read_file(made);
  }
  return made;
}

/* Another processor, other loops or another number of threads are another device. */
static clnorm__identity identify_host(void)
{
  clnorm__identity identity = {.engine = CLNORM__ENGINE_HOST, .units = 1};
  char name[200];
  char text[256];
  (void)snprintf(text, sizeof text, "cpu (%s)", clnorm__cpu_name(name, sizeof name));
  clnorm__identity_text(identity.device, sizeof identity.device, text);
  (void)snprintf(identity.driver, sizeof identity.driver, "%s", clnorm__cpu_set_best()->name);
#ifdef _OPENMP
  identity.units = (uint64_t)omp_get_max_threads();
#endif
  return identity;
}

const clnorm_tuning *clnorm__tuning_of_host(void)
{
  static _Atomic(clnorm_tuning *) loaded;
  clnorm_tuning *there = atomic_load(&loaded);
  if (there == NULL) {
    const clnorm__identity identity = identify_host();
    clnorm_tuning *made = clnorm__tuning_open(&identity, NULL);
    /* Two threads at once: one of them is the first. */
    if (made == NULL || atomic_compare_exchange_strong(&loaded, &there, made)) {
      return made;
    }
    clnorm_tuning_close(made);
  }
  return there;
}

/* ---- public ------------------------------------------------------------------------------------------------- */

clnorm_status clnorm_tuning_open(const char *folder, clnorm_tuning **tuning)
{
  clnorm__error_begin();
  if (tuning == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "tuning: expected a pointer to fill, got NULL");
  }
  const clnorm__identity identity = identify_host();
  clnorm_tuning *made = clnorm__tuning_open(&identity, folder);
  if (made == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "tuning: host memory was refused");
  }
  *tuning = made;
  return CLNORM_SUCCESS;
}

void clnorm_tuning_close(clnorm_tuning *tuning)
{
  if (tuning != NULL) {
    free(tuning->file);
    free(tuning->list);
    free(tuning);
  }
}

const char *clnorm_tuning_file(const clnorm_tuning *tuning) { return tuning == NULL ? "" : tuning->file; }

size_t clnorm_tuning_count(const clnorm_tuning *tuning) { return tuning == NULL ? 0 : tuning->count; }

const char *clnorm_tuning_problem(const clnorm_tuning *tuning) { return tuning == NULL ? "" : tuning->problem; }

clnorm_status clnorm_tuning_keep(clnorm_tuning *tuning, const clnorm_plan *plan)
{
  clnorm__error_begin();
  if (tuning == NULL || plan == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                        tuning == NULL ? "tuning" : "plan");
  }
  if (plan->engine != tuning->identity.engine) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "plan: expected one for %s, got one for another kind of device",
                        tuning->identity.device);
  }
  const clnorm__problem problem = problem_of(plan);
  clnorm_plan built_in;
  clnorm_status status;
  CLNORM__TRY(clnorm__plan_make_with(&plan->desc, plan->pass, CLNORM_BUILT_IN, &plan->capabilities, &built_in));
  clnorm__choice choice;
  choice.variant = plan->variant;
  choice.parameters = plan->parameters;
  if (built_in.variant == plan->variant &&
      memcmp(&built_in.parameters, &plan->parameters, sizeof built_in.parameters) == 0) {
    drop(tuning, &problem);
  } else if (clnorm__tuning_put(tuning, &problem, &choice) != 0) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "tuning: expected at most %d choices and memory for them",
                        CLNORM__MOST_TUNED);
  }
done:
  return status;
}

clnorm_status clnorm_tuning_save(const clnorm_tuning *tuning)
{
  size_t length = 0;
  clnorm__error_begin();
  if (tuning == NULL || tuning->file[0] == '\0') {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "tuning: expected a database with a file, got %s",
                        tuning == NULL ? "NULL" : "one that is off");
  }
  char *text = clnorm__tuning_write(tuning, &length);
  if (text == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "tuning: host memory was refused");
  }
  const int error = clnorm__file_write(tuning->file, text, length);
  free(text);
  if (error != 0) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "tuning: %s cannot be written: %s", tuning->file, strerror(error));
  }
  return CLNORM_SUCCESS;
}
