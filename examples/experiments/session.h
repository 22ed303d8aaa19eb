/* One run of the command: device, data, experiments one after the other, files. */
#ifndef CLNORM_EXPERIMENTS_SESSION_H
#define CLNORM_EXPERIMENTS_SESSION_H

#include "experiments_request.h"

/* The exit code, after a line on stderr if it is not EXIT_OK. */
int session_run(const experiments_request *request);

#endif
