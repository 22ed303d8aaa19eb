/* Runs the trials of oracle/trial.h on the CPU backend, or on the OpenCL device that CLNORM_DEVICE selects. Workspace is filled with
 * NaN before the run, and what lies around it is compared after it.
 *
 *   family_run *r = family_run_open();
 *   trial_check(t, CLNORM_TRAIN, TRIAL_ALL, family_run_pass, r, &result);
 *   family_run_close(r); */
#ifndef CLNORM_TESTS_FAMILY_RUN_H
#define CLNORM_TESTS_FAMILY_RUN_H

#include "clnorm/clnorm.h"
#include "trial.h"

typedef struct family_run {
  const char *forced;       /* set it to a variant without rows_ and columns_, and plans are made with that */
  char variant[32];         /* of the last plan that was made */
  struct family_run_cl *cl; /* NULL on the CPU backend */
} family_run;

/* Fails the test if what CLNORM_DEVICE names is not there. */
family_run *family_run_open(void);
void family_run_close(family_run *r);

/* A trial_run; context: the family_run. */
int family_run_pass(void *context, const clnorm_desc *desc, clnorm_pass pass, const trial_buffer buffers[TRIAL_SLOTS],
                    uint64_t batch_number);

/* Runs a pass with each of `count` sets of arguments (TRIAL_WITH_* ...) on the data; tells what is wrong, and returns how many
 * runs were. */
size_t family_run_check_pass(family_run *r, const clnorm_desc *desc, clnorm_pass pass, const trial_data *data,
                             const unsigned *with, size_t count);

/* The same of training and backward. */
size_t family_run_check(family_run *r, const clnorm_desc *desc, const trial_data *data, const unsigned *with,
                        size_t count);

/* All arguments and some: in place, and without those that a caller may leave out. For family_run_check. */
enum { FAMILY_RUN_PRESENCES = 5 };
extern const unsigned family_run_presences[FAMILY_RUN_PRESENCES];

/* Normal numbers of standard deviation 1.5 about `mean`; those, and where the tensors begin, change with `turn`. */
trial_data family_run_data(double mean, size_t turn);

#ifdef CLNORM_TEST_OPENCL
/* The device's object, whose capabilities a test may replace; NULL on the CPU backend. */
struct clnorm_cl *family_run_get_cl(const family_run *r);
#endif

/* ---- for family_run.c and family_run_cl.c -------------------------------------------------------------------- */

#define FAMILY_RUN_GUARD 64

/* Calls make(context, choice) with the choices that r->forced stands for, until one fits. */
clnorm_status family_run_choose(const family_run *r, clnorm_status (*make)(void *context, const char *choice),
                                void *context);

/* `bytes` of NaN between guards of FAMILY_RUN_GUARD bytes; NULL if there are none to be had. */
unsigned char *family_run_workspace(size_t bytes);

/* Fails the test if a guard was written. */
void family_run_check_workspace(const unsigned char *memory, size_t bytes);

#ifdef CLNORM_TEST_OPENCL
typedef struct family_run_cl family_run_cl;
family_run_cl *family_run_cl_open(void);
void family_run_cl_close(family_run_cl *cl);
clnorm_status family_run_cl_pass(family_run *r, const clnorm_desc *desc, clnorm_pass pass,
                                 const trial_buffer buffers[TRIAL_SLOTS], uint64_t batch_number);
#endif

#endif
