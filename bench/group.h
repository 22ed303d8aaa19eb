/* Measures all passes of one shape in one layout on one device, together with the device's copies, the CPU backend and
 * peers: checked first, then timed turn by turn in one run. */
#ifndef CLNORM_BENCH_GROUP_H
#define CLNORM_BENCH_GROUP_H

#include "peers.h"
#include "record.h"
#include "suite.h"

#define GROUP_PASSES SUITE_PASSES

/* cl NULL: the CPU backend. */
typedef struct bench_device {
  const char *name, *driver;
  struct session_cl *cl;
  size_t number; /* in the library's list */
} bench_device;

typedef struct bench_options {
  clnorm_pass passes[GROUP_PASSES];
  size_t pass_count;
  double min_time, sample_time; /* as measure_all takes them */
  const char *choice; /* for the device's passes, as clnorm_plan_create_with takes it; NULL: as the library chooses */
  const peer *peers[RECORD_PEERS];
  size_t peer_count;
  first_use *first_use; /* NULL: first use is not timed */
  /* Called with what is being done and the part of the group that is done, 0 to 1. May be NULL. */
  void (*progress)(void *context, const char *what, double part);
  void *context;
} bench_options;

/* Fills records[0 .. options->pass_count - 1]; whatever goes wrong stands in them. */
void bench_run_group(const bench_device *device, const bench_case *what, const bench_options *options,
                     bench_record *records);

#endif
