/* A normalization layer with state: it owns gamma, beta, the running statistics, the saved statistics and the gradients
 * of gamma and beta, in the host's memory (this header) or on an OpenCL device (opencl.h). One thread at a time a
 * layer.
 *
 * Every operation, with an activation or none, of tensors stored as f32, f16 or bf16. Not residuals, masks, accumulated
 * gradients, lengths, other strides than dense ones and f64, for which there are plans (clnorm.h). Layer, group and RMS
 * normalization have no running statistics: their modes infer and frozen normalize by x's own, as train does, and save
 * nothing.
 *
 *   clnorm_layer *layer;   clnorm_layer_create(&desc, &layer);
 *   clnorm_layer_forward(layer, batch, (clnorm_input){x}, (clnorm_output){y});                   mode train
 *   clnorm_layer_backward(layer, batch, (clnorm_input){x}, (clnorm_input){dy}, (clnorm_output){dx});
 *   ... an optimizer steps gamma and beta by dgamma and dbeta: clnorm_layer_data, or read and write ...
 *   clnorm_layer_set_mode(layer, CLNORM_MODE_INFER);
 *
 * Transfer learning: to hold the statistics, mode frozen; to hold the layer whole, also set_trainable(layer, 0, 0);
 * another rate of learning is the optimizer's choice, each layer has its own buffers.
 * Another domain: reset_statistics, set_averaging(layer, CLNORM_AVERAGE_CUMULATIVE, 0), forward calls in mode train over
 * its data; gamma and beta stay as they are. The running variance is then the mean of the batches' variances.
 */
#ifndef CLNORM_LAYER_H
#define CLNORM_LAYER_H

#include "clnorm/clnorm.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clnorm_layer clnorm_layer;

typedef enum clnorm_layer_mode {
  CLNORM_MODE_TRAIN = 1, /* forward with x's own statistics, running ones updated; the mode at the start */
  CLNORM_MODE_INFER = 2, /* forward with the running statistics; no backward */
  CLNORM_MODE_FROZEN = 3 /* forward with the running statistics, unchanged; backward treats them as constants */
} clnorm_layer_mode;

/* What a layer owns, in floats; clnorm_layer_value_count tells how many. GAMMA, BETA and their gradients have one a
 * parameter, the running statistics too where the operation has them (BATCH, INSTANCE), else none. MEAN and INV_STD have
 * one a statistic: of BATCH always as many, else what the last training forward pass's N gave, none before it; of RMS
 * MEAN has none. */
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

/* ---- Making ------------------------------------------------------------------------------------------------- */

/* Makes a layer on the CPU backend.
 *   desc    the shape of x; its N (dims[0]) is not looked at, every call states its own. LAYER and RMS: axis at least 1
 *   layer   receives the layer; untouched on failure. Release with clnorm_layer_destroy.
 * Errors: INVALID_ARGUMENT, INVALID_SHAPE, OVERFLOW, UNSUPPORTED, OUT_OF_MEMORY. */
CLNORM_API clnorm_status clnorm_layer_create(const clnorm_desc *desc, clnorm_layer **layer);

/* NULL is allowed. Waits for nothing on the CPU; on a device it waits until the layer's last command has ended. */
CLNORM_API void clnorm_layer_destroy(clnorm_layer *layer);

/* Makes the plans that forward and backward calls in this mode with this batch will use, and the workspace, ahead of
 * time: on a device the kernels are compiled now, and every error of the shape shows now. Never needed.
 * Errors: those of clnorm_plan_create or clnorm_cl_plan_create. */
CLNORM_API clnorm_status clnorm_layer_prepare(clnorm_layer *layer, size_t batch);

/* ---- State -------------------------------------------------------------------------------------------------- */

/* May change between any two calls; no value changes by it. */
CLNORM_API clnorm_status clnorm_layer_set_mode(clnorm_layer *layer, clnorm_layer_mode mode);

/* 0 if layer is NULL. */
CLNORM_API clnorm_layer_mode clnorm_layer_get_mode(const clnorm_layer *layer);

/* Whether gamma and beta are trained; both at the start. Of one that is not, backward computes no gradient: dgamma or
 * dbeta keeps what it holds. Its value (1 or 0 unless written) still takes part in the forward pass. */
