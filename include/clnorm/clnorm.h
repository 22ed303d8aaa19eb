/* clnorm: batch normalization and its family, exact and at the speed of the memory.
 *
 * This header needs only the C standard library: status, descriptor, plan, execution on the CPU backend.
 * The same passes on the caller's OpenCL queue and buffers: opencl.h. A layer that owns its parameters: layer.h.
 *
 * In short:
 *   clnorm_desc desc;
 *   clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH);
 *   desc.rank = 4; desc.dims[0] = 32; ...
 *   clnorm_plan *plan;
 *   clnorm_plan_create(&desc, CLNORM_TRAIN, &plan);
 *   clnorm_execute(plan, &(clnorm_args){.size = sizeof(clnorm_args), .x = {x}, .y = {y}, ...});
 *   clnorm_plan_destroy(plan);
 *
 * Threads: a plan is immutable after creation; any number of threads may use it at once.
 */
#ifndef CLNORM_CLNORM_H
#define CLNORM_CLNORM_H

#include <stddef.h>
#include <stdint.h>

#if defined(CLNORM_STATIC)
#define CLNORM_API
#elif defined(_WIN32)
#ifdef CLNORM_BUILDING
#define CLNORM_API __declspec(dllexport)
#else
#define CLNORM_API __declspec(dllimport)
#endif
#else
#define CLNORM_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define CLNORM_VERSION_MAJOR 0
#define CLNORM_VERSION_MINOR 1
#define CLNORM_VERSION_PATCH 0

/* "0.1.0": the version of the library that is running, not of the header. */
CLNORM_API const char *clnorm_version(void);

/* ---- Status ------------------------------------------------------------------------------------------------- */

/* One row a status: X(code, NAME, message). */
#define CLNORM_STATUS_TABLE(X)                                                                              \
  X(0, SUCCESS, "success")                                                                                  \
  X(1, INVALID_ARGUMENT, "an argument is NULL, unknown or out of its range")                                \
  X(2, INVALID_SHAPE, "the shape is not one that this operation can normalize")                             \
  X(3, TOO_FEW_VALUES, "training needs at least two values for each statistic")                             \
  X(4, OVERFLOW, "a product of the dimensions does not fit into 64 bits")                                   \
  X(5, BUFFER_TOO_SMALL, "a buffer holds fewer or more elements than the shape asks for")                   \
  X(6, INVALID_BUFFER, "a buffer is misaligned, of another context, or not readable or writable as needed") \
  X(7, OVERLAP, "an output overlaps another argument")                                                      \
  X(8, OUT_OF_MEMORY, "not enough memory, or more than the device can allocate")                            \
  X(9, UNSUPPORTED, "the device or this build cannot do it")                                                \
  X(10, NO_DEVICE, "no OpenCL device was found that fits")                                                  \
  X(11, BUILD_FAILED, "an OpenCL program did not compile")                                                  \
  X(12, OPENCL_ERROR, "an OpenCL call failed")                                                              \
  X(13, FORKED, "the OpenCL objects were made before a fork() and cannot be used in the child")

typedef enum clnorm_status {
#define CLNORM_STATUS_ENUM(code, name, message) CLNORM_##name = code,
  CLNORM_STATUS_TABLE(CLNORM_STATUS_ENUM)
#undef CLNORM_STATUS_ENUM
} clnorm_status;

/* "SUCCESS", "INVALID_ARGUMENT", ...; "UNKNOWN" for a value that is no status. Never NULL. */
CLNORM_API const char *clnorm_status_name(clnorm_status status);

/* The row's message, a general sentence. clnorm_last_error() tells the particular case. Never NULL. */
CLNORM_API const char *clnorm_status_message(clnorm_status status);

/* What went wrong in this thread's last call that failed: the argument's name, what was expected, what came; for
 * OpenCL the failing call and the name of its error; for a failed build the log. "" if no call has failed yet.
 * A call that succeeds leaves it as it is. Valid until this thread's next failing call. Never NULL. */
CLNORM_API const char *clnorm_last_error(void);

/* ---- Descriptor --------------------------------------------------------------------------------------------- */

#define CLNORM_MAX_RANK 8

/* Over which elements a statistic is taken, and how many statistics and parameters there are. (N, C, ...) is meant for
 * channels-last too: which axis C is, the layout tells.
 *   BATCH      over N and all positions: [C] statistics, [C] parameters, [C] running statistics
 *   INSTANCE   over all positions: [N, C] statistics, [C] parameters, [C] running statistics
 *   GROUP      over C / desc.groups neighbouring channels and all positions: [N, groups] statistics, [C] parameters
 *   LAYER      over the axes from desc.axis to the last: a statistic for each place of the axes before, a parameter for each
 *              place of the others. The layout is not looked at.
 *   RMS        as LAYER without a mean: inv_std = 1/sqrt(mean(x^2) + epsilon), y = gamma * x * inv_std + beta */
