/* A context, a queue and clnorm's programs on the device that CLNORM_DEVICE names, for suites about OpenCL itself. */
#ifndef CLNORM_TESTS_CL_FIXTURE_H
#define CLNORM_TESTS_CL_FIXTURE_H

#include "clnorm/opencl.h"
#include "expect.h"

#define CHECK_CL(call)                                                         \
  do {                                                                         \
    const cl_int check_code = (call);                                          \
    cr_assert(check_code == CL_SUCCESS, "%s gave %d", #call, (int)check_code); \
  } while (0)

typedef struct cl_fixture {
  clnorm_cl_device found;
  cl_context context;
  cl_command_queue queue; /* in order */
  clnorm_cl *cl;
} cl_fixture;

/* Fails the test if there is no such device. */
cl_fixture cl_fixture_open(void);
void cl_fixture_close(cl_fixture *f);

/* A second context on the same device. */
cl_context cl_fixture_context(const cl_fixture *f);

/* A buffer with `count` floats of `data`; NULL: NaN. */
cl_mem cl_fixture_buffer(cl_context context, cl_mem_flags flags, const float *data, size_t count);

/* Reads `count` floats from `offset` on, waiting. */
void cl_fixture_read(cl_command_queue queue, cl_mem memory, size_t offset, float *data, size_t count);

#endif
