#include <stdio.h>
#include <stdlib.h>

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

static int run_passes(checker *c, const family_case *now, trial *t, const char *what)
{
  char label[120];
  check_result result;
  const check_subject subject = {.table = CHECK_FAMILY, .desc = &now->desc, .label = label};
  (void)snprintf(label, sizeof label, "%s, mean %g, std %g", generate_kind_name(now->data.kind), now->data.mean,
                 now->data.std);
  int code = EXIT_OK;
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN && code == EXIT_OK; pass++) {
    if (family_case_has_pass(now, (clnorm_pass)pass)) {
      checker_show(c, (clnorm_pass)pass, what, (double)(pass - CLNORM_TRAIN) / 4, cost_of(now));
      check_trial(c->engine, t, (clnorm_pass)pass, now->with, &result);
      code = checker_add(c, &subject, &result);
    }
  }
  return code;
}

static int run_case(checker *c, const family_case *now)
{
  char what[200];
  trial *t = trial_create(&now->desc, &now->data);
  (void)trial_describe(&now->desc, what, sizeof what);
  if (t == NULL) {
    return complain(EXIT_DEVICE, "check: not enough memory for %s", what);
  }
  c->done++;
  const int code = run_passes(c, now, t, what);
  c->cost_done += cost_of(now);
  trial_destroy(t);
  return code;
}

int checker_family(checker *c, int run)
{
  family_case *cases = NULL;
  const size_t count = family_cases_make(&cases);
  int code = EXIT_OK;
  if (count == 0) {
    return complain(EXIT_DEVICE, "check: not enough memory");
  }
  for (size_t i = 0; i < count && code == EXIT_OK; i++) {
    if (!is_wanted(c->request, &cases[i])) {
      continue;
    }
    if (run) {
      code = run_case(c, &cases[i]);
    } else {
      c->total++;
      c->cost_total += cost_of(&cases[i]);
    }
  }
  free(cases);
  return code;
}