typedef enum clnorm_op {
  CLNORM_BATCH = 1,
  CLNORM_LAYER = 2,
  CLNORM_INSTANCE = 3,
  CLNORM_GROUP = 4,
  CLNORM_RMS = 5
} clnorm_op;

/* INFER of LAYER, GROUP and RMS, which have no running statistics, gives y as TRAIN does; BACKWARD_FROZEN is not for them. */
typedef enum clnorm_pass {
  CLNORM_TRAIN = 1,          /* y from x's own statistics; updates the running ones */
  CLNORM_INFER = 2,          /* y from the running statistics */
  CLNORM_BACKWARD = 3,       /* gradients of CLNORM_TRAIN */
  CLNORM_BACKWARD_FROZEN = 4 /* gradients of CLNORM_INFER: the running statistics are constants */
} clnorm_pass;

/* What y is of z = gamma * xh + beta (+ residual). a is desc.alpha. At a kink the derivative is that of its left side. */
typedef enum clnorm_activation {
  CLNORM_ACTIVATION_NONE = 0,
  CLNORM_ACTIVATION_RELU = 1,         /* max(z, 0) */
  CLNORM_ACTIVATION_LEAKY_RELU = 2,   /* z, below 0 a * z */
  CLNORM_ACTIVATION_CLIPPED_RELU = 3, /* min(max(z, 0), a), a > 0; the derivative is 1 in (0, a] */
  CLNORM_ACTIVATION_ELU = 4,          /* z, below 0 a * (exp(z) - 1) */
  CLNORM_ACTIVATION_SIGMOID = 5,      /* 1 / (1 + exp(-z)) */
  CLNORM_ACTIVATION_TANH = 6,
  CLNORM_ACTIVATION_SILU = 7,     /* z * sigmoid(z) */
  CLNORM_ACTIVATION_GELU = 8,     /* z * (1 + erf(z / sqrt(2))) / 2 */
  CLNORM_ACTIVATION_GELU_TANH = 9 /* z * (1 + tanh(sqrt(2 / pi) * (z + 0.044715 * z^3))) / 2 */
} clnorm_activation;

typedef enum clnorm_layout {
  CLNORM_CHANNELS_FIRST = 1, /* (N, C, ...) */
  CLNORM_CHANNELS_LAST = 2   /* (N, ..., C) */
} clnorm_layout;

/* Type of the elements of x, y, dy, dx, residual and dresidual. Statistics, gamma, beta and their gradients are float,
 * for F64 double. Results are rounded to nearest even; what is too large for a half type becomes infinite. */
typedef enum clnorm_dtype {
  CLNORM_F32 = 1,
  CLNORM_F16 = 2,  /* IEEE binary16; no device needs an extension for it */
  CLNORM_BF16 = 3, /* the upper half of a float */
  CLNORM_F64 = 4   /* UNSUPPORTED on devices without double */
} clnorm_dtype;

/* What is stored as running_var. y is always computed with the population variance. */
typedef enum clnorm_variance {
  CLNORM_VARIANCE_UNBIASED = 1,  /* sum of squares / (n - 1) */
  CLNORM_VARIANCE_POPULATION = 2 /* sum of squares / n */
} clnorm_variance;

/* How the running statistics follow the batches. */
typedef enum clnorm_averaging {
  CLNORM_AVERAGE_EXPONENTIAL = 1, /* running = (1 - average_factor) * running + average_factor * batch */
  CLNORM_AVERAGE_CUMULATIVE = 2   /* the same with 1 / batch_number as the weight of the new value: a plain mean */
} clnorm_averaging;

/* A consistent set of epsilon, average_factor and running_variance. average_factor is the weight of the NEW value. */
typedef enum clnorm_preset {
  CLNORM_PRESET_TORCH = 1, /* 1e-5, 0.1, unbiased; cuDNN and MIOpen use the same */
  CLNORM_PRESET_KERAS = 2, /* 1e-3, 0.01, population */
  CLNORM_PRESET_ONNX = 3   /* 1e-5, 0.1, population */
} clnorm_preset;

/* Flags of a descriptor.
 *   PER_ACTIVATION   BATCH: one statistic for each activation (channel and position), over the batch alone
 *   RESIDUAL         z = gamma * xh + beta + residual
 *   RELU_MASK        RELU: forward passes write a bit an element, backward passes read it and neither beta nor residual
 *   ACCUMULATE_*     dx, dgamma, dbeta are added to what is there */
