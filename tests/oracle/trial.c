#include "trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage_type.h"
#include "trial_inputs.h"
#include "trial_memory.h"

/* Whoever checks one pass several times, in other ways, need not wait for the same numbers again. */
typedef struct kept_reference {
  int there;
  unsigned with; /* gamma and beta; no other argument changes a number */
  family reference;
} kept_reference;

#define PASSES (CLNORM_BACKWARD_FROZEN + 1)

struct trial {
  clnorm_desc desc;
  trial_data data;
  trial_inputs in;
  kept_reference kept[PASSES];
};

/* One run. */
typedef struct attempt {
  trial *t;
  clnorm_desc desc; /* with the strides of outputs in place */
  clnorm_pass pass;
  unsigned with;
  trial_memory memories[TRIAL_SLOTS];
  trial_buffer buffers[TRIAL_SLOTS];
  const family *reference;
  trial_result *result;
} attempt;

typedef enum slot_extent { TENSOR, PARAMETERS, STATISTICS, SAMPLES, WORDS } slot_extent;

static const struct {
  const char *name;
  slot_extent extent;
  int tensor;    /* row of desc.strides */
  unsigned with; /* the bit without which it is left out; 0: none */
  int quantity;  /* what it holds as an output */
} slots[TRIAL_SLOTS] = {
    [TRIAL_X] = {"x", TENSOR, CLNORM_TENSOR_X, 0, -1},
    [TRIAL_DY] = {"dy", TENSOR, CLNORM_TENSOR_DY, 0, -1},
    [TRIAL_GAMMA] = {"gamma", PARAMETERS, -1, TRIAL_WITH_GAMMA, -1},
    [TRIAL_BETA] = {"beta", PARAMETERS, -1, TRIAL_WITH_BETA, -1},
    [TRIAL_RESIDUAL] = {"residual", TENSOR, CLNORM_TENSOR_RESIDUAL, 0, -1},
    [TRIAL_LENGTHS] = {"lengths", SAMPLES, -1, 0, -1},
    [TRIAL_Y] = {"y", TENSOR, CLNORM_TENSOR_Y, 0, FAMILY_Y},
    [TRIAL_DX] = {"dx", TENSOR, CLNORM_TENSOR_DX, TRIAL_WITH_DX, FAMILY_DX},
    [TRIAL_DGAMMA] = {"dgamma", PARAMETERS, -1, TRIAL_WITH_DGAMMA, FAMILY_DGAMMA},
    [TRIAL_DBETA] = {"dbeta", PARAMETERS, -1, TRIAL_WITH_DBETA, FAMILY_DBETA},
    [TRIAL_DRESIDUAL] = {"dresidual", TENSOR, CLNORM_TENSOR_DRESIDUAL, TRIAL_WITH_DRESIDUAL, FAMILY_DRESIDUAL},
    [TRIAL_RUNNING_MEAN] = {"running_mean", PARAMETERS, -1, TRIAL_WITH_RUNNING_MEAN, FAMILY_RUNNING_MEAN},
    [TRIAL_RUNNING_VAR] = {"running_var", PARAMETERS, -1, TRIAL_WITH_RUNNING_VAR, FAMILY_RUNNING_VAR},
    [TRIAL_MEAN] = {"mean", STATISTICS, -1, TRIAL_WITH_MEAN, FAMILY_MEAN},
    [TRIAL_INV_STD] = {"inv_std", STATISTICS, -1, TRIAL_WITH_INV_STD, FAMILY_INV_STD},
    [TRIAL_MASK] = {"mask", WORDS, -1, 0, FAMILY_MASK},
};

const char *trial_slot_name(trial_slot slot) { return slots[slot].name; }

static int is_forward(clnorm_pass pass) { return pass == CLNORM_TRAIN || pass == CLNORM_INFER; }

