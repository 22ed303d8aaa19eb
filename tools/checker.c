#include "checker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "message.h"

/* What a run costs whatever its size, in elements. */
#define RUN_COST 2e4

double checker_cost(size_t elements, int runs) { return runs * ((double)elements + RUN_COST); }

void checker_show(const checker *c, const char *pass, const char *what, double part, double cost)
{
  char number[16];
  char left[40] = "";
  const double spent = engine_now() - c->begin;
  const double done = c->cost_done + cost * part;
  if (spent > 2.0 && done > 0.0) {
    (void)snprintf(left, sizeof left, ", about %.0f s left", spent * (c->cost_total - done) / done);
  }
  progress("device %s: case %d of %d%s, %s, %s", device_number_text(c->report.choice, number, sizeof number), c->done,
           c->total, left, pass, what);
}

int checker_add(checker *c, const check_subject *subject, const check_result *result)
{
  return check_report_add(&c->report, subject, result) == 0
             ? EXIT_OK
             : complain(EXIT_USAGE, "check: --json %s: cannot be written: %s", c->request->json, strerror(errno));
}
