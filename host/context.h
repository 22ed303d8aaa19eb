/* The compiled programs of one device in one OpenCL context, each built once and shared by all plans. */
#ifndef CLNORM_HOST_CONTEXT_H
#define CLNORM_HOST_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "capabilities.h"
#include "clnorm/opencl.h"
#include "plan.h"
#include "program_cache.h"

typedef struct clnorm__program {
  struct clnorm__program *next;
  clnorm__role role;
  char options[256];
  cl_program program;
} clnorm__program;

struct clnorm_cl {
  atomic_int references;
  pid_t owner; /* the process that made it: OpenCL runtimes do not survive a fork */
  cl_context context;
  cl_device_id device;
  clnorm__capabilities capabilities;
  clnorm_tuning *tuning;         /* what capabilities.tuning points to */
  atomic_size_t work_group_most; /* work_group.h */
  pthread_mutex_t mutex;         /* guards what follows */
  clnorm__program *programs;
  int without_sub_groups; /* 1: the driver offers them and could not compile them */
  size_t build_count;
  double build_seconds;
  int knows_work_group;
  clnorm__program_cache cache;
};

clnorm_cl *clnorm__cl_retain(clnorm_cl *cl);
void clnorm__cl_release(clnorm_cl *cl);

/* INVALID_ARGUMENT if the queue is not of cl's context and device; else tells whether its commands follow each other. */
clnorm_status clnorm__cl_check_queue(const clnorm_cl *cl, cl_command_queue queue, int *in_order);

/* The program with the step's kernel, loaded or built if it is not there yet. The reference belongs to `cl`.
 * Errors: BUILD_FAILED with the log, OUT_OF_MEMORY, OPENCL_ERROR. */
clnorm_status clnorm__program_get(clnorm_cl *cl, const clnorm_desc *desc, const clnorm__step *step,
                                  cl_program *program);

#endif