/* Whether the pass of such a descriptor takes an argument at all: the table of clnorm_args. */
static int takes(const clnorm_desc *desc, clnorm_pass pass, trial_slot slot)
{
  const int forward = is_forward(pass);
  const int residual = (desc->flags & CLNORM_RESIDUAL) != 0;
  switch (slot) {
    case TRIAL_X:
    case TRIAL_GAMMA:
      return 1;
    case TRIAL_BETA:
      return forward || family_derives(desc);
    case TRIAL_RESIDUAL:
      return residual && (forward || family_derives(desc));
    case TRIAL_LENGTHS:
      return desc->length_axis != 0;
    case TRIAL_Y:
      return forward;
    case TRIAL_RUNNING_MEAN:
    case TRIAL_RUNNING_VAR:
      return (desc->op == CLNORM_BATCH || desc->op == CLNORM_INSTANCE) && pass != CLNORM_BACKWARD;
    case TRIAL_MEAN:
      return desc->op != CLNORM_RMS && (pass == CLNORM_TRAIN || pass == CLNORM_BACKWARD);
    case TRIAL_INV_STD:
      return pass == CLNORM_TRAIN || pass == CLNORM_BACKWARD;
    case TRIAL_MASK:
      return (desc->flags & CLNORM_RELU_MASK) != 0;
    case TRIAL_DRESIDUAL:
      return !forward && residual;
    default:
      return !forward;
  }
}

/* Optional everywhere but the running statistics, which passes that read them need. */
static int is_present(const attempt *a, trial_slot slot)
{
  const int running = slot == TRIAL_RUNNING_MEAN || slot == TRIAL_RUNNING_VAR;
  const int optional = slots[slot].with != 0 && (!running || a->pass == CLNORM_TRAIN);
  return takes(&a->desc, a->pass, slot) && (!optional || (a->with & slots[slot].with) != 0);
}

static int is_written(const attempt *a, trial_slot slot)
{
  switch (slot) {
    case TRIAL_RUNNING_MEAN:
    case TRIAL_RUNNING_VAR:
    case TRIAL_MEAN:
    case TRIAL_INV_STD:
      return a->pass == CLNORM_TRAIN;
    case TRIAL_MASK:
      return is_forward(a->pass);
    default:
      return slots[slot].quantity >= 0;
  }
}

/* ---- In place --------------------------------------------------------------------------------------------------- */

static void share(attempt *a, trial_slot output, trial_slot input)
{
  memcpy(a->desc.strides[slots[output].tensor], a->desc.strides[slots[input].tensor], sizeof a->desc.strides[0]);
  a->buffers[output].shared = (int)input;
}

static void set_shared(attempt *a)
{
  const int forward = is_forward(a->pass);
  const int adds = !forward && (a->desc.flags & CLNORM_ACCUMULATE_DX) != 0;
  for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
    a->buffers[slot].shared = -1;
  }
  if ((a->with & TRIAL_IN_PLACE) && (forward || (is_present(a, TRIAL_DX) && !adds))) {
    share(a, forward ? TRIAL_Y : TRIAL_DX, forward ? TRIAL_X : TRIAL_DY);
  } else if ((a->with & TRIAL_IN_PLACE_RESIDUAL) && is_present(a, forward ? TRIAL_RESIDUAL : TRIAL_DRESIDUAL)) {
    share(a, forward ? TRIAL_Y : TRIAL_DRESIDUAL, forward ? TRIAL_RESIDUAL : TRIAL_DY);
  }
}

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

static int open_memory(attempt *a, trial_slot slot)
{
  const family_shape *shape = &a->t->in.shape;
  const clnorm_dtype number = storage_number(a->desc.dtype);
  /* Offsets that are no multiple of 16 differ from argument to argument. */
  const size_t offset = a->t->data.offset + (a->t->data.offset % 16 == 0 ? 0 : (size_t)slot);
  trial_memory *m = &a->memories[slot];
  size_t count = 0;
  switch (slots[slot].extent) {
    case TENSOR:
      return trial_memory_open(m, a->desc.dtype, a->desc.rank, a->desc.dims, a->desc.strides[slots[slot].tensor],
                               offset);
    case SAMPLES:
      count = a->desc.dims[0];
      return trial_memory_open(m, CLNORM_F32, 1, &count, NULL, offset);
    case WORDS:
      count = shape->words;
      return trial_memory_open(m, CLNORM_F32, 1, &count, NULL, offset);
    case PARAMETERS:
      count = shape->parameters;
      break;
    case STATISTICS:
      count = shape->statistics;
      break;
  }
  return trial_memory_open(m, number, 1, &count, NULL, offset);
}

