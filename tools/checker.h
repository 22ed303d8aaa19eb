/* A device that is being checked: its engine, what was found, and how long it will take. */
#ifndef CLNORM_TOOLS_CHECKER_H
#define CLNORM_TOOLS_CHECKER_H

#include "array.h"
#include "check_report.h"
#include "check_request.h"
#include "engine.h"

typedef struct checker {
  const check_request *request;
  engine *engine;
  engine *helper; /* of the same device, for a second thread; NULL: there is none */
  check_report report;
  const array *digits; /* NULL: none */
  int done, total;     /* cases */
  double begin;        /* by engine_now */
  double cost_done, cost_total;
} checker;

/* What `runs` runs of so many elements cost, in a unit of its own. */
double checker_cost(size_t elements, int runs);

/* Shows what is running.
 *   part   of the current case that is done, from 0 to 1
 *   cost   of the current case */
void checker_show(const checker *c, const char *pass, const char *what, double part, double cost);

/* Counts a result and writes its record. Returns EXIT_OK or, after a line on stderr, another exit code. */
int checker_add(checker *c, const check_subject *subject, const check_result *result);

/* The cases. Each runs them or, with `run` 0, only adds them to the totals; returns EXIT_OK or an exit code.
 *   checker_batch    check_batch.c: batch normalization in float32, the table of cases.h
 *   checker_family   check_family.c: the whole family, the table of family_cases.h */
int checker_batch(checker *c, int run);
int checker_family(checker *c, int run);

#endif
