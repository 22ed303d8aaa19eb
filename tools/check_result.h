/* What one pass of one case gave: for the table and the records of check_report.h. */
#ifndef CLNORM_TOOLS_CHECK_RESULT_H
#define CLNORM_TOOLS_CHECK_RESULT_H

#include <clnorm/clnorm.h>

typedef struct check_result {
  clnorm_pass pass;
  clnorm_status status; /* of the first run that failed as a call; then `reason` says why */
  char reason[300];
  char variant[64];
  char arguments[160]; /* of a case with a single run: "x gamma beta y=x"; else "" */
  int runs;
  int failures;         /* runs with a result that is wrong */
  const char *quantity; /* of the worst error; NULL: nothing was compared */
  double units;         /* the worst error in units of its bound */
  double error;         /* there */
  double tolerance;     /* there */
  char failure[800];    /* about the first failure */
} check_result;

#endif