/* What an argument holds before the run; NULL: NaN. */
static double *content_of(const attempt *a, trial_slot slot)
{
  const trial_inputs *in = &a->t->in;
  switch (slot) {
    case TRIAL_X:
      return in->x;
    case TRIAL_DY:
      return in->dy;
    case TRIAL_GAMMA:
      return in->gamma;
    case TRIAL_BETA:
      return in->beta;
    case TRIAL_RESIDUAL:
      return in->residual;
    case TRIAL_RUNNING_MEAN:
      return in->running_mean;
    case TRIAL_RUNNING_VAR:
      return in->running_var;
    case TRIAL_DX:
      return a->desc.flags & CLNORM_ACCUMULATE_DX ? in->dx : NULL;
    case TRIAL_DGAMMA:
      return a->desc.flags & CLNORM_ACCUMULATE_DGAMMA ? in->dgamma : NULL;
    case TRIAL_DBETA:
      return a->desc.flags & CLNORM_ACCUMULATE_DBETA ? in->dbeta : NULL;
    default:
      return NULL;
  }
}

static double *new_nans(uint64_t count)
{
  double *nans = malloc((count + 1) * sizeof *nans);
  for (uint64_t i = 0; i < count && nans != NULL; i++) {
    nans[i] = NAN;
  }
  return nans;
}

/* Elements of an input that share an address become equal: what is there now is what the reference gets. */
static int fill_memory(attempt *a, trial_slot slot)
{
  trial_memory *m = &a->memories[slot];
  unsigned char *elements = m->buffer.memory + m->buffer.start;
  double *content = content_of(a, slot);
  if (slot == TRIAL_LENGTHS) {
    memcpy(elements, a->t->in.lengths, m->elements * sizeof(int32_t));
  } else if (slot == TRIAL_MASK && !is_written(a, slot)) {
    memcpy(elements, a->t->in.mask, m->elements * sizeof(uint32_t));
  } else if (content != NULL) {
    trial_memory_store(m, content);
    trial_memory_load(m, content);
  } else if (slot != TRIAL_MASK) {
    double *nans = new_nans(m->elements);
    if (nans == NULL) {
      return -1;
    }
    trial_memory_store(m, nans);
    free(nans);
  }
  return 0;
}

static int open_all(attempt *a)
{
  for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
    if (is_present(a, (trial_slot)slot) && a->buffers[slot].shared < 0) {
      if (open_memory(a, (trial_slot)slot) != 0 || fill_memory(a, (trial_slot)slot) != 0) {
        return -1;
      }
    }
  }
  return 0;
}

/* Backward passes get the reference's mean and inv_std, as a float or double holds them. */
static int store_saved(attempt *a, trial_slot slot, const long double *values)
{
  trial_memory *m = &a->memories[slot];
  if (m->buffer.memory == NULL || is_written(a, slot)) {
    return 0;
  }
  double *saved = new_nans(m->elements);
  if (saved == NULL) {
    return -1;
  }
  for (uint64_t k = 0; k < m->elements; k++) {
    saved[k] = (double)values[k];
  }
  trial_memory_store(m, saved);
  free(saved);
  return 0;
}

static int seal_all(attempt *a)
{
  for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
    const int shared = a->buffers[slot].shared;
    trial_memory *m = &a->memories[slot];
    if (m->buffer.memory != NULL && trial_memory_seal(m) != 0) {
      return -1;
    }
    a->buffers[slot] = shared >= 0 ? a->memories[shared].buffer : m->buffer;
    a->buffers[slot].shared = shared >= 0 ? shared : -1;
  }
  return 0;
}

