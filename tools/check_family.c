#include <stdio.h>
#include <stdlib.h>

#include "check_pool.h"
#include "check_trial.h"
#include "checker.h"
#include "family_cases.h"
#include "message.h"

static int is_wanted(const check_request *request, const family_case *c)
{
  return (request->ops >> c->desc.op & 1u) != 0 && (request->types >> c->desc.dtype & 1u) != 0 &&
         (!request->quick || c->quick);
}

static size_t elements_of(const clnorm_desc *desc)
{
  size_t elements = 1;
  for (uint32_t axis = 0; axis < desc->rank; axis++) {
    elements *= desc->dims[axis];
  }
  return elements;
}

static double cost_of(const family_case *c) { return checker_cost(elements_of(&c->desc), 4); }

static void run_case(engine *e, const void *cases, size_t index, check_outcome *outcome)
{
  const family_case *now = &((const family_case *)cases)[index];
  trial *t = trial_create(&now->desc, &now->data);
  outcome->no_memory = t == NULL;
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN && t != NULL; pass++) {
    if (family_case_has_pass(now, (clnorm_pass)pass)) {
      check_trial(e, t, (clnorm_pass)pass, now->with, &outcome->results[outcome->count++]);
    }
  }
  trial_destroy(t);
}

static int report_case(checker *c, const family_case *now, check_pool *pool, size_t index)
{
  char label[120];
  char what[200];
  const check_subject subject = {.table = CHECK_FAMILY, .desc = &now->desc, .label = label};
  (void)snprintf(label, sizeof label, "%s, mean %g, std %g", generate_kind_name(now->data.kind), now->data.mean,
                 now->data.std);
  (void)trial_describe(&now->desc, what, sizeof what);
  c->done++;
  checker_show(c, "every pass", what, 0.0, cost_of(now));
  const check_outcome *outcome = check_pool_wait(pool, index);
  if (outcome->no_memory) {
    return complain(EXIT_DEVICE, "check: not enough memory for %s", what);
  }
  int code = EXIT_OK;
  for (int i = 0; i < outcome->count && code == EXIT_OK; i++) {
    code = checker_add(c, &subject, &outcome->results[i]);
  }
  c->cost_done += cost_of(now);
  return code;
}

static int run_cases(checker *c, const family_case *cases, size_t count)
{
  engine *const engines[CHECK_ENGINES] = {c->engine, c->helper};
  check_pool *pool = check_pool_start(engines, c->helper != NULL ? 2 : 1, run_case, cases, count);
  if (pool == NULL) {
    return complain(EXIT_DEVICE, "check: not enough memory");
  }
  int code = EXIT_OK;
  for (size_t i = 0; i < count && code == EXIT_OK; i++) {
    code = report_case(c, &cases[i], pool, i);
  }
  check_pool_stop(pool);
  return code;
}

/* Moves the cases that are wanted to the front; returns how many. */
static size_t keep_wanted(const check_request *request, family_case *cases, size_t count)
{
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (is_wanted(request, &cases[i])) {
      cases[kept++] = cases[i];
    }
  }
  return kept;
}

int checker_family(checker *c, int run)
{
  family_case *cases = NULL;
  const size_t all = family_cases_make(&cases);
  if (all == 0) {
    return complain(EXIT_DEVICE, "check: not enough memory");
  }
  const size_t count = keep_wanted(c->request, cases, all);
  const int code = run ? run_cases(c, cases, count) : EXIT_OK;
  for (size_t i = 0; i < count && !run; i++) {
    c->total++;
    c->cost_total += cost_of(&cases[i]);
  }
  free(cases);
  return code;
}