#define CLNORM_PER_ACTIVATION 1u
#define CLNORM_RESIDUAL 2u
#define CLNORM_RELU_MASK 4u
#define CLNORM_ACCUMULATE_DX 8u
#define CLNORM_ACCUMULATE_DGAMMA 16u
#define CLNORM_ACCUMULATE_DBETA 32u

/* The arguments that have the shape of x: rows of desc.strides. */
typedef enum clnorm_tensor {
  CLNORM_TENSOR_X = 0,
  CLNORM_TENSOR_Y,
  CLNORM_TENSOR_DY,
  CLNORM_TENSOR_DX,
  CLNORM_TENSOR_RESIDUAL,
  CLNORM_TENSOR_DRESIDUAL,
  CLNORM_TENSORS
} clnorm_tensor;

typedef struct clnorm_desc {
  size_t size; /* sizeof(clnorm_desc) of the caller: lets the structure grow */
  clnorm_op op;
  clnorm_layout layout;
  clnorm_dtype dtype;
  uint32_t flags;
  uint32_t rank;                /* 2 to 8; LAYER and RMS from 1 */
  size_t dims[CLNORM_MAX_RANK]; /* shape of x in the order of the memory; the first `rank` entries count */
  double epsilon;               /* added to the variance; a positive normal float */
  double average_factor;        /* in [0, 1], weight of the new value; only exponential averaging reads it */
  clnorm_averaging averaging;
  clnorm_variance running_variance;
  /* A caller compiled before these existed has a smaller `size`: axis is 1 then, the rest 0. */
  uint32_t axis;   /* LAYER, RMS: the first axis that is normalized over, below rank */
  uint32_t groups; /* GROUP: divides C */
  clnorm_activation activation;
  /* 0, or an axis, not C, of whose positions sample n (axis 0) has only the first lengths[n]: the others are padding, part of no
   * statistic, and y, dx and dresidual are 0 there. */
  uint32_t length_axis;
  double alpha; /* the activation's parameter */
  /* Distance in elements between neighbours along each axis, for each tensor; a row of zeros: dense, in the order of dims.
   * An output may not meet an element twice. Negative distances count from element (0, ..., 0), to which the argument points. */
  int64_t strides[CLNORM_TENSORS][CLNORM_MAX_RANK];
} clnorm_desc;

/* Fills *desc with the preset's conventions, channels-first float32, dense, axis 1, no activation, rank 0: set rank and
 * dims yourself.
 *   desc   not NULL
 *   size   sizeof(*desc)
 * Errors: INVALID_ARGUMENT. */
CLNORM_API clnorm_status clnorm_desc_init(clnorm_desc *desc, size_t size, clnorm_op op, clnorm_preset preset);

/* The counts that follow from a descriptor, in elements. */
typedef struct clnorm_counts {
  size_t elements;   /* of x, y, dx and dy */
  size_t statistics; /* of mean and inv_std */
  size_t parameters; /* of gamma, beta, dgamma and dbeta; where there are running statistics, of these too */
  size_t values;     /* elements that one statistic is taken over (n), padding included */
  size_t mask_words; /* of mask: 32 elements each */
} clnorm_counts;

/* Validates the descriptor and fills *counts.
 * Errors: INVALID_ARGUMENT, INVALID_SHAPE, OVERFLOW, UNSUPPORTED. */
CLNORM_API clnorm_status clnorm_desc_counts(const clnorm_desc *desc, clnorm_counts *counts);

/* ---- Plan --------------------------------------------------------------------------------------------------- */

/* How one pass over one shape is computed. Opaque, immutable. */
typedef struct clnorm_plan clnorm_plan;

/* Makes a plan for the CPU backend. It holds no tensor, and serves any number of threads with the same bits. What is built
 * in does not depend on their number. A tuning database (clnorm/tuning.h) is for one number, that which OpenMP offers at the
 * process's first plan: with another number there the choice, and with it the last bits, may be others.
 *   desc   read, not kept
 *   pass   which pass; a descriptor serves for all of them
 *   plan   receives the plan; untouched on failure. Release with clnorm_plan_destroy.
 * Errors: INVALID_ARGUMENT, INVALID_SHAPE, TOO_FEW_VALUES, OVERFLOW, UNSUPPORTED, OUT_OF_MEMORY. */
CLNORM_API clnorm_status clnorm_plan_create(const clnorm_desc *desc, clnorm_pass pass, clnorm_plan **plan);

/* NULL is allowed. */
CLNORM_API void clnorm_plan_destroy(clnorm_plan *plan);

