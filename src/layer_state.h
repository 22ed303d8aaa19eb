/* A layer's state and its logic, once for both backends: the mode, the counts, which pass a call means, which of the
 * layer's values that pass takes, the cache of plans. A backend holds the memory and executes. */
#ifndef CLNORM_SRC_LAYER_STATE_H
#define CLNORM_SRC_LAYER_STATE_H

#include "clnorm/layer.h"

/* ROW(NAME, member of clnorm_args and clnorm_cl_args, start, extent)
 *   parameters   as many as the operation has parameters
 *   running      the same where it has running statistics, else none
 *   saved        as many as the last training forward pass had statistics */
#define CLNORM__LAYER_VALUE_TABLE(ROW)           \
  ROW(GAMMA, gamma, 1.0f, parameters)            \
  ROW(BETA, beta, 0.0f, parameters)              \
  ROW(RUNNING_MEAN, running_mean, 0.0f, running) \
  ROW(RUNNING_VAR, running_var, 1.0f, running)   \
  ROW(MEAN, mean, 0.0f, saved)                   \
  ROW(INV_STD, inv_std, 0.0f, saved)             \
  ROW(DGAMMA, dgamma, 0.0f, parameters)          \
  ROW(DBETA, dbeta, 0.0f, parameters)

/* One more than the largest clnorm_layer_value: arrays are indexed by it, entry 0 is empty. */
#define CLNORM__LAYER_VALUES (CLNORM_VALUE_DBETA + 1)

/* Sets of values: bit v stands for the clnorm_layer_value v. */
#define CLNORM__VALUE_BIT(name) (1u << CLNORM_VALUE_##name)

/* Plans kept: four passes, each for a full batch, the smaller last one of an epoch, and single samples, and a few more.
 */
#define CLNORM__LAYER_PLANS 16

typedef struct clnorm__layer_plan {
  clnorm_pass pass;
  size_t batch;
  size_t statistics; /* of a tensor with that batch */
  uint64_t used;     /* the layer's clock at the last use */
  void *plan;        /* the backend's; NULL: the entry is free */
} clnorm__layer_plan;

/* What a backend does; `layer` is the first member of its own structure. Values are indexed by clnorm_layer_value. */
typedef struct clnorm__layer_backend {
  const char *where; /* "on the CPU", for sentences of errors */
  clnorm_status (*plan_create)(clnorm_layer *layer, const clnorm_desc *desc, clnorm_pass pass, void **plan);
  void (*plan_destroy)(void *plan);
  /* Has workspace for the plan from now on, or fails and changes nothing. */
  clnorm_status (*reserve)(clnorm_layer *layer, const void *plan);
  /* Has room for so many floats of the value from now on, and what it holds stays; or fails and changes nothing. */
  clnorm_status (*grow)(clnorm_layer *layer, clnorm_layer_value value, size_t count);
  /* Copies a whole value; returns when that is done. */
  clnorm_status (*read)(clnorm_layer *layer, clnorm_layer_value value, float *data);
  clnorm_status (*write)(clnorm_layer *layer, clnorm_layer_value value, const float *data);
  /* Adds the values of the set `uses` to the call (the backend's own structure, with the caller's tensors), and runs it.
   */
  clnorm_status (*execute)(clnorm_layer *layer, const void *plan, void *call, unsigned uses, uint64_t batch_number);
  /* Frees the backend's memory and the layer; plans are gone already. */
  void (*destroy)(clnorm_layer *layer);
  /* Where it cannot work any more (after a fork), says so. */
  clnorm_status (*check)(const clnorm_layer *layer);
} clnorm__layer_backend;

struct clnorm_layer {
  const clnorm__layer_backend *backend;
  clnorm_desc desc;                    /* dims[0] is 1 */
  size_t counts[CLNORM__LAYER_VALUES]; /* what each value has; a backend has room for as many, or more */
  clnorm_layer_mode mode;
  unsigned trainable; /* set of values: gamma, beta */
  uint64_t batches;
  int has_saved;      /* 1 once mean and inv_std are those of a forward call ... */
  size_t saved_batch; /* ... of so many samples */
  uint64_t clock;
  clnorm__layer_plan plans[CLNORM__LAYER_PLANS];
};

/* Validates the descriptor and fills *layer as it is at the start, without any plan.
 * Errors: INVALID_ARGUMENT, INVALID_SHAPE, OVERFLOW, UNSUPPORTED. */
clnorm_status clnorm__layer_init(clnorm_layer *layer, const clnorm_desc *desc, const clnorm__layer_backend *backend);

/* What the value holds at the start. */
float clnorm__layer_start(clnorm_layer_value value);

/* The forward or backward pass that the layer's mode means, with a call of that backend. The caller has checked that
 * the layer is of that backend. */
clnorm_status clnorm__layer_forward(clnorm_layer *layer, size_t batch, void *call);
clnorm_status clnorm__layer_backward(clnorm_layer *layer, size_t batch, void *call);

/* INVALID_ARGUMENT unless the layer is of that backend; `use` names the function that would be right. */
clnorm_status clnorm__layer_check_backend(const clnorm_layer *layer, const clnorm__layer_backend *backend,
                                          const char *use);

#endif