/* ---- The reference ---------------------------------------------------------------------------------------------- */

static int create_reference(const attempt *a, family *made)
{
  const trial_inputs *in = &a->t->in;
  const trial_data *data = &a->t->data;
  const family_inputs inputs = {
      .x = in->x,
      .dy = in->dy,
      .gamma = a->with & TRIAL_WITH_GAMMA ? in->gamma : NULL,
      .beta = a->with & TRIAL_WITH_BETA ? in->beta : NULL,
      .residual = in->residual,
      .running_mean = in->running_mean,
      .running_var = in->running_var,
      .dx = in->dx,
      .dgamma = in->dgamma,
      .dbeta = in->dbeta,
      .lengths = in->lengths,
      .mask = in->mask,
      .batch_number = data->batch_number,
      .outliers = generate_has_outliers(data->kind),
  };
  return family_create(made, &a->desc, a->pass, &inputs);
}

/* The pass's reference, made unless the trial has it. */
static int find_reference(attempt *a)
{
  const unsigned with = a->with & (TRIAL_WITH_GAMMA | TRIAL_WITH_BETA);
  kept_reference *kept = &a->t->kept[a->pass];
  if (!kept->there || kept->with != with) {
    family_destroy(&kept->reference);
    kept->there = 0;
    if (create_reference(a, &kept->reference) != 0) {
      return -1;
    }
    kept->there = 1;
    kept->with = with;
  }
  a->reference = &kept->reference;
  return store_saved(a, TRIAL_MEAN, a->reference->mean) != 0 ||
                 store_saved(a, TRIAL_INV_STD, a->reference->inv_std) != 0
             ? -1
             : 0;
}

/* ---- Results ---------------------------------------------------------------------------------------------------- */

static void complain(attempt *a, const char *what)
{
  char text[200];
  static const char *const passes[] = {"?", "train", "infer", "backward", "backward-frozen"};
  if (a->result->problem[0] == '\0') {
    (void)snprintf(a->result->problem, sizeof a->result->problem, "%s %s with 0x%x: %s",
                   trial_describe(&a->desc, text, sizeof text), passes[a->pass], a->with, what);
  }
}

static void check_damage(attempt *a)
{
  for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
    const trial_memory *m = &a->memories[slot];
    int writable = is_written(a, (trial_slot)slot);
    for (int other = 0; other < TRIAL_SLOTS; other++) {
      writable |= a->buffers[other].shared == slot;
    }
    const size_t damage = m->buffer.memory == NULL ? SIZE_MAX : trial_memory_damage(m, writable);
    if (damage != SIZE_MAX) {
      char what[120];
      (void)snprintf(what, sizeof what, "%s: byte %lld from its first element, %s, was changed", slots[slot].name,
                     (long long)damage - (long long)m->buffer.start, m->covered[damage] ? "an input" : "no element's");
      complain(a, what);
    }
  }
}

static double *load_bits(const trial_memory *m, uint64_t elements)
{
  double *bits = new_nans(elements);
  for (uint64_t i = 0; i < elements && bits != NULL; i++) {
    uint32_t word;
    memcpy(&word, m->buffer.memory + m->buffer.start + i / 32 * sizeof word, sizeof word);
    bits[i] = family_bit(&word, i % 32);
  }
  return bits;
}

/* A written result; NULL: no memory. */
static double *load_result(const attempt *a, trial_slot slot)
{
  const int from = a->buffers[slot].shared >= 0 ? a->buffers[slot].shared : (int)slot;
  const trial_memory *m = &a->memories[from];
  if (slot == TRIAL_MASK) {
    return load_bits(m, a->t->in.shape.elements);
  }
  double *values = new_nans(m->elements);
  if (values != NULL) {
    trial_memory_load(m, values);
  }
  return values;
}

