/* A descriptor with data, run by whatever the caller gives and compared with the reference of the family in one call. Knows
 * nothing of devices, and needs no test framework.
 *
 *   trial *t = trial_create(&desc, &(trial_data){.std = 1.0, .seed = 1});       NULL: no memory
 *   trial_result r;
 *   trial_check(t, CLNORM_TRAIN, TRIAL_ALL, run, context, &r);
 *   if (r.problem[0] != '\0') { r.problem tells what is wrong }
 *   trial_destroy(t);
 *
 * Every argument lies in memory of its own between guards, at the descriptor's strides. Padding of inputs is NaN. Outputs hold
 * NaN before the run, or what gradients are added to. After it inputs must be unchanged, and of the outputs' memory all
 * bytes that belong to no element. */
#ifndef CLNORM_TESTS_TRIAL_H
#define CLNORM_TESTS_TRIAL_H

#include "clnorm/clnorm.h"
#include "family.h"
#include "generate.h"

/* All arguments of a pass. */
typedef enum trial_slot {
  TRIAL_X = 0,
  TRIAL_DY,
  TRIAL_GAMMA,
  TRIAL_BETA,
  TRIAL_RESIDUAL,
  TRIAL_LENGTHS,
  TRIAL_Y,
  TRIAL_DX,
  TRIAL_DGAMMA,
  TRIAL_DBETA,
  TRIAL_DRESIDUAL,
  TRIAL_RUNNING_MEAN,
  TRIAL_RUNNING_VAR,
  TRIAL_MEAN,
  TRIAL_INV_STD,
  TRIAL_MASK,
  TRIAL_SLOTS
} trial_slot;

/* "x", "dy" ... */
const char *trial_slot_name(trial_slot slot);

/* Arguments that a call may leave out, where the pass takes them at all. */
#define TRIAL_WITH_GAMMA 1u
#define TRIAL_WITH_BETA 2u
#define TRIAL_WITH_RUNNING_MEAN 4u
#define TRIAL_WITH_RUNNING_VAR 8u
#define TRIAL_WITH_MEAN 16u
#define TRIAL_WITH_INV_STD 32u
#define TRIAL_WITH_DX 64u
#define TRIAL_WITH_DGAMMA 128u
#define TRIAL_WITH_DBETA 256u
#define TRIAL_WITH_DRESIDUAL 512u
#define TRIAL_ALL 1023u
/* In place: y = x and dx = dy; y = residual and dresidual = dy. The output then has the input's strides. Of both, the first;
 * neither where dx is added to. */
#define TRIAL_IN_PLACE 1024u
#define TRIAL_IN_PLACE_RESIDUAL 2048u

/* What the data are. Residual, beta and dy are normal, gamma is around 0, so that the activation sees both its sides;
 * lengths run from -1 to one more than there is.
 *   batch_number   of cumulative averaging
 *   offset         elements before each tensor in its memory; one that is no multiple of 16 gives each tensor another */
typedef struct trial_data {
  generate_kind kind;
  double mean, std; /* of x */
  uint64_t seed, batch_number;
  size_t offset;
} trial_data;

/* One argument in memory. */
typedef struct trial_buffer {
  unsigned char *memory; /* aligned to 64; NULL: absent */
  size_t bytes;          /* of the memory, with the guards */
  size_t start;          /* bytes before element (0, ..., 0) */
  size_t element;        /* bytes of an element */
  size_t count;          /* elements; 0 if they do not lie side by side in order */
  int shared;            /* -1, or the slot that the memory belongs to: in place */
} trial_buffer;

/* Executes the pass on the buffers; returns a clnorm_status. Arguments that are absent have no memory.
 *   desc   as it was given to trial_create, but for the strides of outputs in place */
typedef int (*trial_run)(void *context, const clnorm_desc *desc, clnorm_pass pass,
                         const trial_buffer buffers[TRIAL_SLOTS], uint64_t batch_number);

typedef struct trial_result {
  int status;               /* what `run` returned; if it is no success nothing else is looked at */
  family_quantity quantity; /* of the worst number */
  family_error worst;
  char problem[512]; /* what is wrong, a sentence; "" if nothing is */
} trial_result;

typedef struct trial trial;

/* desc must be valid. NULL: no memory. */
trial *trial_create(const clnorm_desc *desc, const trial_data *data);

/* NULL is allowed. */
void trial_destroy(trial *t);

/* Runs a pass that the descriptor allows.
 *   with   TRIAL_WITH_* and TRIAL_IN_PLACE*; of a backward pass at least one output has to be left
 * Returns 1 if all is right, else 0, and the result tells why: also where memory was short. */
int trial_check(trial *t, clnorm_pass pass, unsigned with, trial_run run, void *context, trial_result *result);

/* Writes "layer 2x3x4 from 1 bf16 silu residual lengths strides": returns `text`. */
const char *trial_describe(const clnorm_desc *desc, char *text, size_t capacity);

#endif
