/* A normalization layer with state: it owns gamma, beta, the running statistics, the saved statistics and the gradients
 * of gamma and beta, in the host's memory (this header) or on an OpenCL device (opencl.h). One thread at a time a
 * layer.
 */
#ifndef CLNORM_LAYER_H
#define CLNORM_LAYER_H

#include "clnorm/clnorm.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clnorm_layer clnorm_layer;

typedef enum clnorm_layer_mode {
  CLNORM_MODE_TRAIN = 1, /* forward with the batch's statistics, running ones updated; the mode at the start */
  CLNORM_MODE_INFER = 2, /* forward with the running statistics; no backward */
  CLNORM_MODE_FROZEN = 3 /* forward with the running statistics, unchanged; backward treats them as constants */
} clnorm_layer_mode;

/* What a layer owns; each has one float a parameter or a statistic. */
typedef enum clnorm_layer_value {
  CLNORM_VALUE_GAMMA = 1,        /* 1 at the start */
  CLNORM_VALUE_BETA = 2,         /* 0 */
  CLNORM_VALUE_RUNNING_MEAN = 3, /* 0 */
  CLNORM_VALUE_RUNNING_VAR = 4,  /* 1 */
  CLNORM_VALUE_MEAN = 5,         /* of the last training forward pass */
  CLNORM_VALUE_INV_STD = 6,      /* of the last training forward pass */
  CLNORM_VALUE_DGAMMA = 7,       /* of the last backward pass */
  CLNORM_VALUE_DBETA = 8         /* of the last backward pass */
} clnorm_layer_value;

/* Makes a layer on the CPU backend.
 *   desc   the shape of x; its N (dims[0]) is only an example, every call states its own
 * Errors: those of clnorm_plan_create (dims[0] is not looked at). */
CLNORM_API clnorm_status clnorm_layer_create(const clnorm_desc *desc, clnorm_layer **layer);

/* NULL is allowed. Waits for nothing on the CPU; on a device it waits until the layer's last command has ended. */
CLNORM_API void clnorm_layer_destroy(clnorm_layer *layer);

CLNORM_API clnorm_status clnorm_layer_set_mode(clnorm_layer *layer, clnorm_layer_mode mode);
CLNORM_API clnorm_layer_mode clnorm_layer_get_mode(const clnorm_layer *layer);

/* Parameters in all (4n: gamma, beta, running mean, running variance) and trainable ones (2n). Either may be NULL. */
CLNORM_API clnorm_status clnorm_layer_count_parameters(const clnorm_layer *layer, size_t *all, size_t *trainable);

/* Training batches seen since creation or the last reset. */
CLNORM_API uint64_t clnorm_layer_batches(const clnorm_layer *layer);

/* Copies a value out of or into the layer; blocks until done, also on a device.
 *   count   elements of `data`; must be exactly the value's count
 * Errors: INVALID_ARGUMENT, BUFFER_TOO_SMALL, OPENCL_ERROR, FORKED. */
CLNORM_API clnorm_status clnorm_layer_read(clnorm_layer *layer, clnorm_layer_value value, float *data, size_t count);
CLNORM_API clnorm_status clnorm_layer_write(clnorm_layer *layer, clnorm_layer_value value, const float *data,
                                            size_t count);

/* Running statistics back to 0 and 1, the count of batches to 0; gamma and beta stay. */
CLNORM_API clnorm_status clnorm_layer_reset_statistics(clnorm_layer *layer);

/* The forward pass of the layer's mode, on a CPU layer; returns when y is written.
 *   batch   N of this call
 *   x, y    tensors of the descriptor's shape with N = batch; y may be x
 * Errors: those of clnorm_execute; TOO_FEW_VALUES; INVALID_ARGUMENT for a layer on a device. */
CLNORM_API clnorm_status clnorm_layer_forward(clnorm_layer *layer, size_t batch, clnorm_input x, clnorm_output y);

/* The backward pass that belongs to the layer's mode and last forward call, on a CPU layer; dgamma and dbeta go into
 * the layer. x, dy   x as given to the forward call dx      {NULL}: not wanted; may be dy Errors: those of
 * clnorm_execute; INVALID_ARGUMENT in mode infer, or in mode train before a forward call. */
CLNORM_API clnorm_status clnorm_layer_backward(clnorm_layer *layer, size_t batch, clnorm_input x, clnorm_input dy,
                                               clnorm_output dx);

#ifdef __cplusplus
}
#endif
#endif