CLNORM_API clnorm_status clnorm_layer_set_trainable(clnorm_layer *layer, int gamma, int beta);

/* How the running statistics follow the batches from now on; at the start as the descriptor says.
 *   average_factor   in [0, 1], weight of the new value; with CLNORM_AVERAGE_CUMULATIVE checked, but not used
 * Errors: INVALID_ARGUMENT. */
CLNORM_API clnorm_status clnorm_layer_set_averaging(clnorm_layer *layer, clnorm_averaging averaging,
                                                    double average_factor);

/* Parameters in all (gamma, beta, running mean, running variance: 4n; 2n where nothing runs) and trainable ones (2n; less
 * after clnorm_layer_set_trainable). Either may be NULL. */
CLNORM_API clnorm_status clnorm_layer_count_parameters(const clnorm_layer *layer, size_t *all, size_t *trainable);

/* Floats of the value at present; 0 if an argument is wrong. */
CLNORM_API size_t clnorm_layer_value_count(const clnorm_layer *layer, clnorm_layer_value value);

/* Training batches seen since creation or the last reset; 0 if layer is NULL. */
CLNORM_API uint64_t clnorm_layer_batches(const clnorm_layer *layer);

/* Sets that count, for a layer whose statistics are written from a file; cumulative averaging goes on from there. */
CLNORM_API clnorm_status clnorm_layer_set_batches(clnorm_layer *layer, uint64_t batches);

/* Copies a value out of or into the layer, after all calls of the layer; blocks until done, also on a device. What other
 * commands of yours do to the value's buffer on a device you wait for yourself.
 *   count   elements of `data`; must be exactly the value's count
 * Errors: INVALID_ARGUMENT, BUFFER_TOO_SMALL, OPENCL_ERROR, FORKED. */
CLNORM_API clnorm_status clnorm_layer_read(clnorm_layer *layer, clnorm_layer_value value, float *data, size_t count);
CLNORM_API clnorm_status clnorm_layer_write(clnorm_layer *layer, clnorm_layer_value value, const float *data,
                                            size_t count);

/* The value itself, for an optimizer on the host, valid until the layer is destroyed; MEAN and INV_STD, but of BATCH, only
 * until the next training forward call. NULL for a layer on a device (see clnorm_cl_layer_buffer), or if an argument is
 * wrong. */
CLNORM_API float *clnorm_layer_data(clnorm_layer *layer, clnorm_layer_value value);

/* Running statistics, where there are any, back to 0 and 1, the count of batches to 0; everything else stays.
 * Errors: INVALID_ARGUMENT, OUT_OF_MEMORY, OPENCL_ERROR, FORKED. */
CLNORM_API clnorm_status clnorm_layer_reset_statistics(clnorm_layer *layer);

/* ---- Passes on a CPU layer ---------------------------------------------------------------------------------- */

/* The forward pass of the layer's mode; returns when y is written. On failure nothing has changed, the count of batches
 * neither.
 *   batch   N of this call
 *   x, y    tensors of the descriptor's shape with N = batch; y may be x, but the backward pass needs x
 * Errors: those of clnorm_plan_create and clnorm_execute; INVALID_ARGUMENT for a layer on a device. */
CLNORM_API clnorm_status clnorm_layer_forward(clnorm_layer *layer, size_t batch, clnorm_input x, clnorm_output y);

/* The backward pass of the layer's mode; dgamma and dbeta are overwritten in the layer.
 * Mode train: gradients of the last training forward call, whose batch and x must be given again; the layer holds the
 * saved statistics of that one call. Mode frozen: x of any forward call; the running statistics are constants, and where
 * there are none x's own are computed again.
 *   x, dy   tensors of the descriptor's shape with N = batch
 *   dx      {NULL}: not wanted; may be dy. Must be wanted if neither gamma nor beta is trained.
 * Errors: those of clnorm_plan_create and clnorm_execute; INVALID_ARGUMENT for a layer on a device, in mode infer, and
 * in mode train before a training forward call or with another batch than its. */
CLNORM_API clnorm_status clnorm_layer_backward(clnorm_layer *layer, size_t batch, clnorm_input x, clnorm_input dy,
                                               clnorm_output dx);

#ifdef __cplusplus
}
#endif
#endif
