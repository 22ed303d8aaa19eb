/* Other libraries that compute the same, where this build has them. Each runs in this process, on the workload's arrays,
 * on as many threads as the CPU backend. */
#ifndef CLNORM_BENCH_PEERS_H
#define CLNORM_BENCH_PEERS_H

#include "runner.h"

typedef struct peer {
  const char *name; /* as --peers takes it */
  /* Opens a pass under the name "onednn-2.6"; 0, or -1 with *error set. Results go into w->out.tensor. */
  int (*open)(runner *r, workload *w, clnorm_pass pass, runner_error *error);
} peer;

/* Those compiled in, ended by a NULL name. */
extern const peer peers[];

/* NULL if this build has no peer of that name. */
const peer *peer_find(const char *name);

#if CLNORM_HAVE_ONEDNN
int peer_open_onednn(runner *r, workload *w, clnorm_pass pass, runner_error *error);
#endif

#endif