/* Bytes of workspace that each concurrent execution of this plan needs; 0 if none. At most a sixth of the tensor and, for a
 * backward pass that may have to compute mean and inv_std again, two floats a statistic: as much as these two take. Of
 * instance and group normalization of channels-last tensors on OpenCL less than half of the tensor; of the variant `general`
 * three numbers a statistic. */
CLNORM_API size_t clnorm_plan_workspace_size(const clnorm_plan *plan);

/* Writes a sentence such as "batch forward-train 32x64x56x56 f32 channels-first: rows_whole, 64 groups of 256".
 *   text      receives at most `capacity` bytes with the closing NUL; may be NULL if capacity is 0
 * Returns the length that the whole sentence has without the NUL. */
CLNORM_API size_t clnorm_plan_describe(const clnorm_plan *plan, char *text, size_t capacity);

/* The variant's name alone: "rows_whole", "columns_split", ... Lives as long as the library. */
CLNORM_API const char *clnorm_plan_variant(const clnorm_plan *plan);

/* ---- Execution on the CPU backend --------------------------------------------------------------------------- */

/* An argument in the host's memory. {NULL} is an absent optional argument.
 *   count   elements behind data; 0 = not stated, the caller vouches for it. If stated it must be the exact count, which with
 *           strides ends behind the last element that they reach. */
typedef struct clnorm_input {
  const void *data;
  size_t count;
} clnorm_input;

typedef struct clnorm_output {
  void *data;
  size_t count;
} clnorm_output;

/* The arguments of all passes. R required, o optional, . must be absent:
 *
 *                              train   infer   backward   backward-frozen
 *   x                          R       R       R          R
 *   dy                         .       .       R          R
 *   gamma                      o       o       o          o               absent: 1
 *   beta                       o       o       a          a               absent: 0
 *   residual                   r       r       b          b
 *   mask                       m       m       m          m               forward passes write it, backward ones read it
 *   lengths                    l       l       l          l
 *   y                          R       R       .          .               may be x or residual
 *   running_mean, running_var  s       S       .          R               train updates them, the others read them
 *   mean, inv_std              o       .       o          .               train writes them, backward reads them; RMS: no mean
 *   dx, dgamma, dbeta          .       .       o          o               at least one output; dx may be dy
 *   dresidual                  .       .       d          d               may be dy
 *
 *   a   o with an activation but without RELU_MASK, else .
 *   b   R with RESIDUAL, an activation and without RELU_MASK, else .
 *   d   o with RESIDUAL, else .
 *   l   R if desc.length_axis is not 0, else .
 *   m   R with RELU_MASK, else .
 *   r   R with RESIDUAL, else .
 *   s, S   o and R for BATCH and INSTANCE, else .
 *
 * mean is that of x's statistics, inv_std = 1/sqrt(var + epsilon) with the population variance. A backward pass without one
 * of them computes it from x again. Backward passes take the rounding of a saved float mean back out (they see x).
 * INSTANCE updates each running statistic with the mean over N of its samples' means and variances.
 * Outputs must not overlap each other or any input, but for y = x, y = residual, dx = dy and dresidual = dy,
 * which must then be exactly the same range with the same strides. Numbers (gamma, mean, ...) are float, for F64 double. */
typedef struct clnorm_args {
  size_t size; /* sizeof(clnorm_args) of the caller */
  clnorm_input x, dy, gamma, beta;
  clnorm_output y, dx, dgamma, dbeta;
  clnorm_output running_mean, running_var;
  clnorm_output mean, inv_std;
  clnorm_output workspace; /* bytes, not elements; at least clnorm_plan_workspace_size, aligned to 16, best to 64 */
  uint64_t
      batch_number; /* 1, 2, 3 ...: which batch this is; only cumulative averaging reads it, and then 0 is an error */
  int threads;      /* 0: all that OpenMP offers. The result does not depend on it, to the bit. */
  /* A caller compiled before these existed has a smaller `size`: they are absent then. */
  clnorm_input residual;
  clnorm_input lengths;    /* [N] int32_t; less than 0 is taken as 0, more than the axis has as all of it */
  clnorm_output dresidual; /* dy after the activation's derivative */
  clnorm_output
      mask; /* [mask_words] uint32_t; bit i % 32 of word i / 32 is 1 if the stored y of element i (in the order of
                              dims) is greater than 0 */
} clnorm_args;

/* Executes the plan on the CPU backend; returns when every output is written.
 * On failure nothing has been written.
 * Errors: INVALID_ARGUMENT, BUFFER_TOO_SMALL, INVALID_BUFFER, OVERLAP.
 * Source of the formulas: Ioffe and Szegedy 2015, Algorithm 1 and section 3. */
CLNORM_API clnorm_status clnorm_execute(const clnorm_plan *plan, const clnorm_args *args);

#ifdef __cplusplus
}
#endif
#endif
