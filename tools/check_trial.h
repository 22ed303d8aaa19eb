/* One pass of one case of the family (family_cases.h), run once on an engine and compared with the reference. */
#ifndef CLNORM_TOOLS_CHECK_TRIAL_H
#define CLNORM_TOOLS_CHECK_TRIAL_H

#include "check_result.h"
#include "engine.h"
#include "trial.h"

/* with: as trial_check takes it. */
void check_trial(engine *e, trial *t, clnorm_pass pass, unsigned with, check_result *result);

#endif