static void note(attempt *a, family_quantity quantity, const family_error *error)
{
  trial_result *r = a->result;
  if (error->units > r->worst.units) {
    r->quantity = quantity;
    r->worst = *error;
  }
  if (!(error->units <= 1.0)) {
    char what[240];
    (void)snprintf(what, sizeof what, "%s[%llu] is %.9g, expected %.9g within %.3g: %.3g times the bound",
                   family_quantity_name(quantity), (unsigned long long)error->index, error->got, error->expected,
                   error->bound, error->units);
    complain(a, what);
  }
}

/* Whatever rounding did to y, the bits tell of the y that was stored. */
static void check_mask(attempt *a, const double *y, const double *mask)
{
  for (uint64_t i = 0; i < a->t->in.shape.elements; i++) {
    if ((y[i] > 0.0) != (mask[i] != 0.0)) {
      char what[120];
      (void)snprintf(what, sizeof what, "mask: bit %llu is %g, the stored y %g", (unsigned long long)i, mask[i], y[i]);
      complain(a, what);
      return;
    }
  }
}

static int check_results(attempt *a)
{
  double *results[TRIAL_SLOTS] = {NULL};
  int failed = 0;
  for (int slot = 0; slot < TRIAL_SLOTS && !failed; slot++) {
    if (is_present(a, (trial_slot)slot) && is_written(a, (trial_slot)slot)) {
      const family_quantity quantity = (family_quantity)slots[slot].quantity;
      results[slot] = load_result(a, (trial_slot)slot);
      failed = results[slot] == NULL;
      if (!failed) {
        const family_error error = family_compare(a->reference, quantity, results[slot]);
        note(a, quantity, &error);
      }
    }
  }
  if (!failed && results[TRIAL_MASK] != NULL) {
    check_mask(a, results[TRIAL_Y], results[TRIAL_MASK]);
  }
  for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
    free(results[slot]);
  }
  return failed ? -1 : 0;
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static int attempt_run(attempt *a, trial_run run, void *context)
{
  if (open_all(a) != 0 || find_reference(a) != 0 || seal_all(a) != 0) {
    return -1;
  }
  a->result->status = run(context, &a->desc, a->pass, a->buffers, a->t->data.batch_number);
  if (a->result->status != CLNORM_SUCCESS) {
    char what[60];
    (void)snprintf(what, sizeof what, "status %d", a->result->status);
    complain(a, what);
    return 0;
  }
  check_damage(a);
  return check_results(a);
}

int trial_check(trial *t, clnorm_pass pass, unsigned with, trial_run run, void *context, trial_result *result)
{
  attempt *a = calloc(1, sizeof *a);
  memset(result, 0, sizeof *result);
  if (a == NULL) {
    (void)snprintf(result->problem, sizeof result->problem, "no memory");
    return 0;
  }
  a->t = t;
  a->desc = t->desc;
  a->pass = pass;
  a->with = with;
  a->result = result;
  result->worst.units = -1.0; /* nothing taken yet */
  set_shared(a);
  if (attempt_run(a, run, context) != 0) {
    complain(a, "no memory");
  }
  for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
    trial_memory_close(&a->memories[slot]);
  }
  free(a);
  result->worst.units = fmax(result->worst.units, 0.0);
  return result->problem[0] == '\0';
}

trial *trial_create(const clnorm_desc *desc, const trial_data *data)
{
  trial *t = calloc(1, sizeof *t);
  if (t == NULL) {
    return NULL;
  }
  t->desc = *desc;
  t->data = *data;
  if (trial_inputs_create(&t->in, desc, data) != 0) {
    free(t);
    return NULL;
  }
  return t;
}

void trial_destroy(trial *t)
{
  if (t != NULL) {
    for (int pass = 0; pass < PASSES; pass++) {
      family_destroy(&t->kept[pass].reference);
    }
    trial_inputs_destroy(&t->in);
    free(t);
  }
}
