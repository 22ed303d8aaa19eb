/* What the user asked `clnorm bench` for, checked as far as it can be without a device or a file. */
#ifndef CLNORM_TOOLS_BENCH_REQUEST_H
#define CLNORM_TOOLS_BENCH_REQUEST_H

#include "kind_options.h"
#include "shape_options.h"

typedef enum bench_backend { BENCH_ANY = 0, BENCH_CPU, BENCH_OPENCL } bench_backend;

typedef struct bench_request {
  bench_backend backend;
  char *device, *json, *html, *compare, *data, *choice; /* NULL: not given */
  double fail_on_slower;                                /* percent; negative: not given */
  int calls;                                            /* 1: measure calls of small tensors */
  unsigned suites;                                      /* CASES_BENCH_...; 0: the shapes below */
  unsigned layouts;                                     /* CASES_FIRST, CASES_LAST */
  bench_shape shapes[BENCH_SHAPES];
  size_t shape_count;
  kind_options kinds;
  int passes_chosen;     /* 1: --pass was given */
  bench_options options; /* passes, time, peers */
} bench_request;

/* Returns OPTIONS_GO_ON or an exit code; free in any case. */
int bench_request_read(int argc, const char **argv, bench_request *request);
void bench_request_free(bench_request *request);

#endif
