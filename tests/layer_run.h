/* Runs the trials of oracle/trial.h through a layer, on the CPU backend or on the OpenCL device that CLNORM_DEVICE selects. What a
 * trial gives for parameters and statistics is written into the layer, and what it wants of them is read from it. */
#ifndef CLNORM_TESTS_LAYER_RUN_H
#define CLNORM_TESTS_LAYER_RUN_H

#include "clnorm/layer.h"
#include "trial.h"

typedef struct layer_run {
  int frozen;              /* 1: CLNORM_BACKWARD of an operation without running statistics is run in mode frozen */
  size_t first;            /* not 0: a training pass with so many samples goes before */
  struct layer_run_cl *cl; /* NULL on the CPU backend */
} layer_run;

/* Fails the test if what CLNORM_DEVICE names is not there. */
layer_run *layer_run_open(void);
void layer_run_close(layer_run *r);

/* A trial_run; context: the layer_run. */
int layer_run_pass(void *context, const clnorm_desc *desc, clnorm_pass pass, const trial_buffer buffers[TRIAL_SLOTS],
                   uint64_t batch_number);

/* ---- for layer_run.c and layer_run_cl.c -------------------------------------------------------------------------- */

/* The tensors of one call in the order of clnorm_layer_backward and _forward; NULL: no backward, or no forward pass. */
typedef struct layer_call {
  size_t batch;
  const trial_buffer *x, *y, *dy, *dx;
} layer_call;

#ifdef CLNORM_TEST_OPENCL
typedef struct layer_run_cl layer_run_cl;
layer_run_cl *layer_run_cl_open(void);
void layer_run_cl_close(layer_run_cl *cl);
clnorm_status layer_run_cl_create(const layer_run_cl *cl, const clnorm_desc *desc, clnorm_layer **layer);
clnorm_status layer_run_cl_forward(const layer_run_cl *cl, clnorm_layer *layer, const layer_call *call);
clnorm_status layer_run_cl_backward(const layer_run_cl *cl, clnorm_layer *layer, const layer_call *call);
#endif

#endif
