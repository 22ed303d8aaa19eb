/* What the command line of `clnorm-experiments run` asks for. */
#ifndef CLNORM_EXPERIMENTS_EXPERIMENTS_REQUEST_H
#define CLNORM_EXPERIMENTS_EXPERIMENTS_REQUEST_H

#include "experiment.h"

typedef struct experiments_request {
  const experiment *only;    /* NULL: all */
  char *device, *data, *out; /* NULL: not given */
  int seeds;                 /* 0: not given */
  int quick;
} experiments_request;

/* OPTIONS_GO_ON (options.h), or the exit code to leave with. Free the request in any case. */
int request_read(int argc, const char **argv, experiments_request *request);

void request_free(experiments_request *request);

#endif
