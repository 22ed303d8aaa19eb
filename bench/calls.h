/* How many calls a second a device does of tensors so small that the bytes do not count, and what a call costs the host.
 * Used in place of bench_run_group; the records have their `calls` filled besides. */
#ifndef CLNORM_BENCH_CALLS_H
#define CLNORM_BENCH_CALLS_H

#include "group.h"

/* Fills records[0 .. options->pass_count - 1]. */
void bench_run_calls(const bench_device *device, const bench_case *what, const bench_options *options,
                     bench_record *records);

#endif
